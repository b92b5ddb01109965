"""Intents -> text: all repairs of one construction call become one rewrite, as edits on the original text."""

from __future__ import annotations

from collections.abc import Sequence

from wdlint.edits.decision import Choice
from wdlint.edits.page import Page, applied, disjoint
from wdlint.edits.places import loose
from wdlint.edits.site import Rewrite, Writer
from wdlint.edits.swap import decouples_in_place, why_no_swap
from wdlint.model import Change, Facts, Finding, Optimizer

__all__ = ["Choice", "Page", "Rewrite", "applied", "disjoint", "rewrite"]


def rewrite(
    page: Page,
    facts: Facts,
    site: Optimizer | None,
    findings: Sequence[tuple[str, Finding]],
    choice: Choice,
    together: Sequence[Optimizer] = (),
) -> Rewrite:
    """The one rewrite for all findings of a site. `together`: the sites whose class is to change in the same run."""
    if site is not None and site.call is not None:
        changing = [s for s in (*together, site) if not decouples_in_place(s) and not why_no_swap(page, facts, s)]
        gone = frozenset(s.call.class_name for s in changing if s.call is not None and s.call.class_name is not None)
        return Writer(page, facts, site, site.call, choice, gone).rewrite(findings)
    edits, words = loose(page, [finding.fix for _, finding in findings if finding.fix is not None])
    if not edits:
        return Rewrite()
    codes = tuple(dict.fromkeys(code for code, _ in findings))
    text = ", ".join(dict.fromkeys(words))
    return Rewrite(edits, f"Write {text}", Change(findings[0][1].span, codes, text))

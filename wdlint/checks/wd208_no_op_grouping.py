"""WD208 no-op-grouping: groups split by kind of parameter that all decay alike."""

from __future__ import annotations

from collections.abc import Iterator

from wdlint.model import Coverage, Finding, Optimizer, Rule, Severity


def check(site: Optimizer) -> Iterator[Finding]:
    if (
        not site.groups_complete
        or site.later_writes
        or len(site.groups) < 2
        or not all(g.decay.written for g in site.groups)
    ):
        return
    kinds = {group.coverage for group in site.groups}
    decays = {group.decay.number for group in site.groups}
    rates = {group.lr.text or group.lr.number for group in site.groups}
    if kinds == {Coverage.MATRICES, Coverage.VECTORS} and len(decays) == 1 and len(rates) == 1:
        decay = decays.pop()
        if decay is not None and decay > 0:
            last = site.groups[-1]
            yield Finding(last.place, f"the groups are split by kind of parameter, and all decay by {decay:g}")


RULE = Rule("WD208", "no-op-grouping", check, Severity.NOTE)

"""One text: facts, findings, suppressions and repairs. No files, no command line."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from wdlint.catalogue import Catalogue
from wdlint.checks import RULES
from wdlint.config import Config
from wdlint.edits import Choice, Page, Rewrite, applied, disjoint, rewrite
from wdlint.extract import extract
from wdlint.model import (
    Change,
    Diagnostic,
    Facts,
    Failure,
    Finding,
    Optimizer,
    Refusal,
    Report,
    Rule,
    Span,
    Suppression,
    SwapClass,
)  # fmt: skip
from wdlint.source import Source, Statement, Unparsable, with_deep_stack
from wdlint.suppressions import silenced, statement_lines, suppressions

__all__ = ["CODES", "Found", "catalogue", "facts", "findings", "fix", "lint"]

CODES = tuple(rule.code for rule in RULES)
CARRIED = ("WD301", "WD303")  # what a lambda that was carried over may bring
ROUNDS = 10


@dataclass(frozen=True, slots=True)
class Found:
    """A finding of a rule, the site it belongs to, and what silences it."""

    rule: Rule
    finding: Finding
    site: Optimizer | None
    by: Suppression | None = None


@dataclass(frozen=True, slots=True)
class Analysis:
    """A text, its facts and all findings."""

    page: Page
    facts: Facts
    found: tuple[Found, ...]
    lines: tuple[str, ...]
    round_trips: bool = True
    failure: Failure | None = None


def facts(text: str, config: Config) -> Facts:
    """What a text says about optimizers and their weight decay. Raises source.Unparsable."""
    return with_deep_stack(lambda: extract(Source(text), catalogue(config), config.no_decay))


def lint(text: str, config: Config, *, path: str = "<stdin>", codes: frozenset[str] | None = None) -> Report:
    """The findings in a text, each with the rewrite of its site."""
    switched_on = codes if codes is not None else config.codes_for(path, CODES)
    return with_deep_stack(lambda: _report(_analysis(text, config, switched_on, path), config, path))


def fix(text: str, config: Config, *, path: str = "<stdin>", codes: frozenset[str] | None = None) -> Report:
    """The text repaired to a fixed point, what was done, and what remains."""
    switched_on = codes if codes is not None else config.codes_for(path, CODES)
    return with_deep_stack(lambda: _fixed(text, config, path, switched_on))


def catalogue(config: Config) -> Catalogue:
    """The shipped catalogue with the user's rows and bands."""
    key = repr(sorted(config.optimizers.items())), repr(sorted(config.ranges.items()))
    if key not in _CATALOGUES:
        _CATALOGUES[key] = Catalogue.load(config.optimizers, config.ranges)
    return _CATALOGUES[key]


_CATALOGUES: dict[tuple[str, str], Catalogue] = {}

# ----------------------------------------------------------------------------------------- findings


def _analysis(text: str, config: Config, codes: frozenset[str], path: str = "") -> Analysis:
    try:
        source = Source(text)
        known = extract(source, catalogue(config), config.no_decay)
    except Unparsable as error:
        return _failed(text, Failure(Span(error.line, error.column, error.line, error.column), error.reason), codes)
    except RecursionError:
        return _failed(text, Failure(Span(1, 0, 1, 0), "expressions are nested too deeply to analyse"), codes)
    page = Page(text, source.module.default_indent, exports=os.path.basename(path) == "__init__.py")
    comments = suppressions(source)
    statements = source.statements if comments else ()
    found = [_silenced(f, comments, statements) for f in findings(known, codes)]
    used = {(f.by, f.rule.code) for f in found if f.by is not None}
    for suppression in comments:
        judged = replace(suppression, unused=_unused(suppression, used, codes))
        for rule in _rules("Suppression", codes):
            found += [
                _silenced(Found(rule, f, None), [c for c in comments if "WD901" in c.codes], statements)
                for f in rule.check(judged)
            ]
    found.sort(key=lambda f: (f.site.span if f.site else f.finding.span, f.finding.span, f.rule.code))
    return Analysis(page, known, tuple(found), _lines(text), source.round_trips)


def _failed(text: str, failure: Failure, codes: frozenset[str]) -> Analysis:
    found = tuple(Found(rule, f, None) for rule in _rules("Failure", codes) for f in rule.check(failure))
    return Analysis(Page(text), Facts(), found, _lines(text), False, failure)


def _lines(text: str) -> tuple[str, ...]:
    return tuple(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))


def _rules(fact: str, codes: frozenset[str]) -> Iterator[Rule]:
    """The rules that are switched on and read one kind of fact: the annotation of their parameter says which."""
    for rule in RULES:
        if rule.code in codes and next(iter(rule.check.__annotations__.values())) == fact:
            yield rule


def findings(known: Facts, codes: frozenset[str]) -> Iterator[Found]:
    """What the rules that are switched on say about facts, whether these come from a text or from live objects."""
    seen: set[tuple[str, Span]] = set()
    for kind, items in (
        ("Optimizer", known.optimizers),
        ("Membership", known.memberships),
        ("Generator", known.generators),
    ):
        for rule in _rules(kind, codes):
            for item in items:
                for finding in rule.check(item):
                    site = item if isinstance(item, Optimizer) else None
                    key = (rule.code, finding.span)
                    if key not in seen:
                        seen.add(key)
                        yield Found(rule, finding, site)


def _silenced(found: Found, comments: Sequence[Suppression], statements: Sequence[Statement]) -> Found:
    if not comments:
        return found
    spans = [found.finding.span, *([found.site.span] if found.site else [])]
    lines = [statement_lines(statements, s.line, s.end_line) for s in spans]
    by = next((c for c in comments if silenced(c, found.rule.code, lines)), None)
    return replace(found, by=by)


def _unused(suppression: Suppression, used: set[tuple[Suppression, str]], codes: frozenset[str]) -> tuple[str, ...]:
    """The codes of a suppression that were switched on and silenced nothing."""
    mine = [code for by, code in used if by == suppression]
    if not suppression.codes:
        return () if mine or not suppression.ours else ("all",)
    judged = [c for c in suppression.codes if c != "WD901" and (c not in CODES or c in codes)]
    return tuple(c for c in judged if not any(code.startswith(c) for code in mine))


# ------------------------------------------------------------------------------------------ reports


def _report(analysis: Analysis, config: Config, path: str) -> Report:
    diagnostics: list[Diagnostic] = []
    hidden: list[Diagnostic] = []
    for group in _by_site(analysis.found):
        open_ones = [f for f in group if f.by is None]
        done = _rewrite(analysis, open_ones, config) if open_ones else Rewrite()
        for found in group:
            diagnostic = _diagnostic(found, path, done)
            (hidden if diagnostic.suppressed else diagnostics).append(diagnostic)
    return Report(path, tuple(diagnostics), tuple(hidden), lines=analysis.lines)


def _by_site(found: Sequence[Found]) -> list[list[Found]]:
    groups: dict[object, list[Found]] = {}
    for item in found:
        groups.setdefault(item.site.span if item.site else (item.finding.span, item.rule.code), []).append(item)
    return list(groups.values())


def _rewrite(analysis: Analysis, group: Sequence[Found], config: Config, together: Sequence[Optimizer] = ()) -> Rewrite:
    if not analysis.round_trips:
        reason = "the file does not survive being parsed and printed"
        return Rewrite(refusals=(reason,) if any(f.finding.fix for f in group) else ())
    wanted = [(f.rule.code, f.finding) for f in group if not f.rule.fix_by_name or config.by_name(f.rule.code)]
    if not wanted:
        return Rewrite()
    return rewrite(analysis.page, analysis.facts, group[0].site, wanted, choice(config), together)


def choice(config: Config) -> Choice:
    """What the user decided about lambda."""
    decided = config.fix_weight_decay
    if isinstance(decided, float | int):
        short = f"{decided:g}"
        return Choice(short if float(short) == decided else repr(decided))
    return Choice("keep" if decided == "keep" else None)


def _diagnostic(found: Found, path: str, done: Rewrite) -> Diagnostic:
    repaired = found.finding.fix is not None and bool(done.edits) and found.by is None
    codes = done.change.codes if done.change else ()
    fixes = repaired and found.rule.code in codes
    return Diagnostic(
        found.rule.code,
        found.rule.name,
        found.rule.severity,
        found.finding.message,
        path,
        found.finding.span,
        found.site.span if found.site else None,
        edits=done.edits if fixes else (),
        fix_message=done.message if fixes else "",
        refusal="; ".join(done.refusals) if found.by is None else "",
        safe=found.rule.code == "WD901",
        suppressed=found.by is not None,
        reason=found.by.reason if found.by else "",
    )


# ------------------------------------------------------------------------------------------ repairs


def _fixed(text: str, config: Config, path: str, codes: frozenset[str]) -> Report:
    """Repairs in rounds: first what stands by itself, then the sites."""
    analysed = cache(lambda text: _analysis(text, config, codes, path))
    current, changes, refused = text, list[Change](), dict[int, Refusal]()
    skipped: set[int] = set()
    first = True  # of the rounds that repair sites: what it refuses stays refused
    for _ in range(ROUNDS):
        analysis = analysed(current)
        plans = _plans(analysis, config, skipped)
        alone = [(g, r) for g, r in plans if r.edits and g[0].site is None]
        if not alone and first:
            first = False
            refused = {_key(g): _refusal(g, "; ".join(r.refusals), r.change) for g, r in plans if r.refusals}
        kept = alone or [(g, r) for g, r in plans if r.edits]
        after, done, failed = _applied(analysis, kept, config, analysed)
        skipped |= {_key(group) for group in failed}
        refused |= {_key(group): _refusal(group, "the repaired text would have new findings") for group in failed}
        if after == current and not failed:
            break
        changes += done
        current = after
    final = _report(analysed(current), config, path)
    return replace(
        final,
        text=text,
        fixed=current if current != text else None,
        changes=tuple(sorted(changes, key=lambda c: c.span)),
        refusals=tuple(sorted(refused.values(), key=lambda r: r.span)),
    )


def _plans(analysis: Analysis, config: Config, skipped: set[int]) -> list[tuple[list[Found], Rewrite]]:
    """What can be done in one round. An import is shared: a class counts as gone only if its call really changes."""
    sites = [[f for f in group if f.by is None] for group in _by_site(analysis.found)]
    sites = [group for group in sites if group and _key(group) not in skipped]
    together = [group[0].site for group in sites if any(isinstance(f.finding.fix, SwapClass) for f in group)]
    while True:
        plans = [(group, _rewrite(analysis, group, config, [site for site in together if site])) for group in sites]
        fits = disjoint([plan.edits for _, plan in plans])
        left = [group[0].site for (group, _), fit in zip(plans, fits, strict=True) if fit and group[0].site in together]
        if len(left) == len(together):
            return [plan for plan, fit in zip(plans, fits, strict=True) if fit]
        together = left


def _refusal(group: Sequence[Found], reason: str, change: Change | None = None) -> Refusal:
    """What is left of a site's findings after a change, and why."""
    span = group[0].site.span if group[0].site else group[0].finding.span
    left = [f for f in group if change is None or f.rule.code not in change.codes]
    left = [f for f in left if f.finding.fix is not None] or left or list(group)
    return Refusal(span, tuple(dict.fromkeys(f.rule.code for f in left)), reason)


def _key(group: Sequence[Found]) -> int:
    """A site, whatever line it has moved to."""
    site = group[0].site
    return (
        hash((site.qualified, site.decay.text, site.lr.text, group[0].rule.code))
        if site
        else hash(group[0].finding.message)
    )


def _applied(
    analysis: Analysis,
    plans: Sequence[tuple[list[Found], Rewrite]],
    config: Config,
    analysed: Callable[[str], Analysis],
) -> tuple[str, list[Change], list[list[Found]]]:
    """The text after all rewrites that prove themselves: it parses and brings no new finding."""
    page = analysis.page
    before = Counter(f.rule.code for f in analysis.found)
    text = applied(page, (e for _, r in plans for e in r.edits))
    if text == page.text or _proves(text, before, config, analysed):
        return text, [r.change for _, r in plans if r.change], []
    good: list[Rewrite] = []
    failed = []
    for group, _ in plans:
        plan = _rewrite(analysis, group, config)
        trial = applied(page, (e for r in (*good, plan) for e in r.edits))
        if all(disjoint([r.edits for r in (*good, plan)])) and _proves(trial, before, config, analysed):
            good.append(plan)
        else:
            failed.append(group)
    return applied(page, (e for r in good for e in r.edits)), [r.change for r in good if r.change], failed


def _proves(
    text: str, before: Counter[str], config: Config, analysed: Callable[[str], Analysis], more: int = 2
) -> bool:
    """Whether a repaired text parses and has no new finding, at the latest when that is repaired too."""
    after = analysed(text)
    if after.failure is not None:
        return False
    now = Counter(f.rule.code for f in after.found)
    if all(count <= before[code] or code in CARRIED for code, count in now.items()):
        return True
    further = applied(after.page, (e for _, r in _plans(after, config, set()) for e in r.edits)) if more else text
    return further != text and _proves(further, before, config, analysed, more - 1)

"""Reports for people: concise lines, full blocks with code frames, statistics, closing lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from wdlint.model import Diagnostic, Report, Severity
from wdlint.reports import Paint, Tally, by_weight, counted, place, printable, sites, unique
from wdlint.reports.frame import Mark, frame, gutter_width, preview

__all__ = ["closing", "concise", "full", "statistics"]

FIXABLE = "[*]"


def concise(reports: Iterable[Report], paint: Paint) -> Iterator[str]:
    """One line per finding, those of one site together."""
    for report in reports:
        for site in sites((*report.diagnostics, *report.suppressed)):
            for d in site:
                yield f"{paint(place(d), 'path')}: {headline(d, paint)}"


def headline(diagnostic: Diagnostic, paint: Paint) -> str:
    """`WD101 [*] message`"""
    mark = ""
    if diagnostic.suppressed:
        mark = f"[suppressed{': ' + printable(diagnostic.reason) if diagnostic.reason else ''}] "
    elif diagnostic.edits:
        mark = f"[{paint('*', 'good')}] "
    return f"{paint(diagnostic.code, diagnostic.severity.value)} {mark}{printable(diagnostic.message)}"


def full(reports: Iterable[Report], paint: Paint) -> Iterator[str]:
    """One block per site: what is wrong, where, and one suggestion."""
    for report in reports:
        for site in sites(report.diagnostics):
            yield "\n".join(block(site, report.lines, paint)) + "\n"
        for site in sites(report.suppressed):
            yield "\n".join(block(site, report.lines, paint)) + "\n"


def block(site: Sequence[Diagnostic], lines: Sequence[str], paint: Paint) -> Iterator[str]:
    site = by_weight(site)
    repair = next((d for d in site if d.edits and not d.suppressed), None)
    digits = gutter_width(lines, (d.span for d in site), repair.edits if repair else ())
    yield from unique(headline(d, paint) for d in site)
    yield f"{'':{digits}}{paint('-->', 'gutter')} {place(site[0])}"
    framed = list(frame(lines, marks(site), digits, paint))
    if framed:
        yield from framed
        yield f"{'':{digits}} {paint('|', 'gutter')}"
    if any(d.suppressed for d in site):
        return
    if repair:
        yield f"{paint('help', 'help')}: {printable(repair.fix_message) or 'repair with `--fix`'}"
        yield from preview(lines, repair.edits, digits, paint) if lines else ()
    for reason in unique(d.refusal for d in site):
        word = "note" if repair else "help"
        yield f"{paint(word, 'help')}: {'' if repair else 'no automatic repair: '}{printable(reason)}"


def marks(site: Sequence[Diagnostic]) -> list[Mark]:
    """One mark per span, named by its codes when the site has several."""
    several = len({d.code for d in site}) > 1
    spans = dict.fromkeys(d.span for d in site)
    return [Mark(s, ", ".join(unique(d.code for d in site if d.span == s)) if several else "") for s in spans]


# ------------------------------------------------------------------------------------------ numbers


def statistics(diagnostics: Iterable[Diagnostic], paint: Paint) -> Iterator[str]:
    """Counts per code, the most frequent first."""
    rows = counts(diagnostics)
    digits = max((len(str(row[2])) for row in rows), default=0)
    for code, name, number, fixable in rows:
        mark = FIXABLE if fixable == number else "[-]" if fixable else "[ ]"
        shown = f"{mark} " if any(row[3] for row in rows) else ""
        yield f"{number:>{digits}}\t{paint(code, 'warning')}\t{shown}{name}"


def counts(diagnostics: Iterable[Diagnostic]) -> list[tuple[str, str, int, int]]:
    """(code, name, findings, fixable ones) per code, the most frequent first."""
    diagnostics = tuple(diagnostics)
    found = Counter((d.code, d.name) for d in diagnostics)
    fixable = Counter(d.code for d in diagnostics if d.edits)
    rows = sorted(found.items(), key=lambda row: (-row[1], row[0]))
    return [(code, name, n, fixable[code]) for (code, name), n in rows]


def closing(tally: Tally, paint: Paint) -> Iterator[str]:
    """What a person reads last: how many findings, how many `--fix` would repair, what is not shown."""
    if not tally.found and not tally.fixed:
        yield paint("All checks passed!", "good")
    else:
        total = counted(tally.found + tally.fixed, "finding")
        inside = [f"{tally.fixed} fixed, {tally.found} remaining"] if tally.fixed else []
        yield f"Found {total} ({': '.join([*inside, *severities(tally)])})."
    if tally.fixable:
        yield f"[{paint('*', 'good')}] {tally.fixable} fixable with `--fix`."
    if tally.hidden_notes:
        yield f"{counted(tally.hidden_notes, 'note')} not shown (--show-notes)"


def severities(tally: Tally) -> list[str]:
    """["2 errors, 1 warning"], or nothing."""
    numbers = {Severity.ERROR: tally.errors, Severity.WARNING: tally.warnings, Severity.NOTE: tally.notes}
    shown = ", ".join(counted(n, s.value) for s, n in numbers.items() if n)
    return [shown] if shown else []

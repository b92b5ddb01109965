"""One run as a person sees it: what goes to which stream in which format, and the exit status."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from wdlint.analysis import Outcome
from wdlint.config import notice
from wdlint.model import Diagnostic, Report, Severity
from wdlint.pages import see, url
from wdlint.reports import Paint, counted, plain, printable, tally, unique
from wdlint.runner import Run

__all__ = ["Options", "Streams", "exit_status", "show"]

Write = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for about output."""

    fix: bool = False
    diff: bool = False
    output_format: str = "full"
    statistics: bool = False
    exit_zero: bool = False
    quiet: bool = False
    verbose: bool = False
    show_notes: bool = False
    show_suppressed: bool = False


@dataclass(frozen=True, slots=True)
class Streams:
    """Where findings go, and where everything else goes."""

    out: Write
    err: Write
    paint: Paint = plain
    paint_err: Paint = plain


# -------------------------------------------------------------------------------------- exit status


def exit_status(run: Run, options: Options) -> int:
    """0 nothing at or above the fail level, 1 findings or a decision is due, 2 an error in wdlint."""
    if any(outcome.failure for outcome in run.outcomes):
        return 2
    if options.exit_zero:
        return 0
    if options.diff:
        return int(any(r.fixed is not None or unreadable(r) for o in run.outcomes for r in o.reports))
    failing = any(
        d.severity.rank >= o.config.fail_on.rank for o in run.outcomes for r in o.reports for d in r.diagnostics
    )
    return int(failing or (options.fix and any(c.decision for r in undecided(run.outcomes) for c in r.changes)))


def unreadable(report: Report) -> bool:
    return any(d.code == "WD900" for d in report.diagnostics)


def undecided(outcomes: Iterable[Outcome]) -> list[Report]:
    """Reports of files whose configuration does not say what becomes of lambda; no checkpoint can be asked yet."""
    return [
        report
        for outcome in outcomes
        if (choice := outcome.config.fix_weight_decay) is None or str(choice).startswith("from:")
        for report in outcome.reports
    ]


# ------------------------------------------------------------------------------------------- output


def show(run: Run, options: Options, streams: Streams) -> None:
    """Everything a run has to say."""
    reports = [trimmed(r, o, options) for o in run.outcomes for r in o.reports]
    everything = [r for o in run.outcomes for r in o.reports]
    if not options.show_suppressed:
        everything = [replace(r, suppressed=()) for r in everything]
    if options.diff:
        show_diff(run, everything, options, streams)
    elif options.output_format == "json":
        from wdlint.reports import json

        all_of_them = [d for r in everything for d in r.diagnostics]
        streams.out(json.statistics(all_of_them) if options.statistics else json.findings(everything, url))
        tell(summary_lines(run, options, streams.paint_err), streams.err)
    else:
        hidden = sum(len(a.diagnostics) - len(b.diagnostics) for a, b in zip(everything, reports, strict=True))
        show_text(run, reports, hidden, options, streams)
    tell(troubles(run, options, streams.paint_err), streams.err)


def trimmed(report: Report, outcome: Outcome, options: Options) -> Report:
    """The report without the notes and suppressed findings that nobody asked to see."""
    config = outcome.config
    with_notes = options.show_notes or config.fail_on is Severity.NOTE

    def wanted(d: Diagnostic) -> bool:
        return with_notes or d.severity is not Severity.NOTE or config.by_name(d.code)

    suppressed = report.suppressed if options.show_suppressed else ()
    return replace(report, diagnostics=tuple(filter(wanted, report.diagnostics)), suppressed=suppressed)


def show_text(run: Run, reports: list[Report], hidden: int, options: Options, streams: Streams) -> None:
    from wdlint.reports import text
    from wdlint.reports.summary import fixed

    closes, paint = streams.out, streams.paint
    found = [d for report in reports for d in report.diagnostics]
    if options.statistics:
        tell(text.statistics(found, paint), streams.out)
    elif options.output_format == "github":
        from wdlint.reports.github import commands

        tell(commands(reports, see), streams.out)
        closes, paint = streams.err, streams.paint_err
    else:
        tell((text.concise if options.output_format == "concise" else text.full)(reports, paint), streams.out)
    tell(summary_lines(run, options, paint), closes)
    if options.quiet:
        return
    numbers = tally(found, hidden, fixed(reports))
    if numbers.found or numbers.fixed or not any(o.failure for o in run.outcomes):
        tell(text.closing(numbers, paint), closes)
    if found and options.output_format == "full" and not options.statistics:
        closes(f"why, and what to do instead: {see(found[0].code)}")


def summary_lines(run: Run, options: Options, paint: Paint) -> Iterator[str]:
    """What `--fix` did; only what must be decided when the run is quiet."""
    from wdlint.reports.summary import decisions, summary

    if options.fix:
        reports = [report for outcome in run.outcomes for report in outcome.reports]
        yield from (decisions if options.quiet else summary)(reports, undecided(run.outcomes), paint)


def show_diff(run: Run, reports: list[Report], options: Options, streams: Streams) -> None:
    from wdlint.reports import text
    from wdlint.reports.diff import unified
    from wdlint.reports.summary import fixed, summary

    for report in reports:
        if lines := "".join(unified(report, streams.paint)):
            streams.out(lines.removesuffix("\n"))
    broken = [replace(r, suppressed=()) for r in reports if unreadable(r)]
    tell(text.concise(broken, streams.paint_err), streams.err)
    if not options.quiet:
        tell(summary(reports, undecided(run.outcomes), streams.paint_err), streams.err)
        streams.err(f"Would fix {counted(fixed(reports), 'finding')}.")


def troubles(run: Run, options: Options, paint: Paint) -> Iterator[str]:
    """What went wrong, what was not done, and with --verbose how much was looked at."""
    for outcome in run.outcomes:
        if outcome.failure:
            where, cause = printable(outcome.path), printable(outcome.failure)
            yield f"{paint('wdlint', 'error')}: internal error in {where}: {cause}"
            if options.verbose:
                yield outcome.trace.rstrip()
    notices: dict[str, list[str]] = {}
    for outcome in run.outcomes:
        if outcome.notice:
            notices.setdefault(outcome.notice, []).append(printable(outcome.path))
    for what, paths in notices.items():
        more = f" and {len(paths) - 3} more" if paths[3:] else ""
        yield f"{paint('wdlint', 'note')}: {what}: {', '.join(paths[:3])}{more}"
    if options.fix or options.diff:
        yield from unique(notice(outcome.config.fix_weight_decay) for outcome in run.outcomes)
    if not run.found and not run.outcomes and not options.quiet:
        yield f"{paint('wdlint', 'warning')}: no Python files found under the given paths"
    if options.verbose:
        processes = f" in {run.workers} process{'es' if run.workers > 1 else ''}" if run.workers else ""
        yield (
            f"{counted(run.found, 'file')} found, {run.read} read, {run.screened} cannot matter, "
            f"{run.analysed} analysed{processes}, {run.seconds:.2f} s"
        )


def tell(lines: Iterable[str], write: Write) -> None:
    """Write lines at once."""
    if text := "\n".join(lines):
        write(text)

"""What `--fix` did, in words of training: every site, every decision about lambda, every refusal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from wdlint.model import Report, Span
from wdlint.reports import Paint, counted, printable

__all__ = ["decisions", "fixed", "summary"]

USUAL = "0.01"  # the lambda of torch's AdamW


def summary(reports: Sequence[Report], undecided: Sequence[Report], paint: Paint) -> Iterator[str]:
    """One line per repaired site, then what must be decided, what was refused, what checkpoints need.

    `undecided` are those of the reports whose configuration does not say what becomes of lambda.
    """
    for report in reports:
        for change in report.changes:
            yield f"{at(report, change.span, paint)} {printable(change.summary)}"
    yield from decisions(reports, undecided, paint)
    for report in reports:
        for refusal in report.refusals:
            codes = ", ".join(refusal.codes)
            yield f"{at(report, refusal.span, paint)} {codes} not repaired: {printable(refusal.reason)}"
    if any(change.splits for report in reports for change in report.changes):
        yield (
            "optimizer state saved before a split cannot be loaded by the repaired file; "
            "an old checkpoint also brings the old weight_decay back"
        )


def decisions(reports: Sequence[Report], undecided: Sequence[Report], paint: Paint) -> Iterator[str]:
    """What each carried-over lambda now means, and once how to decide about it."""
    for report in reports:
        for change in report.changes:
            if change.decision:
                yield f"{at(report, change.span, paint)} {printable(change.decision)}"
    due = sum(bool(change.decision) for report in undecided for change in report.changes)
    if due:
        yield (
            f"a lambda tuned for the old update is not the usual one of the new ({USUAL}): "
            f"`--weight-decay keep` keeps it, `--weight-decay {USUAL}` writes the usual one"
        )
        yield paint(f"{counted(due, 'decision')} about lambda {'is' if due == 1 else 'are'} due", "warning")


def fixed(reports: Iterable[Report]) -> int:
    """How many findings were repaired."""
    return sum(len(change.codes) for report in reports for change in report.changes)


def at(report: Report, span: Span, paint: Paint) -> str:
    return paint(f"{printable(report.path)}:{span.line}", "path")

"""One file: bytes -> reports, repaired and written where that was asked for, or why not."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from wdlint.config import Config
from wdlint.files import Text, Unreadable, Unwritable, decode, encode, lines, read, write_atomically
from wdlint.model import Diagnostic, Facts, Report, Severity, Span
from wdlint.screen import may_matter

if TYPE_CHECKING:
    from wdlint.notebook import Joined, Rejection

__all__ = ["Mode", "Outcome", "Task", "analysed", "broken", "can_matter", "known_facts", "repaired", "unreadable"]

NO_NOTEBOOK_REPAIR = "notebook repair is not available yet"


class Mode(Enum):
    """What may become of a file."""

    CHECK = "check"
    FIX = "fix"
    TRIAL = "trial"  # repaired, but not written


@dataclass(frozen=True, slots=True)
class Task:
    """One file that has to be analysed."""

    path: str  # as the user knows it
    data: bytes
    config: Config
    codes: frozenset[str]
    mode: Mode = Mode.CHECK


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file; a notebook has one report per cell with findings."""

    path: str
    config: Config
    reports: tuple[Report, ...] = ()
    failure: str = ""  # an error in wdlint itself, in one line
    trace: str = ""
    notice: str = ""  # what could not be done for this kind of file


def analysed(task: Task) -> Outcome:
    """What became of one file. Raises nothing but KeyboardInterrupt."""
    collecting = gc.isenabled()
    gc.disable()  # a parse makes a million objects and no garbage
    try:
        return notebook(task) if task.path.endswith(".ipynb") else module(task)
    except Unreadable as error:
        return Outcome(task.path, task.config, broken(task.path, task.codes, error))
    except (RecursionError, MemoryError) as error:
        reason = "nested too deeply to analyse" if isinstance(error, RecursionError) else "too large for this memory"
        return Outcome(task.path, task.config, broken(task.path, task.codes, Unreadable(reason)))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a panic of libcst's parser is no Exception
        import traceback

        cause = f"{type(error).__name__}: {error}".strip(": ")
        return Outcome(task.path, task.config, failure=cause, trace=traceback.format_exc())
    finally:
        if collecting:
            gc.enable()


def can_matter(data: bytes, config: Config, codes: frozenset[str]) -> bool:
    """Whether a file can hold a finding; the user's own optimizers are seen by the names of their classes."""
    return may_matter(data, codes, [name.rpartition(".")[2] for name in config.optimizers])


def module(task: Task) -> Outcome:
    from wdlint import engine

    source = decode(task.data)
    treat = engine.lint if task.mode is Mode.CHECK else engine.fix
    report = treat(source.text, task.config, path=task.path, codes=task.codes)
    try:
        if report.fixed is not None:
            new = rewritten(source, report.fixed)
            if task.mode is Mode.FIX:
                write_atomically(task.path, task.data, new)
    except Unwritable as error:
        report = engine.lint(source.text, task.config, path=task.path, codes=task.codes)
        trouble = unreadable(task.path, f"repair not written: {error.reason}")
        report = replace(report, diagnostics=(trouble, *report.diagnostics))
    if not (report.diagnostics or report.suppressed):
        report = replace(report, lines=())  # nobody will look at them: not worth sending to another process
    return Outcome(task.path, task.config, (report,))


def rewritten(source: Text, text: str) -> bytes:
    """The bytes of a repaired text. Raises Unwritable where more than the repair would differ."""
    if not source.exact:
        raise Unwritable(f"its {source.encoding} cannot be written back as it was")
    return encode(replace(source, text=text))


def repaired(task: Task, outcome: Outcome) -> bytes:
    """The bytes of a file after a trial, the same as before where nothing changed."""
    fixed = outcome.reports[0].fixed if outcome.reports else None
    return task.data if fixed is None else rewritten(decode(task.data), fixed)


def broken(path: str, codes: frozenset[str], error: Unreadable) -> tuple[Report, ...]:
    """The report of a file that cannot be analysed, none where WD900 is switched off for it."""
    if "WD900" not in codes:
        return ()
    return (Report(path, (unreadable(path, error.reason, error.line or 1, error.column),)),)


def unreadable(path: str, reason: str, line: int = 1, column: int = 0) -> Diagnostic:
    place = Span(line, column, line, column)
    return Diagnostic("WD900", "unreadable", Severity.ERROR, reason, path, place)


# ---------------------------------------------------------------------------------------- notebooks


def notebook(task: Task) -> Outcome:
    """One report per cell with findings. A cell that is not Python is left out, and named if it could matter."""
    from wdlint import engine
    from wdlint.notebook import rejection

    def rejected(text: str) -> Rejection | None:
        wrong = rejection(text)
        if wrong and not can_matter(text.encode(errors="replace"), task.config, task.codes):
            return wrong[0], ""  # `pip install x` works in IPython
        newer = wrong and not engine.lint(text, task.config, codes=frozenset({"WD900"})).diagnostics
        return None if newer else wrong

    joined = joined_cells(task.data, rejected)
    report = Report(task.path)
    if joined.cells:
        report = engine.lint(joined.text, task.config, path=task.path, codes=task.codes)
    found = [in_cell(d, joined) for d in report.diagnostics]
    suppressed = [in_cell(d, joined) for d in report.suppressed]
    for left_out in joined.skipped if "WD900" in task.codes else ():
        if left_out.reason:
            found.append(replace(unreadable(task.path, left_out.reason, left_out.line), cell=left_out.cell))
    repairable = task.mode is not Mode.CHECK and any(d.edits for d in report.diagnostics)
    return Outcome(
        task.path,
        task.config,
        tuple(cell_reports(task.path, found, suppressed, joined)),
        notice=NO_NOTEBOOK_REPAIR if repairable else "",
    )


def joined_cells(data: bytes, rejected: Callable[[str], Rejection | None] | None = None) -> Joined:
    """Raises Unreadable."""
    from wdlint.notebook import Malformed, join, rejection

    try:
        return join(data, rejected or rejection)
    except Malformed as error:
        raise Unreadable(error.reason, error.line, error.column) from None


def cell_reports(
    path: str, found: Sequence[Diagnostic], suppressed: Sequence[Diagnostic], joined: Joined
) -> Iterator[Report]:
    sources = {cell.number: cell.source for cell in joined.cells}
    for number in sorted({d.cell or 0 for d in (*found, *suppressed)}):
        yield Report(
            path,
            tuple(d for d in found if d.cell == number),
            tuple(d for d in suppressed if d.cell == number),
            lines=tuple(line.rstrip("\r\n") for line in lines(sources.get(number, ""))),
        )


def in_cell(d: Diagnostic, joined: Joined) -> Diagnostic:
    """A diagnostic of the joined text at its cell: that of the call, where the two differ. It offers no repair."""
    cell, span = joined.span(d.span)
    site = None
    if d.site:
        home, site = joined.span(d.site)
        cell, span = (cell, span) if home == cell else (home, site)
    refusal = NO_NOTEBOOK_REPAIR if d.edits else d.refusal
    return replace(d, cell=cell, span=span, site=site, edits=(), refusal=refusal)


# -------------------------------------------------------------------------------------------- facts


def known_facts(path: str, config: Config) -> tuple[Facts, Callable[[Span], str]]:
    """The facts of a file, and what a person calls a span (in a notebook with its cell). Raises Unreadable."""
    from wdlint import engine
    from wdlint.source import Unparsable

    data = read(path)
    joined = joined_cells(data) if path.endswith(".ipynb") else None
    text = joined.text if joined else decode(data).text

    def place(span: Span) -> str:
        cell, span = joined.span(span) if joined else (0, span)
        return f"{f'cell {cell}:' if cell else ''}{span.line}:{span.column + 1}"

    try:
        return engine.facts(text, config), place
    except Unparsable as error:
        raise Unreadable(error.reason, error.line, error.column) from None

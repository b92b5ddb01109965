"""What `--fix` would write, as a unified diff."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from wdlint.model import Report
from wdlint.reports import Paint, printable

__all__ = ["unified"]

ROLES = {"-": "removed", "+": "added", "@": "gutter"}


def unified(report: Report, paint: Paint) -> Iterator[str]:
    """The lines of the diff of one file, with their line ends; nothing when nothing would change."""
    if report.text is None or report.fixed is None:
        return
    before, after = lines(report.text), lines(report.fixed)
    name = printable(report.path)
    for index, line in enumerate(difflib.unified_diff(before, after, name, name)):
        body, newline = (line[:-1], "\n") if line.endswith("\n") else (line, "\n\\ No newline at end of file\n")
        role = "bold" if index < 2 else ROLES.get(line[0], "")
        yield (paint(body, role) if role else body) + newline


def lines(text: str) -> list[str]:
    """Lines as patch tools count them: only a line feed ends one."""
    parts = text.split("\n")
    return [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])

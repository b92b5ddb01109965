"""Report -> str, one module per format; here what the formats share: order, sites, counts, safe text."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from wdlint.model import Diagnostic, Severity, Span

__all__ = ["Paint", "Tally", "by_weight", "counted", "place", "plain", "printable", "sites", "tally", "unique"]

Paint = Callable[[str, str], str]  # (text, role) -> text; the roles are the keys of terminal.STYLES

DIRECTIONS = frozenset("\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def plain(text: str, role: str) -> str:
    """The text without color."""
    return text


def commanding(char: str) -> bool:
    """Whether a terminal would act upon a character instead of showing it."""
    return char in DIRECTIONS or unicodedata.category(char) in ("Cc", "Cs")


def printable(text: str) -> str:
    """The text on one line: control characters, lone surrogates and direction marks become escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c.encode("unicode_escape").decode() if commanding(c) else c for c in text)


def place(diagnostic: Diagnostic) -> str:
    """`path:line:column`, with the cell of a notebook between; columns from 1."""
    cell = f":cell {diagnostic.cell}" if diagnostic.cell is not None else ""
    return f"{printable(diagnostic.path)}{cell}:{diagnostic.span.line}:{diagnostic.span.column + 1}"


def sites(diagnostics: Iterable[Diagnostic]) -> list[tuple[Diagnostic, ...]]:
    """Diagnostics in order of path and place; those of one construction call stand together."""
    groups: dict[tuple[str, int, Span, str], list[Diagnostic]] = {}
    for d in diagnostics:
        alone = "" if d.site else d.code
        groups.setdefault((d.path, d.cell or 0, d.site or d.span, alone), []).append(d)
    for members in groups.values():
        members.sort(key=lambda d: (d.span, d.code))
    return [tuple(m) for m in sorted(groups.values(), key=lambda m: (m[0].path, m[0].cell or 0, m[0].span, m[0].code))]


def by_weight(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The most severe first, then in order of code and place."""
    return sorted(diagnostics, key=lambda d: (-d.severity.rank, d.code, d.span))


def unique(texts: Iterable[str]) -> list[str]:
    """The texts that are not empty, each once, in order."""
    return list(dict.fromkeys(t for t in texts if t))


def counted(number: int, noun: str) -> str:
    """`1 finding`, `2 findings`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Tally:
    """How many findings a run shows, by severity, and what became of the others."""

    errors: int = 0
    warnings: int = 0
    notes: int = 0
    hidden_notes: int = 0
    fixable: int = 0
    fixed: int = 0

    @property
    def found(self) -> int:
        return self.errors + self.warnings + self.notes


def tally(shown: Iterable[Diagnostic], hidden_notes: int = 0, fixed: int = 0) -> Tally:
    """The counts over the diagnostics that are shown."""
    shown = tuple(shown)
    errors, warnings, notes = (
        sum(d.severity is s for d in shown) for s in (Severity.ERROR, Severity.WARNING, Severity.NOTE)
    )
    return Tally(errors, warnings, notes, hidden_notes, sum(bool(d.edits) for d in shown), fixed)

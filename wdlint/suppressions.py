"""Comments that silence findings: `# noqa`, `# wdlint: ignore[...]`, and which lines they speak of."""

from __future__ import annotations

import re
from collections.abc import Sequence

from wdlint.model import Span, Suppression
from wdlint.source import Comment, Source, Statement

__all__ = ["silenced", "statement_lines", "suppressions"]

CODE = r"[A-Za-z]+[0-9]+"
NOQA = re.compile(rf"#\s*noqa(?![\w-])(?:\s*:\s*(?P<codes>{CODE}(?:(?:\s*,\s*|\s+){CODE})*))?", re.I)
OURS = re.compile(
    r"#\s*wdlint\s*:\s*ignore(?P<file>-file)?\s*(?:\[(?P<codes>[^\]]*)\])?(?:\s*--\s*(?P<reason>[^#]*))?", re.I
)


def suppressions(source: Source) -> tuple[Suppression, ...]:
    """All suppressions of a text, in source order."""
    if "noqa" not in source.text.lower() and "wdlint" not in source.text.lower():
        return ()
    statements = source.statements
    out: list[Suppression] = []
    for comment in source.comments:
        out += _ours(comment, statements, source)
        out += _noqa(comment, statements)
    return tuple(out)


def statement_lines(statements: Sequence[Statement], first: int, last: int) -> tuple[int, int]:
    """The lines of the statements that share a line with the given ones."""
    low, high = first, last
    for statement in statements:
        if statement.line <= last and statement.end_line >= first:
            low, high = min(low, statement.line), max(high, statement.end_line)
    return low, high


def silenced(suppression: Suppression, code: str, lines: Sequence[tuple[int, int]]) -> bool:
    """Whether a suppression silences a code on one of the line ranges."""
    if suppression.codes and not any(code.startswith(c) for c in suppression.codes):
        return False
    low, high = suppression.lines
    return (low, high) == (0, 0) or any(a <= high and low <= b for a, b in lines)


def _noqa(comment: Comment, statements: Sequence[Statement]) -> list[Suppression]:
    found = NOQA.search(comment.text)
    if found is None:
        return []
    listed = found.group("codes")
    codes = tuple(c.upper() for c in re.findall(CODE, listed)) if listed else ()
    ours = tuple(c for c in codes if c.startswith("WD"))
    if listed and not ours:
        return []
    line = comment.span.line
    lines = _holding(statements, line) if comment.alone else (line, line)
    return [Suppression(_part(comment, found), found.group().rstrip(), ours, lines, ours=False, comment=comment.span)]


def _ours(comment: Comment, statements: Sequence[Statement], source: Source) -> list[Suppression]:
    found = OURS.search(comment.text)
    if found is None:
        return []
    listed = found.group("codes")
    codes = tuple(c.strip().upper() for c in (listed or "").split(",") if c.strip())
    if listed is not None and not codes:
        return []
    line = comment.span.line
    lines = (line, line)
    if found.group("file"):
        lines = (0, 0)
    elif comment.alone:
        lines = _holding(statements, line)
        if lines == (line, line):
            lines = _next(statements, line, source)
    reason = (found.group("reason") or "").strip()
    return [Suppression(_part(comment, found), found.group().rstrip(), codes, lines, reason, comment=comment.span)]


def _part(comment: Comment, found: re.Match[str]) -> Span:
    line, column = comment.span.line, comment.span.column
    return Span(line, column + found.start(), line, column + found.start() + len(found.group().rstrip()))


def _holding(statements: Sequence[Statement], line: int) -> tuple[int, int]:
    """The statement a comment on a line of its own stands in."""
    for statement in statements:
        if statement.line < line <= statement.end_line:
            return statement.line, statement.end_line
    return line, line


def _next(statements: Sequence[Statement], line: int, source: Source) -> tuple[int, int]:
    """The statement below a comment on a line of its own; comments and blank lines may stand between."""
    following = [s for s in statements if s.line > line]
    if not following:
        return line, line
    statement = min(following, key=lambda s: s.line)
    return statement.line, statement.end_line

"""Code frames: source lines with line numbers, carets under spans, and the lines a repair would write."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from wdlint.model import Edit, Span
from wdlint.reports import Paint, commanding

__all__ = ["Mark", "frame", "gutter_width", "preview", "width"]

CONTEXT = 2  # lines around a marked one
LONGEST = 140  # characters of a line that are shown
TAB = "    "
NEWLINE = re.compile(r"\r\n|\r|\n")
GAP = 3  # marked lines further apart than their contexts are drawn with "..." between them


@dataclass(frozen=True, slots=True)
class Mark:
    """A span to underline, and a word beside the carets."""

    span: Span
    label: str = ""


def width(text: str) -> int:
    """How many terminal cells a text takes."""
    if text.isascii():
        return len(text)
    narrow = (unicodedata.category(c) not in ("Mn", "Me", "Cf") for c in text)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else one for c, one in zip(text, narrow, strict=True))


def visible(text: str) -> str:
    """Source text as a terminal shows it: tabs expanded, nothing that would move the cursor."""
    text = text.replace("\t", TAB)
    if text.isascii() and text.isprintable():
        return text
    return "".join("\ufffd" if commanding(c) else c for c in text)


@dataclass(frozen=True, slots=True)
class Window:
    """The columns of the lines that are shown."""

    left: int

    def text(self, line: str) -> str:
        head = "..." if self.left else ""
        tail = "..." if len(line) > self.left + LONGEST else ""
        return (head + visible(line[self.left : self.left + LONGEST]) + tail).rstrip()

    def carets(self, line: str, span: Span) -> str:
        right = self.left + LONGEST
        start = min(max(span.column, self.left), right)
        end = span.end_column if span.end_line == span.line else len(line.rstrip())
        marked = width(visible(line[start : min(max(end, start), right)]))
        indent = width(visible(line[self.left : start])) + (3 if self.left else 0)
        return " " * indent + "^" * max(1, marked)


def window(spans: Iterable[Span]) -> Window:
    """Around the first span, when that one would not be seen otherwise."""
    first = min(spans)
    end = first.end_column if first.end_line == first.line else first.column
    return Window(0 if end <= LONGEST else max(0, first.column - LONGEST // 3))


def gutter_width(lines: Sequence[str], spans: Iterable[Span], edits: Iterable[Edit]) -> int:
    """Digits of the largest line number that a frame over these spans, or a preview of the edits, shows."""
    edits = tuple(edits)
    framed = (around(lines, s.line)[-1] if 1 <= s.line <= len(lines) else s.line for s in spans)
    added = sum(len(NEWLINE.findall(e.content)) - (e.span.end_line - e.span.line) for e in edits)
    last = max((e.span.end_line + 1 for e in edits), default=0)
    return len(str(max(*framed, min(last, len(lines)) + max(0, added))))


def frame(lines: Sequence[str], marks: Sequence[Mark], digits: int, paint: Paint) -> Iterator[str]:
    """One frame with every mark; nothing when the lines are not known."""
    marked = sorted({m.span.line for m in marks if 1 <= m.span.line <= len(lines)})
    if not marked:
        return
    view = window(m.span for m in marks)
    bar = paint("|", "gutter")
    yield f"{'':{digits}} {bar}"
    previous = 0
    for number in sorted({n for line in marked for n in around(lines, line)}):
        if previous and number > previous + 1:
            yield paint("...", "gutter")
        yield f"{paint(f'{number:>{digits}}', 'gutter')} {bar} {view.text(lines[number - 1])}".rstrip()
        here = [m for m in marks if m.span.line == number]
        for mark in sorted(here, key=lambda m: m.span, reverse=True):
            carets = view.carets(lines[number - 1], mark.span)
            pad = len(carets) - len(carets.lstrip())
            label = f" {mark.label}" if mark.label else ""
            yield f"{'':{digits}} {bar} {' ' * pad}{paint(carets[pad:] + label, 'caret')}"
        previous = number


def around(lines: Sequence[str], line: int) -> range:
    """The numbers of a line and its context, without blank lines at the edges."""
    first, last = max(1, line - CONTEXT), min(len(lines), line + CONTEXT)
    while first < line and not lines[first - 1].strip():
        first += 1
    while last > line and not lines[last - 1].strip():
        last -= 1
    return range(first, last + 1)


# ------------------------------------------------------------------------------------------ preview


def preview(lines: Sequence[str], edits: Sequence[Edit], digits: int, paint: Paint) -> Iterator[str]:
    """What a repair would write: removed, added and neighbouring lines, numbered as in the new text."""
    bar = paint("|", "gutter")
    shift = 0  # lines that the hunks above add
    for first, last, new in hunks(lines, edits):
        old = lines[first - 1 : last]
        yield f"{'':{digits}} {bar}"
        for kind, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            if kind != "equal":
                for line in old[i1:i2]:
                    yield paint(f"{'':{digits}} - {clipped(line)}".rstrip(), "removed")
            for number, line in enumerate(new[j1:j2], first + shift + j1):
                row = paint(f"{number:>{digits}}", "gutter")
                kept = f"{bar} {clipped(line)}".rstrip()
                yield f"{row} {kept if kind == 'equal' else paint(f'+ {clipped(line)}'.rstrip(), 'added')}"
        shift += len(new) - len(old)
    if edits:
        yield f"{'':{digits}} {bar}"


def clipped(line: str) -> str:
    return Window(0).text(line)


def hunks(lines: Sequence[str], edits: Sequence[Edit]) -> Iterator[tuple[int, int, list[str]]]:
    """(first line, last line, new lines) per stretch of edits that stand close, one line of context around each."""
    stretch: list[Edit] = []
    for edit in sorted(edits, key=lambda e: e.span):
        if stretch and edit.span.line > stretch[-1].span.end_line + GAP:
            yield hunk(lines, stretch)
            stretch = []
        stretch.append(edit)
    if stretch:
        yield hunk(lines, stretch)


def hunk(lines: Sequence[str], edits: Sequence[Edit]) -> tuple[int, int, list[str]]:
    first = max(1, edits[0].span.line - 1)
    last = min(len(lines), max(e.span.end_line for e in edits) + 1)
    last -= last == len(lines) and not lines[-1] and last > edits[-1].span.end_line  # what follows the last newline
    new = list(lines[first - 1 : last])
    for edit in reversed(edits):
        start, end = edit.span.line - first, edit.span.end_line - first
        tail = new[end][edit.span.end_column :] if end < len(new) else ""
        head = new[start][: edit.span.column] if start < len(new) else ""
        new[start : end + 1] = NEWLINE.split(head + edit.content + tail)
    return first, last, new

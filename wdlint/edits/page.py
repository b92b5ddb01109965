"""One text to be edited: offsets and lines, and the style of its author."""

from __future__ import annotations

import io
import re
import tokenize
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cached_property

from wdlint.model import Edit, Span

__all__ = ["LONE_RETURN", "NEWLINE", "Page", "applied", "disjoint"]

WIDTH = 88  # black's: the width that new lines keep unless the file has longer ones
NEWLINE = re.compile(r"\r\n|\r|\n")
LONE_RETURN = re.compile(r"\r(?!\n)")
MARGIN = re.compile(r"[ \t\f]*")
FSTRING_START, FSTRING_END = (getattr(tokenize, name, -1) for name in ("FSTRING_START", "FSTRING_END"))
LAYOUT = (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.NL, tokenize.COMMENT)


class Page:
    """The original text with its line table. `exports`: what it imports may be imported from it (an __init__.py)."""

    def __init__(self, text: str, indent: str = "    ", exports: bool = False) -> None:
        self.text, self.indent, self.exports = text, indent, exports
        self.starts = [0, *(m.end() for m in NEWLINE.finditer(text))]

    # --------------------------------------------------------------------------------------- places

    def offset(self, line: int, column: int) -> int:
        return self.starts[line - 1] + column

    def range(self, span: Span) -> tuple[int, int]:
        return self.offset(span.line, span.column), self.offset(span.end_line, span.end_column)

    def slice(self, span: Span) -> str:
        start, end = self.range(span)
        return self.text[start:end]

    def span(self, start: int, end: int) -> Span:
        return Span(*self.place(start), *self.place(end))

    def edit(self, start: int, end: int, content: str) -> Edit:
        return Edit(self.span(start, end), content)

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset."""
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1]

    # ---------------------------------------------------------------------------------------- lines

    def line(self, number: int) -> str:
        """A line without its newline."""
        end = self.starts[number] if number < len(self.starts) else len(self.text)
        return self.text[self.starts[number - 1] : end].rstrip("\r\n")

    def margin(self, offset: int) -> str:
        """The white space that the line of an offset begins with."""
        found = MARGIN.match(self.text, self.starts[bisect_right(self.starts, offset) - 1])
        return found.group() if found else ""

    def begins_line(self, offset: int) -> bool:
        """Whether nothing but white space stands before an offset in its line."""
        start = self.starts[bisect_right(self.starts, offset) - 1]
        return not self.text[start:offset].strip()

    def newline(self, offset: int = 0) -> str:
        """The newline that ends the line of an offset, else the first of the text."""
        found = NEWLINE.search(self.text, offset) or NEWLINE.search(self.text)
        return found.group() if found else "\n"

    def fits(self, line: str) -> bool:
        return length(line) <= self.width

    @cached_property
    def width(self) -> int:
        """How long a line may be: as long as the longest of the file, and as black allows."""
        return max(WIDTH, *map(length, NEWLINE.split(self.text)))

    # -------------------------------------------------------------------------------------- strings

    @cached_property
    def tokens(self) -> tuple[tokenize.TokenInfo, ...]:
        """The tokens of the text, as far as this Python can read it."""
        out: list[tokenize.TokenInfo] = []
        with suppress(tokenize.TokenError, SyntaxError):
            out.extend(tokenize.generate_tokens(io.StringIO(LONE_RETURN.sub("\n", self.text)).readline))
        return tuple(out)

    @cached_property
    def quote(self) -> str:
        """The quote that most strings of the file begin with; docstrings and triple quotes are set apart."""
        opened = [t.string.lstrip("rRbBuUfFtT") for t in strings(self.tokens)]
        single = sum(s.startswith("'") and not s.startswith("'''") for s in opened)
        double = sum(s.startswith('"') and not s.startswith('"""') for s in opened)
        return "'" if single > double else '"'

    @cached_property
    def _quoted(self) -> list[tuple[int, int, bool]]:
        """(start, end, formatted) of every string."""
        out: list[tuple[int, int, bool]] = []
        opened: list[int] = []
        for token in self.tokens:
            if token.type == tokenize.STRING:
                formatted = "f" in token.string[:2].lower()
                out.append((self.offset(*token.start), self.offset(*token.end), formatted))
            elif token.type == FSTRING_START:
                opened.append(self.offset(*token.start))
            elif token.type == FSTRING_END:
                out.append((opened.pop(), self.offset(*token.end), True))
        return out

    def formatted(self, offset: int) -> bool:
        """Whether an offset lies inside a string with replacement fields."""
        return any(start < offset < end and formatted for start, end, formatted in self._quoted)

    def holds_long_string(self, start: int, end: int) -> bool:
        """Whether a string of several lines lies between two offsets."""
        inside = (self.text[a:b] for a, b, _ in self._quoted if start <= a and b <= end)
        return any(map(NEWLINE.search, inside))


def length(line: str) -> int:
    return len(line.expandtabs(4))


def strings(tokens: Sequence[tokenize.TokenInfo]) -> Iterable[tokenize.TokenInfo]:
    """The tokens that begin a string, without those that are a statement of their own."""
    for number, token in enumerate(tokens):
        if token.type not in (tokenize.STRING, FSTRING_START):
            continue
        first = number == 0 or tokens[number - 1].type in LAYOUT
        if not (first and number + 1 < len(tokens) and tokens[number + 1].type == tokenize.NEWLINE):
            yield token


# -------------------------------------------------------------------------------------------- edits


def applied(page: Page, edits: Iterable[Edit]) -> str:
    """The text after edits that do not overlap; identical ones count once."""
    out: list[str] = []
    position = 0
    for edit in sorted(dict.fromkeys(edits), key=lambda e: (e.span, e.content)):
        start, end = page.range(edit.span)
        if start < position:
            continue
        out += (page.text[position:start], edit.content)
        position = end
    return "".join((*out, page.text[position:]))


def disjoint(rewrites: Sequence[Sequence[Edit]]) -> list[bool]:
    """Which lists of edits can be applied together, the first ones first: each whole or not at all."""
    taken: set[Edit] = set()
    out = []
    for edits in rewrites:
        free = not any(overlap(edit, other) for edit in edits for other in taken)
        taken |= set(edits) if free else set()
        out.append(free)
    return out


def overlap(a: Edit, b: Edit) -> bool:
    """Whether two different edits speak of the same text."""
    first, second = sorted((a.span, b.span))
    return a != b and (second.line, second.column) < (first.end_line, first.end_column)

"""Items between brackets with everything that stands between them: white space, comments and commas are kept."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from wdlint.edits.page import NEWLINE, Page
from wdlint.model import Edit

__all__ = ["Listing"]

PART = re.compile(r"#[^\r\n]*|,|(?:[ \t]*\\)?(?:\r\n|\r|\n)")  # what a gap holds beside white space


@dataclass(slots=True, eq=False)
class Piece:
    """An item, or the gap between two: where it stands and what it becomes."""

    start: int
    end: int
    text: str


@dataclass
class Listing:
    """The arguments of a call or the names of an import. Unless bracketed, a new line ends it."""

    page: Page
    start: int
    end: int
    spots: Sequence[tuple[int, int]]  # of the items
    bracketed: bool = True
    items: list[Piece] = field(init=False)
    pieces: list[Piece] = field(init=False)  # gaps and items in turn

    def __post_init__(self) -> None:
        edges = [self.start, *(edge for spot in self.spots for edge in spot), self.end]
        self.pieces = [Piece(a, b, self.page.text[a:b]) for a, b in pairwise(edges)]
        self.items = self.pieces[1::2]

    def edits(self) -> Iterator[Edit]:
        """What has changed."""
        for piece in self.pieces:
            if piece.text != self.page.text[piece.start : piece.end]:
                yield self.page.edit(piece.start, piece.end, piece.text)

    def alone(self, number: int) -> bool:
        """Whether an item begins its line and nothing but a comma and a comment stands behind it."""
        gap = self.pieces[self._index(number) + 1]
        return self.page.begins_line(self.items[number].start) and bool(breaks(gap.text))

    @property
    def magic(self) -> bool:
        """Whether it cannot stand on one line: a comment, a line end in an item, a trailing comma."""
        texts = [piece.text for piece in self.pieces]
        return any("#" in gap for gap in texts[::2]) or any(map(NEWLINE.search, texts[1::2])) or "," in texts[-1]

    @property
    def hanging(self) -> bool:
        """Whether it goes on below where it begins, aligned with its bracket."""
        return not breaks(self.pieces[0].text) and any(map(NEWLINE.search, (piece.text for piece in self.pieces)))

    def shift(self, column: int, width: int) -> None:
        """Move the lines that begin to the right of a column, but no item with a string of several lines."""

        def moved(found: re.Match[str]) -> str:
            return found.group() + " " * width * (len(found.group(1)) > column)

        for piece in self.pieces:
            if not self.page.holds_long_string(piece.start, piece.end):
                piece.text = re.sub(r"(?:\r\n|\r|\n)( *)", moved, piece.text)

    def _index(self, number: int) -> int:
        return next(i for i, piece in enumerate(self.pieces) if piece is self.items[number])

    # ------------------------------------------------------------------------------------- in place

    def replace(self, number: int, text: str) -> None:
        self.items[number].text = text

    def remove(self, number: int) -> None:
        """Take an item and its comma away; comments stay, and a line that becomes empty goes."""
        at = self._index(number)
        lead, tail = self.pieces[at - 1], self.pieces[at + 1]
        text = joined(lead.text, tail.text, first=at == 1, last=at == len(self.pieces) - 2)
        self.pieces[at - 1 : at + 2] = [Piece(lead.start, tail.end, text)]

    def append(self, text: str) -> None:
        self.insert(self.items.index(self.pieces[-2]), text)

    def insert(self, number: int, text: str) -> None:
        """A new item behind another: on a line of its own where the other has one."""
        gap = self.pieces[self._index(number) + 1]
        start = self.items[number].start
        found = commas(gap.text)
        if not (self.bracketed and self.page.begins_line(start)):
            gap.text = f", {text}{gap.text}"
            return
        cut = found[0] + 1 if found else 0
        comment = re.match(r"[ \t]*#[^\r\n]*", gap.text[cut:])
        cut += comment.end() if comment else 0
        head = gap.text[:cut] if found else f",{gap.text[:cut]}"
        own = f"{self.page.newline(start)}{self.page.margin(start)}{text}"
        gap.text = f"{head}{own}{',' if found else ''}{gap.text[cut:]}"

    # ------------------------------------------------------------------------------------- exploded

    def exploded(self, margin: str, contents: Mapping[int, Sequence[str]], added: Sequence[str]) -> str:
        """Everything between the brackets, one item to a line. `contents`: the full lines of items that are new."""
        inner = margin + self.page.indent
        opened, own = comments(self.pieces[0].text)
        lines = [f"  {opened}" if opened else "", *(inner + comment for comment in own)]
        for piece, gap in zip(self.pieces[1::2], self.pieces[2::2], strict=True):
            behind, own = comments(gap.text)
            shown = contents.get(self.items.index(piece), [inner + piece.text])
            lines += [*shown[:-1], f"{shown[-1]},{'  ' if behind else ''}{behind}"]
            lines += [inner + comment for comment in own]
        lines += [f"{inner}{text}," for text in added]
        return self.page.newline(self.start).join([*lines, margin])

    def indented(self, margin: str, added: Sequence[str]) -> str:
        """Everything between the brackets on one line of its own."""
        inner = ", ".join([*(piece.text for piece in self.pieces[1::2]), *added])
        newline = self.page.newline(self.start)
        return f"{newline}{margin}{self.page.indent}{inner}{newline}{margin}"


def parts(gap: str) -> list[re.Match[str]]:
    """The comments, commas and line ends of a gap."""
    return list(PART.finditer(gap))


def commas(gap: str) -> list[int]:
    return [part.start() for part in parts(gap) if part.group() == ","]


def breaks(gap: str) -> list[int]:
    """Where lines end; a backslash belongs to its line end."""
    return [part.start() for part in parts(gap) if part.group()[0] not in "#,"]


def comments(gap: str) -> tuple[str, list[str]]:
    """The comment on the first line of a gap, and those on its other lines."""
    found = [part for part in parts(gap) if part.group()[0] == "#"]
    first = breaks(gap)[:1]
    behind = found[0].group() if found and found[0].start() < first[0] else ""
    return behind, [comment.group() for comment in found[bool(behind) :]]


def joined(lead: str, tail: str, *, first: bool, last: bool) -> str:
    """The gap that is left where the item between two gaps goes."""
    before, behind = commas(lead), commas(tail)
    head, space = (lead[: before[0]], lead[before[0] + 1 :]) if before else ("", lead)
    if behind and breaks(head) and breaks(tail[: behind[0]]) and "#" not in lead:
        return tail  # commas stand before items
    comma = "," if not first and (behind or not last) else ""
    rest = tail[: behind[0]] + tail[behind[0] + 1 :] if behind else tail
    return (head if comma or "#" in head else "") + comma + _blank(space, rest, first, last)


def _blank(lead: str, tail: str, first: bool, last: bool) -> str:
    """White space and comments before and behind an item that has gone."""
    before, behind = breaks(lead), breaks(tail)
    if not before:
        return lead if first and "#" not in tail or not (behind or last) else tail
    if not behind:
        return tail if last and "#" not in lead else lead
    comment = tail[: behind[0]].strip()
    kept = lead[: before[-1]] if "#" in lead else ""
    own = lead[before[-1] :] + comment if comment else ""
    end = tail[behind[0] :].lstrip(" \t\\") if kept or own else tail[behind[0] :]  # no backslash behind a comment
    return kept + own + end

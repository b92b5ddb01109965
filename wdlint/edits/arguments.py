"""The argument list of a construction call: what shall become of it, and its layout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from wdlint.edits.listing import Listing
from wdlint.edits.page import NEWLINE, Page, applied
from wdlint.edits.wrap import wrapped
from wdlint.model import CallSite, Edit

__all__ = ["Arguments"]


@dataclass
class Arguments:
    """Changes of the arguments of one call, by their number."""

    page: Page
    call: CallSite
    values: dict[int, str] = field(default_factory=dict)  # new values
    dropped: set[int] = field(default_factory=set)
    appended: list[str] = field(default_factory=list)
    groups: Callable[[str, str], list[str]] | None = None  # (prefix, margin) -> the lines that replace the parameters

    def __post_init__(self) -> None:
        assert self.call.open is not None and self.call.close is not None
        self.start, self.end = self.page.range(self.call.open)[1], self.page.range(self.call.close)[0]

    def edits(self, others: Sequence[Edit]) -> list[Edit]:
        """The edits of the list and those of the same site that stand elsewhere, in the class name or in groups."""
        if self.groups is not None and self.call.parameters is not None:
            return [*others, *self._grouped(self._listing(), self.call.parameters, self.groups)]
        listing = self._listing()
        inside = [
            e for e in others if self.start <= self.page.range(e.span)[0] and self.page.range(e.span)[1] <= self.end
        ]
        outside = [e for e in others if e not in inside]
        for text in self.appended:
            listing.append(text)
        if listing.hanging and (shift := self._shift(outside)):
            absorb(listing, inside)
            listing.shift(self.call.open.column, shift)  # type: ignore[union-attr]
            inside = []
        plain = [*outside, *inside, *listing.edits()]
        if plain and self._too_long(plain) and not self.page.formatted(self.start):
            return [*outside, self.page.edit(self.start, self.end, self._wrapped(others))]
        return plain

    def _listing(self) -> Listing:
        spots = [self.page.range(argument.span) for argument in self.call.arguments]
        listing = Listing(self.page, self.start, self.end, spots)
        for number, text in self.values.items():
            listing.replace(number, self.prefix(number) + text)
        for number in sorted(self.dropped):
            listing.remove(number)
        return listing

    def prefix(self, number: int) -> str:
        """`weight_decay=` as it is written."""
        argument = self.call.arguments[number]
        return self.page.text[self.page.range(argument.span)[0] : self.page.range(argument.value)[0]]

    def _grouped(self, listing: Listing, number: int, groups: Callable[[str, str], list[str]]) -> list[Edit]:
        """In place where the parameters have a line of their own, else one argument to a line."""
        page = self.page
        if not listing.alone(number):
            margin = page.margin(self.start - 1)
            lines = {number: groups(self.prefix(number), margin + page.indent)}
            return [page.edit(self.start, self.end, listing.exploded(margin, lines, self.appended))]
        margin = page.margin(listing.items[number].start)
        text = page.newline(self.start).join(groups(self.prefix(number), margin))
        listing.replace(number, text.removeprefix(margin))
        for text in self.appended:
            listing.append(text)
        return list(listing.edits())

    # ---------------------------------------------------------------------------------------- width

    def _shift(self, edits: Sequence[Edit]) -> int:
        """By how much the opening bracket moves to the right."""
        line, column = self.page.place(self.start)
        mine = [e for e in edits if e.span.line == e.span.end_line == line and e.span.end_column < column]
        return sum(len(e.content) - (e.span.end_column - e.span.column) for e in mine)

    def _too_long(self, edits: Sequence[Edit]) -> bool:
        """Whether a line of the call becomes longer than lines may be."""
        first, last = self.call.callee.line, self.page.place(self.end)[0]
        mine = [e for e in edits if first <= e.span.line and e.span.end_line <= last]
        text = applied(self.page, mine)
        start, end = self.page.starts[first - 1], len(self.page.text) - self.page.starts[last - 1]
        lines = NEWLINE.split(text[start : len(text) - end + len(self.page.line(last))])
        return not all(map(self.page.fits, lines))

    def _wrapped(self, others: Sequence[Edit]) -> str:
        """The list on a line of its own where it fits, else one argument to a line."""
        page, listing = self.page, self._listing()
        absorb(listing, others)
        margin = page.margin(self.start - 1)
        inner = margin + page.indent
        whole = listing.indented(margin, self.appended)
        if not listing.magic and all(map(page.fits, NEWLINE.split(whole))):
            return whole
        lines: dict[int, list[str]] = {}
        for number, item in enumerate(listing.items):
            if not NEWLINE.search(item.text) and not page.fits(f"{inner}{item.text},"):
                lines[number] = list(wrapped(page, f"{item.text},", inner))
                lines[number][-1] = lines[number][-1].removesuffix(",")
        return listing.exploded(margin, lines, self.appended)


def absorb(listing: Listing, edits: Sequence[Edit]) -> None:
    """Make edits inside items part of their text."""
    for item in listing.items:
        mine = [(listing.page.range(e.span), e.content) for e in edits]
        for (start, end), content in sorted(mine, reverse=True):
            if item.start <= start and end <= item.end:
                item.text = item.text[: start - item.start] + content + item.text[end - item.start :]

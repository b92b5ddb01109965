"""Repairs that need nothing but their own place: keys, entries, list(...), comments."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from wdlint.edits.listing import Listing
from wdlint.edits.page import Page, applied
from wdlint.edits.wrap import wrapped
from wdlint.model import Edit, Fix, Group, ReplaceText, Span, WrapInList

__all__ = ["in_list", "inserted", "loose"]

GAP = re.compile(r"(?:[\s\\,]|#[^\r\n]*)*")


def loose(page: Page, fixes: Iterable[Fix]) -> tuple[tuple[Edit, ...], list[str]]:
    """The edits of repairs that belong to no construction call, and what they write."""
    edits: list[Edit] = []
    words: list[str] = []
    for fix in fixes:
        match fix:
            case ReplaceText(span, text, what):
                edits.append(Edit(span, text) if text else removal(page, span))
                words.append(what)
            case WrapInList(span):
                edits.append(in_list(page, span))
                words.append("list(...) around the generator")
    return tuple(edits), words


def removal(page: Page, span: Span) -> Edit:
    """A comment taken away with the white space beside it, or with its line."""
    line = page.line(span.line)
    before, after = line[: span.column], line[span.end_column :]
    if not before.strip() and not after.strip() and span.line < len(page.starts):
        return Edit(Span(span.line, 0, span.line + 1, 0), "")
    start = len(before.rstrip()) if not after.strip() else span.column
    end = len(line) - len(after.lstrip())
    return Edit(Span(span.line, start, span.end_line, end), "")


def in_list(page: Page, span: Span) -> Edit:
    """list(...) around an expression, with the parentheses of a generator expression."""
    text = page.slice(span)
    bare = text[1:-1] if text.startswith("(") and text.endswith(")") and _is_generator(text) else text
    return Edit(span, f"list({bare})")


def _is_generator(text: str) -> bool:
    try:
        return isinstance(ast.parse(text, mode="eval").body, ast.GeneratorExp)
    except (SyntaxError, ValueError):
        return False


def inserted(page: Page, span: Span, text: str, group: Group) -> Edit:
    """A new entry behind the last one of a group dict: on a line of its own where that has one."""
    at = page.range(span)[0]
    starts = [start for start, _ in (page.range(key.span) for key in group.keys) if start < at]
    gap = GAP.match(page.text, at)
    listing = Listing(page, max(starts), gap.end() if gap else at, [(max(starts), at)])
    listing.insert(0, text.removeprefix(", "))
    (edit,) = listing.edits()
    start, end = page.range(group.span)
    behind = page.line(group.span.end_line)[group.span.end_column :]
    alone = page.begins_line(start) and re.fullmatch(r",?[ \t]*(#.*)?", behind)
    if alone and group.span.line == group.span.end_line and not page.fits(_line(page, [edit], group.span.line)):
        entries = f"{page.text[start:at]}{text}{page.text[at:end]}"
        lines = list(wrapped(page, f"{entries},", page.margin(start)))
        content = page.newline(start).join(lines).removesuffix(",")
        return page.edit(start - len(page.margin(start)), end, content)
    return edit


def _line(page: Page, edits: Iterable[Edit], number: int) -> str:
    """One line after edits inside it."""
    start, end = page.starts[number - 1], page.starts[number - 1] + len(page.line(number))
    text = applied(page, edits)
    return text[start : end + len(text) - len(page.text)]

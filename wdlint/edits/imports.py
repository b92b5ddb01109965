"""The name of the decoupled counterpart at a call, and the imports that give it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from wdlint.edits.listing import Listing
from wdlint.edits.page import Page
from wdlint.model import Edit, Facts, Import, Optimizer, Span

__all__ = ["Naming", "naming", "why_no_name"]


@dataclass(frozen=True, slots=True)
class Naming:
    """What a call has to say to get the counterpart: `place` becomes `name`."""

    place: Span
    name: str
    edits: tuple[Edit, ...] = ()


def why_no_name(page: Page, facts: Facts, site: Optimizer) -> str:
    """The reason why the counterpart cannot be named at the call, "" when it can."""
    if naming(page, facts, site, frozenset()) is not None:
        return ""
    target, resolved = (
        site.counterpart.rpartition("."),
        site.call.resolved.rpartition(".") if site.call else ("", "", ""),
    )
    if not resolved[0] or resolved[0] != target[0]:
        return f"{target[2]} is at home in {target[0]}, this class comes from {resolved[0] or 'several places'}"
    return f"the name {target[2]} may mean something else in this file"


def naming(page: Page, facts: Facts, site: Optimizer, gone: frozenset[Span]) -> Naming | None:
    """How the call names the counterpart. `gone`: the class names that disappear from calls in the same run."""
    call = site.call
    if call is None or call.class_name is None:
        return None
    module, _, wanted = site.counterpart.rpartition(".")
    home, place = call.resolved.rpartition(".")[0], call.class_name
    if not call.bound_name:
        return Naming(place, wanted) if home == module else None
    if not f"{home}.".startswith(f"{module}."):
        return None
    own = [i for i in facts.imports if f"{i.module}.{i.name}" == call.resolved and place in i.readers]
    held = next((i for i in facts.imports if (i.module, i.name) == (module, wanted) and place in i.holds), None)
    if held is not None:
        return Naming(place, held.bound, tuple(e for i in own if _unused(page, i, gone) for e in _removal(page, i)))
    if not own:
        return Naming(place, wanted) if _starred(facts, module, wanted) else None
    bound = _free_name(facts, module, wanted)
    if not bound:
        return None
    alias = wanted if bound == wanted else f"{wanted} as {bound}"
    edits = [edit for i in own for edit in _import(page, i, module, alias, _unused(page, i, gone))]
    return Naming(place, bound, tuple(edits))


def _unused(page: Page, statement: Import, gone: frozenset[Span]) -> bool:
    """Whether nothing needs an imported name any more."""
    return not page.exports and not statement.uses and all(reader in gone for reader in statement.readers)


def _starred(facts: Facts, module: str, wanted: str) -> bool:
    """Whether the last star import brings the counterpart, and nothing else is called so."""
    stars = [i for i in facts.imports if i.name == "*"]
    free = wanted not in facts.bound_names or any(wanted == name for i in stars for name, _, _ in i.names)
    return bool(stars) and stars[-1].module == module and free


def _free_name(facts: Facts, module: str, wanted: str) -> str:
    """A name for the counterpart that means nothing else in this file, "" if there is none."""
    same = any((i.module, i.name, i.bound) == (module, wanted, wanted) and i.sole for i in facts.imports)
    if same or wanted not in facts.bound_names:
        return wanted
    root = module.partition(".")[0]
    names = (f"{root[:1].upper()}{root[1:]}{wanted}", f"Decoupled{wanted.removesuffix('W')}")
    return next((name for name in names if name not in facts.bound_names), "")


# --------------------------------------------------------------------------------------- statements


def _import(page: Page, statement: Import, module: str, alias: str, unused: bool) -> Iterator[Edit]:
    """The counterpart imported where the old class is."""
    if statement.module != module:
        yield from _beside(page, statement, f"from {module} import {alias}", unused)
        return
    listing, number = _names(page, statement)
    if unused:
        listing.replace(number, alias)
    else:
        listing.insert(number, alias)
    yield from _wrapped(page, statement, list(listing.edits()), listing)


def _beside(page: Page, statement: Import, text: str, unused: bool) -> Iterator[Edit]:
    """A new import statement behind another, or in its place."""
    start, end = page.range(statement.statement)
    if unused and len(statement.names) == 1:
        yield Edit(statement.statement, text)
        return
    if unused:
        yield from _removal(page, statement)
    line = page.line(statement.statement.end_line)
    alone = page.begins_line(start) and not line[statement.statement.end_column :].split("#")[0].strip()
    if not alone:
        yield page.edit(end, end, f"; {text}")
        return
    behind = page.offset(statement.statement.end_line, len(line))
    yield page.edit(behind, behind, f"{page.newline(start)}{page.margin(start)}{text}")


def _names(page: Page, statement: Import) -> tuple[Listing, int]:
    """The names of an import statement, and which of them the import is."""
    start, end = page.range(statement.statement)
    spots = [page.range(span) for _, _, span in statement.names]
    bracket = re.compile(r"\bimport\b[^(#]*\(").search(page.text, start, spots[0][0])
    first, last = (bracket.end(), end - 1) if bracket else (spots[0][0], spots[-1][1])
    number = next(n for n, (_, _, span) in enumerate(statement.names) if span == statement.span)
    return Listing(page, first, last, spots, bracketed=bracket is not None), number


def _wrapped(page: Page, statement: Import, edits: list[Edit], listing: Listing) -> list[Edit]:
    """The edits of a one-line import, in brackets where it becomes too long."""
    line, width = page.line(statement.statement.line), sum(len(e.content) for e in edits)
    width -= sum(e.span.end_column - e.span.column for e in edits)
    whole = statement.statement
    if listing.bracketed or whole.line != whole.end_line or page.fits(line + " " * width):
        return edits
    margin = page.margin(listing.start)
    inner, newline = margin + page.indent, page.newline(listing.start)
    names = [name.strip() for piece in listing.pieces for name in piece.text.split(",") if name.strip()]
    body = newline.join([f"{inner}{name}," for name in names])
    return [page.edit(listing.start, listing.end, f"({newline}{body}{newline}{margin})")]


def _removal(page: Page, statement: Import) -> Iterator[Edit]:
    """A name taken out of its import, and the statement if it was the only one."""
    if len(statement.names) > 1:
        listing, number = _names(page, statement)
        listing.remove(number)
        yield from listing.edits()
        return
    start, end = page.range(statement.statement)
    line = statement.statement.end_line
    alone = page.begins_line(start) and not page.text[end : page.offset(line, len(page.line(line)))].strip()
    if alone and line < len(page.starts) and (not page.margin(start) or _followed(page, line)):
        yield page.edit(page.starts[statement.statement.line - 1], page.starts[line], "")


def _followed(page: Page, line: int) -> bool:
    """Whether the next statement stands in the same block."""
    following = (number for number in range(line + 1, len(page.starts) + 1))
    for number in following:
        text = page.line(number)
        if text.strip() and not text.lstrip().startswith("#"):
            same = page.margin(page.starts[number - 1]) == page.margin(page.starts[line - 1])
            return same and not re.match(r"(else|elif|except|finally|case)\b", text.lstrip())
    return False

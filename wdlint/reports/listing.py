"""Tables and facts for people, and any of our dataclasses as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from wdlint.model import Facts, Group, Optimizer, Origin, Span, Value
from wdlint.reports import counted, printable

__all__ = ["as_json", "sites", "table"]

ORIGINS = {
    Origin.WRITTEN: "",
    Origin.DEFAULT: "the default of the optimizer",
    Origin.HIDDEN: "perhaps set out of sight",
}


def as_json(data: Any) -> str:
    return json.dumps(jsonable(data), indent=2)


def jsonable(data: Any) -> Any:
    """Dataclasses as objects, enums by value, sets sorted, numbers that JSON has no word for as text."""
    if is_dataclass(data) and not isinstance(data, type):
        return {field.name: jsonable(getattr(data, field.name)) for field in fields(data)}
    if isinstance(data, Enum):
        return data.value
    if isinstance(data, dict):
        return {str(key): jsonable(value) for key, value in data.items()}
    if isinstance(data, (set, frozenset)):
        return sorted(map(jsonable, data))
    if isinstance(data, (list, tuple)):
        return [jsonable(item) for item in data]
    if isinstance(data, float) and not math.isfinite(data):
        return str(data)
    return data


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns aligned."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(size) for cell, size in zip(row, widths, strict=True)).rstrip()


# -------------------------------------------------------------------------------------------- facts


def sites(facts: Facts, place: Callable[[Span], str]) -> Iterator[str]:
    """Each construction site with its groups, then what else the file says."""
    for optimizer in facts.optimizers:
        yield from site(optimizer, place)
    for generator in facts.generators:
        reads = ", ".join(map(place, generator.reads))
        yield f"{place(generator.span)} one-pass iterator {printable(generator.name)}, read at {reads or 'no place'}"
    for test in facts.memberships:
        names = ", ".join(map(repr, test.names))
        tested = f"{printable(test.variable)} in {printable(test.collection)}"
        yield f"{place(test.span)} exact membership of {tested} ({names})"
    for hazard in facts.hazards:
        yield f"{place(hazard.span)} hazard ({hazard.kind}): {printable(hazard.text)}"
    yield f"{counted(len(facts.optimizers), 'optimizer construction site')}"


def site(optimizer: Optimizer, place: Callable[[Span], str]) -> Iterator[str]:
    kind = ["adaptive"] if optimizer.adaptive else []
    kind += ["functional"] if optimizer.functional else []
    yield f"{place(optimizer.span)} {optimizer.qualified}: {', '.join([optimizer.coupling.value, *kind])}"
    yield f"    lr            {value(optimizer.lr)}"
    yield f"    weight_decay  {value(optimizer.decay)}"
    if flag := optimizer.flag:
        yield f"    flag          {flag.name}: {flag.when_true.value} if true, {flag.when_false.value} if not"
    if optimizer.counterpart:
        yield f"    counterpart   {optimizer.counterpart}"
    for number, group in enumerate(optimizer.groups, 1):
        yield f"    group {number}       {described(group, place)}"
    if not optimizer.groups_complete:
        yield "    more groups are out of sight"


def described(group: Group, place: Callable[[Span], str]) -> str:
    what = f" `{printable(group.parameters.text)}`" if group.parameters else ""
    own = f"; {group.coupling.value}; weight_decay {value(group.decay)}; lr {value(group.lr)}"
    return f"{place(group.span)} {group.coverage.value}{what}{own}{'; added later' if group.added else ''}"


def value(v: Value) -> str:
    """The number, how it is written if that says more, and where it comes from."""
    shown = str(v)
    written = f"`{v.text}` is " if v.text and v.text not in shown else ""
    origin = f", {ORIGINS[v.origin]}" if ORIGINS[v.origin] else ""
    return printable(f"{written}{shown}{origin}")

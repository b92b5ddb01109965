"""An audit as text and as data."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from wdlint.model import Coupling, Group, Severity
from wdlint.pages import see
from wdlint.reports import counted, printable
from wdlint.reports.listing import table
from wdlint.runtime.optimizers import Holding, Site
from wdlint.runtime.parameters import Parameter
from wdlint.runtime.remarks import Remark, positive, rate

__all__ = ["as_data", "half_life", "left", "lines"]

SHOWN = 8  # parameter names on the list of one finding
HEAD = ("group", "holds", "decay", "lr", "weight_decay", "a step takes", "half-life")


class Observation(Protocol):
    """A finding or a remark."""

    @property
    def code(self) -> str: ...
    @property
    def severity(self) -> Severity: ...
    @property
    def message(self) -> str: ...
    @property
    def parameters(self) -> tuple[Parameter, ...]: ...


class Found(Observation, Protocol):
    """A finding of a rule."""

    @property
    def name(self) -> str: ...
    @property
    def optimizer(self) -> int: ...
    @property
    def group(self) -> int: ...


def half_life(share: float | None) -> float | None:
    """Steps until a weight without gradient has lost half, at this share a step; None where that never happens."""
    return math.log(0.5) / math.log1p(-share) if share is not None and 0 < share < 1 else None


def left(share: float | None, steps: int | None) -> float | None:
    """What is left of a weight after so many steps: (1 - share)**steps."""
    return (1 - share) ** steps if share is not None and steps is not None and 0 <= share <= 1 else None


# --------------------------------------------------------------------------------------------- text


def lines(
    sites: Sequence[Site], found: Sequence[Found], said: Sequence[Remark], known: Sequence[Parameter], steps: int | None
) -> Iterator[str]:
    """The audit for people: a table per optimizer, findings with their parameters, remarks."""
    for number, one in enumerate(sites):
        yield heading(one, known)
        yield from (
            f"  {line}"
            for line in table([(*HEAD, *([f"left after {steps}"] * (steps is not None))), *rows(one, steps)])
        )
        named: set[tuple[int, tuple[Parameter, ...]]] = set()
        for finding in (f for f in found if f.optimizer == number):
            yield ""
            yield f"{finding.code} {finding.name} ({finding.severity.value}), group {finding.group}: {finding.message}"
            key = finding.group, finding.parameters
            yield from ["    the same parameters"] if key in named else listed(finding, one, finding.group)
            named.add(key)
        yield ""
    for remark in said:
        yield f"{f'{remark.code} ' if remark.code else ''}{remark.severity.value}: {remark.message}"
        yield from listed(remark) if remark.kind != "tied" else ()
    yield from [""] if said else []
    yield closing(found, said)


def heading(one: Site, known: Sequence[Parameter]) -> str:
    inside = f" in {one.wrapper}" if one.wrapper else ""
    own = {p for p in known if p.trainable}
    held = own.intersection(p for h in one.holdings for p in h.parameters)
    kind = one.facts.coupling.value + (", adaptive" if one.facts.adaptive and one.facts.coupling is Coupling.L2 else "")
    groups = counted(len(one.holdings), "group")
    return f"{one.facts.name}{inside}: {kind}, {groups}, {len(held)} of {len(own)} trainable parameters"


def rows(one: Site, steps: int | None) -> Iterator[tuple[str, ...]]:
    for number, group, held in one.rows:
        share = rate(one, group, held)
        cells = (
            str(number),
            roles(held),
            group.coupling.value,
            f"{group.lr.number:g}" if group.lr.number is not None else "?",
            str(group.decay),
            taken(one, group, share),
            steps_of(half_life(share)),
        )
        yield (*cells, *([amount(left(share, steps))] * (steps is not None)))


def roles(held: Holding) -> str:
    """`3 weights, 2 biases`; frozen ones are counted too."""
    counts = Counter(p.role for p in held.parameters)
    said = (f"{n} {role.value if n == 1 else role.plural}" for role, n in counts.most_common())
    return ", ".join(said) or "nothing"


def taken(one: Site, group: Group, share: float | None) -> str:
    if share is not None:
        return f"{share:.3g}"
    return "by its gradient" if group.coupling is Coupling.L2 and one.facts.adaptive and positive(group) else "-"


def steps_of(number: float | None) -> str:
    if number is None:
        return "-"
    return f"{number:.0f} steps" if number < 1e6 else f"{number:.2g} steps"


def amount(share: float | None) -> str:
    return "-" if share is None else f"{share:.4g}"


def listed(observed: Observation, one: Site | None = None, group: int = 0) -> Iterator[str]:
    """The names an observation is about; all of a group are counted, not named."""
    parameters = observed.parameters
    if one is not None and set(parameters) == set(one.holdings[group - 1].parameters) and len(parameters) > SHOWN:
        yield f"    all {len(parameters)} parameters of the group"
        return
    for parameter in parameters[:SHOWN]:
        owner = f" of {parameter.owner}" if parameter.owner else ""
        yield f"    {printable(str(parameter))}: {parameter.role.value}{owner}"
    if len(parameters) > SHOWN:
        yield f"    and {len(parameters) - SHOWN} more"


def closing(found: Sequence[Found], said: Sequence[Remark]) -> str:
    if not found:
        return f"no findings, {counted(len(said), 'remark')}" if said else "no findings"
    codes = dict.fromkeys(f.code for f in found)
    return f"{counted(len(found), 'finding')}, {counted(len(said), 'remark')}; {see(next(iter(codes)))} says why"


# --------------------------------------------------------------------------------------------- data


def as_data(
    sites: Sequence[Site], found: Sequence[Found], said: Sequence[Remark], known: Sequence[Parameter], steps: int | None
) -> dict[str, Any]:
    """The audit for programs. Names, not positions; `lost_per_step` and `half_life` are null where they depend."""
    return {
        "steps": steps,
        "trainable": sum(p.trainable for p in known),
        "optimizers": [optimizer(one, steps) for one in sites],
        "findings": [
            {
                "code": f.code, "name": f.name, "severity": f.severity, "message": f.message, "optimizer": f.optimizer,
                "group": f.group, "parameters": [p.name for p in f.parameters],
            }
            for f in found
        ],
        "remarks": [
            {
                "kind": r.kind, "code": r.code or None, "severity": r.severity, "message": r.message,
                "parameters": [p.name for p in r.parameters],
            }
            for r in said
        ],
    }  # fmt: skip


def optimizer(one: Site, steps: int | None) -> dict[str, Any]:
    return {
        "name": one.facts.name,
        "qualified": one.facts.qualified,
        "wrapper": one.wrapper or None,
        "coupling": one.facts.coupling,
        "adaptive": one.facts.adaptive,
        "groups": [group_data(one, number, group, held, steps) for number, group, held in one.rows],
    }


def group_data(one: Site, number: int, group: Group, held: Holding, steps: int | None) -> dict[str, Any]:
    share = rate(one, group, held)
    return {
        "group": number,
        "coverage": group.coverage,
        "coupling": group.coupling,
        "lr": group.lr.number,
        "weight_decay": group.decay.number,
        "lost_per_step": share,
        "half_life": half_life(share),
        "left": left(share, steps),
        "parameters": [
            {
                "name": p.name,
                "role": p.role,
                "shape": p.shape,
                "dtype": p.dtype,
                "trainable": p.trainable,
                "owner": p.owner,
            }
            for p in held.parameters
        ],
    }

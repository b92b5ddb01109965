"""A live optimizer as the facts that rules read: its class in the catalogue, its groups, what they hold."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wdlint.catalogue import Catalogue, Spec
from wdlint.model import Coupling, Coverage, Group, GroupKey, Optimizer, Origin, Span, Value
from wdlint.runtime.parameters import Parameter, Role, stray

__all__ = ["Holding", "Site", "group_number", "site", "unwrapped"]

INNER = ("optimizer", "base_optimizer", "_base_optimizer", "optim")  # where wrappers keep what they wrap
RATES = ("lr", "initial_lr", "max_lr")  # a warm-up or a cycle starts far below what it climbs to
BOOKKEEPING = frozenset({"params", "param_names", "initial_lr", "max_lr", "min_lr", "max_momentum", "base_momentum"})


@dataclass(frozen=True, slots=True)
class Holding:
    """The parameters of one group, in order, one that is listed twice twice."""

    parameters: tuple[Parameter, ...]
    ids: tuple[int, ...]
    fused: bool = False  # the group asks for the fused kernel
    momentum: float = 0.0  # torch.optim.SGD: how much larger than lr*gradient a steady step is, minus 1


@dataclass(frozen=True, slots=True)
class Site:
    """One optimizer: its facts, and what the groups of the facts hold."""

    facts: Optimizer
    holdings: tuple[Holding, ...]
    wrapper: str = ""  # "AcceleratedOptimizer", when the optimizer was found inside one
    catalogued: bool = True

    @property
    def rows(self) -> Iterator[tuple[int, Group, Holding]]:
        """(number from 1, facts, parameters) of every group."""
        return ((n, g, h) for n, (g, h) in enumerate(zip(self.facts.groups, self.holdings, strict=True), 1))


def group_number(span: Span) -> int:
    """The group a finding is about, counted from 1: live facts have no text, so a line is the number of a group."""
    return span.line


def site(optimizer: Any, known: Mapping[int, Parameter], catalogue: Catalogue) -> Site:
    """The facts of a live optimizer over the parameters of a model. Raises TypeError for what has no param_groups."""
    groups, inner = unwrapped(optimizer, catalogue)
    spec = row(type(inner), catalogue)
    holdings = tuple(holding(group, known, inner) for group in groups)
    reader = Reader(inner, spec, catalogue, groups)
    facts = tuple(reader.group(n, group, hold) for n, (group, hold) in enumerate(zip(groups, holdings, strict=True), 1))
    label = type(inner).__name__
    coupling = reader.coupling({})
    flag = spec.flag if spec is not None and coupling is not Coupling.UNKNOWN else None
    return Site(
        Optimizer(
            name=label,
            qualified=spec.name if spec is not None else path(type(inner)),
            span=Span(0, 0, 0, 0),
            coupling=coupling,
            adaptive=spec is not None and spec.adaptive,
            groups=covering(facts, holdings, known),
            lr=reader.rate(reader.defaults),
            decay=reader.decay(reader.defaults),
            lr_scaled=spec is None or spec.lr_scaled,
            counterpart=spec.counterpart if spec is not None else "",
            flag=flag,
            one_group=len(groups) == 1,
        ),
        holdings,
        type(optimizer).__name__ if inner is not optimizer else "",
        spec is not None,
    )


def unwrapped(optimizer: Any, catalogue: Catalogue) -> tuple[list[dict[str, Any]], Any]:
    """The groups of an optimizer, and the optimizer inside its wrappers that decides what decay means.

    A wrapper's own groups win: ZeroRedundancyOptimizer keeps the shard of one process inside. Raises TypeError.
    """
    groups, seen = getattr(optimizer, "param_groups", None), [optimizer]
    while row(type(seen[-1]), catalogue) is None:
        below = next((b for name in INNER if holds(b := getattr(seen[-1], name, None))), None)
        if below is None or any(below is one for one in seen):
            break
        seen.append(below)
        groups = groups or getattr(below, "param_groups", None)
    if not isinstance(groups, Sequence) or not all(isinstance(g, Mapping) and "params" in g for g in groups):
        raise TypeError(f"not an optimizer with param_groups: {type(optimizer).__name__}")
    return [dict(group) for group in groups], seen[-1]


def holds(found: Any) -> bool:
    """Whether it is an optimizer, or perhaps a wrapper around one."""
    return hasattr(found, "param_groups") or (found is not None and any(hasattr(found, name) for name in INNER))


# ---------------------------------------------------------------------------------------- catalogue


def path(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def row(cls: type, catalogue: Catalogue) -> Spec | None:
    """The row of a class, or of the one it inherits its step from: isinstance would call AdamW an Adam."""
    for base in cls.__mro__:
        spec = next((s for name in paths(base) if (s := catalogue.find(name)) is not None), None)
        if spec is not None:
            return spec if base is cls or step(cls) is step(base) else None
    return None


def paths(cls: type) -> Iterator[str]:
    """Where a class can be imported from: its own module and the packages above that offer it."""
    yield path(cls)
    module = cls.__module__
    while module := module.rpartition(".")[0]:
        if getattr(sys.modules.get(module), cls.__name__, None) is cls:
            yield f"{module}.{cls.__name__}"


def step(cls: type) -> object:
    """The step as written: torch wraps it again in every class that is used."""
    found = getattr(cls, "step", None)
    return inspect.unwrap(found) if callable(found) else None


# ------------------------------------------------------------------------------------------ reading


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the groups of one optimizer by its catalogue row."""

    optimizer: Any
    spec: Spec | None
    catalogue: Catalogue
    groups: Sequence[Mapping[str, Any]]

    @property
    def defaults(self) -> Mapping[str, Any]:
        found = getattr(self.optimizer, "defaults", None)
        return found if isinstance(found, Mapping) else {}

    @property
    def decay_name(self) -> str:
        return self.spec.decay_name if self.spec is not None else "weight_decay"

    def group(self, number: int, group: Mapping[str, Any], held: Holding) -> Group:
        """A group as a fact. One that decays as the constructor says is taken to inherit it: torch merges the two."""
        coupling = self.coupling(group)
        band = self.catalogue.band(self.spec, coupling) if self.spec is not None else None
        sets = not same(group.get(self.decay_name), self.defaults.get(self.decay_name))
        keys = [k for k in group if k not in self.defaults and k not in BOOKKEEPING] + [self.decay_name] * sets
        where = Span(number, 0, number, 0)
        return Group(
            where,
            self.decay(group, default=self.implicit()),
            self.rate(group),
            coverage(held.parameters),
            coupling,
            band,
            sets_decay=sets,
            keys=tuple(GroupKey(str(key), where) for key in keys),
        )

    def implicit(self) -> bool:
        """Whether every group decays by the class's own default, which then nobody may have written."""
        default = self.spec.default_decay if self.spec is not None else None
        values = [self.defaults.get(self.decay_name), *(group.get(self.decay_name) for group in self.groups)]
        return default is not None and all(same(value, default) for value in values)

    def decay(self, group: Mapping[str, Any], default: bool = False) -> Value:
        """Lambda of a group; `default`: it may be nobody's word. An optimizer without decay has 0."""
        origin = Origin.DEFAULT if default else Origin.WRITTEN
        return value(group.get(self.decay_name, 0.0), origin)

    def rate(self, group: Mapping[str, Any]) -> Value:
        """The largest learning rate a group names."""
        name = self.spec.lr_name if self.spec is not None else "lr"
        found = [value(group[key]) for key in (name, *RATES) if group.get(key) is not None]
        numbers = [v.number for v in found if v.number is not None]
        return Value((max(numbers),)) if numbers else Value(origin=Origin.HIDDEN)

    def coupling(self, group: Mapping[str, Any]) -> Coupling:
        """As the flag says, read from the group, the defaults, the optimizer; as the row says where there is none."""
        if self.spec is None:
            return Coupling.UNKNOWN
        flag = self.spec.flag
        if flag is None:
            return self.spec.coupling
        places: tuple[Mapping[str, Any], ...] = (group, self.defaults, attributes(self.optimizer))
        for name in dict.fromkeys((flag.name, flag.name.replace("weight_decay", "wd"), "adam_w_mode")):
            for place in places:
                if isinstance(found := place.get(name), bool | int):
                    return flag.when_true if found else flag.when_false
        if flag.name not in inspect.signature(type(self.optimizer)).parameters:  # an older release
            return flag.when_true if flag.default else flag.when_false
        return Coupling.UNKNOWN


def attributes(optimizer: Any) -> Mapping[str, Any]:
    found = getattr(optimizer, "__dict__", {})
    return found if isinstance(found, Mapping) else {}


def value(found: Any, origin: Origin = Origin.WRITTEN) -> Value:
    """What stands in a group as a Value: numbers, one-element tensors, strings from a YAML file, None for no decay."""
    if isinstance(found, str):
        return Value((), origin, text=repr(found), string=found)
    try:
        return Value((0.0 if found is None else float(found),), origin)
    except (TypeError, ValueError, RuntimeError):
        return Value((), origin)


def same(a: Any, b: Any) -> bool:
    first, second = value(a), value(b)
    return first.numbers == second.numbers and first.string == second.string


# ----------------------------------------------------------------------------------------- coverage


def holding(group: Mapping[str, Any], known: Mapping[int, Parameter], inner: Any) -> Holding:
    tensors = list(group["params"])
    names = list(group.get("param_names") or [""] * len(tensors))
    parameters = tuple(known.get(id(t)) or stray(t, n) for t, n in zip(tensors, names, strict=True))
    momentum = 0.0
    if path(type(inner)) == "torch.optim.sgd.SGD" and 0 < (m := float(group.get("momentum", 0))) < 1:
        momentum = (1 - float(group.get("dampening", 0))) / (1 - m) - 1
    return Holding(parameters, tuple(map(id, tensors)), group.get("fused") is True, momentum)


def coverage(parameters: Sequence[Parameter]) -> Coverage:
    """What a group holds, by what can train: PART where vectors stand among other parameters."""
    trained = [p for p in parameters if p.trainable]
    if any(p.role in (Role.FLAT, Role.UNKNOWN) for p in trained):
        return Coverage.UNKNOWN
    kinds = {p.role.vector for p in trained if p.name}
    if not kinds:
        return Coverage.TENSORS if trained else Coverage.SUBSET
    return Coverage.PART if len(kinds) == 2 else Coverage.VECTORS if kinds == {True} else Coverage.MATRICES


def covering(
    groups: tuple[Group, ...], holdings: tuple[Holding, ...], known: Mapping[int, Parameter]
) -> tuple[Group, ...]:
    """The groups, with what only all of them together show: the whole model in one, decay that no split changes."""
    if len(groups) == 1 and groups[0].coverage is Coverage.PART:
        held = set(holdings[0].ids)
        if all(key in held for key, parameter in known.items() if parameter.trainable):
            return (replace(groups[0], coverage=Coverage.WHOLE),)
    if any(group.coverage in (Coverage.WHOLE, Coverage.PART) for group in groups):
        return groups
    return tuple(  # split by kind: then its decay is a decision, although it equals the default
        replace(group, decay=replace(group.decay, origin=Origin.WRITTEN), split_by_kind=True) for group in groups
    )

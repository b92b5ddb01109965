"""What an optimizer does with weight_decay, measured, and the catalogue row that says so."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import torch

from wdlint import __version__
from wdlint.catalogue import Catalogue
from wdlint.model import Coupling
from wdlint.reports.listing import table
from wdlint.runtime.constructors import Constructor, ProbeError, constructor
from wdlint.runtime.shifts import DECAY, LR, SCALES, STEPS, Shift, homogeneous, linear, proportional, shift, signs

__all__ = ["Kind", "Probe", "ProbeError", "probe"]

EXACT = 0.02  # how far a share may be from 1, and the rest from 0
ALONG = 0.05  # a shift is along the weights while the rest is at most this
UNRELATED = 0.95  # a shift has nothing to do with the weights when the rest is at least this
SPREAD = 1.5  # the largest share of an SGD-like step is below this times the smallest
FALL = 0.8  # a coupled share at the largest gradients is below this times the one at the smallest


class Kind(Enum):
    """A verdict; its text is the criterion. share: the shift in units of lr*lambda*w; rest: what is not along w."""

    NONE = "no argument for weight decay"
    DECOUPLED = "decoupled: share 1 within 2 % and rest below 2 % at every gradient scale"
    LR_FREE = "decoupled without lr: the shift is lambda*w within 2 % at every gradient scale"
    OWN_SCALE = "decoupled on a scale of its own: one share, not 1, at every gradient scale, rest at most 5 %"
    PLAIN = "L2 of an SGD-like step: 10 times the gradient, 10 times the step, and shares within 1.5 of each other"
    COUPLED = "coupled: the share falls as gradients grow, the shift is not along the weights"
    TRUST_RATIO = "trust ratio: the step grows with the norm of the weights, and the shift is not along them"
    SELF_SCALED = "self-scaled: along the weights, rest at most 5 %, but by a share that depends on the gradients"
    GROWS = "broken: weights grow with lambda, the share is negative at every gradient scale"
    UNRELATED = "broken: the shift has nothing to do with the weights, rest at least 95 % at every gradient scale"
    IGNORED = "broken: weight_decay changes nothing at any gradient scale"
    UNRESOLVED = "not resolved: no criterion fits"

    @property
    def coupling(self) -> Coupling:
        match self:
            case Kind.NONE:
                return Coupling.NONE
            case Kind.DECOUPLED | Kind.OWN_SCALE:
                return Coupling.DECOUPLED
            case Kind.LR_FREE:
                return Coupling.LR_FREE
            case Kind.PLAIN | Kind.COUPLED:
                return Coupling.L2
        return Coupling.OTHER


@dataclass(frozen=True, slots=True)
class Probe:
    """What was measured. `row` holds the keys of a [tool.wdlint.optimizers."name"] table."""

    name: str
    kind: Kind
    adaptive: bool  # the step is not linear in the gradient
    signs: bool  # every weight moves by the same amount
    shifts: tuple[Shift, ...]
    row: Mapping[str, Any]
    known: str = ""  # how the catalogue has it, "" if it does not

    def toml(self) -> str:
        """The row to paste into pyproject.toml."""
        lines = [f'[tool.wdlint.optimizers."{self.name}"]']
        lines += [f"{key} = {written(value)}" for key, value in self.row.items()]
        return "\n".join(lines)

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> Iterator[str]:
        how = ", sign-based" if self.signs else ""
        yield f"{self.name}: {self.kind.value.partition(':')[0]}{how}"
        if self.kind is Kind.NONE:
            yield from (self.known or "The catalogue does not know it.", "", self.toml())
            return
        rows = [("gradient scale", "share of lr*lambda*w", "share of lambda*w", "rest")]
        rows += [
            (f"{s.scale:g}", f"{s.scaled.share:.4g}", f"{s.free.share:.4g}", f"{s.scaled.rest:.2g}")
            for s in self.shifts
        ]
        yield from (f"  {line}" for line in table(rows))
        yield f"{STEPS} steps at lr {LR:g} with lambda {DECAY:g} and without, the same random gradients. The criterion:"
        yield f"  {self.kind.value}"
        yield self.known or "The catalogue does not know it."
        yield from ("", self.toml())


def written(value: Any) -> str:
    """A value as TOML."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {written(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, float):
        text = repr(value)
        return text if {".", "e"} & set(text) else f"{text}.0"
    return json.dumps(value)


def probe(name: str, options: Mapping[str, Any] | None = None, catalogue: Catalogue | None = None) -> Probe:
    """Build `name` on two matrices on the CPU and step it with and without decay, at gradient scales 0.01, 1 and 100.

    name: import path of an optimizer class; modules in the working folder count, and importing runs them.
    options: further constructor arguments. Raises ProbeError for what is no optimizer, cannot be built or cannot step.
    """
    built = constructor(name, options)
    rows = catalogue or Catalogue.load()
    if not built.decay:
        nothing = Probe(name, Kind.NONE, True, False, (), row(built, Kind.NONE, True, False))
        return replace(nothing, known=compared(nothing, rows))
    adaptive = not linear(built)
    sign = adaptive and signs(built)
    shifts = tuple(shift(built, scale) for scale in SCALES)
    kind = verdict(built, shifts, adaptive)
    if kind is Kind.DECOUPLED and not adaptive:
        kind = with_momentum(built)
    adaptive = adaptive and kind is not Kind.PLAIN
    result = Probe(name, kind, adaptive, sign, shifts, row(built, kind, adaptive, sign))
    return replace(result, known=compared(result, rows))


# ----------------------------------------------------------------------------------------- verdicts


def verdict(built: Constructor, shifts: Sequence[Shift], adaptive: bool) -> Kind:
    """The first criterion that fits. One step is not enough: RAdam begins with plain momentum steps."""
    shares, rests = [s.scaled.share for s in shifts], [s.scaled.rest for s in shifts]
    if not all(abs(share) < float("inf") for share in shares):
        return Kind.UNRESOLVED
    along = all(rest <= ALONG for rest in rests)
    if not any(shares) and not any(rests):
        return Kind.IGNORED
    if all(share < 0 for share in shares) and along:
        return Kind.GROWS
    if all(s.scaled.near(1.0, EXACT) for s in shifts):
        return Kind.DECOUPLED
    if all(s.free.near(1.0, EXACT) for s in shifts):
        return Kind.LR_FREE
    if all(rest >= UNRELATED for rest in rests):
        return Kind.UNRELATED
    if 0 < max(shares) < SPREAD * min(shares) and (not adaptive or homogeneous(built)):
        return Kind.PLAIN
    if any(rest > EXACT for rest in rests) and proportional(built):
        return Kind.TRUST_RATIO
    if along and max(shares) - min(shares) <= EXACT * max(shares):
        return Kind.OWN_SCALE
    if along:
        return Kind.SELF_SCALED
    return Kind.COUPLED if 0 < shares[-1] < FALL * shares[0] else Kind.UNRESOLVED


def with_momentum(built: Constructor) -> Kind:
    """SGD-like and exact: only momentum tells L2, which it accumulates, from decay beside the step."""
    if "momentum" in built.parameters and not built.default("momentum") and "momentum" not in built.options:
        built = replace(built, options={**built.options, "momentum": 0.9})
        return Kind.DECOUPLED if all(shift(built, s).scaled.near(1.0, EXACT) for s in SCALES[:2]) else Kind.PLAIN
    momentum = built.options.get("momentum", built.default("momentum"))
    return Kind.DECOUPLED if momentum else Kind.PLAIN


# ---------------------------------------------------------------------------------------------- row


def row(built: Constructor, kind: Kind, adaptive: bool, sign: bool) -> dict[str, Any]:
    """The keys of the catalogue row, in its order; what follows from the others is left out."""
    found: dict[str, Any] = {"coupling": kind.coupling.value}
    if not adaptive:
        found["adaptive"] = False
    if built.decay:
        found["default_weight_decay"] = built.default(built.decay)
        found["decay"] = built.decay if built.decay != "weight_decay" else None
        found["decay_position"] = built.position(built.decay)
    if built.lr:
        found["lr"] = built.lr if built.lr != "lr" else None
        found["lr_position"] = position if (position := built.position(built.lr)) != 1 else None
        found["default_lr"] = built.default(built.lr)
    found["params"] = built.params if built.params != "params" else None
    found["flag"] = flag(built, kind)
    found["family"] = "lion" if sign and kind.coupling is Coupling.DECOUPLED else None
    found["lr_scaled"] = False if kind is Kind.OWN_SCALE else None
    found["source"] = f"wdlint probe {__version__}, torch {torch.__version__}{version(built)}"
    return {key: value for key, value in found.items() if value is not None}


def flag(built: Constructor, kind: Kind) -> dict[str, Any] | None:
    """The first argument with "decouple" in its name that changes the verdict, measured both ways."""
    for name in built.switches() if built.decay else ():
        if name in built.options:
            continue
        default = built.parameters[name].default
        other = replace(built, options={**built.options, name: not default})
        try:
            shifts = tuple(shift(other, scale) for scale in SCALES)
            changed = verdict(other, shifts, not linear(other)).coupling
        except ProbeError:
            continue
        if changed is not kind.coupling:
            when = {default: kind.coupling.value, not default: changed.value}
            place = built.position(name)
            where: dict[str, Any] = {"position": place} if place is not None else {}
            groups = built.build([torch.nn.Parameter(torch.ones(2, 2))]).param_groups
            where |= {"per_group": True} if name in groups[0] else {}
            return {"name": name, "default": default, **where, "true": when[True], "false": when[False]}
    return None


def version(built: Constructor) -> str:
    """The release of the package the class comes from."""
    package = built.cls.__module__.partition(".")[0]
    found = getattr(sys.modules.get(package), "__version__", "")
    return f", {package} {found}" if found and package != "torch" else ""


def compared(result: Probe, catalogue: Catalogue) -> str:
    spec = catalogue.find(result.name)
    if spec is None:
        return ""
    if (spec.coupling, spec.adaptive) == (result.kind.coupling, result.adaptive):
        return "The catalogue has it so."
    if spec.coupling is result.kind.coupling and spec.coupling not in (Coupling.L2,):
        return "The catalogue has it so."
    kind = f"{spec.coupling.value}, {'adaptive' if spec.adaptive else 'SGD-like'}"
    return f"The catalogue differs: {kind}. One of the two is wrong: please report it."

"""What a demonstration says: claims with their criterion, their negative control, and the setting they ran in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import torch

from wdlint.runtime.statistics import Paired, equivalence, paired

__all__ = ["Claim", "Control", "Curve", "Setting", "behaviour", "exactly", "law", "near", "unchanged"]


@dataclass(frozen=True, slots=True)
class Setting:
    """Where and how much: the device, whether only laws, signs and controls are judged, and the first seed."""

    device: torch.device
    quick: bool = False
    seed: int = 0

    def chosen(self) -> tuple[int, ...]:
        """The seeds on which a lambda may be chosen."""
        return tuple(self.seed + n for n in range(2 if self.quick else 8))

    def scored(self) -> tuple[int, ...]:
        """The seeds on which claims are scored, none of them chosen on. With 16 the least p of Wilcoxon is 3e-5."""
        return tuple(self.seed + 500 + n for n in range(3 if self.quick else 16))

    def generator(self, *key: int) -> torch.Generator:
        """A CPU generator of its own for every key, the same on all devices."""
        number = self.seed
        for part in key:
            number = (number * 1_000_003 + part + 1) % (2**63)
        return torch.Generator().manual_seed(number)


@dataclass(frozen=True, slots=True)
class Control:
    """What must show no difference, how that is decided, and the number that decided it."""

    text: str
    criterion: str
    value: float
    passed: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """Points for a chart: y over x with the bounds of a 95 % interval where there is one, one per named line."""

    x_name: str
    y_name: str
    x: tuple[float, ...]
    lines: Mapping[str, tuple[tuple[float, ...], ...]]  # name -> (y,) or (y, low, high)


@dataclass(frozen=True, slots=True)
class Claim:
    """One measured statement.

    law         `passed` is decided where it is measured, to the tolerance that `criterion` states
    behaviour   decided over the whole run: `expected` is the sign of bad - good fixed beforehand; `margin` > 0 claims
                equivalence within it instead; with neither the difference is shown and not judged
    """

    code: str
    text: str
    kind: Literal["law", "behaviour"]
    measure: str  # what bad and good are: "test loss"
    criterion: str
    bad: float
    good: float
    control: Control
    passed: bool | None = None
    effect: Paired | None = None
    expected: int = 0
    margin: float | None = None
    p_equivalent: float | None = None
    note: str = ""
    curve: Curve | None = field(default=None)

    @property
    def judged(self) -> bool:
        return self.kind == "law" or bool(self.expected) or self.margin is not None

    def noting(self, note: str) -> Claim:
        return replace(self, note=note)


def law(
    code: str, text: str, measure: str, values: tuple[float, float], criterion: str, passed: bool, control: Control
) -> Claim:
    """A predicted number against a measured one; `values` are (bad, good)."""
    return Claim(code, text, "law", measure, criterion, *values, control, passed)


def behaviour(
    code: str,
    text: str,
    measure: str,
    bad: Sequence[float],
    good: Sequence[float],
    control: Control,
    expected: int = 0,
    margin: float | None = None,
) -> Claim:
    """A paired difference bad - good over seeds."""
    criterion = "shown, not judged"
    p = None
    if margin is not None:
        criterion = f"TOST within {margin:g}, Holm p < .05"
        p = equivalence(bad, good, margin)
    elif expected:
        criterion = f"bad - good {'above' if expected > 0 else 'below'} 0, t and Wilcoxon, Holm p < .05"
    means = math.fsum(bad) / len(bad), math.fsum(good) / len(good)
    effect = paired(bad, good)
    return Claim(
        code, text, "behaviour", measure, criterion, *means, control, None, effect, expected, margin, p_equivalent=p
    )


# ----------------------------------------------------------------------------------------- controls


def unchanged(text: str, first: torch.Tensor, second: torch.Tensor) -> Control:
    """Bit for bit the same. The value is the largest difference."""
    return Control(text, "bit for bit", deviation(first, second), torch.equal(first, second))


def near(text: str, first: torch.Tensor, second: torch.Tensor, tolerance: float) -> Control:
    """The largest difference is at most `tolerance`, in the unit of the tensors."""
    value = deviation(first, second)
    return Control(text, f"<= {tolerance:g}", value, value <= tolerance)


def exactly(text: str, value: float, wanted: float) -> Control:
    return Control(text, f"exactly {wanted:g}", value, value == wanted)


def deviation(first: torch.Tensor, second: torch.Tensor) -> float:
    """The largest absolute difference; nan where one is not a number, which no criterion passes."""
    return float((first - second).abs().max())

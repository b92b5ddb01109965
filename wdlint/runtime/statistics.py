"""What decides a claim about behaviour: paired differences, their interval and tests, Holm, equivalence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy import stats  # type: ignore[import-untyped, import-not-found, unused-ignore]

__all__ = ["ALPHA", "Paired", "equivalence", "holm", "paired", "slope"]

ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Paired:
    """A paired difference over seeds: mean, 95 % interval (Student), two-sided p of the t and of the Wilcoxon test."""

    effect: float
    low: float
    high: float
    n: int
    p_t: float
    p_wilcoxon: float

    @property
    def p(self) -> float:
        """The larger of the two: both tests must agree."""
        return max(self.p_t, self.p_wilcoxon)


def paired(first: Sequence[float], second: Sequence[float]) -> Paired:
    """`first - second`, pair by pair; both of one length, at least 2. Raises ValueError otherwise, or on nan and inf.

    Paired t test and Wilcoxon signed-rank test as scipy has them (exact below 50 pairs without ties and zeros).
    Differences that are all alike leave nothing to test: p is 1 where they are 0 and else 0 for t.
    """
    if len(first) != len(second) or len(first) < 2:
        raise ValueError(f"{len(first)} and {len(second)} values make no pairs")
    differences = [a - b for a, b in zip(first, second, strict=True)]
    if not all(map(math.isfinite, differences)):
        raise ValueError("a difference is not finite")
    n, mean = len(differences), math.fsum(differences) / len(differences)
    error = standard_error(differences, mean)
    if not any(differences):
        return Paired(0.0, 0.0, 0.0, n, 1.0, 1.0)
    reach = float(stats.t.ppf(1 - ALPHA / 2, n - 1)) * error
    p_t = 2 * float(stats.t.sf(abs(mean) / error, n - 1)) if error else 0.0
    return Paired(mean, mean - reach, mean + reach, n, p_t, float(stats.wilcoxon(differences).pvalue))


def standard_error(values: Sequence[float], mean: float) -> float:
    return math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1) / len(values))


def equivalence(first: Sequence[float], second: Sequence[float], margin: float) -> float:
    """The p of two one-sided paired t tests (TOST, Schuirmann 1987) that the mean difference is within +-margin.

    Small p: equivalent. `margin` > 0, in the unit of the values, must be fixed before the data are seen.
    """
    if margin <= 0:
        raise ValueError("the margin must be above 0")
    differences = [a - b for a, b in zip(first, second, strict=True)]
    mean = math.fsum(differences) / len(differences)
    error = standard_error(differences, mean)
    if not error:
        return 0.0 if abs(mean) < margin else 1.0
    return max(float(stats.t.sf((margin + side * mean) / error, len(differences) - 1)) for side in (1, -1))


def holm(ps: Mapping[str, float]) -> dict[str, float]:
    """Adjusted p by name (Holm 1979): the k-th smallest of m times m - k + 1, never falling, at most 1."""
    adjusted: dict[str, float] = {}
    highest = 0.0
    for rank, name in enumerate(sorted(ps, key=ps.__getitem__)):
        highest = max(highest, min(1.0, ps[name] * (len(ps) - rank)))
        adjusted[name] = highest
    return adjusted


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """The least-squares slope of y on x, in units of y per unit of x."""
    middle_x, middle_y = math.fsum(x) / len(x), math.fsum(y) / len(y)
    across = math.fsum((a - middle_x) * (b - middle_y) for a, b in zip(x, y, strict=True))
    return across / math.fsum((a - middle_x) ** 2 for a in x)

"""What the user decided about lambda, and what a carried-over lambda now means."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from wdlint.edits.wrap import short
from wdlint.model import Coupling, Optimizer, Value

__all__ = ["Choice", "carried", "due"]


@dataclass(frozen=True, slots=True)
class Choice:
    """What the user decided about lambda: nothing yet, "keep", or a number as it shall be written."""

    decay: str | None = None

    @property
    def literal(self) -> str:
        """The number, "" where none is given (`from:CHECKPOINT` is not one)."""
        try:
            float(self.decay or "")
        except ValueError:
            return ""
        return self.decay or ""


def carried(site: Optimizer) -> Iterator[Value]:
    """The decays that a new class takes over and that are not surely 0; the constructor's where groups are hidden."""
    values = [group.decay for group in site.groups]
    if not site.groups_complete:
        values.append(site.decay)
    for value in values:
        if value.written and not value.surely(lambda wd: wd == 0):
            yield value


def due(site: Optimizer, choice: Choice) -> str:
    """What the user has to decide about lambda after a change of class, "" when nothing is left to decide."""
    if choice.decay == "keep":
        return ""
    left = [value for value in carried(site) if not (choice.literal and value.literal)]
    if not left:
        return ""
    decay, lr = left[0], next(group.lr for group in site.groups)
    written = f"weight_decay={short(decay.text)}"
    kept = f"; it is no literal, so {choice.literal} was not written" if choice.literal else ""
    scaled = site.lr_scaled or site.coupling is Coupling.L2
    if lr.number is None or decay.number is None or not scaled or lr.number <= 0:
        return f"{written} now shrinks weights by lr*lambda a step, whatever the gradient is{kept}"
    product = lr.number * decay.number
    half_life = math.log(2) / product
    return f"{written} now shrinks weights by lr*lambda = {product:.2g} a step (half-life {half_life:.1e} steps){kept}"

"""WD302 invalid-decay: a lambda that cannot be meant, or steps that zero or flip the weights."""

from __future__ import annotations

import math
from collections.abc import Iterator

from wdlint.model import Coupling, Finding, Group, Optimizer, Rule, Severity


def check(site: Optimizer) -> Iterator[Finding]:
    for group in site.groups:
        reason = impossible(group) or overshoot(site, group)
        if reason:
            yield Finding(group.place, reason)


def impossible(group: Group) -> str:
    decay = group.decay
    if not decay.written:
        return ""
    if decay.string is not None:
        return f"weight_decay={decay.text} is a string, not a number"
    if decay.surely(lambda wd: wd < 0):
        return f"weight_decay={decay} is negative: weights would grow"
    if decay.surely(lambda wd: math.isnan(wd) or math.isinf(wd)):
        return f"weight_decay={decay} is not a finite number"
    return ""


def overshoot(site: Optimizer, group: Group) -> str:
    """lr*lambda >= 1: 1 zeroes every weight, above 1 flips signs, above 2 diverges."""
    if group.coupling is not Coupling.DECOUPLED or not site.lr_scaled or not (group.lr.known and group.decay.known):
        return ""
    if not group.lr.surely(lambda lr: lr > 0) or not group.decay.surely(lambda wd: 0 < wd < math.inf):
        return ""
    product = min(group.lr.numbers) * min(group.decay.numbers)
    if product < 1:
        return ""
    what = "zeroes every weight" if product == 1 else "flips signs" if product <= 2 else "diverges"
    return f"lr*weight_decay = {product:g}: each step {what}"


RULE = Rule("WD302", "invalid-decay", check, Severity.ERROR)

"""WD303 ineffective-decay: lr*lambda so small that nothing happens in the length of a run."""

from __future__ import annotations

import math
from collections.abc import Iterator

from wdlint.model import Coupling, Finding, Optimizer, Rule, Severity

LONGEST = 1e7  # steps: the time constant 1/(lr*lambda) beyond which no run is long enough
ROUNDING = 1e-9  # 1e-3 * 1e-4 is not exactly 1e-7


def check(site: Optimizer) -> Iterator[Finding]:
    if not site.lr_scaled:
        return
    for group in site.groups:
        lr, decay = group.lr, group.decay
        if group.coupling is not Coupling.DECOUPLED or not decay.written or not (lr.known and decay.known):
            continue
        if not lr.surely(lambda n: n > 0) or not decay.surely(lambda n: n > 0):
            continue
        product = max(lr.numbers) * max(decay.numbers)
        if product * LONGEST < 1 - ROUNDING:
            half_life = math.log(2) / product
            yield Finding(
                group.place,
                f"lr*weight_decay = {product:.2g}: a weight takes {half_life:.1e} steps to lose half",
            )


RULE = Rule("WD303", "ineffective-decay", check, Severity.NOTE)

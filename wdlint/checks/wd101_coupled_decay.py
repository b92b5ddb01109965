"""WD101 coupled-decay: an adaptive optimizer that rescales its own decay."""

from __future__ import annotations

from collections.abc import Iterator

from wdlint.model import Coupling, Finding, Optimizer, Rule, SwapClass


def check(site: Optimizer) -> Iterator[Finding]:
    if not site.adaptive:
        return
    for group in site.groups:
        if group.coupling is Coupling.L2 and group.decay.surely(lambda wd: wd > 0):
            yield Finding(
                group.place,
                f"{site.name} divides weight_decay={group.decay} by each weight's gradient scale",
                SwapClass() if site.counterpart else None,
            )


RULE = Rule("WD101", "coupled-decay", check)

"""WD301 decay-out-of-range: lambda outside the usual band of the optimizer's family."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from wdlint.model import Band, Finding, Optimizer, Rule, SetDecay


def check(site: Optimizer) -> Iterator[Finding]:
    for group in site.groups:
        decay, band = group.decay, group.band
        if band is None:
            continue
        if decay.written and decay.surely(outside(band)):
            side = "below" if decay.numbers[0] < band.low else "above"
            yield Finding(
                group.place,
                f"weight_decay={decay} is {side} the {band.family} range {band.low:g} .. {band.high:g}",
                SetDecay(decay.span) if decay.literal and decay.span else None,
            )


def outside(band: Band) -> Callable[[float], bool]:
    return lambda wd: wd > 0 and wd not in band


RULE = Rule("WD301", "decay-out-of-range", check)

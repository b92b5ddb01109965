"""WD102 coupled-decay-unknown: coupled decay whose lambda this file does not know."""

from __future__ import annotations

from collections.abc import Iterator

from wdlint.model import Coupling, Finding, Optimizer, Rule, SwapClass, Value


def check(site: Optimizer) -> Iterator[Finding]:
    if not site.adaptive:
        return
    for group in site.groups:
        if group.coupling is Coupling.L2 and group.decay.written and may_decay(group.decay):
            yield Finding(
                group.place,
                f"{site.name} rescales its own decay whenever {group.decay.text or 'weight_decay'} is not 0",
                SwapClass(split=True) if site.counterpart else None,
            )


def may_decay(decay: Value) -> bool:
    """Whether a passed lambda may be positive, without surely being so."""
    if decay.string is not None:
        return False
    return not decay.known or (any(wd > 0 for wd in decay.numbers) and not decay.surely(lambda wd: wd > 0))


RULE = Rule("WD102", "coupled-decay-unknown", check)

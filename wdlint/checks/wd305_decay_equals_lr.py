"""WD305 decay-equals-lr: the learning rate is passed as the decay."""

from __future__ import annotations

from collections.abc import Iterator

from wdlint.model import Finding, Optimizer, Rule, Value


def check(site: Optimizer) -> Iterator[Finding]:
    for group in site.groups:
        decay, lr = group.decay, group.lr
        if decay.written and lr.written and names_something(decay) and words(decay) == words(lr):
            if not decay.surely(lambda wd: wd == 0):
                yield Finding(group.place, f"weight_decay={decay.text} is the learning rate")


def names_something(value: Value) -> bool:
    return not value.literal and any(c.isalpha() for c in value.text) and "**" not in value.text[:2]


def words(value: Value) -> str:
    return "".join(value.text.split())


RULE = Rule("WD305", "decay-equals-lr", check)

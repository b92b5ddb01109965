"""WD204 ignored-group-key: a parameter group says its decay under a name that the optimizer does not read."""

from __future__ import annotations

from collections.abc import Iterator

from wdlint.model import Finding, Group, Optimizer, RenameKey, Rule, Severity

IGNORED = frozenset(
    "weight_decay_rate weight-decay weightdecay weight_decays weightDecay weight_decay_ wd wdecay w_decay decay "
    "decay_rate l2 l2_reg l2_lambda l2_penalty l2_coef reg_lambda".split()
)


def check(site: Optimizer) -> Iterator[Finding]:
    if site.functional:
        return
    for group in site.groups:
        wrong = [key for key in group.keys if key.name in IGNORED]
        if wrong and not says_decay(group):
            for key in wrong[:1]:
                yield Finding(
                    key.span,
                    f"{site.name} ignores the group key {key.name!r}: {consequence(group)}",
                    RenameKey(key, "weight_decay"),
                )


def says_decay(group: Group) -> bool:
    return any(key.name == "weight_decay" for key in group.keys)


def consequence(group: Group) -> str:
    return f"the group decays by {group.decay}" if group.decay.known else "the constructor's weight_decay applies"


RULE = Rule("WD204", "ignored-group-key", check, Severity.ERROR)

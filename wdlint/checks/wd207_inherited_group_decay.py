"""WD207 inherited-group-decay: the no-decay group does not say so, and inherits the decay of the constructor."""

from __future__ import annotations

from collections.abc import Iterator

from wdlint.checks.wd201_decayed_bias_norm import inherits_by_mistake
from wdlint.model import Finding, Group, Optimizer, Origin, ReplaceText, Rule, Severity


def check(site: Optimizer) -> Iterator[Finding]:
    if site.functional:
        return
    for group in site.groups:
        if inherits_by_mistake(site, group) and group.decay.surely(lambda wd: wd > 0):
            giver = f"the default of {site.name}" if group.decay.origin is Origin.DEFAULT else "the constructor"
            yield Finding(
                group.span,
                f"this group of biases and norms sets no weight_decay: {giver} gives it {group.decay.number or 0:g}",
                zero(group),
            )


def zero(group: Group) -> ReplaceText | None:
    """The key written out, in the style of the group's own keys."""
    if group.insertion is None or not group.keys:
        return None
    quote = group.keys[0].quote
    entry = f"{quote}weight_decay{quote}: 0.0" if quote else "weight_decay=0.0"
    return ReplaceText(group.insertion, f", {entry}", "weight_decay=0.0 in the no-decay group")


RULE = Rule("WD207", "inherited-group-decay", check, Severity.ERROR)

"""WD203 implicit-decay: an optimizer whose own default decays the whole model, and nobody wrote it."""

from __future__ import annotations

from collections.abc import Iterator

from wdlint.model import Coupling, Coverage, Finding, Optimizer, Origin, Rule, SplitGroups


def check(site: Optimizer) -> Iterator[Finding]:
    if site.functional or site.coupling not in (Coupling.DECOUPLED, Coupling.LR_FREE):
        return
    if any(group.sets_decay for group in site.groups):
        return
    for group in site.groups:
        implicit = group.decay.origin is Origin.DEFAULT and group.decay.surely(lambda wd: wd > 0)
        if implicit and group.coverage in (Coverage.WHOLE, Coverage.PART):
            yield Finding(
                group.span,
                f"{site.name} decays everything by its default {group.decay}, biases and norm gains too",
                SplitGroups() if site.one_group and group.coverage is Coverage.WHOLE else None,
            )


RULE = Rule("WD203", "implicit-decay", check)

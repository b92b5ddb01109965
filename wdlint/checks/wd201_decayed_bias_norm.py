"""WD201 decayed-bias-norm: biases and norm gains decay with everything else."""

from __future__ import annotations

from collections.abc import Iterator

from wdlint.model import Coupling, Coverage, Finding, Group, Optimizer, Rule, SplitGroups


def check(site: Optimizer) -> Iterator[Finding]:
    if not sgd_like(site):
        yield from decayed_vectors(site)


def sgd_like(site: Optimizer) -> bool:
    return site.coupling is Coupling.L2 and not site.adaptive


def decayed_vectors(site: Optimizer) -> Iterator[Finding]:
    """A finding for each group whose biases and norm gains decay by a written lambda."""
    if site.functional or (site.coupling is Coupling.UNKNOWN and not site.adaptive):
        return
    for group in site.groups:
        if group.decay.written and group.decay.surely(lambda wd: wd > 0) and not inherits_by_mistake(site, group):
            if group.coverage is Coverage.VECTORS:
                yield Finding(group.place, f"a group of biases and norm parameters decays by {group.decay}")
            elif group.coverage in (Coverage.WHOLE, Coverage.PART):
                held = "everything" if site.one_group else "this group"
                fix = SplitGroups() if site.one_group and group.coverage is Coverage.WHOLE else None
                yield Finding(group.place, f"weight_decay={group.decay} decays {held}, biases and norm gains too", fix)


def inherits_by_mistake(site: Optimizer, group: Group) -> bool:
    """A no-decay group that forgot to say so, beside groups that set their decay: WD207 speaks of it."""
    return (
        group.coverage is Coverage.VECTORS
        and not group.sets_decay
        and any(other.sets_decay for other in site.groups if other is not group)
    )


RULE = Rule("WD201", "decayed-bias-norm", check)

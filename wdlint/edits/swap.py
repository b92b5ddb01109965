"""Whether the class at a call, or its flag, can become the decoupled one."""

from __future__ import annotations

from wdlint.edits.imports import why_no_name
from wdlint.edits.page import Page
from wdlint.model import Coupling, Facts, Optimizer

__all__ = ["decouples_in_place", "inherits", "target_name", "why_no_swap"]


def target_name(site: Optimizer) -> str:
    """What the site becomes: "AdamW", or "decoupled_weight_decay=True"."""
    if decouples_in_place(site) and site.flag is not None:
        return f"{site.flag.name}=True"
    return site.counterpart.rpartition(".")[2]


def decouples_in_place(site: Optimizer) -> bool:
    return site.counterpart == site.qualified


def inherits(site: Optimizer) -> bool:
    """Whether a group gets its decay from the constructor."""
    return not site.groups_complete or not all(group.sets_decay for group in site.groups)


def why_no_swap(page: Page, facts: Facts, site: Optimizer) -> str:
    """The reason why the class, or its flag, has to stay; "" when it can change."""
    call = site.call
    if call is None or call.hidden_class or call.class_name is None:
        return (call.hidden_class if call else "") or "the class is not named at the call"
    if reason := _why_no_flag(page, site):
        return reason
    if decouples_in_place(site):
        loads = [hazard for hazard in facts.hazards if hazard.kind == "flag"]
        return loads[0].text if loads else ""
    if not call.compatible:
        return f"{target_name(site)} takes other arguments"
    if not site.decay.written and not site.decay.known and inherits(site):
        return f"a group that sets no weight_decay may get the default of {target_name(site)}"
    tests = [hazard for hazard in facts.hazards if hazard.kind == "class"]
    return tests[0].text if tests else why_no_name(page, facts, site)


def _why_no_flag(page: Page, site: Optimizer) -> str:
    """The reason why the flag that couples the decay cannot be set or left out."""
    call, flag = site.call, site.flag
    if call is None or flag is None:
        return ""
    coupled = [group for group in site.groups if group.coupling is Coupling.L2]
    if any(key.name == flag.name for group in coupled for key in group.keys):
        return f"a group sets {flag.name} itself"
    hidden = any(a.star for a in call.arguments) and not any(a.keyword == flag.name for a in call.arguments)
    return f"{flag.name} may come through * or **" if hidden and flag.name in page.text else ""

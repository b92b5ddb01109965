"""What live objects show beside the rules: parameters that are missed, doubled, hidden, frozen, or lose their decay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from wdlint.model import Coupling, Group, Severity
from wdlint.reports import counted
from wdlint.runtime.optimizers import Holding, Site
from wdlint.runtime.parameters import Parameter, Role

__all__ = ["LATER", "Remark", "positive", "rate", "remarks"]

LATER = ("WD304",)  # codes of rules that are remarks until they are rules
BF16_ROUNDING = 2.0**-9  # p*(1 - x) rounds back to p in bfloat16 for every p when x is below (knowledge: T7)


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about parameters that is no rule's subject. `code` is set where a rule is planned."""

    kind: str  # "uncovered", "duplicate": one word, for tests and JSON
    severity: Severity
    message: str
    parameters: tuple[Parameter, ...] = ()
    code: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(parameter.name for parameter in self.parameters)


def remarks(
    sites: Sequence[Site], known: Mapping[int, Parameter], model: nn.Module, codes: frozenset[str]
) -> Iterator[Remark]:
    """Everything worth saying, warnings first."""
    found = [*coverage(sites, known), *hidden(known, model)]
    for one in sites:
        found += [*unknown(one), *empty(one), *decayed(one), *sparse(one)]
        found += rounded(one) if "WD304" in codes else ()
    yield from sorted(found, key=lambda remark: -remark.severity.rank)


def positive(group: Group) -> bool:
    return group.decay.surely(lambda wd: wd > 0)


def rate(one: Site, group: Group, held: Holding) -> float | None:
    """The share of itself that a weight without gradient loses in a step at the group's lr; None where it depends.

    Decoupled: lr*lambda, or lambda alone. torch's SGD: lr*lambda/(1 - momentum) once momentum is steady.
    """
    lr, decay = group.lr.number, group.decay.number
    if decay is None or lr is None:
        return None
    match group.coupling:
        case Coupling.DECOUPLED if one.facts.lr_scaled:
            return lr * decay
        case Coupling.LR_FREE:
            return decay
        case Coupling.L2 if one.facts.qualified == "torch.optim.SGD":
            return lr * decay * (1 + held.momentum)
    return None


# ----------------------------------------------------------------------------------------- coverage


def coverage(sites: Sequence[Site], known: Mapping[int, Parameter]) -> Iterator[Remark]:
    held = [(key, p) for one in sites for h in one.holdings for key, p in zip(h.ids, h.parameters, strict=True)]
    counts = Counter(key for key, _ in held)
    missed = [p for key, p in known.items() if p.trainable and key not in counts]
    foreign = [p for key, p in held if key not in known]
    if foreign and len(foreign) == len(held) and known:
        yield Remark(
            "foreign", Severity.WARNING,
            "no parameter of the optimizer belongs to this model: another model, master copies (apex, DeepSpeed), or "
            "an optimizer built before fully_shard or .to() replaced the parameters",
        )  # fmt: skip
        return
    if missed:
        yield Remark("uncovered", Severity.WARNING, "trainable, but in no group: never updated", tuple(missed))
    if foreign:
        yield Remark("foreign", Severity.NOTE, "in a group, but not of this model", tuple(dict.fromkeys(foreign)))
    if twice := tuple(dict.fromkeys(p for key, p in held if counts[key] > 1)):
        yield Remark(
            "duplicate", Severity.WARNING, "listed more than once: updated and decayed more than once a step", twice
        )
    if frozen := tuple(dict.fromkeys(p for key, p in held if key in known and not p.trainable)):
        yield Remark(
            "frozen", Severity.NOTE, "in a group, but frozen: neither updated nor decayed without a gradient", frozen
        )
    if tied := tuple(p for p in known.values() if p.tied):
        also = "; ".join(f"{p.name} is also {', '.join(p.tied)}" for p in tied[:3])
        yield Remark("tied", Severity.NOTE, f"tied, counted once: {also}{' ...' if len(tied) > 3 else ''}", tied)


def hidden(known: Mapping[int, Parameter], model: nn.Module) -> Iterator[Remark]:
    """What cannot be seen: shapes of Lazy modules, and everything inside a vector of FSDP1."""
    if lazy := tuple(p for p in known.values() if p.shape is None):
        yield Remark(
            "lazy", Severity.WARNING,
            "not materialised: ndim is 1 for every one, so a split by ndim sends weights to the undecayed group; run "
            "one forward pass first", lazy,
        )  # fmt: skip
    if flat := tuple(p for p in known.values() if p.role is Role.FLAT):
        inside = sum(len(p.hidden) for p in flat)
        yield Remark(
            "flat", Severity.WARNING,
            f"FSDP1 keeps {inside} parameters in {counted(len(flat), 'vector')}, one lambda each: a split by ndim or "
            "name sees none of them; use fully_shard (FSDP2), or use_orig_params=True and a split by name", flat,
        )  # fmt: skip
    elif any(type(module).__name__ == "FullyShardedDataParallel" for module in model.modules()):
        yield Remark(
            "flat", Severity.WARNING,
            "FSDP1 flattens shapes although it keeps names: a split by ndim sends every weight to the undecayed group",
        )  # fmt: skip


# ----------------------------------------------------------------------------------- each optimizer


def unknown(one: Site) -> Iterator[Remark]:
    if not one.catalogued:
        name = one.facts.qualified
        yield Remark(
            "unknown", Severity.NOTE,
            f"{name} is not in the catalogue, so coupling and range are not judged: `wdlint probe {name}` measures it",
        )  # fmt: skip
    elif one.facts.coupling is Coupling.UNKNOWN:
        yield Remark("unknown", Severity.NOTE, f"the flag of {one.facts.name} that decides its coupling was not found")


def empty(one: Site) -> Iterator[Remark]:
    numbers = [str(number) for number, _, held in one.rows if not held.parameters]
    if numbers:
        which = f"group {numbers[0]} holds" if len(numbers) == 1 else f"groups {', '.join(numbers)} hold"
        yield Remark(
            "empty", Severity.WARNING, f"{which} nothing: a test that is never true, or a generator read twice"
        )


def decayed(one: Site) -> Iterator[Remark]:
    """What decays where practice is divided."""
    for number, group, held in one.rows:
        if not positive(group):
            continue
        for kind, roles, why in (
            ("embedding", (Role.EMBEDDING,), "rows without a gradient shrink too; practice is divided"),
            ("raw", (Role.RAW,), "tokens and position tables, which many recipes leave undecayed"),
            ("magnitude", (Role.MAGNITUDE,), "of weight_norm: the only part of it whose decay changes the function"),
        ):
            if some := tuple(dict.fromkeys(p for p in held.parameters if p.role in roles and p.trainable)):
                label = f"{len(some)} {some[0].role.plural if len(some) > 1 else some[0].role.value}"
                yield Remark(kind, Severity.NOTE, f"group {number} decays {label} by {group.decay}: {why}", some)


def sparse(one: Site) -> Iterator[Remark]:
    for number, group, held in one.rows:
        if positive(group) and (some := tuple(dict.fromkeys(p for p in held.parameters if p.sparse and p.trainable))):
            yield Remark(
                "sparse", Severity.WARNING,
                f"group {number} decays parameters with sparse gradients: torch's optimizers raise at step()", some,
            )  # fmt: skip


def rounded(one: Site) -> Iterator[Remark]:
    """WD304: torch multiplies p by 1 - lr*lambda in p's own precision, except in its fused kernels."""
    if not one.facts.qualified.startswith("torch.optim."):
        return
    for number, group, held in one.rows:
        lost = group.coupling is Coupling.DECOUPLED and not held.fused and rate(one, group, held)
        low = tuple(unique(p for p in held.parameters if p.dtype == "bfloat16" and p.trainable))
        if lost and 0 < lost < BF16_ROUNDING and low:
            yield Remark(
                "bfloat16", Severity.WARNING,
                f"lr*weight_decay = {lost:.2g} is below 2**-9, so the decay of group {number} rounds away in bfloat16 "
                "at every step; fused=True, or float32 weights, keep it", low, "WD304",
            )  # fmt: skip


def unique(parameters: Iterable[Parameter]) -> list[Parameter]:
    return list(dict.fromkeys(parameters))

"""Many small trainings as one: members (doses x seeds) stacked along one dimension, stepped by real optimizers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

__all__ = ["Arm", "Ensemble", "Loss", "Params", "cosine", "initial", "matrices", "only"]

Params = dict[str, Tensor]  # by parameter name, as in named_parameters()
Loss = Callable[..., Tensor]  # (model as a function of its inputs, *batch) -> scalar, for ONE member


def matrices(name: str, ndim: int) -> bool:
    """Whether a parameter decays by the usual rule: two or more dimensions, counted without the stacked ones."""
    return ndim >= 2


def only(wanted: Callable[[str], bool]) -> Callable[[str, int], bool]:
    """Decay by name, whatever the number of dimensions."""
    return lambda name, ndim: wanted(name)


@dataclass(frozen=True, slots=True)
class Arm:
    """One dose: how to build the real torch optimizer, its lambda, and which parameters get it.

    `optimizer` takes a list of parameter groups (`functools.partial(torch.optim.AdamW, lr=1e-3)`). It must work
    elementwise: Adam, AdamW, NAdam, RAdam, RMSprop, SGD, ... are; Muon, Adafactor, LBFGS and LAMB mix the elements of a
    tensor and would mix members. `decays(name, ndim)` sees the member's ndim, not that of the stack.
    """

    name: str
    optimizer: Callable[[list[dict[str, object]]], torch.optim.Optimizer]
    decay: float = 0.0
    decays: Callable[[str, int], bool] = matrices


def cosine(step: int, steps: int) -> float:
    """The factor of lr at `step` of `steps`: from 1 down to nearly 0, half a cosine (arXiv 1608.03983)."""
    return 0.5 * (1.0 + float(torch.cos(torch.tensor(torch.pi * step / steps, dtype=torch.float64))))


def initial(build: Callable[[], nn.Module], seeds: Sequence[int], device: torch.device | str = "cpu") -> Params:
    """The start of one member per seed, [seeds, *shape] by name.

    Each is built on the CPU under its own seed, so that all devices start alike; the global generator stays as it was.
    """
    built = []
    with torch.random.fork_rng(devices=[]):
        for seed in seeds:
            torch.manual_seed(seed)
            built.append(dict(build().named_parameters()))
    return {name: torch.stack([b[name].detach() for b in built]).to(device) for name in built[0]}


class Ensemble:
    """Arms x seeds trained together; every arm starts from the same weights and sees the same batches.

    model   the architecture; its own values are not used. Buffers are shared by all members and must not be written
            (BatchNorm only with `track_running_stats=False`)
    starts  [seeds, *shape] by parameter name, as `initial` gives them
    loss    (function, *batch) -> scalar for one member, where function(*inputs) is the member's forward pass
    clip    the largest gradient norm, decided per member as `torch.nn.utils.clip_grad_norm_` does; None for no clipping

    Member losses are summed, never averaged: a mean would scale each gradient by 1/members, which changes what eps and
    a coupled lambda mean. Equal to separate runs up to the order of additions (tests/test_ensemble.py, float64).
    """

    def __init__(
        self, model: nn.Module, arms: Sequence[Arm], starts: Params, loss: Loss, clip: float | None = None
    ) -> None:
        self.model, self.arms, self.clip = model, tuple(arms), clip
        self.seeds = len(next(iter(starts.values())))
        self.leaves = [{name: start.clone().requires_grad_() for name, start in starts.items()} for _ in self.arms]
        self.optimizers = [arm.optimizer(groups(arm, leaf)) for arm, leaf in zip(self.arms, self.leaves, strict=True)]
        self.rates = [[float(g["lr"]) for g in optimizer.param_groups] for optimizer in self.optimizers]
        self.losses = self.each(loss)

    def each(self, function: Loss) -> Callable[..., Tensor]:
        """A function of one member, for all: (stacked parameters, *data with a member dimension) -> [members, ...]."""

        def one(params: Params, *data: Tensor) -> Tensor:
            return function(lambda *inputs: functional_call(self.model, params, inputs), *data)

        mapped: Callable[..., Tensor] = vmap(one)
        return mapped

    def step(self, batch: Sequence[Tensor], factor: float = 1.0) -> Tensor:
        """One step of every member; `batch` tensors are [seeds, ...], `factor` multiplies every lr.

        Returns the losses before the step, [arms, seeds].
        """
        losses = self.losses(self.stacked(), *(data.repeat(len(self.arms), *[1] * (data.ndim - 1)) for data in batch))
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        torch.autograd.backward(losses.sum())
        for leaf, optimizer, rates in zip(self.leaves, self.optimizers, self.rates, strict=True):
            if self.clip is not None:
                clip_members(leaf, self.clip)
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            optimizer.step()
        return self.unfolded(losses.detach())

    def stacked(self) -> Params:
        """[arms * seeds, *shape] by name, differentiable back to each arm."""
        return {name: torch.cat([leaf[name] for leaf in self.leaves]) for name in self.leaves[0]}

    def state(self) -> Params:
        """The weights now, detached copies, [arms, seeds, *shape] by name."""
        return {name: torch.stack([leaf[name].detach() for leaf in self.leaves]) for name in self.leaves[0]}

    @torch.no_grad()
    def measured(self, function: Loss, data: Sequence[Tensor]) -> Tensor:
        """`function` of every member on data of shape [seeds, ...]; returns [arms, seeds, ...]."""
        repeated = (d.repeat(len(self.arms), *[1] * (d.ndim - 1)) for d in data)
        return self.unfolded(self.each(function)(self.stacked(), *repeated))

    def unfolded(self, members: Tensor) -> Tensor:
        return members.reshape(len(self.arms), self.seeds, *members.shape[1:])


def groups(arm: Arm, leaves: Mapping[str, Tensor]) -> list[dict[str, object]]:
    """The parameter groups of an arm: what decays first, then what is spared; an empty one is left out."""
    kept: list[list[Tensor]] = [[], []]
    for name, leaf in leaves.items():
        kept[0 if arm.decays(name, leaf.ndim - 1) else 1].append(leaf)
    pairs = zip(kept, (arm.decay, 0.0), strict=True)
    return [{"params": params, "weight_decay": decay} for params, decay in pairs if params]


def clip_members(leaves: Mapping[str, Tensor], limit: float) -> None:
    """Scale the gradients of each member whose norm over all parameters is above `limit`, in place."""
    grads = [leaf.grad for leaf in leaves.values() if leaf.grad is not None]
    norms = torch.stack([g.flatten(1).square().sum(1) for g in grads]).sum(0).sqrt()
    factors = (limit / (norms + 1e-6)).clamp(max=1.0)  # the 1e-6 of clip_grad_norm_
    for g in grads:
        g.mul_(factors.view(-1, *[1] * (g.ndim - 1)))

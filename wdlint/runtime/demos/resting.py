"""Weights without any data gradient: what decay does alone, under a schedule, step by step."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["half_life", "path", "product"]

Build = Callable[[list[Tensor]], torch.optim.Optimizer]


def path(build: Build, start: Tensor, factors: list[float]) -> Tensor:
    """[steps + 1, *start.shape]: the weights before and after each step with a zero gradient.

    `factors[t]` multiplies the lr of step t. The gradient is zero, not None: torch skips what has none.
    """
    weight = start.clone().requires_grad_()
    optimizer = build([weight])
    rate = float(optimizer.param_groups[0]["lr"])
    seen = [start.clone()]
    for factor in factors:
        weight.grad = torch.zeros_like(weight)
        optimizer.param_groups[0]["lr"] = rate * factor
        optimizer.step()
        seen.append(weight.detach().clone())
    return torch.stack(seen)


def product(lr: float, lam: float, factors: list[float]) -> float:
    """What AdamW should leave of a weight: prod(1 - lr_t * lambda) (Loshchilov & Hutter 1711.05101, algorithm 2)."""
    return math.prod(1.0 - lr * factor * lam for factor in factors)


def half_life(build: Build, limit: int, device: torch.device | str = "cpu") -> float:
    """Steps until a weight of 1 is below one half; beyond `limit` extrapolated from its share left, inf if all is."""
    seen = path(build, torch.ones(1, dtype=torch.float64, device=device), [1.0] * limit)[:, 0]
    below = (seen < 0.5).nonzero()
    if len(below):
        return float(below[0])
    left = float(seen[-1])
    return limit * math.log(0.5) / math.log(left) if left < 1.0 else math.inf

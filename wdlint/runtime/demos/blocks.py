"""The programs on the rule pages, run as they stand: the model and the optimizer that a bad or good block builds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from wdlint.pages import page

__all__ = ["Built", "block", "built", "names", "rested", "spared", "trained"]

FENCED = re.compile(r"^```python (bad|good|fixed)\b[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Built:
    """What a block leaves behind: its `model` and its `optimizer`, in float64."""

    model: nn.Module
    optimizer: torch.optim.Optimizer


def block(code: str, kind: str, having: str = "") -> str:
    """The first block of a kind ("bad", "good", "fixed") on a page that contains `having`. Raises LookupError."""
    for found, text in FENCED.findall(page(code).text):
        if found == kind and having in text:
            return str(text)
    raise LookupError(f"page {code} has no {kind} block with {having!r}")


def built(text: str, seed: int = 0) -> Built:
    """Run a block of a page. The pages ship with wdlint and the tests run them, so this executes no foreign code."""
    space: dict[str, Any] = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        exec(compile(text, "<page>", "exec"), space)
    model: nn.Module = space["model"]
    model.double()  # in place, so the optimizer keeps its parameters
    return Built(model, space["optimizer"])


def names(b: Built) -> list[str]:
    return [name for name, _ in b.model.named_parameters()]


def rested(b: Built, steps: int, lam: float | None = None) -> dict[str, float]:
    """What is left of each parameter, set to 1, after `steps` steps with zero gradients: decay and nothing else.

    `lam` overwrites the weight_decay of every group. The smallest value of each tensor is given.
    """
    with torch.no_grad():
        for p in b.model.parameters():
            p.fill_(1.0)
    rewritten(b, lam)
    for _ in range(steps):
        for p in b.model.parameters():
            p.grad = torch.zeros_like(p)
        b.optimizer.step()
    return {name: float(p.detach().min()) for name, p in b.model.named_parameters()}


def trained(b: Built, steps: int, lam: float | None = None, seed: int = 0) -> tuple[dict[str, Tensor], list[str]]:
    """The parameters after `steps` steps of regression on random data, and the names of those that moved."""
    rewritten(b, lam)
    coin = torch.Generator().manual_seed(seed)
    width = next(m for m in b.model.modules() if isinstance(m, nn.Linear)).in_features
    before = {name: p.detach().clone() for name, p in b.model.named_parameters()}
    for _ in range(steps):
        x = torch.randn(16, width, generator=coin, dtype=torch.float64)
        b.optimizer.zero_grad()
        torch.autograd.backward((b.model(x) - x.sum(1, keepdim=True) - 1.0).square().mean())
        b.optimizer.step()
    after = {name: p.detach().clone() for name, p in b.model.named_parameters()}
    return after, [name for name in after if not torch.equal(after[name], before[name])]


def spared(left: dict[str, float]) -> list[str]:
    """The names of the parameters of which everything is left."""
    return [name for name, value in left.items() if value == 1.0]


def rewritten(b: Built, lam: float | None) -> None:
    if lam is not None:
        for group in b.optimizer.param_groups:
            group["weight_decay"] = lam

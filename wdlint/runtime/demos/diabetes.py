"""Linear regression on scikit-learn's diabetes data, whose target has mean 152: what a decayed bias costs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from wdlint.runtime.demos.claims import Setting
from wdlint.runtime.ensemble import Arm, Ensemble, initial

__all__ = ["errors"]

TRAIN = 300


@cache
def patients() -> tuple[Tensor, Tensor]:
    """442 rows of 10 standardised features, and the raw target; ships with scikit-learn."""
    from sklearn.datasets import load_diabetes  # type: ignore[import-untyped, import-not-found, unused-ignore]

    x, y = load_diabetes(return_X_y=True)
    x, y = torch.tensor(x, dtype=torch.float64), torch.tensor(y, dtype=torch.float64)
    return x / x.std(0), y


def net() -> nn.Module:
    return nn.Linear(10, 1, dtype=torch.float64)


def loss(model: Callable[[Tensor], Tensor], x: Tensor, y: Tensor) -> Tensor:
    return mse_loss(model(x).squeeze(-1), y)


def errors(setting: Setting, arms: list[Arm], steps: int, centred: bool) -> tuple[Tensor, Tensor]:
    """Full-batch training; the RMSE on held-out patients and the absolute fitted bias, each [arms, scored seeds].

    `centred` takes the mean of the training targets off all targets, so that the right bias is 0.
    """
    x, y = patients()
    seeds = setting.scored()
    order = torch.stack([torch.randperm(len(x), generator=setting.generator(201, seed)) for seed in seeds])
    train, test = order[:, :TRAIN], order[:, TRAIN:]
    level = y[train].mean(1, keepdim=True) if centred else torch.zeros(len(seeds), 1, dtype=torch.float64)
    seen, held = [tuple(tensor.to(setting.device) for tensor in (x[part], y[part] - level)) for part in (train, test)]
    ensemble = Ensemble(net(), arms, initial(net, seeds, setting.device), loss)
    for _ in range(steps):
        ensemble.step(seen)
    return ensemble.measured(loss, held).sqrt().cpu(), ensemble.state()["bias"].abs().squeeze(-1).cpu()

"""The overfitting task: scikit-learn's digits, 200 examples, 30 % of the labels redrawn, over a grid of lambda."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from wdlint.runtime.demos.claims import Curve, Setting
from wdlint.runtime.ensemble import Arm, Ensemble, Params, cosine, initial
from wdlint.runtime.statistics import paired

__all__ = ["MEASURES", "Sweep", "net", "scores", "sweep"]

TRAIN, TEST, REDRAWN, BATCH, RATE, STEPS = 200, 500, 0.3, 32, 3e-3, 800
MEASURES = ("train loss", "test loss", "accuracy")
DOSES = {
    "Adam": (0.0, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1),
    "AdamW": (0.0, 1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0),
}


def net(norm: bool = False) -> nn.Module:
    layers: list[nn.Module] = []
    for _ in range(2):
        layers += [nn.Linear(64, 64), *([nn.LayerNorm(64)] if norm else []), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(64, 10))


def loss(model: Callable[[Tensor], Tensor], x: Tensor, y: Tensor) -> Tensor:
    return cross_entropy(model(x), y)


def hits(model: Callable[[Tensor], Tensor], x: Tensor, y: Tensor) -> Tensor:
    return (model(x).argmax(-1) == y).to(x.dtype).mean()


@dataclass(frozen=True, slots=True)
class Data:
    """Splits by seed: [seeds, examples, 64] and [seeds, examples]; the order of batches is [steps, seeds, batch]."""

    x: Tensor
    y: Tensor
    test_x: Tensor
    test_y: Tensor
    order: Tensor


@cache
def shipped() -> tuple[Tensor, Tensor]:
    """1797 images [1797, 64] between 0 and 1, and their digits; ships with scikit-learn."""
    from sklearn.datasets import load_digits  # type: ignore[import-untyped, import-not-found, unused-ignore]

    x, y = load_digits(return_X_y=True)
    return torch.tensor(x / 16.0, dtype=torch.float32), torch.tensor(y, dtype=torch.int64)


def data(setting: Setting, seeds: Sequence[int], steps: int) -> Data:
    all_x, all_y = shipped()
    parts = []
    for seed in seeds:
        coin = setting.generator(7, seed)
        chosen = torch.randperm(len(all_x), generator=coin)
        train, test = chosen[:TRAIN], chosen[TRAIN : TRAIN + TEST]
        redrawn = torch.rand(TRAIN, generator=coin) < REDRAWN
        noisy = torch.where(redrawn, torch.randint(10, (TRAIN,), generator=coin), all_y[train])
        batches = torch.stack([torch.randperm(TRAIN, generator=coin)[:BATCH] for _ in range(steps)])
        parts.append((all_x[train], noisy, all_x[test], all_y[test], batches))
    images, labels, test_x, test_y, order = (torch.stack(p).to(setting.device) for p in zip(*parts, strict=True))
    return Data(images, labels, test_x, test_y, order.transpose(0, 1))


def scores(
    setting: Setting, arms: Sequence[Arm], seeds: Sequence[int], norm: bool = False, steps: int = STEPS
) -> tuple[dict[str, Tensor], Params]:
    """Train every arm on every seed; {measure: [arms, seeds]} and the final weights [arms, seeds, ...]."""
    given = data(setting, seeds, steps)
    build = partial(net, norm)
    ensemble = Ensemble(build(), arms, initial(build, seeds, setting.device), loss)
    members = torch.arange(len(seeds), device=setting.device)[:, None]
    for step in range(steps):
        batch = given.order[step]
        ensemble.step((given.x[members, batch], given.y[members, batch]), cosine(step, steps))
    test = (given.test_x, given.test_y)
    values = (ensemble.measured(loss, (given.x, given.y)), ensemble.measured(loss, test), ensemble.measured(hits, test))
    return dict(zip(MEASURES, (v.cpu() for v in values), strict=True)), ensemble.state()


@dataclass(frozen=True, slots=True)
class Sweep:
    """Scores over the grid: {(optimizer, lambda): {measure: [seeds]}}, chosen seeds first, and the final weights."""

    table: dict[tuple[str, float], dict[str, list[float]]]
    chosen: int
    state: Params

    def best(self, optimizer: str) -> float:
        """The lambda with the lowest mean test loss on the chosen seeds, 0 among them."""
        return min(DOSES[optimizer], key=lambda lam: sum(self.table[optimizer, lam]["test loss"][: self.chosen]))

    def scored(self, optimizer: str, lam: float, measure: str) -> list[float]:
        """One value per scored seed."""
        return self.table[optimizer, lam][measure][self.chosen :]

    def weights(self, optimizer: str, lam: float) -> Tensor:
        index = list(self.table).index((optimizer, lam))
        return torch.cat([tensor[index].flatten() for tensor in self.state.values()])

    def curve(self, measure: str, optimizers: Sequence[str] = ("Adam", "AdamW")) -> Curve:
        """`measure` over lambda with intervals; where an optimizer has no such dose, nan."""
        doses = sorted({lam for o in optimizers for lam in DOSES[o] if lam})
        lines = {o: tuple(zip(*(self.point(o, lam, measure) for lam in doses), strict=True)) for o in optimizers}
        return Curve("lambda", measure, tuple(doses), lines)

    def point(self, optimizer: str, lam: float, measure: str) -> tuple[float, float, float]:
        if (optimizer, lam) not in self.table:
            return (float("nan"),) * 3
        values = self.scored(optimizer, lam, measure)
        around = paired(values, [0.0] * len(values))
        return around.effect, around.low, around.high


@cache
def sweep(setting: Setting) -> Sweep:
    """Adam and AdamW over their grids, on the seeds where lambda is chosen and on those where it is scored."""
    classes = {"Adam": torch.optim.Adam, "AdamW": torch.optim.AdamW}
    doses = [(name, lam) for name in classes for lam in DOSES[name]]
    arms = [Arm(f"{name} {lam:g}", partial(classes[name], lr=RATE), lam) for name, lam in doses]
    measured, state = scores(setting, arms, setting.chosen() + setting.scored())
    table = {dose: {m: measured[m][a].tolist() for m in MEASURES} for a, dose in enumerate(doses)}
    return Sweep(table, len(setting.chosen()), state)

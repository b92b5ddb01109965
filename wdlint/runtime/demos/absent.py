"""A task with tokens that disappear from the data: what is left of their embedding rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from wdlint.runtime.demos.claims import Setting
from wdlint.runtime.ensemble import Arm, Ensemble, Params, initial

__all__ = ["DECAY", "Absent", "run"]

TOKENS, CLASSES, WIDTH, BATCH, RATE = 32, 4, 16, 32, 1e-2
DECAY = 1e-4
ARMS = (
    Arm("Adam", partial(torch.optim.Adam, lr=RATE), DECAY),
    Arm("AdamW", partial(torch.optim.AdamW, lr=RATE), DECAY),
    Arm("AdamW 0.01", partial(torch.optim.AdamW, lr=RATE), 0.01),
    Arm("Adam 0", partial(torch.optim.Adam, lr=RATE)),
    Arm("AdamW 0", partial(torch.optim.AdamW, lr=RATE)),
)


@dataclass(frozen=True, slots=True)
class Absent:
    """Scores by measure and arm, one per scored seed, and the final weights [arms, seeds, ...]."""

    scores: dict[str, dict[str, list[float]]]
    state: Params
    steps: int  # without the tokens

    def weights(self, arm: str) -> Tensor:
        index = [a.name for a in ARMS].index(arm)
        return torch.cat([tensor[index].flatten() for tensor in self.state.values()])


def net() -> nn.Module:
    return nn.Sequential(nn.Embedding(TOKENS, WIDTH), nn.Linear(WIDTH, CLASSES))


def loss(model: Callable[[Tensor], Tensor], tokens: Tensor) -> Tensor:
    return cross_entropy(model(tokens), tokens % CLASSES)


@cache
def run(setting: Setting) -> Absent:
    """A third of the steps with all tokens, then only with the first half of them."""
    third = 200 if setting.quick else 400
    seeds = setting.scored()
    coins = [setting.generator(102, seed) for seed in seeds]
    ensemble = Ensemble(net(), ARMS, initial(net, seeds, setting.device), loss)
    before = torch.empty(0)
    for step in range(3 * third):
        if step == third:
            before = rows(ensemble)
        kinds = TOKENS if step < third else TOKENS // 2
        tokens = torch.stack([torch.randint(kinds, (BATCH,), generator=coin) for coin in coins])
        ensemble.step((tokens.to(setting.device),))
    gone = torch.arange(TOKENS // 2, TOKENS, device=setting.device).repeat(len(seeds), 1)
    kept, lost = rows(ensemble) / before, ensemble.measured(loss, (gone,))
    scores = {
        name: {arm.name: values[a].tolist() for a, arm in enumerate(ARMS)}
        for name, values in (("norm kept by absent rows", kept), ("loss on absent tokens", lost))
    }
    return Absent(scores, ensemble.state(), 2 * third)


def rows(ensemble: Ensemble) -> Tensor:
    """The mean norm of the rows of the tokens that disappear, [arms, seeds]."""
    table = ensemble.state()["0.weight"][:, :, TOKENS // 2 :]
    return table.square().sum(-1).sqrt().mean(-1)

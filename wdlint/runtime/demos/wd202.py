"""WD202: under SGD a decayed bias settles where ridge regression says, close to where it should be."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch

from wdlint.runtime.demos import diabetes
from wdlint.runtime.demos.claims import Claim, Control, Setting, behaviour, law
from wdlint.runtime.demos.wd201 import LEVEL_MARGIN, everything
from wdlint.runtime.ensemble import Arm

CODE = "WD202"
MEAN = 152.0


def demonstrate(setting: Setting) -> Iterator[Claim]:
    lam = 1e-2
    decayed, spared, aimless = (fitted(setting, *given) for given in ((lam, MEAN), (0.0, MEAN), (lam, 0.0)))
    predicted = MEAN * 2 / (2 + lam)
    yield law(
        CODE,
        "a bias under SGD with decay settles at mean * 2 / (2 + lambda), the ridge solution",
        "fitted bias",
        (decayed, spared),
        f"decayed within 1e-9 (relative) of {predicted:.4f}, spared of {MEAN:g}",
        abs(decayed / predicted - 1) <= 1e-9 and abs(spared / MEAN - 1) <= 1e-9,
        Control("target with mean 0: fitted bias", "<= 1e-9", abs(aimless), abs(aimless) <= 1e-9),
    )
    sgd = partial(torch.optim.SGD, lr=0.1)
    arms = [
        Arm("all", sgd, 5e-4, everything),
        Arm("matrices", sgd, 5e-4),
        Arm("0", sgd, 0.0, everything),
        Arm("00", sgd),
    ]
    raw, _ = diabetes.errors(setting, arms, 500, centred=False)
    apart = float((raw[2] - raw[3]).abs().max())
    yield behaviour(
        CODE,
        "diabetes, raw target, SGD lambda 5e-4: a decayed bias costs nothing that matters",
        "test RMSE",
        raw[0].tolist(),
        raw[1].tolist(),
        Control("lambda = 0: all and matrices only", "exactly 0", apart, apart == 0.0),
        margin=LEVEL_MARGIN,
    ).noting("why this rule is a note: under AdamW the same task is off by tens (WD201)")


def fitted(setting: Setting, lam: float, mean: float) -> float:
    """The bias of a line through centred points, after 300 full-batch steps of SGD at lr 0.1."""
    x = torch.randn(64, 1, generator=setting.generator(202), dtype=torch.float64)
    x = (x - x.mean()).to(setting.device)
    weight = torch.zeros(1, dtype=torch.float64, device=setting.device, requires_grad=True)
    bias = torch.zeros(1, dtype=torch.float64, device=setting.device, requires_grad=True)
    groups: list[dict[str, Any]] = [{"params": [weight]}, {"params": [bias], "weight_decay": lam}]
    optimizer = torch.optim.SGD(groups, lr=0.1, weight_decay=1e-2)
    for _ in range(300):
        optimizer.zero_grad()
        torch.autograd.backward((x * weight + bias - 3.0 * x - mean).square().mean())
        optimizer.step()
    return float(bias.detach())

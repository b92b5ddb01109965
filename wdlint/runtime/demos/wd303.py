"""WD303: decay whose time scale is far beyond the run changes nothing, in float32 not even a bit."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from wdlint.runtime.demos import digits
from wdlint.runtime.demos.blocks import block, built
from wdlint.runtime.demos.claims import Claim, Setting, behaviour, law, near, unchanged
from wdlint.runtime.demos.resting import product
from wdlint.runtime.demos.wd101 import driven
from wdlint.runtime.demos.wd203 import LOSS_MARGIN

CODE = "WD303"
STEPS, WEIGHTS = 1000, 1000


def demonstrate(setting: Setting) -> Iterator[Claim]:
    yield rounded(setting)
    table = digits.sweep(setting)
    text = f"digits, lambda 1e-5 at lr {digits.RATE:g}: 33 million steps of time scale in a run of {digits.STEPS}"
    yield behaviour(
        CODE,
        text,
        "test loss",
        table.scored("AdamW", 1e-5, "test loss"),
        table.scored("AdamW", 0.0, "test loss"),
        unchanged("lambda = 0: Adam and AdamW", table.weights("Adam", 0.0), table.weights("AdamW", 0.0)),
        margin=LOSS_MARGIN,
    ).noting("that nothing happens is the claim")


def rounded(setting: Setting) -> Claim:
    """The pairs (lr, lambda) of the page's bad and good program, on float32 weights with random gradients."""
    pairs = [pair(kind, having) for kind, having in (("bad", "lr=1e-5"), ("good", "weight_decay=0.01"))]
    coin = setting.generator(303)
    noise = [torch.randn(WEIGHTS, generator=coin).to(setting.device) for _ in range(STEPS)]
    still = [
        float((driven(torch.optim.AdamW, lam, noise, lr) == driven(torch.optim.AdamW, 0.0, noise, lr)).float().mean())
        for lr, lam in pairs
    ]
    lr, lam = pairs[0]
    quiet = [torch.zeros(4, dtype=torch.float64, device=setting.device)] * STEPS
    left = driven(torch.optim.AdamW, lam, quiet, lr)
    law_left = torch.full_like(left, product(lr, lam, [1.0] * STEPS))
    return law(
        CODE,
        f"float32, {STEPS} steps: at lr*lambda = {lr * lam:.0e} the factor 1 - lr*lambda is rounded to 1",
        "share of weights equal, bit for bit, to no decay",
        (still[0], still[1]),
        "bad: all; good (1e-05): at most 1 %",
        still[0] == 1.0 and still[1] <= 0.01,
        near("in float64 the same pair does shrink by its law", left, law_left, 1e-14),
    )


def pair(kind: str, having: str) -> tuple[float, float]:
    group = built(block(CODE, kind, having)).optimizer.param_groups[0]
    return float(group["lr"]), float(group["weight_decay"])

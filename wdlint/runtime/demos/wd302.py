"""WD302: where 1 - lr*lambda is no longer a shrinking factor."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch

from wdlint.runtime.demos.blocks import block, built, rested
from wdlint.runtime.demos.claims import Claim, Control, Setting, law
from wdlint.runtime.demos.resting import path

CODE = "WD302"
STEPS = 8


def demonstrate(setting: Setting) -> Iterator[Claim]:
    """Powers of 1 - lr*lambda, on the page's pairs and around the limits 1 and 2."""
    start = torch.ones(1, dtype=torch.float64, device=setting.device)

    def after(lr: float, lam: float) -> list[float]:
        weights = path(partial(torch.optim.AdamW, lr=lr, weight_decay=lam), start, [1.0] * STEPS)
        return [float(w) for w in weights[1:, 0]]

    usual = after(0.1, 0.1)
    falling = all(0 < b < a for a, b in zip([1.0, *usual], usual, strict=False))
    control = Control("lr*lambda = .01 only shrinks: share left", "falls, stays above 0", usual[-1], falling)
    for lr, lam, what in (
        (5.0, 0.2, "at 1 the first step leaves nothing"),
        (7.5, 0.2, "above 1 every step flips the sign"),
        (12.5, 0.2, "above 2 the weights explode"),
    ):
        seen, predicted = after(lr, lam), [(1 - lr * lam) ** (t + 1) for t in range(STEPS)]
        yield law(
            CODE,
            f"lr*lambda = {lr * lam:g}: {what}",
            f"a weight of 1 after {STEPS} steps",
            (seen[-1], usual[-1]),
            "every step within 1e-12 (relative) of (1 - lr*lambda)^t",
            all(abs(s - p) <= 1e-12 * max(1.0, abs(p)) for s, p in zip(seen, predicted, strict=True)),
            control,
        )
    yield page(setting, control)


def page(setting: Setting, control: Control) -> Claim:
    """The page's two accepted programs: -0.01 in a group, and lr 10 with lambda 0.2, whose factor is -1."""
    steps = 1001
    negative, flipping, good = (
        rested(built(block(CODE, *given), setting.seed), steps)["weight"]
        for given in (("bad", "-0.01"), ("bad", "lr=10.0"), ("good", "0.01"))
    )
    return law(
        CODE,
        f"the page's programs, {steps} steps without gradient: a negative lambda makes weights grow",
        "share left",
        (negative, good),
        "within 1e-12 of (1 +- 1e-5)^steps; lr 10 with 0.2 ends at -1",
        abs(negative / (1 + 1e-5) ** steps - 1) <= 1e-12
        and abs(good / (1 - 1e-5) ** steps - 1) <= 1e-12
        and abs(flipping + 1) <= 1e-12,
        control,
    ).noting(f"lr 10 with lambda 0.2: {flipping:g} after {steps} steps")

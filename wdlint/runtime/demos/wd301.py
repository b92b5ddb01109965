"""WD301: the curve over lambda: too small equals none, in between it regularises, too large it underfits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from math import log

import torch

from wdlint.runtime.demos import digits
from wdlint.runtime.demos.claims import Claim, Setting, behaviour, law, unchanged
from wdlint.runtime.demos.resting import half_life, path
from wdlint.runtime.demos.wd203 import LOSS_MARGIN

CODE = "WD301"
LOW, HIGH = 1e-4, 0.3  # the band of AdamW on the page
TOO_LARGE = 100.0


def demonstrate(setting: Setting) -> Iterator[Claim]:
    yield lives(setting)
    table = digits.sweep(setting)
    best = table.best("AdamW")
    same = unchanged("lambda = 0: Adam and AdamW", table.weights("Adam", 0.0), table.weights("AdamW", 0.0))

    def compared(
        text: str, bad: float, good: float, measure: str, expected: int = 0, margin: float | None = None
    ) -> Claim:
        first, second = (table.scored("AdamW", lam, measure) for lam in (bad, good))
        return behaviour(CODE, f"digits, AdamW: {text}", measure, first, second, same, expected, margin)

    text = f"lambda {TOO_LARGE:g} underfits, against the chosen {best:g}"
    yield replace(compared(text, TOO_LARGE, best, "test loss", 1), curve=table.curve("test loss", ["AdamW"]))
    yield compared(
        f"lambda {LOW:g}, the low edge of the band, is as good as none", LOW, 0.0, "test loss", margin=LOSS_MARGIN
    )
    where = "inside" if LOW <= best <= HIGH else "outside"
    yield compared(f"overfitting: no decay against the chosen {best:g}", 0.0, best, "test loss", 1).noting(
        f"the chosen lambda {best:g} is {where} the band {LOW:g} .. {HIGH:g}"
        + ("" if where == "inside" else ": on 200 examples with 30 % wrong labels more decay is right")
    )
    yield compared(f"no decay fits the wrong labels, the chosen {best:g} less so", 0.0, best, "train loss", -1)
    yield compared(f"no decay against the chosen {best:g}", 0.0, best, "accuracy")


def lives(setting: Setting) -> Claim:
    """The half-life of a weight without gradient over the band and beyond."""
    lr, doses = 1e-3, (1e-5, LOW, 1e-2, HIGH, 3.0)
    measured = [half_life(partial(torch.optim.AdamW, lr=lr, weight_decay=d), 500, setting.device) for d in doses]
    worst = max(abs(life / (log(2) / (lr * lam)) - 1) for life, lam in zip(measured, doses, strict=True))
    start = torch.ones(4, dtype=torch.float64, device=setting.device)
    kept = path(partial(torch.optim.AdamW, lr=lr, weight_decay=0.0), start, [1.0] * 500)[-1]
    return law(
        CODE,
        f"the half-life under AdamW is ln 2 / (lr*lambda) from lambda {doses[0]:g} to {doses[-1]:g}, lr {lr:g}",
        "half-life in steps at both ends",
        (measured[0], measured[-1]),
        "every one within 1 % of the prediction",
        worst <= 0.01,
        unchanged("lambda = 0 leaves all of it", kept, start),
    ).noting(f"largest deviation {worst:.2g}")

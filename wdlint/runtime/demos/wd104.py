"""WD104: a penalty in the loss and weight_decay add up."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from wdlint.runtime.demos.claims import Claim, Setting, deviation, exactly, law
from wdlint.runtime.demos.wd103 import DECAY, TOLERANCE, fitted

CODE = "WD104"


def demonstrate(setting: Setting) -> Iterator[Claim]:
    yield summed(setting)
    yield resting(setting)


def summed(setting: Setting) -> Claim:
    """Adam with both is Adam with twice lambda."""
    adam = torch.optim.Adam
    both = fitted(setting, adam, DECAY, 0.5 * DECAY)
    twice, once = fitted(setting, adam, 2 * DECAY), fitted(setting, adam, DECAY)
    apart = deviation(both, twice)
    nothing = deviation(fitted(setting, adam, 0.0, 0.0), fitted(setting, torch.optim.AdamW, 0.0, 0.0))
    return law(
        CODE,
        "Adam with 0.5*lambda*sum(w**2) in the loss and weight_decay = lambda decays by 2*lambda",
        "norm of the weights",
        (float(both.norm()), float(once.norm())),
        f"largest difference to Adam(2*lambda) <= {TOLERANCE:g} (float64)",
        apart <= TOLERANCE and deviation(both, once) > TOLERANCE,
        exactly("neither: Adam and AdamW differ by", nothing, 0.0),
    ).noting(f"largest difference {apart:.2g}")


def resting(setting: Setting) -> Claim:
    """AdamW with a penalty, no data: the penalty alone brings back the steps of lr."""
    lam, rate = 0.1, 0.01
    double, single = halved(setting, rate, lam, lam), halved(setting, rate, lam, 0.0)
    untouched = halved(setting, rate, 0.0, 0.0)
    predicted = 0.6931471805599453 / (rate * lam)
    return law(
        CODE,
        "AdamW with the same lambda in the loss as well, no data: the half-life is no longer that of lambda",
        "half-life in steps",
        (double, single),
        f"single within 1 % of {predicted:.0f}, double at most {0.625 / rate:g}: 0.5/lr and a quarter",
        abs(single / predicted - 1) <= 0.01 and double <= 0.625 / rate,
        exactly("neither: steps before a weight falls below half (-1: never)", untouched, -1.0),
    )


def halved(setting: Setting, rate: float, decay: float, penalty: float) -> float:
    """Steps until a weight of 1 is below half, at most 1000, else -1."""
    weight = torch.ones(1, dtype=torch.float64, device=setting.device, requires_grad=True)
    optimizer = torch.optim.AdamW([weight], lr=rate, weight_decay=decay)
    for step in range(1, 1001):
        optimizer.zero_grad()
        torch.autograd.backward(0.5 * penalty * weight.square().sum())
        optimizer.step()
        if float(weight.detach()) < 0.5:
            return float(step)
    return -1.0

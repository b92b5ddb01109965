"""WD304: in bfloat16 the separate decay multiplication rounds away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from wdlint.runtime.demos.claims import Claim, Curve, Setting, law, unchanged
from wdlint.runtime.demos.resting import product

CODE = "WD304"
LIMIT = 2.0**-9  # half of the gap below 1 in bfloat16, which has 8 bits of significand
DOSES = (1e-5, 1e-4, 1e-3, 0.999 * LIMIT, 3e-3, 2 * LIMIT, 1e-2)


def demonstrate(setting: Setting) -> Iterator[Claim]:
    yield every_mantissa(setting)
    yield whole_run(setting)


def stepped(start: Tensor, dose: float, steps: int, foreach: bool = True) -> Tensor:
    """Weights after AdamW steps without gradient at lr 0.01 and lambda = dose / lr."""
    weight = start.clone().requires_grad_()
    optimizer = torch.optim.AdamW([weight], lr=0.01, weight_decay=dose / 0.01, foreach=foreach)
    for _ in range(steps):
        weight.grad = torch.zeros_like(weight)
        optimizer.step()
    return weight.detach()


def every_mantissa(setting: Setting) -> Claim:
    """One step on every bfloat16 between 1/8 and 2, of both signs."""
    positive = torch.tensor([(1 + m / 128) * 2.0**e for e in range(-3, 1) for m in range(128)])
    start = torch.cat([positive, -positive]).to(torch.bfloat16).to(setting.device)
    shares = {
        foreach: [float((stepped(start, d, 1, foreach) == start).float().mean()) for d in DOSES]
        for foreach in (True, False)
    }
    below, above = shares[True][DOSES.index(0.999 * LIMIT)], shares[True][DOSES.index(2 * LIMIT)]
    claim = law(
        CODE,
        "one decay step on every bfloat16 mantissa: below lr*lambda = 2^-9 none moves, from 2^-8 on all do",
        "share unchanged just below 2^-9, at 2^-8",
        (below, above),
        "all below 2^-9, none from 2^-8 on, both with foreach and in the for-loop",
        all(s == 1.0 for share in shares.values() for d, s in zip(DOSES, share, strict=True) if d < LIMIT)
        and all(s == 0.0 for share in shares.values() for d, s in zip(DOSES, share, strict=True) if d >= 2 * LIMIT),
        unchanged("lambda = 0 leaves all of it", stepped(start, 0.0, 1), start),
    )
    lines = {"foreach": (tuple(shares[True]),), "for-loop": (tuple(shares[False]),)}
    between = [shares[way][DOSES.index(3e-3)] for way in (True, False)]
    return replace(claim, curve=Curve("lr * lambda", "share of weights unchanged by a step", DOSES, lines)).noting(
        f"at 3e-3, between the two, {between[0]:.0%} are unchanged with foreach, {between[1]:.0%} in the for-loop"
    )


def whole_run(setting: Setting) -> Claim:
    """300 steps at lr*lambda = 1e-3, without gradient: bfloat16 against float32 weights."""
    dose, steps = 1e-3, 300
    start = torch.linspace(0.1, 2.0, 256).to(torch.bfloat16).to(setting.device)
    lost, kept = stepped(start, dose, steps), stepped(start.float(), dose, steps)
    predicted = product(0.01, dose / 0.01, [1.0] * steps)
    low, exact = float((lost / start).float().mean()), float((kept / start.float()).mean())
    return law(
        CODE,
        f"{steps} steps at lr*lambda = {dose:g}: bfloat16 weights keep everything, float32 weights decay",
        "share left",
        (low, exact),
        f"bfloat16 exactly 1, float32 within 1e-4 of {predicted:.4f}",
        torch.equal(lost, start) and abs(exact - predicted) <= 1e-4,
        unchanged("lambda = 0 leaves all of it", stepped(start, 0.0, steps), start),
    )

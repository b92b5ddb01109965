"""WD101: coupled decay is divided by each weight's gradient scale, decoupled decay is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from wdlint.runtime.demos import absent, digits
from wdlint.runtime.demos.claims import Claim, Curve, Setting, behaviour, law, near, unchanged
from wdlint.runtime.demos.resting import half_life, path, product
from wdlint.runtime.ensemble import cosine
from wdlint.runtime.statistics import paired, slope

CODE = "WD101"
SCALES = tuple(0.3 * 10 ** (k / 4) for k in range(11))  # gradient RMS from 0.3 to 95, all far above lambda * |w|
RATE, DECAY, STEPS, WEIGHTS = 1e-3, 0.01, 1000, 32


def demonstrate(setting: Setting) -> Iterator[Claim]:
    yield slopes(setting)
    yield rest_decoupled(setting)
    yield rest_coupled(setting)
    yield from forgotten(setting)
    yield from tuned(setting)


# --------------------------------------------------------------------------------------------- laws


def driven(optimizer: type[torch.optim.Optimizer], lam: float, noise: list[Tensor], lr: float = RATE) -> Tensor:
    """Weights that start at 1 after one step per gradient in `noise`."""
    weight = torch.ones_like(noise[0]).requires_grad_()
    steps = optimizer([weight], lr=lr, weight_decay=lam)  # type: ignore[call-arg]
    for gradient in noise:
        weight.grad = gradient.clone()
        steps.step()
    return weight.detach()


def slopes(setting: Setting) -> Claim:
    """The log-log slope of the decay rate against the gradient's RMS, one per seed."""
    seeds = setting.scored()
    scales = torch.tensor(SCALES, dtype=torch.float64)[None, :, None]
    coins = [setting.generator(101, seed) for seed in seeds]
    noise = [
        torch.stack([torch.randn(len(SCALES), WEIGHTS, generator=c, dtype=torch.float64) for c in coins]) * scales
        for _ in range(STEPS)
    ]
    noise = [n.to(setting.device) for n in noise]
    rates, free = {}, {}
    for optimizer in (torch.optim.Adam, torch.optim.AdamW):
        free[optimizer] = driven(optimizer, 0.0, noise)
        taken = (free[optimizer] - driven(optimizer, DECAY, noise)).mean(-1)
        rates[optimizer] = (taken / (RATE * DECAY * STEPS)).cpu()  # 1 is what lr * lambda promises
    logs = {o: [slope(scales.flatten().log().tolist(), r.log().tolist()) for r in rates[o]] for o in rates}
    coupled, decoupled = (sum(values) / len(values) for values in logs.values())
    claim = law(
        CODE,
        "decay rate over gradient RMS s: Adam divides it by s, AdamW does not",
        "log-log slope",
        (coupled, decoupled),
        "Adam within .02 of -1, AdamW within .02 of 0",
        abs(coupled + 1) <= 0.02 and abs(decoupled) <= 0.02,
        unchanged("lambda = 0: Adam and AdamW", free[torch.optim.Adam], free[torch.optim.AdamW]),
    )
    lines = {o.__name__: (tuple(r.mean(0).tolist()),) for o, r in rates.items()}
    lines["1 / s"] = (tuple(1 / s for s in SCALES),)
    curve = Curve("gradient RMS", "decay rate / (lr * lambda)", SCALES, lines)
    return replace(claim, effect=paired(logs[torch.optim.Adam], logs[torch.optim.AdamW]), curve=curve)


def rest_decoupled(setting: Setting) -> Claim:
    """AdamW without gradient, cosine schedule: exactly the product of its steps."""
    lr, lam, steps = 0.01, 0.1, 1000
    factors = [cosine(step, steps) for step in range(steps)]
    start = torch.ones(8, dtype=torch.float64, device=setting.device)
    left = float(path(partial(torch.optim.AdamW, lr=lr, weight_decay=lam), start, factors)[-1, 0])
    coupled = float(path(partial(torch.optim.Adam, lr=lr, weight_decay=lam), start, factors)[-1, 0])
    predicted = product(lr, lam, factors)
    return law(
        CODE,
        "no gradient, cosine schedule: AdamW leaves prod(1 - lr_t*lambda) of a weight, Adam drives it to 0",
        "share left",
        (coupled, left),
        f"AdamW within 1e-12 (relative) of {predicted:.6f}, Adam below .01",
        abs(left / predicted - 1) <= 1e-12 and abs(coupled) < 0.01,
        unchanged("lambda = 0 leaves all of it", path(partial(torch.optim.Adam, lr=lr), start, factors)[-1], start),
    )


def rest_coupled(setting: Setting) -> Claim:
    """Adam without gradient: about lr per step for every lambda, so lambda sets nothing."""
    lr, doses = 0.005, (1e-3, 1e-2, 1e-1, 1.0)
    lives = {
        optimizer: [half_life(partial(optimizer, lr=lr, weight_decay=lam), 300, setting.device) for lam in doses]
        for optimizer in (torch.optim.Adam, torch.optim.AdamW)
    }
    adam, adamw = lives[torch.optim.Adam], lives[torch.optim.AdamW]
    spread, wanted = max(adam) / min(adam), max(doses) / min(doses)
    start = torch.ones(4, dtype=torch.float64, device=setting.device)
    sgd = path(partial(torch.optim.SGD, lr=lr, weight_decay=0.1), start, [1.0] * 300)[-1]
    coupled_equals = near("SGD: coupled is decoupled", sgd, start * product(lr, 0.1, [1.0] * 300), 1e-12)
    return law(
        CODE,
        "no gradient, lambda from .001 to 1: the half-life under Adam is that of steps of lr, whatever lambda is",
        "longest / shortest half-life",
        (spread, max(adamw) / min(adamw)),
        f"Adam: ratio <= 1.05, 0.5/lr to 1.25 times that; AdamW: ratio within 1 % of {wanted:g}",
        spread <= 1.05
        and all(0.5 / lr <= life <= 0.625 / lr for life in adam)
        and abs(max(adamw) / min(adamw) / wanted - 1) <= 0.01,
        coupled_equals,
    ).noting(
        f"half-life under Adam {min(adam):.0f} to {max(adam):.0f} steps, under AdamW {adamw[-1]:.0f} to {adamw[0]:.0f}"
    )


# ---------------------------------------------------------------------------------------- behaviour


def forgotten(setting: Setting) -> Iterator[Claim]:
    """Embedding rows whose tokens disappear from the data, at one lambda for both."""
    run = absent.run(setting)
    same = unchanged("lambda = 0: Adam and AdamW", run.weights("Adam 0"), run.weights("AdamW 0"))
    for measure, sign in (("norm kept by absent rows", -1), ("loss on absent tokens", 1)):
        scores = run.scores[measure]
        text = f"tokens absent for two thirds of the run, lambda {absent.DECAY:g} for both"
        yield behaviour(CODE, text, measure, scores["Adam"], scores["AdamW"], same, sign)


def tuned(setting: Setting) -> Iterator[Claim]:
    """Digits, lambda chosen on other seeds: what carrying lambda over costs, and what is left when both are tuned."""
    table = digits.sweep(setting)
    adam, adamw = table.best("Adam"), table.best("AdamW")
    same = unchanged("lambda = 0: Adam and AdamW", table.weights("Adam", 0.0), table.weights("AdamW", 0.0))
    claim = behaviour(
        CODE,
        f"the best lambda for Adam ({adam:g}) carried over to AdamW, against its own best ({adamw:g})",
        "test loss",
        table.scored("AdamW", adam, "test loss"),
        table.scored("AdamW", adamw, "test loss"),
        same,
        expected=1,
    )
    yield replace(claim, curve=table.curve("test loss"))
    for measure in ("test loss", "accuracy"):
        best = {o: table.scored(o, lam, measure) for o, lam in (("Adam", adam), ("AdamW", adamw))}
        text = f"each at its own best lambda, Adam {adam:g}, AdamW {adamw:g}"
        yield behaviour(CODE, text, measure, best["Adam"], best["AdamW"], same).noting(
            "tuned against tuned the prototype saw about one accuracy point for AdamW and no firm effect on the loss"
        )

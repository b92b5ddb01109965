"""WD201: decay on biases and norm gains, from doses where it helps to doses where it harms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch

from wdlint.runtime.demos import diabetes, digits
from wdlint.runtime.demos.blocks import block, built, rested
from wdlint.runtime.demos.claims import Claim, Control, Curve, Setting, behaviour, law, unchanged
from wdlint.runtime.ensemble import Arm, matrices
from wdlint.runtime.statistics import equivalence, paired

CODE = "WD201"
LEVEL_MARGIN = 1.0  # RMSE; the target's standard deviation is 77
DOSES = (0.01, 0.1, 0.3, 1.0, 3.0, 10.0)
HARMFUL = 10.0  # the dose that is claimed to harm; the others are shown


def demonstrate(setting: Setting) -> Iterator[Claim]:
    yield page(setting)
    yield from level(setting)
    yield from gains(setting)


def everything(name: str, ndim: int) -> bool:
    return True


def page(setting: Setting) -> Claim:
    """The page's bad and good program without gradients."""
    steps = 2000
    bad, good = (built(block(CODE, kind, "BatchNorm1d"), setting.seed) for kind in ("bad", "good"))
    group = bad.optimizer.param_groups[0]
    predicted = (1 - group["lr"] * group["weight_decay"]) ** steps
    without = rested(built(block(CODE, "good", "weight_decay=0.0"), setting.seed), steps)
    left, kept = rested(bad, steps), rested(good, steps)
    vectors = [name for name, p in good.model.named_parameters() if p.ndim < 2]
    lowest = min(kept[name] for name in vectors)
    return law(
        CODE,
        f"the page's programs, {steps} steps without gradient: what is left of biases and gains",
        "share left",
        (max(left.values()), lowest),
        f"bad: every tensor within 1e-12 of {predicted:.6f}; good: exactly 1 for vectors, the same for matrices",
        all(abs(v / predicted - 1) <= 1e-12 for v in left.values())
        and all(kept[n] == 1.0 if n in vectors else abs(kept[n] / predicted - 1) <= 1e-12 for n in kept),
        Control(
            "weight_decay=0.0 on the whole model leaves",
            "exactly 1",
            min(without.values()),
            set(without.values()) == {1.0},
        ),
    )


def level(setting: Setting) -> Iterator[Claim]:
    """Diabetes with its raw target: the bias that the data ask for is 152, and 1/lambda is 100."""
    adamw, lam, steps = partial(torch.optim.AdamW, lr=0.4), 0.01, 1000
    arms = [Arm("all", adamw, lam, everything), Arm("matrices", adamw, lam, matrices)]
    raw, bias = diabetes.errors(setting, arms, steps, centred=False)
    centred, _ = diabetes.errors(setting, arms, steps, centred=True)
    apart = paired(centred[0].tolist(), centred[1].tolist())
    p = equivalence(centred[0].tolist(), centred[1].tolist(), LEVEL_MARGIN)
    same = abs(apart.effect) < LEVEL_MARGIN and (setting.quick or p < 0.05)
    control = Control("centred target, same dose: RMSE differs by", f"TOST within {LEVEL_MARGIN:g}", apart.effect, same)
    text = "diabetes, raw target with mean 152, AdamW lambda .01: the bias decays or not"
    yield behaviour(CODE, text, "test RMSE", raw[0].tolist(), raw[1].tolist(), control, expected=1).noting(
        "contrived: it needs a level above 1/lambda and a long run"
    )
    held = float(bias[0].max())
    yield law(
        CODE,
        "the fitted bias stays below 1/lambda, whatever the target asks for",
        "fitted bias",
        (float(bias[0].mean()), float(bias[1].mean())),
        "decayed: every seed <= 100; spared: every seed within 10 of 152",
        held <= 1 / lam and float((bias[1] - 152).abs().max()) <= 10,
        control,
    )


def gains(setting: Setting) -> Iterator[Claim]:
    """Digits with LayerNorm: lambda on everything against lambda on matrices only, dose by dose."""
    adamw = partial(torch.optim.AdamW, lr=digits.RATE)
    doses = (HARMFUL,) if setting.quick else DOSES
    pairs = [(lam, rule) for lam in (0.0, *doses) for rule in (everything, matrices)]
    arms = [Arm(f"{rule.__name__} {lam:g}", adamw, lam, rule) for lam, rule in pairs]
    measured, state = digits.scores(setting, arms, setting.scored(), norm=True)
    losses = measured["test loss"]
    zero = [torch.cat([tensor[arm].flatten() for tensor in state.values()]) for arm in (0, 1)]
    control = unchanged("lambda = 0: all and matrices only", *zero)
    claims = []
    for number, lam in enumerate(doses, 1):
        bad, good = losses[2 * number].tolist(), losses[2 * number + 1].tolist()
        text = f"LayerNorm net on digits, AdamW lambda {lam:g}: biases and gains decay or not"
        claims.append(behaviour(CODE, text, "test loss", bad, good, control, expected=1 if lam == HARMFUL else 0))
    effects = [claim.effect for claim in claims if claim.effect is not None]
    line = tuple(zip(*((e.effect, e.low, e.high) for e in effects), strict=True))
    curve = Curve("lambda", "difference in test loss", doses, {"all - matrices only": line})
    helps = ", ".join(f"{lam:g}" for lam, e in zip(doses, effects, strict=True) if e.high < 0)
    yield from claims[:-1]
    note = (
        f"on this overfitting task decaying biases and gains lowers the test loss at lambda {helps or 'none of these'}"
        " (intervals of the rows above, not adjusted for their number)"
    )
    yield replace(claims[-1], curve=curve, note=note if len(doses) > 1 else "")

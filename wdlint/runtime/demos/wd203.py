"""WD203: the 0.01 that nobody wrote."""

from __future__ import annotations

from collections.abc import Iterator

from wdlint.runtime.demos import absent, digits
from wdlint.runtime.demos.blocks import block, built, rested
from wdlint.runtime.demos.claims import Claim, Control, Setting, behaviour, law, unchanged

CODE = "WD203"
LOSS_MARGIN = 0.02  # nats, 2 % of the loss


def demonstrate(setting: Setting) -> Iterator[Claim]:
    yield page(setting)
    run = absent.run(setting)
    kept = run.scores["norm kept by absent rows"]
    yield behaviour(
        CODE,
        "tokens absent for two thirds of the run: AdamW's own 0.01 against 0",
        "norm kept by absent rows",
        kept["AdamW 0.01"],
        kept["AdamW 0"],
        unchanged("lambda = 0: AdamW and Adam", run.weights("AdamW 0"), run.weights("Adam 0")),
        expected=-1,
    ).noting(f"the law alone, (1 - lr*lambda)^{run.steps}, leaves {(1 - absent.RATE * 0.01) ** run.steps:.3f}")
    table = digits.sweep(setting)
    yield behaviour(
        CODE,
        "digits: the task itself does not notice 0.01",
        "test loss",
        table.scored("AdamW", 0.01, "test loss"),
        table.scored("AdamW", 0.0, "test loss"),
        unchanged("lambda = 0: AdamW and Adam", table.weights("AdamW", 0.0), table.weights("Adam", 0.0)),
        margin=LOSS_MARGIN,
    )


def page(setting: Setting) -> Claim:
    """The page's bad and fixed program without gradients."""
    steps = 3000
    bad, fixed = (built(block(CODE, kind, "LayerNorm"), setting.seed) for kind in ("bad", "fixed"))
    vectors = [name for name, p in fixed.model.named_parameters() if p.ndim < 2]
    predicted = (1 - bad.optimizer.param_groups[0]["lr"] * 0.01) ** steps
    left, kept = rested(bad, steps), rested(fixed, steps)
    silent = rested(built(block(CODE, "good", "weight_decay=0.0"), setting.seed), steps)
    return law(
        CODE,
        f"the page's programs, {steps} steps without gradient: AdamW without a lambda decays everything by 0.01",
        "share left of biases and gains",
        (max(left[n] for n in vectors), min(kept[n] for n in vectors)),
        f"bad: every tensor within 1e-12 of {predicted:.6f}; fixed: exactly 1 for vectors, the same for matrices",
        all(abs(v / predicted - 1) <= 1e-12 for v in left.values())
        and all(kept[n] == 1.0 if n in vectors else abs(kept[n] / predicted - 1) <= 1e-12 for n in kept),
        Control("weight_decay=0.0 written: left", "exactly 1", min(silent.values()), set(silent.values()) == {1.0}),
    )

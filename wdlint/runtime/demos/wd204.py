"""WD204: a key that torch does not read gives the group the default instead."""

from __future__ import annotations

from collections.abc import Iterator

from wdlint.runtime.demos.blocks import block, built, rested
from wdlint.runtime.demos.claims import Claim, Control, Setting, law

CODE = "WD204"
STEPS = 1000


def demonstrate(setting: Setting) -> Iterator[Claim]:
    yield shown(
        setting,
        "torch.optim.AdamW(",
        "AdamW groups that ask for 0.1 and 0 by `weight_decay_rate` both get its default 0.01",
        {"weight": 0.01, "bias": 0.01},
        {"weight": 0.1, "bias": 0.0},
        "bias",
    )
    yield shown(
        setting,
        "add_param_group",
        "a group of SGD that asks for 5e-4 by `wd` gets its default 0",
        {"weight": 0.0, "bias": 0.0},
        {"weight": 5e-4, "bias": 0.0},
        "weight",
    )


def shown(setting: Setting, having: str, text: str, bad: dict[str, float], good: dict[str, float], name: str) -> Claim:
    """The page's program and its repair without gradients; `bad` and `good` are the lambdas that act, by parameter."""
    written, repaired = (built(block(CODE, kind, having), setting.seed) for kind in ("bad", "fixed"))
    lr = written.optimizer.param_groups[0]["lr"]
    left, kept = rested(written, STEPS), rested(repaired, STEPS)
    off = rested(built(block(CODE, "bad", having), setting.seed), STEPS, lam=0.0)
    pairs = [
        (got[n], (1 - lr * lam) ** STEPS) for got, wanted in ((left, bad), (kept, good)) for n, lam in wanted.items()
    ]
    return law(
        CODE,
        f"{text}; {STEPS} steps without gradient",
        f"share left of the {name}",
        (left[name], kept[name]),
        f"every tensor within 1e-12 of (1 - lr*lambda)^{STEPS} with the lambda named here (good: the one written)",
        all(abs(value / predicted - 1) <= 1e-12 for value, predicted in pairs),
        Control("weight_decay 0 in every group leaves", "exactly 1", min(off.values()), set(off.values()) == {1.0}),
    )

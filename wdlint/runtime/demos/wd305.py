"""WD305: with lambda tied to lr, decay falls with the square of the learning rate."""

from __future__ import annotations

from collections.abc import Iterator
from math import log

from wdlint.runtime.demos.blocks import block, built, rested
from wdlint.runtime.demos.claims import Claim, Setting, exactly, law

CODE = "WD305"
STEPS = 1000
SEPARATE = "decay = 0.01"


def demonstrate(setting: Setting) -> Iterator[Claim]:
    """The page's programs at their lr 0.001 and at a tenth of it."""
    tied, separate = (
        decay(setting, kind, having, "1e-3") / decay(setting, kind, having, "1e-4")
        for kind, having in (("bad", "lr = 1e-3"), ("good", SEPARATE))
    )
    literal = rested(built(block(CODE, "good", "weight_decay=1e-3"), setting.seed), STEPS)["weight"]
    written = rested(built(block(CODE, "bad", "lr = 1e-3"), setting.seed), STEPS)["weight"]
    yield law(
        CODE,
        "a tenth of the learning rate: decay per step falls by 100 if lambda = lr, by 10 if lambda stands alone",
        "decay at lr .001 / decay at lr .0001",
        (tied, separate),
        "within .1 % of 100 and of 10",
        abs(tied / 100 - 1) <= 1e-3 and abs(separate / 10 - 1) <= 1e-3,
        exactly("two equal literals decay alike at one lr: difference", literal - written, 0.0),
    )


def decay(setting: Setting, kind: str, having: str, lr: str) -> float:
    """The share of a weight that a step takes, with the learning rate of the program replaced."""
    text = block(CODE, kind, having)
    if "lr = 1e-3\n" not in text:
        raise LookupError(f"page {CODE}: the {kind} program no longer says lr = 1e-3")
    left = rested(built(text.replace("lr = 1e-3\n", f"lr = {lr}\n"), setting.seed), STEPS)["weight"]
    return -log(left) / STEPS

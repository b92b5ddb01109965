"""WD205: exact membership spares nothing."""

from __future__ import annotations

from collections.abc import Iterator

from wdlint.runtime.demos.blocks import block, built, names, rested, spared
from wdlint.runtime.demos.claims import Claim, Control, Setting, law

CODE = "WD205"
STEPS = 1000


def demonstrate(setting: Setting) -> Iterator[Claim]:
    """The page's program and its repair without gradients: which tensors are left as they were."""
    bad, fixed, again = (built(block(CODE, kind, "no_decay = ["), setting.seed) for kind in ("bad", "fixed", "bad"))
    biases = [name for name in names(fixed) if "bias" in name]
    gains = [name for name, p in fixed.model.named_parameters() if p.ndim < 2 and name not in biases]
    left, kept = spared(rested(bad, STEPS)), spared(rested(fixed, STEPS))
    off = rested(again, STEPS, lam=0.0)
    yield law(
        CODE,
        f"`n in no_decay` spares no tensor, `any(nd in n ...)` the biases; {STEPS} steps without gradient",
        f"tensors spared, of {len(names(bad))}",
        (float(len(left)), float(len(kept))),
        "bad: none; fixed: those with `bias` in their name and no other",
        not left and kept == biases,
        Control("weight_decay 0 in every group leaves", "exactly 1", min(off.values()), set(off.values()) == {1.0}),
    ).noting(f"the norm gain {', '.join(gains)} decays in both: no name test finds it")

"""WD207: a group that says nothing inherits the default."""

from __future__ import annotations

from collections.abc import Iterator

from wdlint.runtime.demos.blocks import block, built, rested
from wdlint.runtime.demos.claims import Claim, Control, Setting, law

CODE = "WD207"
STEPS = 3000


def demonstrate(setting: Setting) -> Iterator[Claim]:
    """The page's two programs and their repairs without gradients; the group that was to be spared."""
    silent = built(block(CODE, "good", "SGD"), setting.seed)
    inherited = list(silent.optimizer.param_groups[1]["params"])
    rested(silent, STEPS)
    lowest = min(float(p.detach().min()) for p in inherited)
    control = Control("SGD's group that says nothing inherits 0: left", "exactly 1", lowest, lowest == 1.0)
    for having in ("no_decay = [", "groups.append"):
        bad, fixed = (built(block(CODE, kind, having), setting.seed) for kind in ("bad", "fixed"))
        vectors = [name for name, p in bad.model.named_parameters() if p.ndim < 2]
        group = bad.optimizer.param_groups[1]
        predicted = (1 - group["lr"] * 0.01) ** STEPS
        left, kept = rested(bad, STEPS), rested(fixed, STEPS)
        yield law(
            CODE,
            f"the vectors' group without weight_decay decays by AdamW's 0.01, at its own lr {group['lr']:g}; "
            f"{STEPS} steps without gradient",
            "share left of biases and gains",
            (max(left[n] for n in vectors), min(kept[n] for n in vectors)),
            f"bad: every vector within 1e-12 of {predicted:.6f}; fixed: exactly 1",
            all(abs(left[n] / predicted - 1) <= 1e-12 and kept[n] == 1.0 for n in vectors),
            control,
        )

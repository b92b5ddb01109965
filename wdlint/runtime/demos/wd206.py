"""WD206: parameters behind an exhausted generator are not trained at all."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from wdlint.runtime.demos.blocks import block, built, names, trained
from wdlint.runtime.demos.claims import Claim, Setting, law, unchanged

CODE = "WD206"
STEPS = 50


def demonstrate(setting: Setting) -> Iterator[Claim]:
    """The page's two programs and their repairs, trained on random data: which tensors moved."""
    for having, what in (("entries = ", "named_parameters()"), ("filter(", "a filter")):
        bad, fixed, good = (
            built(block(CODE, *given), setting.seed) for given in (("bad", having), ("fixed", having), ("good", "once"))
        )
        matrices = [name for name, p in bad.model.named_parameters() if p.ndim >= 2]
        _, moved = trained(bad, STEPS, seed=setting.seed)
        weights, all_moved = trained(fixed, STEPS, seed=setting.seed)
        other, _ = trained(good, STEPS, seed=setting.seed)
        flat = [torch.cat([w.flatten() for w in state.values()]) for state in (weights, other)]
        yield law(
            CODE,
            f"{what} read twice: biases and gains are in no group and never move; {STEPS} steps on random data",
            f"tensors that moved, of {len(names(bad))}",
            (float(len(moved)), float(len(all_moved))),
            "bad: the matrices and no other; fixed: all",
            moved == matrices and all_moved == names(fixed),
            unchanged("the repair and the page's good program", *flat),
        )

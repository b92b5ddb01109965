"""WD102: at lambda = 0 the decoupled class makes the same steps, above 0 it does not."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from wdlint.runtime.demos.blocks import block, built, trained
from wdlint.runtime.demos.claims import Claim, Setting, deviation, law, unchanged

CODE = "WD102"
STEPS = 200


def demonstrate(setting: Setting) -> Iterator[Claim]:
    """The function on the page as it stands and as `--fix` leaves it, called with several lambdas."""
    bad, fixed = after("bad", 0.1, setting), after("fixed", 0.1, setting)
    zero = after("bad", 0.0, setting), after("fixed", 0.0, setting)
    apart = deviation(bad, fixed)
    yield law(
        CODE,
        "the page's function with lambda 0.1 instead of 0: Adam and the repaired AdamW train different weights",
        "norm of the weights",
        (float(bad.norm()), float(fixed.norm())),
        "apart by more than 1e-3, and bit for bit alike at lambda = 0",
        apart > 1e-3 and torch.equal(*zero),
        unchanged("lambda = 0: Adam and the repair", *zero),
    ).noting(f"the largest difference is {apart:.3g}; the law behind it is that of WD101")


def after(kind: str, lam: float, setting: Setting) -> torch.Tensor:
    """All weights after training with the page's function; only its last line, the call, is written here."""
    head = block(CODE, kind, "def optimizer_of").rpartition("\noptimizer_of(")[0]
    call = f"model = torch.nn.Linear(4, 2)\noptimizer = optimizer_of(model, decay={lam})\n"
    weights, _ = trained(built(f"{head}\n{call}", setting.seed), STEPS, seed=setting.seed)
    return torch.cat([w.flatten() for w in weights.values()])

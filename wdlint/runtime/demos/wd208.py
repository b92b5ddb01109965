"""WD208: two groups with one lambda train what one group trains."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from wdlint.runtime.demos.blocks import Built, block, built, trained
from wdlint.runtime.demos.claims import Claim, Setting, deviation, law, unchanged

CODE = "WD208"
STEPS = 200


def demonstrate(setting: Setting) -> Iterator[Claim]:
    """The page's program, the same model in one group, and the page's good program, on the same random data."""
    text = {kind: block(CODE, kind, '"weight_decay": 0.02}, ') for kind in ("bad", "good")}

    def weights(b: Built, lam: float | None = None) -> torch.Tensor:
        state, _ = trained(b, STEPS, lam, setting.seed)
        return torch.cat([w.flatten() for w in state.values()])

    merged = built(text["bad"], setting.seed)
    single = Built(merged.model, torch.optim.AdamW(merged.model.parameters(), lr=1e-3, weight_decay=0.02))
    one, split, spared = weights(single), *(weights(built(text[kind], setting.seed)) for kind in ("bad", "good"))
    yield law(
        CODE,
        f"groups split by ndim with one lambda: the same weights as one group; {STEPS} steps on random data",
        "largest difference to one group",
        (deviation(split, one), deviation(spared, one)),
        "bad: bit for bit the same; good: not the same",
        torch.equal(split, one) and not torch.equal(spared, one),
        unchanged("lambda = 0: bad and good", *(weights(built(text[k], setting.seed), 0.0) for k in ("bad", "good"))),
    )

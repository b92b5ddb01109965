"""WD103: squared weights in the loss are coupled decay, at lambda or at twice lambda."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from wdlint.runtime.demos.claims import Claim, Setting, deviation, law, near

__all__ = ["CODE", "demonstrate", "fitted"]

CODE = "WD103"
STEPS, DECAY, TOLERANCE = 300, 0.05, 1e-12


def demonstrate(setting: Setting) -> Iterator[Claim]:
    adam, adamw, sgd = torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD
    control = near(
        "SGD: half penalty is weight_decay",
        fitted(setting, sgd, penalty=0.5 * DECAY),
        fitted(setting, sgd, decay=DECAY),
        TOLERANCE,
    )
    pairs = (
        ("0.5*lambda*sum(w**2) in the loss is Adam's weight_decay = lambda", 0.5 * DECAY, DECAY),
        ("without the 0.5 it is weight_decay = 2*lambda", DECAY, 2 * DECAY),
    )
    for text, penalty, decay in pairs:
        written, equal = fitted(setting, adam, penalty=penalty), fitted(setting, adam, decay=decay)
        apart = deviation(written, equal)
        norms = float(written.norm()), float(equal.norm())
        criterion = f"largest difference <= {TOLERANCE:g} (float64)"
        yield law(CODE, text, "norm of the weights", norms, criterion, apart <= TOLERANCE, control).noting(
            f"largest difference {apart:.2g}"
        )
    penalised, coupled = fitted(setting, adamw, penalty=0.5 * DECAY), fitted(setting, adam, decay=DECAY)
    decoupled = fitted(setting, adamw, decay=DECAY)
    yield law(
        CODE,
        "under AdamW the penalty stays coupled: AdamW with it is Adam-L2, not AdamW's own decay",
        "norm of the weights",
        (float(penalised.norm()), float(decoupled.norm())),
        f"within {TOLERANCE:g} of Adam-L2, more than 1e-3 from AdamW(lambda)",
        deviation(penalised, coupled) <= TOLERANCE and deviation(penalised, decoupled) > 1e-3,
        control,
    )


def fitted(
    setting: Setting, optimizer: type[torch.optim.Optimizer], decay: float = 0.0, penalty: float = 0.0
) -> Tensor:
    """The weights [8] of a regression after full-batch steps, with `penalty * sum(w**2)` in the loss."""
    coin = setting.generator(103)
    x = torch.randn(64, 8, generator=coin, dtype=torch.float64).to(setting.device)
    y = (x.sum(1, keepdim=True) + torch.randn(64, 1, generator=coin, dtype=torch.float64).to(setting.device)) * 3.0
    model = nn.Linear(8, 1, bias=False, dtype=torch.float64, device=setting.device)
    with torch.no_grad():
        model.weight.zero_()
    steps = optimizer(model.parameters(), lr=0.02, weight_decay=decay)  # type: ignore[call-arg]
    for _ in range(STEPS):
        steps.zero_grad()
        fit = (model(x) - y).square().mean()
        torch.autograd.backward(fit + penalty * model.weight.square().sum())
        steps.step()
    return model.weight.detach().flatten()

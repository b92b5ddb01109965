"""The audit at the start of training, as callbacks of Lightning and of the Hugging Face Trainer.

    from wdlint.runtime.callbacks import LightningAudit, TrainerAudit

    lightning.Trainer(callbacks=[LightningAudit()])
    transformers.Trainer(..., callbacks=[TrainerAudit(raise_on="warning")])

Both take the options of `wdlint.audit` except `steps`, which the trainer knows, and `show`, which gets the audit and
prints it by default, on the first process only. Neither library is imported before its callback is asked for;
ModuleNotFoundError when it is not installed.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable
from typing import Any

from wdlint.runtime.audit import Audit, audit

__all__ = ["LightningAudit", "TrainerAudit"]  # __getattr__ makes them

LightningAudit: Any
TrainerAudit: Any

Show = Callable[[Audit], object]


def __getattr__(name: str) -> Any:
    makers = {"LightningAudit": lightning, "TrainerAudit": trainer}
    if name not in makers:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return makers[name]()


def starting(model: Any, optimizer: Any, steps: int | None, first: bool, show: Show, options: dict[str, Any]) -> None:
    """Audit on every process, so that an AuditError ends them all, and show on the first."""
    found = audit(model, optimizer, steps=steps, **options)
    if first:
        show(found)


@functools.cache
def lightning() -> Any:
    """A Callback of the Lightning that is in use: `lightning`, else `pytorch_lightning`, whose classes differ."""
    old = "pytorch_lightning" in sys.modules and "lightning.pytorch" not in sys.modules
    base: Any = importlib.import_module("pytorch_lightning" if old else "lightning.pytorch").Callback

    class LightningAudit(base):  # type: ignore[misc]
        """Audits model and optimizers once at train start, when Lightning has built both."""

        def __init__(self, *, show: Show = print, **options: Any) -> None:
            super().__init__()
            self.show, self.options = show, options

        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            steps = trainer.estimated_stepping_batches
            known = int(steps) if 0 <= steps < float("inf") else None
            starting(pl_module, trainer.optimizers, known, trainer.is_global_zero, self.show, self.options)

    return placed(LightningAudit)


@functools.cache
def trainer() -> Any:
    """A TrainerCallback of transformers."""
    base: Any = importlib.import_module("transformers").TrainerCallback

    class TrainerAudit(base):  # type: ignore[misc]
        """Audits model and optimizer once when `train()` begins."""

        def __init__(self, *, show: Show = print, **options: Any) -> None:
            super().__init__()
            self.show, self.options = show, options

        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            model, optimizer = kwargs["model"], kwargs["optimizer"]
            starting(model, optimizer, state.max_steps or None, state.is_world_process_zero, self.show, self.options)

    return placed(TrainerAudit)


def placed(cls: type) -> type:
    """The class as pickle finds it, for processes that are spawned."""
    cls.__qualname__ = cls.__name__
    return cls

"""wdlint finds weight decay that does not do what its author meant, and repairs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wdlint.runtime.audit import Audit, AuditError, audit

__version__ = "0.1.0"
__all__ = ["Audit", "AuditError", "__version__", "audit"]


def __getattr__(name: str) -> Any:
    """`wdlint.audit` and its words, which need torch, when they are first asked for."""
    if name not in ("Audit", "AuditError", "audit"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from wdlint.runtime import audit as module
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "torch":
            raise
        raise ModuleNotFoundError(f"wdlint.{name} needs torch: pip install torch", name="torch") from None
    return globals().setdefault(name, getattr(module, name))

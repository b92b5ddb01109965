"""The pytest fixture `wdlint_audit`: `pytest_plugins = ["wdlint.runtime.plugin"]` in conftest.py switches it on."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from wdlint.runtime.audit import Audit

__all__ = ["wdlint_audit"]


@pytest.fixture
def wdlint_audit() -> Callable[..., Audit]:
    """`wdlint.audit` that fails the test at a warning: `wdlint_audit(model, optimizer)`.

    It takes the options of `wdlint.audit`; `raise_on="error"` or None is more lenient. Skips the test without torch.
    """
    pytest.importorskip("torch")
    from wdlint.runtime.audit import audit

    return functools.partial(audit, raise_on="warning")

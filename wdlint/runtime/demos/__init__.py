"""The demonstrations: one module per rule, each a function from a setting to claims."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from wdlint.runtime.demos import (
    wd101,
    wd102,
    wd103,
    wd104,
    wd201,
    wd202,
    wd203,
    wd204,
    wd205,
    wd206,
    wd207,
    wd208,
    wd301,
    wd302,
    wd303,
    wd304,
    wd305,
)
from wdlint.runtime.demos.claims import Claim, Setting

__all__ = ["DEMONSTRATIONS"]

MODULES = (
    wd101, wd102, wd103, wd104,
    wd201, wd202, wd203, wd204, wd205, wd206, wd207, wd208,
    wd301, wd302, wd303, wd304, wd305,
)  # fmt: skip

DEMONSTRATIONS: Mapping[str, Callable[[Setting], Iterator[Claim]]] = MappingProxyType(
    {module.CODE: module.demonstrate for module in MODULES}
)

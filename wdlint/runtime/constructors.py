"""An optimizer class by its import path, and how it is built: names, positions and defaults of its arguments."""

from __future__ import annotations

import difflib
import importlib
import inspect
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Constructor", "ProbeError", "constructor"]

DECAYS = ("weight_decay", "weight_decay_rate", "wd")
RATES = ("lr", "learning_rate")


class ProbeError(ValueError):
    """What cannot be probed, and why, in one line."""


@dataclass(frozen=True, slots=True)
class Constructor:
    """A class and the arguments that matter. Positions count the first argument as 0; None: keyword only or absent."""

    cls: type
    name: str  # as asked for
    parameters: Mapping[str, inspect.Parameter]
    options: Mapping[str, Any] = field(default_factory=dict)  # further arguments, given by the user

    @property
    def params(self) -> str:
        return next(iter(self.parameters))

    @property
    def decay(self) -> str:
        """The argument that gives lambda, "" if there is none."""
        return next((name for name in DECAYS if name in self.parameters), "")

    @property
    def lr(self) -> str:
        return next((name for name in RATES if name in self.parameters), "")

    def position(self, name: str) -> int | None:
        """Where an argument stands, counted from 0; None when it is keyword only or absent."""
        parameter = self.parameters.get(name)
        if parameter is None or parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            return None
        return list(self.parameters).index(name)

    def default(self, name: str) -> float | None:
        """The default as a number, None when there is none; a default of None is 0."""
        value = self.parameters[name].default if name in self.parameters else inspect.Parameter.empty
        if value is None:
            return 0.0
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def switches(self) -> tuple[str, ...]:
        """Arguments that may switch the coupling: true or false, with "decouple" in the name."""
        return tuple(
            name
            for name, parameter in self.parameters.items()
            if "decouple" in name and isinstance(parameter.default, bool)
        )

    def build(self, tensors: list[Any], **given: Any) -> Any:
        """The optimizer over these tensors. Raises ProbeError with the constructor's own words."""
        try:
            return self.cls(tensors, **{**given, **self.options})
        except Exception as error:  # noqa: BLE001 - whatever the constructor of a stranger raises
            raise ProbeError(f"{self.name} cannot be built: {words(error)}") from None


def words(error: Exception) -> str:
    """An exception in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")[:200]


def constructor(name: str, options: Mapping[str, Any] | None = None) -> Constructor:
    """The class behind an import path, and its arguments. Raises ProbeError for what is no optimizer class.

    options: further constructor arguments; they must exist, and all that have no default must be among them.
    """
    options = options or {}
    cls = found(name)
    for method in ("step", "zero_grad"):  # schedulers have the first one too
        if not inspect.isclass(cls) or not callable(getattr(cls, method, None)):
            raise ProbeError(f"{name} is no optimizer class: it has no {method}()")
    try:
        parameters = dict(inspect.signature(cls).parameters)
    except (TypeError, ValueError):
        raise ProbeError(f"the arguments of {name} cannot be read") from None
    named = {key: p for key, p in parameters.items() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
    if not named:
        raise ProbeError(f"{name} takes no parameters to optimize")
    if unknown := [key for key in options if key not in named]:
        raise ProbeError(f"{name} has no argument {unknown[0]!r}{nearest(unknown[0], named)}")
    if len(named) < len(parameters) and not any(key in named for key in DECAYS):
        raise ProbeError(f"{name} takes weight_decay, if at all, through *args or **kwargs, which say nothing")
    needed = [key for key in list(named)[1:] if named[key].default is inspect.Parameter.empty]
    if missing := [key for key in needed if key not in (*DECAYS, *RATES, *options)]:
        raise ProbeError(f"{name} needs more arguments: {', '.join(missing)}; give them as --option {missing[0]}=VALUE")
    return Constructor(cls, name, named, dict(options))


def found(name: str) -> Any:
    """What an import path leads to; modules of the working folder count. Raises ProbeError."""
    path = name.split(".")
    if len(path) < 2 or not all(part.isidentifier() for part in path):
        raise ProbeError(f"{name!r} is no import path like torch.optim.Adam")
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.insert(0, os.getcwd())
    value: Any = module(path[0], name)
    for number, part in enumerate(path[1:], 1):
        if not hasattr(value, part) and inspect.ismodule(value):
            try:
                importlib.import_module(".".join(path[: number + 1]))
            except ModuleNotFoundError:
                pass
            except Exception as error:  # noqa: BLE001
                raise ProbeError(f"{name} cannot be imported: {words(error)}") from None
        if not hasattr(value, part):
            raise ProbeError(f"{'.'.join(path[:number])} has no {part!r}{nearest(part, dir(value))}")
        value = getattr(value, part)
    return value


def module(root: str, name: str) -> Any:
    try:
        return importlib.import_module(root)
    except ModuleNotFoundError as error:
        missing = error.name or root
        if missing == root:
            raise ProbeError(f"there is no module {root!r} here") from None
        raise ProbeError(f"{name} cannot be imported: there is no module {missing!r} here") from None
    except Exception as error:  # noqa: BLE001
        raise ProbeError(f"{name} cannot be imported: {words(error)}") from None


def nearest(word: str, known: Any) -> str:
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f", did you mean {near[0]!r}?" if near else ""

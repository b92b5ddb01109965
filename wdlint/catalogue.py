"""What each optimizer does with weight decay: the shipped rows of catalogue.toml and the rows a user adds."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from wdlint.model import Band, Coupling, Flag

__all__ = ["BANDS", "PRESETS", "Catalogue", "CatalogueError", "Spec"]

# The usual lambda per family, edges inside. Sources: the page of WD301.
BANDS: Mapping[str, tuple[float, float]] = {
    "decoupled": (1e-4, 0.3),
    "lion": (3e-4, 3.0),
    "coupled": (1e-6, 1e-2),
    "sgd": (1e-6, 1e-2),
    "lr-free": (1e-7, 1e-3),
}
PRESETS: Mapping[str, Mapping[str, tuple[float, float]]] = {"rule-of-thumb": dict.fromkeys(BANDS, (1e-4, 1e-2))}

# No modules, but how everyone names them: `tf.keras.optimizers.Adam` in a config, or where the import is out of sight.
NICKNAMES = {"tf": "tensorflow", "tfa": "tensorflow_addons"}


class CatalogueError(ValueError):
    """A row or range that cannot be used; the text names the row, the key and the nearest valid word."""


@dataclass(frozen=True, slots=True)
class Spec:
    """One optimizer class. Positions count the first argument (params or learning_rate) as 0; None: keyword only."""

    name: str  # the import path people use: "torch.optim.Adam"
    label: str  # "Adam"
    coupling: Coupling  # of a class with a flag: at the flag's default
    adaptive: bool = True  # a term added to the gradient is rescaled by the step
    default_decay: float | None = None  # None: not known, or required
    decay_name: str = "weight_decay"
    decay_position: int | None = None
    lr_name: str = "lr"
    lr_position: int | None = 1
    default_lr: float | None = None  # None: not known, or required
    params_name: str = "params"
    functional: bool = False  # no torch parameter groups
    flag: Flag | None = None
    counterpart: str = ""  # qualified name of the decoupled class; the class itself when its flag does it
    compatible: bool = False  # the call's arguments may stay as they are in the counterpart
    family: str = "decoupled"  # band of lambda when it decays decoupled
    lr_scaled: bool = True  # lr*lambda is what a step takes away
    source: str = ""  # the evidence


@dataclass(frozen=True)
class Catalogue:
    """Every optimizer known in this run, by import path."""

    paths: Mapping[str, Spec]
    ranges: Mapping[str, tuple[float, float]]  # every family of BANDS

    @classmethod
    def load(
        cls,
        rows: Mapping[str, Mapping[str, object]] = {},
        ranges: Mapping[str, tuple[float, float]] = {},
    ) -> Catalogue:
        """The shipped rows, with the user's rows and bands on top; CatalogueError for a row or band that is wrong."""
        for family, (low, high) in ranges.items():
            _known(family, BANDS, "range", "family")
            if not 0 <= low <= high:
                raise CatalogueError(f"range: {family} must go from low to high, not from {low:g} to {high:g}")
        return cls(_with_user_rows(_shipped(), rows) if rows else _shipped(), {**BANDS, **ranges})

    def find(self, qualified: str) -> Spec | None:
        """The optimizer behind a resolved import, None when the catalogue does not know it."""
        return self.paths.get(_formal(qualified))

    def members(self, module: str) -> frozenset[str]:
        """The classes that can be imported from a module, for star imports and getattr."""
        return self._members.get(_formal(module), frozenset())

    def band(self, spec: Spec, coupling: Coupling) -> Band | None:
        """The usual lambda of an optimizer while it decays this way, None where no band is known."""
        match coupling:
            case Coupling.DECOUPLED:
                family = "decoupled" if spec.family == "lr-free" else spec.family
            case Coupling.LR_FREE:
                family = "lr-free"
            case Coupling.L2:
                family = "coupled" if spec.adaptive else "sgd"
            case _:
                return None
        return Band(family, *self.ranges[family])

    def __iter__(self) -> Iterator[Spec]:
        return iter({spec.name: spec for spec in self.paths.values()}.values())

    @functools.cached_property
    def short_names(self) -> frozenset[str]:
        """Last parts of all import paths: "Adam"."""
        return frozenset(path.rpartition(".")[2] for path in self.paths)

    @functools.cached_property
    def roots(self) -> frozenset[str]:
        """Top-level modules of all import paths: "torch"."""
        return frozenset(path.partition(".")[0] for path in self.paths)

    @functools.cached_property
    def modules(self) -> frozenset[str]:
        """Modules that offer an optimizer: "torch.optim"."""
        return frozenset(self._members)

    @functools.cached_property
    def _members(self) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for path in self.paths:
            module, _, label = path.rpartition(".")
            found.setdefault(module, set()).add(label)
        return {module: frozenset(labels) for module, labels in found.items()}


def _formal(path: str) -> str:
    """The path with the module's real name in front."""
    root, dot, rest = path.partition(".")
    return f"{NICKNAMES[root]}{dot}{rest}" if root in NICKNAMES else path


# --------------------------------------------------------------------------------------------- rows


@functools.cache
def _shipped() -> Mapping[str, Spec]:
    """Import path -> Spec of catalogue.toml."""
    with Path(__file__).with_name("catalogue.toml").open("rb") as file:
        rows: list[dict[str, Any]] = tomllib.load(file)["optimizer"]
    paths: dict[str, Spec] = {}
    for row in rows:
        names, also = row.pop("names"), row.pop("also", ())
        stated = _stated(names[0], row)
        specs: dict[str, Spec] = {}
        for name in names:
            label = name.rpartition(".")[2]
            if label not in specs:
                specs[label] = _spec(name, stated)
                paths.update((f"{module}.{label}", specs[label]) for module in also)
            paths[name] = specs[label]
    return paths


def _with_user_rows(shipped: Mapping[str, Spec], rows: Mapping[str, Mapping[str, object]]) -> Mapping[str, Spec]:
    """A row about a shipped class starts from what is shipped and changes it under all its import paths."""
    formal = {_formal(name): row for name, row in rows.items()}
    paths = dict(shipped)
    for name in formal:
        spec, before = _user_spec(name, formal, shipped), shipped.get(name)
        paths[name] = spec
        paths.update((path, spec) for path, known in shipped.items() if known is before)
    return paths


def _user_spec(
    name: str, rows: Mapping[str, Mapping[str, object]], shipped: Mapping[str, Spec], waiting: tuple[str, ...] = ()
) -> Spec:
    """`waiting`: the rows that are like this one, to notice a circle."""
    if not isinstance(rows[name], Mapping):
        raise CatalogueError(f'optimizers."{name}": must be a table')
    row = dict(rows[name])
    like = _formal(_word(row.pop("like", name), name, "like"))
    stated = _stated(name, row)
    if like in waiting:
        raise CatalogueError(f'optimizers."{name}": like goes round in a circle')
    if like == name and name not in shipped:
        if "coupling" not in stated:
            raise CatalogueError(f'optimizers."{name}": needs coupling, or like = "torch.optim.AdamW"')
        return _spec(name, stated)
    _known(like, {**shipped, **rows}, f'optimizers."{name}"', "like")
    base = shipped[like] if like == name or like not in rows else _user_spec(like, rows, shipped, (*waiting, name))
    return _spec(base.name if like == name else name, {**_inherited(base, stated), **stated})


def _inherited(base: Spec, stated: Mapping[str, Any]) -> dict[str, Any]:
    """What a row takes over from another class; a coupling of its own drops all that hangs on the coupling."""
    dropped = {"name", "label"}
    if base.counterpart == base.name:
        dropped |= {"counterpart", "compatible"}
    if "coupling" in stated:
        dropped |= {"flag", "counterpart", "compatible", "lr_scaled"}
        if base.family == "lr-free":
            dropped.add("family")
    return {field.name: getattr(base, field.name) for field in fields(base) if field.name not in dropped}


def _spec(name: str, stated: Mapping[str, Any]) -> Spec:
    """A Spec from what is stated; the rest follows from it."""
    spec = Spec(name=name, label=name.rpartition(".")[2], **stated)
    if spec.functional and "lr_name" not in stated:
        spec = replace(spec, lr_name="learning_rate")
    if spec.lr_name == "learning_rate" and "lr_position" not in stated:
        spec = replace(spec, lr_position=0)
    if spec.coupling is Coupling.LR_FREE:
        spec = replace(spec, family="lr-free", lr_scaled=False)
    flag = spec.flag
    if flag is not None and not spec.counterpart and Coupling.DECOUPLED in (flag.when_true, flag.when_false):
        spec = replace(spec, counterpart=name, compatible=True)
    return spec


# --------------------------------------------------------------------------------------------- keys


def _known(word: str, words: Mapping[str, object], where: str, key: str) -> None:
    if word not in words:
        raise CatalogueError(f'{where}: unknown {key} "{word}"{_nearest(word, words)}')


def _nearest(word: str, words: Mapping[str, object]) -> str:
    import difflib  # only a wrong row needs it

    near = difflib.get_close_matches(word, words, n=1, cutoff=0.5)
    return f', did you mean "{near[0]}"?' if near else f"; valid: {', '.join(words)}" if len(words) < 20 else ""


def _wrong(name: str, key: str, needed: str, value: object) -> CatalogueError:
    return CatalogueError(f'optimizers."{name}": {key} must be {needed}, not {value!r}')


def _word(value: object, name: str, key: str) -> str:
    if not isinstance(value, str):
        raise _wrong(name, key, "a string", value)
    return value


def _truth(value: object, name: str, key: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(name, key, "true or false", value)
    return value


def _amount(value: object, name: str, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise _wrong(name, key, "a number, 0 or more", value)
    return float(value)


def _position(value: object, name: str, key: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _wrong(name, key, "a position, counted from 0", value)
    return value


_COUPLINGS = {coupling.value: coupling for coupling in Coupling if coupling is not Coupling.UNKNOWN}


def _coupling(value: object, name: str, key: str) -> Coupling:
    word = _word(value, name, key)
    _known(word, _COUPLINGS, f'optimizers."{name}"', key)
    return _COUPLINGS[word]


def _family(value: object, name: str, key: str) -> str:
    word = _word(value, name, key)
    _known(word, BANDS, f'optimizers."{name}"', key)
    return word


def _flag(value: object, name: str, key: str) -> Flag:
    if not isinstance(value, Mapping):
        raise _wrong(name, key, "a table with a name and a default", value)
    for part in value:
        _known(part, _FLAG_KEYS, f'optimizers."{name}"', f"{key} key")
    if not {"name", "default"} <= value.keys():
        raise _wrong(name, key, "a table with a name and a default", dict(value))
    parts = {_FLAG_KEYS[part][0]: _FLAG_KEYS[part][1](inner, name, f"{key}.{part}") for part, inner in value.items()}
    return Flag(**{"when_true": Coupling.DECOUPLED, "when_false": Coupling.L2, **parts})


_Reader = Callable[[object, str, str], Any]
_FLAG_KEYS: Mapping[str, tuple[str, _Reader]] = {
    "name": ("name", _word),
    "default": ("default", _truth),
    "position": ("position", _position),
    "per_group": ("per_group", _truth),
    "true": ("when_true", _coupling),
    "false": ("when_false", _coupling),
}
_KEYS: Mapping[str, tuple[str, _Reader]] = {
    "coupling": ("coupling", _coupling),
    "adaptive": ("adaptive", _truth),
    "default_weight_decay": ("default_decay", _amount),
    "decay": ("decay_name", _word),
    "decay_position": ("decay_position", _position),
    "lr": ("lr_name", _word),
    "lr_position": ("lr_position", _position),
    "default_lr": ("default_lr", _amount),
    "params": ("params_name", _word),
    "functional": ("functional", _truth),
    "flag": ("flag", _flag),
    "counterpart": ("counterpart", _word),
    "compatible": ("compatible", _truth),
    "family": ("family", _family),
    "lr_scaled": ("lr_scaled", _truth),
    "source": ("source", _word),
}


def _stated(name: str, row: Mapping[str, object]) -> dict[str, Any]:
    """The fields of a Spec that a row states; hyphens in keys count as underscores."""
    stated: dict[str, Any] = {}
    for written, value in row.items():
        key = written.replace("-", "_")
        if key not in _KEYS:
            near = _nearest(key, {**_KEYS, "like": None})
            raise CatalogueError(f'optimizers."{name}": unknown key "{written}"{near}')
        field, reader = _KEYS[key]
        stated[field] = reader(value, name, key)
    return stated

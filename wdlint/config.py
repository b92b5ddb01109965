"""[tool.wdlint] and wdlint.toml: found, checked whole, and frozen into a Config."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from wdlint.files import Unreadable, read
from wdlint.globs import Globs, literally
from wdlint.model import Severity

__all__ = [
    "DEFAULT_EXCLUDE",
    "FAMILIES",
    "Config",
    "ConfigError",
    "Overrides",
    "Selection",
    "decay_choice",
    "find_config",
    "load",
    "notice",
    "unknown_codes",
]

DEFAULT_EXCLUDE = (
    ".bzr", ".direnv", ".eggs", ".git", ".git-rewrite", ".hg", ".ipynb_checkpoints", ".mypy_cache", ".nox", ".pants.d",
    ".pyenv", ".pytest_cache", ".pytype", ".ruff_cache", ".svn", ".tox", ".venv", ".vscode", "__pycache__",
    "__pypackages__", "_build", "buck-out", "build", "dist", "node_modules", "site-packages", "venv",
)  # fmt: skip
FAMILIES = ("decoupled", "lion", "coupled", "sgd", "lr-free")
ALL = "ALL"

Range = tuple[float, float]


class ConfigError(ValueError):
    """Everything that is wrong with a configuration, one problem to a line."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))

    def __reduce__(self) -> tuple[type[ConfigError], tuple[tuple[str, ...]]]:
        return ConfigError, (self.problems,)


# ------------------------------------------------------------------------------------ configuration


@dataclass(frozen=True, slots=True)
class Selection:
    """Codes and prefixes switched on and off by one source; `select` None leaves those before it in force."""

    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line says; None where it says nothing. Patterns are relative to the working folder."""

    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] | None = None
    exclude: tuple[str, ...] | None = None
    extend_exclude: tuple[str, ...] = ()
    ranges: Mapping[str, Range] | None = None
    fix_weight_decay: str | float | None = None
    fail_on: Severity | None = None
    respect_gitignore: bool | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """The decisions of a user, defaults filled in. Patterns are relative to `root`."""

    source: Path | None = None  # the file, None when there is none
    root: Path = field(default_factory=Path.cwd)
    select: tuple[str, ...] = (ALL,)
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    exclude: tuple[str, ...] = DEFAULT_EXCLUDE
    extend_exclude: tuple[str, ...] = ()
    ranges: Mapping[str, Range] = field(default_factory=dict)  # by family: lowest and highest usual lambda
    fix_weight_decay: str | float | None = None  # "keep", a number, "from:CHECKPOINT"; None while undecided
    no_decay: tuple[str, ...] = ()
    optimizers: Mapping[str, Mapping[str, object]] = field(default_factory=dict)  # rows for the catalogue
    fail_on: Severity = Severity.WARNING
    respect_gitignore: bool = True
    later: tuple[Selection, ...] = ()  # of the command line, on top of select, extend_select and ignore

    @property
    def excluded(self) -> tuple[str, ...]:
        return self.exclude + self.extend_exclude

    def codes_for(self, path: str, known: Iterable[str]) -> frozenset[str]:
        """The codes of `known` that are on for this file; a relative path is relative to the working folder."""
        layers = (Selection(self.select, self.extend_select, self.ignore), *self.later)
        on = switched_on(layers, tuple(known))
        if not self.per_file_ignores:
            return on
        absolute, root = os.path.abspath(path), os.fspath(self.root)
        off = [
            selector
            for pattern, selectors in self.per_file_ignores
            if globs(pattern.removeprefix("!"), root).covers(absolute) is not pattern.startswith("!")
            for selector in selectors
        ]
        return frozenset(code for code in on if not any(chosen(selector, code) for selector in off))

    def by_name(self, code: str) -> bool:
        """Whether the code is selected by its full code, not only by a prefix or ALL."""
        selected = (self.select, self.extend_select, *(more.extend_select for more in self.later))
        return any(code in selectors for selectors in selected)

    def merged(self, overrides: Overrides) -> Config:
        """This configuration under a command line, which wins.

        As in ruff: `select` starts afresh and drops what the file ignores too; `extend_select` and `ignore` come on
        top of all that the file says, whatever is more specific; `per_file_ignores` and `exclude` replace,
        `extend_exclude` adds.
        """
        new = self
        if overrides.select is not None:
            new = replace(
                new, select=overrides.select, extend_select=overrides.extend_select, ignore=overrides.ignore, later=()
            )
        elif overrides.extend_select or overrides.ignore:
            top = Selection(None, overrides.extend_select, overrides.ignore)
            new = replace(new, later=(*new.later, top))
        if overrides.per_file_ignores is not None:
            rows = tuple((self.anchored(pattern), codes) for pattern, codes in overrides.per_file_ignores)
            new = replace(new, per_file_ignores=rows)
        if overrides.exclude is not None:
            new = replace(new, exclude=tuple(map(self.anchored, overrides.exclude)))
        if overrides.extend_exclude:
            new = replace(new, extend_exclude=new.extend_exclude + tuple(map(self.anchored, overrides.extend_exclude)))
        if overrides.ranges is not None:
            new = replace(new, ranges={**new.ranges, **overrides.ranges})
        if overrides.fix_weight_decay is not None:
            new = replace(new, fix_weight_decay=overrides.fix_weight_decay)
        if overrides.fail_on is not None:
            new = replace(new, fail_on=overrides.fail_on)
        if overrides.respect_gitignore is not None:
            new = replace(new, respect_gitignore=overrides.respect_gitignore)
        return new

    def anchored(self, pattern: str) -> str:
        """A pattern of the working folder as one of root."""
        bang, plain = ("!", pattern[1:]) if pattern.startswith("!") else ("", pattern)
        here = os.getcwd()
        if "/" not in plain.rstrip("/") or os.path.isabs(plain) or here == os.path.abspath(self.root):
            return pattern
        return f"{bang}{literally(here)}/{plain.removeprefix('./')}"


def chosen(selector: str, code: str) -> bool:
    return selector == ALL or code.startswith(selector)


@lru_cache(maxsize=256)
def switched_on(layers: tuple[Selection, ...], known: tuple[str, ...]) -> frozenset[str]:
    """As in ruff: inside a layer the more specific selector wins, ignore wins between equals; a later layer wins."""
    on: frozenset[str] = frozenset()
    for layer in layers:
        verdicts: dict[str, bool] = {}
        selectors = [(selector, True) for selector in (*(layer.select or ()), *layer.extend_select)]
        selectors += [(selector, False) for selector in layer.ignore]
        for selector, verdict in sorted(selectors, key=lambda pair: 0 if pair[0] == ALL else len(pair[0])):
            verdicts.update((code, verdict) for code in known if chosen(selector, code))
        before = on if layer.select is None else frozenset()
        on = (before - {code for code, yes in verdicts.items() if not yes}) | {c for c, yes in verdicts.items() if yes}
    return on


@lru_cache(maxsize=256)
def globs(pattern: str, root: str) -> Globs:
    return Globs((pattern,), root)


# ------------------------------------------------------------------------------------------ finding


def find_config(path: str | Path, seen: dict[str, Path | None] | None = None) -> Path | None:
    """The configuration a file or folder belongs to: the nearest wdlint.toml, or pyproject.toml with [tool.wdlint].

    Where both stand in one folder wdlint.toml is taken. `seen` remembers the answer of every folder passed: give the
    same dict for all files of a run. Raises ConfigError for a pyproject.toml that speaks of wdlint but is not TOML.
    """
    folder = os.path.abspath(path)
    if not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    passed: list[str] = []
    found: Path | None = None
    while True:
        if seen is not None and folder in seen:
            found = seen[folder]
            break
        passed.append(folder)
        if (found := config_in(folder)) is not None or (parent := os.path.dirname(folder)) == folder:
            break
        folder = parent
    if seen is not None:
        seen.update((folder, found) for folder in passed)
    return found


def config_in(folder: str) -> Path | None:
    own = os.path.join(folder, "wdlint.toml")
    if os.path.isfile(own):
        return Path(own)
    shared = os.path.join(folder, "pyproject.toml")
    if not os.path.isfile(shared):
        return None
    try:
        data = read(shared)
    except Unreadable:  # whether it speaks of wdlint cannot be known
        return None
    if b"wdlint" not in data:  # the usual case, without parsing
        return None
    tool = parsed(data, shown(shared)).get("tool")
    return Path(shared) if isinstance(tool, dict) and "wdlint" in tool else None


def parsed(data: bytes, file: str) -> dict[str, object]:
    import tomllib

    try:
        return tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError([f"{file}: byte 0x{data[error.start]:02x} on line {line} is not utf-8"]) from None
    except tomllib.TOMLDecodeError as error:
        text = str(error)
        raise ConfigError([f"{file}: not valid TOML: {text[:1].lower()}{text[1:]}"]) from None
    except (RecursionError, ValueError) as error:  # a thousand brackets, a number of 5,000 digits
        cause = "nested too deeply" if isinstance(error, RecursionError) else str(error).lower()
        raise ConfigError([f"{file}: not valid TOML: {cause}"]) from None


def shown(path: str | Path) -> str:
    """A path as a person at the terminal would write it."""
    absolute, here = os.path.abspath(path), os.getcwd()
    return absolute.removeprefix(here.rstrip(os.sep) + os.sep)


# ------------------------------------------------------------------------------------------ reading


def load(path: str | Path, known_codes: Iterable[str], root: Path | None = None) -> Config:
    """The configuration of a wdlint.toml (keys at the top) or of any other TOML file (keys in [tool.wdlint]).

    `root` is where its patterns start, by default its folder. Raises ConfigError with every problem of the file.
    """
    file = shown(path)
    try:
        data = read(path)
    except Unreadable as error:
        reason = "no such file" if error.reason == "file vanished" else error.reason
        raise ConfigError([f"{file}: {reason}"]) from None
    rows = parsed(data, file)
    section = ""
    name = os.path.basename(path)
    if name == "pyproject.toml" or (name != "wdlint.toml" and tool_table(rows) is not None):
        section, table = "tool.wdlint", tool_table(rows)
        if not isinstance(table, dict):
            odd = f"[tool] wdlint must be a table, not {written(table)}"
            raise ConfigError([f"{file}: {'there is no [tool.wdlint]' if table is None else odd}"])
        rows = table
    top = Table(Reader(file, tuple(known_codes)), section, rows)
    top.only(KEYS)
    values: dict[str, Any] = {
        "ranges" if key == "range" else key.replace("-", "_"): read_key(top, key)
        for key, read_key in KEYS.items()
        if key in rows
    }
    found = Config(Path(path), root if root is not None else Path(os.path.abspath(path)).parent, **values)
    if found.optimizers and not top.reader.problems:
        catalogue_problems(found, top)
    if top.reader.problems:
        raise ConfigError(top.reader.problems)
    return found


def tool_table(rows: Mapping[str, object]) -> object:
    tool = rows.get("tool")
    return tool.get("wdlint") if isinstance(tool, dict) else None


@dataclass(slots=True)
class Reader:
    """A file being read, and what was found wrong with it so far."""

    file: str
    known: tuple[str, ...]
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the file. A value that is not usable is reported, and something usable given in its place."""

    reader: Reader
    section: str  # "tool.wdlint.range"; empty at the top of wdlint.toml
    rows: Mapping[str, object]

    def wrong(self, text: str) -> None:
        self.reader.problems.append(f"{self.reader.file}: {f'[{self.section}] ' if self.section else ''}{text}")

    def must(self, key: str, be: str) -> None:
        self.wrong(f"{bare(key)} must be {be}, not {written(self.rows[key])}")

    def only(self, keys: Iterable[str]) -> None:
        valid = tuple(keys)
        for key in self.rows:
            if key == "tool" and not self.section:
                self.wrong('unknown key "tool"; the keys stand at the top of this file, without [tool.wdlint]')
            elif key not in valid:
                self.wrong(f"unknown key {written(key)}; {nearest(key, valid) or 'valid are ' + listed(valid)}")

    def below(self, key: str) -> Table:
        """The table under a key, empty when something else stands there."""
        rows = self.rows[key]
        if not isinstance(rows, dict):
            self.must(key, "a table")
            rows = {}
        return Table(self.reader, f"{self.section}.{bare(key)}".lstrip("."), rows)

    def strings(self, key: str) -> tuple[str, ...]:
        value = self.rows[key]
        if not isinstance(value, list):
            self.must(key, "a list of strings")
            return ()
        for number, item in enumerate(value, 1):
            if not isinstance(item, str):
                self.wrong(f"{bare(key)} must be a list of strings, but item {number} is {written(item)}")
        return tuple(item for item in value if isinstance(item, str))

    def codes(self, key: str) -> tuple[str, ...]:
        selectors = self.strings(key)
        for problem in unknown_codes(selectors, self.reader.known):
            self.wrong(f"{bare(key)}: {problem}")
        return selectors

    def code_lists(self, key: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
        table = self.below(key)
        return tuple((pattern, table.codes(pattern)) for pattern in table.rows)

    def truth(self, key: str) -> bool:
        value = self.rows[key]
        if not isinstance(value, bool):
            self.must(key, "true or false")
        return bool(value)

    def severity(self, key: str) -> Severity:
        value = self.rows[key]
        if value not in [level.value for level in Severity]:
            self.must(key, '"note", "warning" or "error"')
            return Severity.WARNING
        return Severity(value)

    def decay(self, key: str) -> str | float | None:
        try:
            return decay_choice(self.rows[key])
        except ValueError as error:
            self.wrong(f"{key} {error}")
            return None

    def ranges(self, key: str) -> dict[str, Range]:
        table = self.below(key)
        table.only((*FAMILIES, "preset"))
        found = table.preset() if "preset" in table.rows else {}
        found.update((family, table.range(family)) for family in FAMILIES if family in table.rows)
        return found

    def preset(self) -> dict[str, Range]:
        from wdlint.catalogue import PRESETS

        name = self.rows["preset"]
        if not isinstance(name, str) or name not in PRESETS:
            self.must("preset", " or ".join(map(written, PRESETS)))
            return {}
        return dict(PRESETS[name])

    def range(self, family: str) -> Range:
        match self.rows[family]:
            case [low, high] if 0 <= number(low) <= number(high) < math.inf:
                return number(low), number(high)
        self.must(family, "two numbers [low, high] with 0 <= low <= high")
        return 0.0, math.inf

    def tables(self, key: str) -> dict[str, Mapping[str, object]]:
        table = self.below(key)
        return {name: table.below(name).rows for name in table.rows}


KEYS: dict[str, Callable[[Table, str], object]] = {
    "select": Table.codes,
    "extend-select": Table.codes,
    "ignore": Table.codes,
    "per-file-ignores": Table.code_lists,
    "exclude": Table.strings,
    "extend-exclude": Table.strings,
    "respect-gitignore": Table.truth,
    "range": Table.ranges,
    "fix-weight-decay": Table.decay,
    "no-decay": Table.strings,
    "optimizers": Table.tables,
    "fail-on": Table.severity,
}


def catalogue_problems(found: Config, top: Table) -> None:
    """Let the catalogue read the rows of the user; when something is wrong row by row, so as to list everything."""
    from wdlint.catalogue import Catalogue, CatalogueError

    try:
        Catalogue.load(found.optimizers, found.ranges)
        return
    except CatalogueError as error:
        together = str(error)
    texts: dict[str, None] = {}
    for name in found.optimizers:
        try:
            Catalogue.load(with_models(name, found.optimizers), found.ranges)
        except CatalogueError as error:
            texts[str(error)] = None  # the same text twice when one wrong row is the model of another
    for text in texts or [together]:
        row, colon, rest = text.removeprefix("optimizers.").partition('": ')
        if text.startswith('optimizers."') and colon:
            Table(top.reader, f'{top.section}.optimizers.{row}"'.lstrip("."), {}).wrong(rest)
        else:
            Table(top.reader, f"{top.section}.optimizers".lstrip("."), {}).wrong(text)


def with_models(name: str, rows: Mapping[str, Mapping[str, object]]) -> dict[str, Mapping[str, object]]:
    """A row and those it says it is like, however their modules are spelled."""
    wanted, taken = [name], dict[str, Mapping[str, object]]()
    while wanted:
        row = wanted.pop()
        taken[row] = rows[row]
        label = str(rows[row].get("like", "")).rpartition(".")[2]
        wanted += [other for other in rows if other not in taken and label and other.rpartition(".")[2] == label]
    return taken


# --------------------------------------------------------------------------------- values and words


def decay_choice(value: object) -> str | float:
    """What `--weight-decay` and `fix-weight-decay` accept: "keep", "from:CHECKPOINT" or a number, also as text.

    Raises ValueError that begins with "must be".
    """
    if isinstance(value, str) and (value == "keep" or (value.startswith("from:") and value != "from:")):
        return value
    try:
        decay = float(value) if isinstance(value, str) else number(value)
    except ValueError:
        decay = math.nan
    if not 0 <= decay < math.inf:
        raise ValueError(f'must be "keep", "from:CHECKPOINT" or a number that is not negative, not {written(value)}')
    return decay


def number(value: object) -> float:
    """A TOML number as a float, nan for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf


def notice(choice: str | float | None) -> str:
    """What to tell a user whose decision about lambda cannot be carried out yet, empty when it can."""
    if isinstance(choice, str) and choice.startswith("from:"):
        return f"{choice} needs the runtime, which is not part of this version; lambda stays undecided"
    return ""


def unknown_codes(selectors: Iterable[str], known: Iterable[str]) -> list[str]:
    """One line for each selector that is neither ALL, nor a code, nor the beginning of one, its letters included."""
    codes = tuple(known)
    letters = {code.rstrip("0123456789") for code in codes}
    selectable = {ALL, *(code[:end] for code in codes for end in range(1, len(code) + 1))}
    selectable -= {word[:end] for word in letters for end in range(len(word))}
    valid = 'valid are "ALL", codes such as "WD101" and prefixes such as "WD1"'
    problems = []
    for selector in selectors:
        upper = selector.upper().strip()
        guess = f'did you mean "{upper}"?' if upper in selectable else nearest(upper, (*codes, ALL))
        if selector not in selectable:
            problems.append(f"unknown code {written(selector)}; {guess or valid}")
    return problems


def nearest(word: str, valid: tuple[str, ...]) -> str:
    """A guess at what was meant, empty when nothing is near."""
    from difflib import get_close_matches

    close = get_close_matches(word.replace("_", "-"), valid, n=1, cutoff=0.5)
    return f'did you mean "{close[0]}"?' if close else ""


def listed(valid: tuple[str, ...]) -> str:
    return ", ".join(f'"{key}"' for key in sorted(valid))


def written(value: object) -> str:
    """A TOML value as it would be written, shortened."""
    match value:
        case bool():
            text = str(value).lower()
        case str():
            text = '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
        case list():
            text = "[" + ", ".join(written(item) for item in cast(list[object], value)[:9]) + "]"
        case dict():
            text = "a table"
        case _:
            text = str(value)
    return text if len(text) <= 60 else f"{text[:56]} ..."


def bare(key: str) -> str:
    """A key as TOML writes it: quoted when it must be."""
    return key if key and all(c.isascii() and (c.isalnum() or c in "-_") for c in key) else written(key)

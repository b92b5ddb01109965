"""The architecture as a table: which module of wdlint may import which, at the top, in a function, for types only."""

from __future__ import annotations

import ast
import graphlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "wdlint"
PATHS = sorted(PACKAGE.rglob("*.py"))

# Module or package below wdlint -> what it may import of wdlint, beside itself and the version.
ALLOWED: dict[str, frozenset[str]] = {
    name: frozenset(allowed.split())
    for name, allowed in {
        "__init__": "runtime",  # lazily: the names of the public API
        "__main__": "cli",
        "analysis": "config engine files model notebook screen source",
        "catalogue": "model",
        "checks": "model",
        "cli": "analysis checks config console files model pages reports runner runtime terminal",
        "config": "catalogue files globs model",
        "console": "analysis config model pages reports runner",
        "discovery": "files globs",
        "edits": "model source extract",
        "engine": "catalogue checks config edits extract model source suppressions",
        "extract": "catalogue model source",
        "files": "",
        "globs": "",
        "model": "",
        "notebook": "model",
        "pages": "",
        "pool": "",
        "reports": "model",
        "runner": "analysis config discovery engine files globs model pool",
        "runtime": "catalogue config engine model pages reports",
        "screen": "",
        "source": "model",
        "suppressions": "model source",
        "terminal": "reports",
    }.items()
}
# Package of PyPI -> the modules that may import it. Everything else is in the standard library.
OUTSIDE: dict[str, frozenset[str]] = {
    "click": frozenset({"cli"}),
    "libcst": frozenset({"source", "extract", "edits"}),
    "pathspec": frozenset({"discovery"}),
    "pytest": frozenset({"runtime"}),
    "rich": frozenset({"cli", "terminal", "runtime"}),  # `explain` on a terminal, the progress bar, the demo's report
    "scipy": frozenset({"runtime"}),
    "sklearn": frozenset({"runtime"}),
    "torch": frozenset({"runtime"}),
}
COMPUTED = frozenset({"runtime"})  # may import what a string names


def unit(path: Path) -> str:
    """The row of a file: its top-level module or package."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def named(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").as_posix()


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and full name of everything a file imports, wherever it does so."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"line {node.lineno}: a relative import"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def row(name: str) -> str | None:
    """The row of `wdlint.reports.text`, None for what is not a module (`wdlint.__version__`)."""
    _, _, below = name.partition(".")
    first = below.partition(".")[0]
    return first if first in ALLOWED or (PACKAGE / first).is_dir() or (PACKAGE / f"{first}.py").is_file() else None


def trespasses(path: Path) -> list[str]:
    """The imports of a file that the tables do not allow."""
    home = unit(path)
    out = []
    for line, name in imported(ast.parse(path.read_bytes())):
        root = name.partition(".")[0]
        if root == "wdlint":
            target = row(name)
            if target not in (None, home) and target not in ALLOWED[home]:
                out.append(f"line {line}: {home} may not import {target}")
        elif root not in sys.stdlib_module_names and home not in OUTSIDE.get(root, ()):
            out.append(f"line {line}: {home} may not import {root}")
    return out


@pytest.mark.parametrize("path", PATHS, ids=named)
def test_a_module_imports_what_its_layer_may(path: Path) -> None:
    assert unit(path) in ALLOWED, "a new module needs a row in ALLOWED"
    assert not trespasses(path)


@pytest.mark.parametrize("path", [p for p in PATHS if unit(p) not in COMPUTED], ids=named)
def test_no_import_hides_in_a_string(path: Path) -> None:
    called = [node.func for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.Call)]
    names = [ast.unparse(func).rpartition(".")[2] for func in called]
    assert not {"import_module", "__import__", "exec", "eval", "run_module", "run_path"} & set(names)


def test_the_tables_have_no_idle_rows() -> None:
    units = {unit(path) for path in PATHS}
    assert set(ALLOWED) <= units
    assert set().union(*ALLOWED.values()) <= units
    used = {name.partition(".")[0] for path in PATHS for _, name in imported(ast.parse(path.read_bytes()))}
    assert set(OUTSIDE) <= used


def test_layers_do_not_go_round_in_circles() -> None:
    graph: dict[str, set[str]] = {}
    for path in PATHS:
        targets = [row(name) for _, name in imported(ast.parse(path.read_bytes())) if name.startswith("wdlint.")]
        graph.setdefault(unit(path), set()).update(t for t in targets if t is not None and t != unit(path))
    graph.pop("__init__")  # reaches the public API lazily
    tuple(graphlib.TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("package", ["checks", "extract", "reports"])
def test_modules_of_a_package_do_not_go_round_in_circles(package: str) -> None:
    graph: dict[str, set[str]] = {}
    for path in (PACKAGE / package).glob("*.py"):
        names = [name.split(".") for _, name in imported(ast.parse(path.read_bytes()))]
        own = {parts[2] for parts in names if parts[:2] == ["wdlint", package] and len(parts) > 2}
        inside = {name for name in own if (PACKAGE / package / f"{name}.py").is_file()}
        graph[path.stem] = inside - {path.stem}
    tuple(graphlib.TopologicalSorter(graph).static_order())


@pytest.mark.parametrize(
    ("home", "text", "said"),
    [
        ("checks/wd101.py", "import libcst", "checks may not import libcst"),
        ("checks/wd101.py", "def f():\n    from wdlint.config import Config", "checks may not import config"),
        ("checks/wd101.py", "if TYPE_CHECKING:\n    from wdlint import source", "checks may not import source"),
        ("model.py", "import click", "model may not import click"),
        ("engine.py", "try:\n    import torch\nexcept ImportError:\n    pass", "engine may not import torch"),
        ("reports/text.py", "import wdlint.engine", "reports may not import engine"),
        ("globs.py", "import numpy", "globs may not import numpy"),
    ],
)
def test_a_trespass_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: str, text: str, said: str) -> None:
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path)
    path = tmp_path / home
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    assert [found.partition(": ")[2] for found in trespasses(path)] == [said]

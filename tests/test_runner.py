"""Files in, outcomes out: configuration, screening, processes that die, notebooks, what cannot be read or written."""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import time
import types
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import wdlint
from wdlint import analysis, pool, runner
from wdlint.analysis import Mode, Outcome
from wdlint.checks import RULES
from wdlint.config import Config, ConfigError, Overrides
from wdlint.model import Change, Diagnostic, Edit, Facts, Report, Severity, Span

KNOWN = tuple(rule.code for rule in RULES)
posix = pytest.mark.skipif(not hasattr(os, "fork") or sys.platform == "darwin", reason="processes are spawned here")


def lint(text: str, config: Config, *, path: str = "<stdin>", codes: frozenset[str] | None = None) -> Report:
    """A stand-in for the engine: every BAD is a finding, other words provoke accidents."""
    if "CRASH" in text:
        os.kill(os.getpid(), signal.SIGKILL)
    if "SLEEP" in text:
        time.sleep(60)
    if "RAISE" in text:
        raise KeyError("no such thing")
    if "DEEP" in text:
        raise RecursionError
    if "BROKEN" in text:
        wrong = Diagnostic("WD900", "unreadable", Severity.ERROR, "invalid syntax", path, Span(1, 0, 1, 0))
        return Report(path, (wrong,) if codes is None or "WD900" in codes else ())
    lines = text.splitlines()
    found = []
    for number, line in enumerate(lines, 1):
        if (at := line.find("BAD")) >= 0 and (codes is None or "WD101" in codes):
            span = Span(number, at, number, at + 3)
            edits = (Edit(span, "GOOD"),)
            found.append(Diagnostic("WD101", "coupled-decay", Severity.WARNING, "bad", path, span, span, edits=edits))
    return Report(path, tuple(found), lines=tuple(lines))


def fix(text: str, config: Config, *, path: str = "<stdin>", codes: frozenset[str] | None = None) -> Report:
    before = lint(text, config, path=path, codes=codes)
    if not before.diagnostics:
        return before
    changes = tuple(
        Change(d.span, (d.code,), "BAD -> GOOD", "weight_decay=1 is smaller now") for d in before.diagnostics
    )
    return Report(path, text=text, fixed=text.replace("BAD", "GOOD"), changes=changes)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    module = types.ModuleType("wdlint.engine")
    module.__dict__.update(lint=lint, fix=fix, facts=lambda text, config: Facts())
    monkeypatch.setitem(sys.modules, "wdlint.engine", module)
    monkeypatch.setattr(wdlint, "engine", module, raising=False)
    monkeypatch.setattr(analysis, "may_matter", lambda data, codes, extra: b"torch" in data)
    return module


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: types.ModuleType) -> Callable[..., Path]:
    monkeypatch.chdir(tmp_path)

    def write(**files: str) -> Path:
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_py", ".py").replace("_toml", ".toml")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, newline="")
        return tmp_path

    return write


def run(*paths: str, mode: Mode = Mode.CHECK, only: Config | None = None, **options: object) -> runner.Run:
    configs = runner.Configs(KNOWN, Overrides(), only)
    return runner.run(paths or (".",), configs, mode, **options)  # type: ignore[arg-type]


def found(result: runner.Run) -> list[tuple[str, int, str, str]]:
    return [(d.path, d.span.line, d.code, d.message) for o in result.outcomes for r in o.reports for d in r.diagnostics]


# ----------------------------------------------------------------------------------------------------------- many files


def test_files_are_found_screened_and_analysed_in_order(tree: Callable[..., Path]) -> None:
    tree(b_py="torch BAD", a_py="torch\nBAD", sub__c_py="BAD but nothing that matters", sub__d_py="torch")
    result = run()
    assert found(result) == [("a.py", 2, "WD101", "bad"), ("b.py", 1, "WD101", "bad")]
    assert (result.found, result.read, result.screened, result.analysed) == (4, 4, 1, 3)


def test_a_file_reached_by_two_arguments_is_looked_at_once(tree: Callable[..., Path]) -> None:
    tree(a__x_py="torch BAD", a__wdlint_toml="", x_py="torch")
    assert len(found(run("a", ".", "a/x.py"))) == 1


def test_every_file_has_the_nearest_configuration(tree: Callable[..., Path]) -> None:
    tree(a_py="torch BAD", sub__b_py="torch BAD", sub__wdlint_toml='ignore = ["WD101"]')
    assert [row[0] for row in found(run())] == ["a.py"]
    assert [row[0] for row in found(run(only=Config()))] == ["a.py", "sub/b.py"]


def test_a_broken_configuration_stops_the_run(tree: Callable[..., Path]) -> None:
    tree(a_py="torch", wdlint_toml="selct = []")
    with pytest.raises(ConfigError, match="selct"):
        run()


def test_excludes_are_those_of_the_configuration_above_the_path(tree: Callable[..., Path]) -> None:
    root = tree(p__a_py="torch BAD", p__old__b_py="torch BAD", p__wdlint_toml='extend-exclude = ["old"]')
    assert [row[0] for row in found(run("p"))] == ["p/a.py"]
    assert [row[0] for row in found(run(str(root / "p" / "old" / "b.py")))] == ["p/old/b.py"]
    assert found(run("p/old/b.py", force_exclude=True)) == []


def test_a_path_that_is_missing_is_a_finding_that_nobody_switches_off(tree: Callable[..., Path]) -> None:
    tree(wdlint_toml='ignore = ["WD900"]')
    assert found(run("nowhere.py")) == [("nowhere.py", 1, "WD900", "no such file or folder")]


def test_paths_outside_of_the_working_folder_are_absolute(
    tree: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tree(a_py="torch BAD", here__x_py="")
    monkeypatch.chdir(root / "here")
    assert [row[0] for row in found(run(".."))] == [str(root / "a.py")]


# ------------------------------------------------------------------------------------------------------------ bad input


def test_a_file_that_cannot_be_decoded_says_where(tree: Callable[..., Path]) -> None:
    root = tree()
    (root / "a.py").write_bytes(b"import torch\nx = '\xff'\n")
    ((path, line, code, message),) = found(run())
    assert (path, line, code) == ("a.py", 2, "WD900")
    assert "0xff" in message


def test_wd900_can_be_switched_off_per_file(tree: Callable[..., Path]) -> None:
    root = tree(wdlint_toml='per-file-ignores = { "old/*" = ["WD900"] }')
    for name in ("old", "new"):
        (root / name).mkdir()
        (root / name / "a.py").write_bytes(b"torch \xff")
    assert [row[0] for row in found(run())] == ["new/a.py"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_one_finding(tree: Callable[..., Path]) -> None:
    root = tree(a_py="torch", b_py="torch BAD")
    (root / "a.py").chmod(0)
    assert [(row[0], row[2]) for row in found(run())] == [("a.py", "WD900"), ("b.py", "WD101")]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFO here")
def test_odd_files_cost_one_line_each(tree: Callable[..., Path]) -> None:
    root = tree(b_py="torch BAD")
    os.mkfifo(root / "fifo.py")
    (root / "dangling.py").symlink_to("nowhere")
    (root / "folder.py").mkdir()
    assert [row[0] for row in found(run())] == ["b.py"]
    assert [(row[0], row[2]) for row in found(run("fifo.py", "dangling.py"))] == [
        ("fifo.py", "WD900"),
        ("dangling.py", "WD900"),
    ]


def test_an_error_in_one_file_is_named_and_the_rest_goes_on(tree: Callable[..., Path]) -> None:
    tree(a_py="torch RAISE", b_py="torch BAD", c_py="torch DEEP")
    result = run()
    failures = [o for o in result.outcomes if o.failure]
    assert [(o.path, o.failure) for o in failures] == [("a.py", "KeyError: 'no such thing'")]
    assert "KeyError" in failures[0].trace
    assert [(row[0], row[2]) for row in found(result)] == [("b.py", "WD101"), ("c.py", "WD900")]


def test_garbage_collection_is_back_on_afterwards(tree: Callable[..., Path]) -> None:
    tree()
    analysis.analysed(analysis.Task("a.py", b"torch RAISE", Config(), frozenset(KNOWN)))
    assert gc.isenabled()


# ------------------------------------------------------------------------------------------------------------ processes


@posix
def test_a_worker_that_dies_costs_only_its_file(tree: Callable[..., Path]) -> None:
    tree(**{f"f{n:02}_py": "torch CRASH" if n in (3, 4, 17) else "torch BAD" for n in range(20)})
    rows = found(run(jobs=2))
    assert [row[0] for row in rows if row[2] == "WD900"] == ["f03.py", "f04.py", "f17.py"]
    assert {row[3] for row in rows if row[2] == "WD900"} == {"analysis crashed (SIGKILL)"}
    assert len([row for row in rows if row[2] == "WD101"]) == 17


@posix
def test_a_crash_is_survived_with_one_file_too(tree: Callable[..., Path]) -> None:
    tree(a_py="torch CRASH")
    assert found(run(jobs=1)) == [("a.py", 1, "WD900", "analysis crashed (SIGKILL)")]


def test_many_processes_say_what_one_says(tree: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    tree(**{f"f{n:03}_py": "torch\n" + "BAD\n" * (n % 7) for n in range(120)})
    monkeypatch.setattr(runner, "worker_count", lambda tasks, jobs: 0)
    serial = run()
    monkeypatch.setattr(runner, "worker_count", lambda tasks, jobs: 4)
    parallel = run()
    assert parallel.outcomes == serial.outcomes
    assert (parallel.workers, serial.workers) == (4, 0)


@posix
def test_a_task_that_takes_too_long_is_stopped() -> None:
    rows = dict(pool.answers(busy, [0, 600, 0], 1, limit=0.5))
    assert rows == {0: 0, 1: pool.Lost("analysis stopped after 0.5 seconds of computing"), 2: 0}


def busy(seconds: int) -> int:
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass
    return seconds


def sleepy(seconds: int) -> int:
    time.sleep(seconds)
    return seconds


def test_processes_can_be_spawned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "forks", lambda: False)
    assert sorted(pool.answers(abs, [-1, -2, -3], 2)) == [(0, 1), (1, 2), (2, 3)]


def test_no_worker_outlives_a_run_that_is_given_up() -> None:
    running: Iterator[tuple[int, int | pool.Lost]] = pool.answers(sleepy, [0, 60, 60, 60], 1)
    next(running)
    began = time.monotonic()
    running.close()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("sizes", "jobs", "expected"),
    [
        ([], None, 0),
        ([10], None, 1),
        ([10] * 50, None, 1),
        ([90_000] * 50, None, 8),
        ([90_000] * 50, 3, 3),
        ([10**7], 8, 1),
    ],
)
@posix
def test_processes_start_when_they_pay(
    sizes: list[int], jobs: int | None, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "cpus", lambda: 8)
    tasks = [analysis.Task("a.py", bytes(size), Config(), frozenset()) for size in sizes]
    assert runner.worker_count(tasks, jobs) == expected


@pytest.mark.parametrize(("size", "expected"), [(10, 0), (2_000_000, 3)])
def test_fewer_processes_pay_where_they_are_spawned(size: int, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "cpus", lambda: 3)
    monkeypatch.setattr(pool, "forks", lambda: False)
    tasks = [analysis.Task("a.py", bytes(size), Config(), frozenset())] * 4
    assert runner.worker_count(tasks, None) == expected


# --------------------------------------------------------------------------------------------------------------- repair


def test_fix_writes_and_keeps_encoding_mark_and_newlines(tree: Callable[..., Path]) -> None:
    root = tree()
    (root / "a.py").write_bytes(b"\xef\xbb\xbftorch BAD\r\n")
    (root / "b.py").write_bytes("# coding: latin-1\ntorch BAD é\n".encode("latin-1"))
    result = run(mode=Mode.FIX)
    assert found(result) == []
    assert (root / "a.py").read_bytes() == b"\xef\xbb\xbftorch GOOD\r\n"
    assert (root / "b.py").read_bytes() == "# coding: latin-1\ntorch GOOD é\n".encode("latin-1")


def test_a_trial_writes_nothing(tree: Callable[..., Path]) -> None:
    root = tree(a_py="torch BAD")
    result = run(mode=Mode.TRIAL)
    assert result.outcomes[0].reports[0].fixed == "torch GOOD"
    assert (root / "a.py").read_text() == "torch BAD"


def test_a_file_that_changed_meanwhile_is_not_overwritten(tree: Callable[..., Path], engine: types.ModuleType) -> None:
    root = tree(a_py="torch BAD")

    def slow_fix(text: str, config: Config, *, path: str, codes: frozenset[str]) -> Report:
        (root / "a.py").write_text("torch edited BAD")
        return fix(text, config, path=path, codes=codes)

    engine.__dict__["fix"] = slow_fix
    rows = found(run(mode=Mode.FIX))
    assert [(row[2], row[3]) for row in rows] == [
        ("WD900", "repair not written: the file changed since it was read"),
        ("WD101", "bad"),
    ]
    assert (root / "a.py").read_text() == "torch edited BAD"


def test_a_repair_that_the_encoding_cannot_hold_is_not_written(
    tree: Callable[..., Path], engine: types.ModuleType
) -> None:
    root = tree(a_py="# coding: ascii\ntorch BAD")

    def wide_fix(text: str, config: Config, *, path: str, codes: frozenset[str]) -> Report:
        return replace(fix(text, config, path=path, codes=codes), fixed="# coding: ascii\ntorch 漢")

    engine.__dict__["fix"] = wide_fix
    assert "repair not written" in found(run(mode=Mode.FIX))[0][3]
    assert (root / "a.py").read_text() == "# coding: ascii\ntorch BAD"


# ------------------------------------------------------------------------------------------------------------ notebooks


def notebook_of(*cells: str) -> str:
    rows = [{"cell_type": "code", "source": cell.splitlines(keepends=True), "metadata": {}} for cell in cells]
    return json.dumps({"cells": [{"cell_type": "markdown", "source": ["# T"], "metadata": {}}, *rows], "metadata": {}})


def test_findings_in_notebooks_name_cell_and_line(tree: Callable[..., Path]) -> None:
    root = tree()
    (root / "nb.ipynb").write_text(notebook_of("import torch", "x = 1\n%time\ny = BAD\n"))
    (report,) = run().outcomes[0].reports
    (d,) = report.diagnostics
    assert (d.cell, d.span, d.site) == (3, Span(3, 4, 3, 7), Span(3, 4, 3, 7))
    assert report.lines == ("x = 1", "%time", "y = BAD")


def test_notebooks_are_not_repaired_yet_and_say_so(tree: Callable[..., Path]) -> None:
    root = tree()
    (root / "nb.ipynb").write_text(before := notebook_of("import torch\nBAD"))
    (outcome,) = run(mode=Mode.FIX).outcomes
    assert outcome.notice == "notebook repair is not available yet"
    assert outcome.reports[0].diagnostics[0].edits == ()
    assert outcome.reports[0].diagnostics[0].refusal == "notebook repair is not available yet"
    assert (root / "nb.ipynb").read_text() == before


def test_a_broken_cell_is_named_only_where_it_could_matter(tree: Callable[..., Path]) -> None:
    root = tree()
    (root / "nb.ipynb").write_text(notebook_of("import torch", "pip install x", "torch BROKEN (", "BAD"))
    (outcome,) = run().outcomes
    assert [(d.code, d.cell) for r in outcome.reports for d in r.diagnostics] == [("WD900", 4), ("WD101", 5)]


def test_a_cell_of_newer_python_is_not_broken(tree: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    root = tree()
    monkeypatch.setattr("wdlint.notebook.rejection", lambda text: (1, "invalid syntax") if "NEWER" in text else None)
    (root / "nb.ipynb").write_text(notebook_of("import torch\nNEWER BAD"))
    assert [(row[2]) for row in found(run())] == ["WD101"]


def test_what_is_no_notebook_is_one_finding(tree: Callable[..., Path]) -> None:
    root = tree()
    (root / "nb.ipynb").write_text("torch {")
    ((_, _, code, message),) = found(run())
    assert code == "WD900"
    assert message.startswith("not JSON")


def test_a_finding_whose_call_is_in_another_cell_stands_at_the_call(tree: Callable[..., Path]) -> None:
    from wdlint.notebook import join

    joined = join(notebook_of("import torch\nBAD", "later").encode())
    d = Diagnostic("WD101", "x", Severity.WARNING, "m", "nb.ipynb", Span(3, 0, 3, 5), Span(2, 0, 2, 3))
    moved = analysis.in_cell(d, joined)
    assert (moved.cell, moved.span, moved.site) == (2, Span(2, 0, 2, 3), Span(2, 0, 2, 3))


def test_an_empty_notebook_is_silent(tree: Callable[..., Path]) -> None:
    root = tree()
    (root / "nb.ipynb").write_text(json.dumps({"cells": [], "metadata": {"torch": 1}}))
    assert run().outcomes == (Outcome("nb.ipynb", run().outcomes[0].config),)

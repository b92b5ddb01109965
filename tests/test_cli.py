"""The command line as people and scripts use it: options, streams, exit statuses, pipes, terminals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from wdlint import pages, terminal
from wdlint.cli import commands
from wdlint.model import Report

CLEAN = "import torch\n\noptimizer = torch.optim.SGD([w], lr=0.1)\n"
COUPLED = (
    "import torch\n\nmodel = Net()\noptimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=5e-4)\n"
)
NOTED = "import torch\n\nmodel = Net()\noptimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=5e-4)\n"
QUIET = COUPLED.replace("5e-4)", "5e-4)  # wdlint: ignore[WD101, WD201] -- the GCN protocol")
posix = pytest.mark.skipif(os.name != "posix", reason="signals and pipes of POSIX")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(Path(pages.__file__).parent.parent))  # for processes, installed or not
    return tmp_path


def wdlint(*arguments: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(commands, arguments, input=stdin, prog_name="wdlint")


def process(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wdlint", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)  # type: ignore[call-overload,no-any-return]


def codes(result: Result) -> list[str]:
    return [entry["code"] for entry in json.loads(result.stdout)]


# ------------------------------------------------------------------------------------------------------------- commands


@pytest.mark.parametrize("arguments", [["."], ["check", "."], [], ["check"], ["--output-format", "full"], ["train.py"]])
def test_check_is_the_default_command(folder: Path, arguments: list[str]) -> None:
    (folder / "train.py").write_text(COUPLED)
    result = wdlint(*arguments)
    assert result.exit_code == 1
    assert " --> train.py:4:" in result.stdout


def test_a_path_that_bears_a_command_s_name_is_reached_with_a_dot(folder: Path) -> None:
    (folder / "rules").mkdir()
    (folder / "rules" / "train.py").write_text(COUPLED)
    assert wdlint("./rules").exit_code == 1
    assert wdlint("rules").exit_code == 0


def test_rules_lists_every_rule() -> None:
    rows = json.loads(wdlint("rules", "--output-format", "json").stdout)
    assert {"code": "WD101", "name": "coupled-decay", "severity": "warning", "fixable": True} in rows
    assert [row["code"] for row in rows] == [line.split()[0] for line in wdlint("rules").stdout.splitlines()]


@pytest.mark.parametrize("key", ["WD101", "wd101", "coupled-decay"])
def test_explain_takes_code_or_name_and_is_plain_in_a_pipe(key: str) -> None:
    result = wdlint("explain", key)
    assert result.exit_code == 0
    assert result.stdout.startswith("# WD101 coupled-decay\n")


def test_explain_renders_for_a_terminal() -> None:
    result = wdlint("explain", "WD101", "--color")
    assert "\x1b[" in result.stdout
    assert "## What it finds" not in result.stdout


@pytest.mark.parametrize("key", ["WD999", "nothing", "../secret", "*"])
def test_explain_of_nothing_fails(key: str) -> None:
    result = wdlint("explain", key)
    assert result.exit_code == 2
    assert f"there is no page for {key!r}" in result.stderr


def test_facts_for_people_and_for_programs(folder: Path) -> None:
    (folder / "train.py").write_text(COUPLED)
    shown = wdlint("facts", "train.py")
    assert shown.stdout.startswith("4:13 torch.optim.Adam: coupled, adaptive\n")
    assert "weight_decay  5e-4" in shown.stdout
    data = json.loads(wdlint("facts", "train.py", "--json").stdout)
    assert data["optimizers"][0]["groups"][0]["coverage"] == "whole"


@pytest.mark.parametrize(("name", "text"), [("gone.py", None), ("broken.py", "def ("), ("nb.ipynb", "{")])
def test_facts_of_what_cannot_be_read(folder: Path, name: str, text: str | None) -> None:
    if text:
        (folder / name).write_text(text)
    result = wdlint("facts", name)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"wdlint: {name}: ")


# -------------------------------------------------------------------------------------------------------- exit statuses


@pytest.mark.parametrize(
    ("text", "options", "status"),
    [
        (CLEAN, [], 0),
        (COUPLED, [], 1),
        (COUPLED, ["--exit-zero"], 0),
        (COUPLED, ["--fail-on", "error"], 0),
        (COUPLED, ["--ignore", "WD101,WD2"], 0),
        (COUPLED, ["--ignore", "WD101", "--ignore", "WD201"], 0),
        (COUPLED, ["--select", "WD3"], 0),
        (COUPLED, ["--select", "WD3", "--extend-select", "WD101"], 1),
        (NOTED, [], 0),
        (NOTED, ["--fail-on", "note"], 1),
        (NOTED, ["--select", "WD202"], 0),
        ("import torch.optim\ndef (", [], 1),
        ("import torch.optim\ndef (", ["--ignore", "WD900"], 0),
        (COUPLED, ["--diff"], 1),
        (CLEAN, ["--diff"], 0),
        (COUPLED, ["--fix"], 1),
        (COUPLED, ["--fix", "--weight-decay", "keep"], 0),
        (COUPLED, ["--fix", "--weight-decay", "0.01"], 0),
        (COUPLED, ["--fix", "--exit-zero"], 0),
        (COUPLED, ["--fix", "--select", "WD201"], 0),
        (COUPLED, ["--nonsense"], 2),
        (COUPLED, ["--select", "E501"], 2),
        (COUPLED, ["--weight-decay", "-1"], 2),
        (COUPLED, ["--weight-decay", "from:ckpt.pt"], 2),
        (COUPLED, ["--config", "gone.toml"], 2),
        (COUPLED, ["--config", "x.toml", "--isolated"], 2),
        (COUPLED, ["-"], 2),
        (COUPLED, ["-j", "0"], 2),
    ],
)
def test_exit_status(folder: Path, text: str, options: list[str], status: int) -> None:
    (folder / "train.py").write_text(text)
    assert wdlint(*options, "train.py").exit_code == status


def test_a_missing_path_is_a_finding(folder: Path) -> None:
    result = wdlint("--output-format", "concise", "nowhere.py")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0] == "nowhere.py:1:1: WD900 no such file or folder"


def test_an_empty_folder_is_said_to_be_empty(folder: Path) -> None:
    result = wdlint()
    assert result.exit_code == 0
    assert "no Python files found" in result.stderr


def test_a_bad_configuration_is_named_with_its_keys(folder: Path) -> None:
    (folder / "train.py").write_text(COUPLED)
    (folder / "wdlint.toml").write_text('selct = ["WD1"]\nfail-on = 3\n')
    result = wdlint()
    assert result.exit_code == 2
    assert result.stdout == ""
    assert 'did you mean "select"?' in result.stderr
    assert "fail-on must be" in result.stderr


def test_the_command_line_wins_over_the_configuration(folder: Path) -> None:
    (folder / "train.py").write_text(COUPLED)
    (folder / "wdlint.toml").write_text('select = ["WD3"]\n')
    assert wdlint().exit_code == 0
    assert wdlint("--select", "WD1").exit_code == 1
    assert wdlint("--isolated").exit_code == 1
    (folder / "other.toml").write_text('select = ["WD2"]\n')
    assert set(codes(wdlint("--config", "other.toml", "--output-format", "json"))) == {"WD201"}


def test_an_error_in_wdlint_names_the_file_and_the_rest_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from wdlint import engine

    def lint(text: str, config: object, *, path: str, codes: frozenset[str]) -> Report:
        if path == "a.py":
            raise KeyError("surprise")
        return engine_lint(text, config, path=path, codes=codes)  # type: ignore[arg-type]

    engine_lint = engine.lint
    monkeypatch.setattr(engine, "lint", lint)
    for name in ("a.py", "b.py"):
        (folder / name).write_text(COUPLED)
    result = wdlint("--exit-zero")
    assert result.exit_code == 2
    assert result.stderr == "wdlint: internal error in a.py: KeyError: 'surprise'\n"
    assert " --> b.py:4:" in result.stdout
    (folder / "b.py").unlink()
    alone = wdlint("-v")
    assert "All checks passed!" not in alone.stdout
    assert "Traceback" in alone.stderr


# --------------------------------------------------------------------------------------------------------------- output


def test_notes_are_counted_unless_somebody_asks(folder: Path) -> None:
    (folder / "train.py").write_text(NOTED)
    assert wdlint().stdout == "All checks passed!\n1 note not shown (--show-notes)\n"
    for options in (["--show-notes"], ["--select", "WD202"], ["--fail-on", "note"]):
        shown = wdlint(*options).stdout
        assert "WD202" in shown
        assert "not shown" not in shown
    assert codes(wdlint("--output-format", "json")) == ["WD202"]
    assert "WD202" not in wdlint("--select", "WD2", "--statistics").stdout


def test_findings_of_one_call_are_one_block(folder: Path) -> None:
    (folder / "train.py").write_text(COUPLED)
    shown = wdlint().stdout
    assert shown.count("-->") == 1
    assert shown.count("help:") == 1
    assert shown.startswith("WD101 [*] ")
    assert "\nWD201 [*] " in shown
    assert wdlint("--output-format", "github").stdout.count("::warning ") == 1
    assert len(codes(wdlint("--output-format", "json"))) == 2


def test_quiet_says_only_what_was_found(folder: Path) -> None:
    (folder / "train.py").write_text(COUPLED)
    assert len(wdlint("-q", "--output-format", "concise").stdout.splitlines()) == 2
    (folder / "train.py").write_text(CLEAN)
    result = wdlint("-q")
    assert result.output == ""


def test_verbose_counts_files_on_standard_error(folder: Path) -> None:
    (folder / "train.py").write_text(COUPLED)
    (folder / "other.py").write_text("print(1)\n")
    result = wdlint("-v", "--output-format", "json")
    json.loads(result.stdout)
    assert result.stderr.startswith("2 files found, 2 read, 1 cannot matter, 1 analysed")


def test_statistics(folder: Path) -> None:
    (folder / "train.py").write_text(COUPLED)
    assert wdlint("--statistics", "-q").stdout == "1\tWD101\t[*] coupled-decay\n1\tWD201\t[*] decayed-bias-norm\n"
    assert json.loads(wdlint("--statistics", "--output-format", "json").stdout)[0]["count"] == 1


def test_suppressed_findings_are_shown_with_their_reason_on_demand(folder: Path) -> None:
    (folder / "train.py").write_text(QUIET)
    assert wdlint().stdout == "All checks passed!\n"
    result = wdlint("--show-suppressed", "--output-format", "concise")
    assert result.exit_code == 0
    assert "WD101 [suppressed: the GCN protocol] " in result.stdout
    entries = json.loads(wdlint("--show-suppressed", "--output-format", "json").stdout)
    assert [(e["suppressed"], e["reason"]) for e in entries] == [(True, "the GCN protocol")] * 2


def test_notebooks(folder: Path) -> None:
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": part} for part in COUPLED.split("\n\n")]
    (folder / "nb.ipynb").write_text(json.dumps({"cells": cells, "metadata": {}}))
    assert wdlint("--output-format", "concise").stdout.startswith("nb.ipynb:cell 2:2:")
    assert [e["cell"] for e in json.loads(wdlint("--output-format", "json").stdout)] == [2, 2]
    assert "2 | optimizer = torch.optim.Adam(" in wdlint().stdout
    result = wdlint("--fix")
    assert result.exit_code == 1
    assert "notebook repair is not available yet: nb.ipynb" in result.stderr
    assert "cell 2:2:13 torch.optim.Adam" in wdlint("facts", "nb.ipynb").stdout


def test_hostile_names_and_sources_command_nothing(folder: Path) -> None:
    name = "a\n::error::b\x1b[31m.py"
    (folder / name).write_text(COUPLED + "# \x1b[2J\n")
    for style in ("concise", "full", "github", "json"):
        result = wdlint("--output-format", style, "--color")
        assert "\x1b[2J" not in result.stdout
        assert "\x1b[31m.py" not in result.stdout
        assert not [line for line in result.stdout.splitlines() if line.startswith("::error::b")]
    assert json.loads(wdlint("--output-format", "json").stdout)[0]["filename"] == str(folder / name)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are text here")
def test_names_that_are_not_text(folder: Path) -> None:
    Path(os.fsdecode(b"caf\xe9.py")).write_text(COUPLED)
    assert process("--output-format", "concise").stdout.startswith("caf\\udce9.py:4:")
    assert json.loads(process("--output-format", "json").stdout)[0]["filename"].endswith("caf\udce9.py")


def test_a_terminal_without_the_letters_is_no_reason_to_die(folder: Path) -> None:
    (folder / "größe.py").write_text(COUPLED, encoding="utf-8")
    result = process(env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert result.returncode == 1
    assert "gr\\xf6\\xdfe.py:4:" in result.stdout


# --------------------------------------------------------------------------------------------------------------- colors


@pytest.mark.parametrize(
    ("options", "environment", "colored"),
    [
        ([], {}, False),
        (["--color"], {"NO_COLOR": "1"}, True),
        (["--no-color"], {"FORCE_COLOR": "1"}, False),
        ([], {"FORCE_COLOR": "1"}, True),
        ([], {"CLICOLOR_FORCE": "1"}, True),
        ([], {"FORCE_COLOR": "0"}, False),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": ""}, True),
    ],
)
def test_colors(
    folder: Path, options: list[str], environment: dict[str, str], colored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "train.py").write_text(COUPLED)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for style in ("full", "concise"):
        assert ("\x1b[" in wdlint(*options, "--output-format", style).stdout) is colored
    assert ("\x1b[" in wdlint(*options, "--diff").stdout) is colored


def test_every_role_has_a_style() -> None:
    assert all(terminal.painted("x", role).startswith("\x1b[") for role in terminal.STYLES)
    assert terminal.painted("", "path") == ""


# --------------------------------------------------------------------------------------------------------------- repair


def test_fix_repairs_and_asks_for_a_decision_about_lambda(folder: Path) -> None:
    (folder / "train.py").write_text(COUPLED)
    result = wdlint("--fix")
    assert "AdamW(" in (folder / "train.py").read_text()
    assert "train.py:4 Adam -> AdamW" in result.stdout
    assert "1 decision about lambda is due" in result.stdout
    assert "an old checkpoint also brings the old weight_decay back" in result.stdout
    assert "Found 2 findings (2 fixed, 0 remaining)." in result.stdout
    again = wdlint("--fix")
    assert (again.exit_code, again.stdout) == (0, "All checks passed!\n")


def test_a_quiet_fix_still_says_what_must_be_decided(folder: Path) -> None:
    (folder / "train.py").write_text(COUPLED)
    result = wdlint("--fix", "-q")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1] == "1 decision about lambda is due"


def test_fix_under_json_keeps_standard_output_json(folder: Path) -> None:
    (folder / "train.py").write_text(COUPLED)
    result = wdlint("--fix", "--output-format", "json")
    assert json.loads(result.stdout) == []
    assert "1 decision about lambda is due" in result.stderr


def test_a_decision_in_the_configuration_counts(folder: Path) -> None:
    (folder / "train.py").write_text(COUPLED)
    (folder / "wdlint.toml").write_text('fix-weight-decay = "keep"\n')
    assert wdlint("--fix").exit_code == 0


def test_a_decision_that_cannot_be_carried_out_yet_is_named(folder: Path) -> None:
    (folder / "train.py").write_text(COUPLED)
    (folder / "wdlint.toml").write_text('fix-weight-decay = "from:run.pt"\n')
    result = wdlint("--fix")
    assert result.exit_code == 1
    assert "from:run.pt needs the runtime" in result.stderr


def test_diff_can_be_applied_and_writes_nothing(folder: Path) -> None:
    (folder / "train.py").write_text(COUPLED)
    result = wdlint("--diff")
    assert (folder / "train.py").read_text() == COUPLED
    assert result.stdout.startswith("--- train.py\n+++ train.py\n@@ ")
    assert "Would fix 2 findings." in result.stderr
    wdlint("--fix", "--weight-decay", "keep")
    repaired = (folder / "train.py").read_text()
    (folder / "train.py").write_text(COUPLED)
    done = subprocess.run(["git", "apply", "-p0"], input=result.stdout, text=True, cwd=folder)
    assert done.returncode == 0
    assert (folder / "train.py").read_text() == repaired


def test_diff_reports_what_cannot_be_read(folder: Path) -> None:
    (folder / "train.py").write_text("import torch.optim\ndef (\n")
    result = wdlint("--diff")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "train.py:2:" in result.stderr


# ---------------------------------------------------------------------------------------------------------------- stdin


def test_standard_input_is_linted(folder: Path) -> None:
    result = wdlint("-", "--output-format", "concise", stdin=COUPLED)
    assert result.exit_code == 1
    assert result.stdout.startswith("<stdin>:4:")
    named = wdlint("--stdin-filename", "lib/train.py", "--output-format", "json", stdin=COUPLED)
    assert json.loads(named.stdout)[0]["filename"] == str(folder / "lib" / "train.py")


def test_standard_input_has_the_configuration_of_its_name(folder: Path) -> None:
    (folder / "lib").mkdir()
    (folder / "lib" / "wdlint.toml").write_text('select = ["WD3"]\nexclude = ["old"]\n')
    assert wdlint("-", "--stdin-filename", "lib/train.py", stdin=COUPLED).exit_code == 0
    assert wdlint("-", "--stdin-filename", "train.py", stdin=COUPLED).exit_code == 1
    excluded = ["-", "--stdin-filename", "lib/old/x.py", "--force-exclude", "--select", "WD1", "--fix"]
    assert wdlint(*excluded, stdin=COUPLED).stdout == COUPLED


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_repaired_source_goes_to_standard_output_and_nothing_else(folder: Path, newline: str) -> None:
    data = b"\xef\xbb\xbf" + COUPLED.replace("\n", newline).encode()
    result = wdlint("-", "--fix", "--weight-decay", "keep", stdin=data)
    assert result.exit_code == 0
    assert result.stdout_bytes.startswith(b"\xef\xbb\xbfimport torch" + newline.encode())
    assert b"AdamW(" in result.stdout_bytes
    assert b"Adam -> AdamW" not in result.stdout_bytes
    assert "Adam -> AdamW" in result.stderr


@pytest.mark.parametrize("source", [CLEAN, "def (", "import torch.optim\ndef (", ""])
def test_source_that_is_not_repaired_passes_through(folder: Path, source: str) -> None:
    assert wdlint("-", "--fix", stdin=source).stdout == source


def test_diff_of_standard_input_goes_to_standard_output(folder: Path) -> None:
    result = wdlint("-", "--diff", stdin=COUPLED)
    assert result.exit_code == 1
    assert result.stdout.startswith("--- <stdin>\n")


# ---------------------------------------------------------------------------------------------- processes and terminals


@posix
def test_a_reader_that_goes_away_is_no_drama(folder: Path) -> None:
    for number in range(300):
        (folder / f"train{number}.py").write_text(COUPLED)
    command = f"{sys.executable} -m wdlint; echo status $? >&2"
    result = subprocess.run(["sh", "-c", f"({command}) | head -n 1"], capture_output=True, text=True, timeout=120)
    assert result.stdout.startswith("WD101")
    assert result.stderr == "status 1\n"


@posix
@pytest.mark.parametrize("slow", ["discovery", "worker"])
def test_an_interrupt_ends_the_run_quietly(folder: Path, slow: str) -> None:
    (folder / "train.py").write_text(COUPLED)
    code = f"""
import time
from wdlint import cli, discovery, engine, runner
def wait(*a, **k):
    print("ready", flush=True)
    time.sleep(60)
if {slow!r} == "worker":
    engine.lint = wait
else:
    runner.discover = wait
cli.main()
"""
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert child.stdout
    assert child.stdout.readline() == "ready\n"
    os.killpg(child.pid, signal.SIGINT)
    out, err = child.communicate(timeout=30)
    assert child.returncode == 130
    assert out == ""
    assert "Traceback" not in err


@posix
def test_a_crash_of_the_parser_costs_one_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from wdlint import engine

    def lint(text: str, config: object, *, path: str, codes: frozenset[str]) -> Report:
        if path == "b.py":
            os.kill(os.getpid(), signal.SIGKILL)
        return Report(path)

    monkeypatch.setattr(engine, "lint", lint)
    for name in ("a.py", "b.py", "c.py"):
        (folder / name).write_text(COUPLED)
    result = wdlint("--output-format", "concise", "-q")
    assert result.exit_code == 1
    assert result.stdout == "b.py:1:1: WD900 analysis crashed (SIGKILL)\n"


def test_a_file_that_cannot_matter_imports_nothing_heavy(folder: Path) -> None:
    (folder / "harmless.py").write_text("print('hello')\n" * 1000)
    command = [sys.executable, "-X", "importtime", "-m", "wdlint", "harmless.py"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.stdout == "All checks passed!\n"
    imported = {
        line.rpartition("|")[2].strip() for line in result.stderr.splitlines() if line.startswith("import time:")
    }
    heavy = ("libcst", "torch", "rich", "multiprocessing", "concurrent", "asyncio", "wdlint.engine", "wdlint.extract")
    assert not [name for name in imported if name.split(".")[0] in heavy or name in heavy]
    assert "wdlint.runner" in imported


def test_version() -> None:
    from wdlint import __version__

    assert wdlint("--version").stdout == f"wdlint {__version__}\n"


def test_help_names_the_commands_and_the_statuses() -> None:
    assert "explain" in wdlint("--help").stdout
    assert "Exit status: 0" in wdlint("check", "--help").stdout


def test_the_bar_appears_on_a_terminal_only_after_a_while(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with terminal.progress(True) as watch:
        watch(1, 10)
    assert capfd.readouterr().err == ""
    monkeypatch.setattr(terminal, "PATIENCE", 0.0)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with terminal.progress(True) as watch:
        watch(5, 10)
    assert "50%" in capfd.readouterr().err
    with terminal.progress(False) as watch:
        watch(5, 10)
    assert capfd.readouterr().err == ""


# ---------------------------------------------------------------------------------------------------------------- pages


def test_pages_are_found_in_the_package_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, name in enumerate(("package", "checkout")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "WD101-coupled-decay.md").write_text(
            f"# {number}\n\n## A\n\n```python fixed\n## not\n```\n\n## B\nb\n"
        )
    monkeypatch.setattr(pages, "FOLDERS", (tmp_path / "package", tmp_path / "checkout"))
    page = pages.page("wd101")
    assert (page.code, page.name, page.fixable) == ("WD101", "coupled-decay", True)
    assert page.text.startswith("# 0\n")
    assert dict(page.sections) == {"A": "```python fixed\n## not\n```", "B": "b"}


def test_addresses_are_not_invented(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pages.url("WD101") is None
    assert pages.see("WD101") == "`wdlint explain WD101`"
    monkeypatch.setattr(pages, "PAGE_BASE", "https://example.org/rules")
    assert pages.url("WD101") == "https://example.org/rules/WD101-coupled-decay"
    assert pages.url("WD999") is None

"""Finding, reading and merging the configuration, and what is said about a wrong one."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from wdlint.config import (
    DEFAULT_EXCLUDE,
    FAMILIES,
    Config,
    ConfigError,
    Overrides,
    Selection,
    decay_choice,
    find_config,
    load,
    notice,
    unknown_codes,
)
from wdlint.model import Severity

KNOWN = ("WD101", "WD102", "WD201", "WD202", "WD203", "WD301", "WD900", "WD901")
RULE_OF_THUMB = dict.fromkeys(FAMILIES, (1e-4, 1e-2))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """A catalogue that accepts a row with a coupling, and remembers what it was asked."""
    asked: list[object] = []

    class CatalogueError(ValueError):
        pass

    class Catalogue:
        @staticmethod
        def load(rows: dict[str, dict[str, object]], ranges: dict[str, tuple[float, float]]) -> None:
            asked.append((rows, ranges))
            for name, row in rows.items():
                if "coupling" not in row:
                    raise CatalogueError(f'optimizers."{name}": needs coupling')
            if len(rows) > 1 and all("same" in row for row in rows.values()):
                raise CatalogueError("two rows are the same")

    module = ModuleType("wdlint.catalogue")
    module.__dict__.update(Catalogue=Catalogue, CatalogueError=CatalogueError, PRESETS={"rule-of-thumb": RULE_OF_THUMB})
    monkeypatch.setitem(sys.modules, "wdlint.catalogue", module)
    return asked


def configured(text: str, name: str = "pyproject.toml") -> Config:
    Path(name).write_text(text)
    return load(name, KNOWN)


def problems(text: str, name: str = "pyproject.toml") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        configured(text, name)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return list(caught.value.problems)


# ------------------------------------------------------------------------------------------------------------- reading


def test_without_a_file_everything_has_a_default(here: Path) -> None:
    config = Config()
    assert config.root == here
    assert config.source is None
    assert config.codes_for("a.py", KNOWN) == set(KNOWN)
    assert config.exclude == config.excluded == DEFAULT_EXCLUDE
    assert (config.fail_on, config.fix_weight_decay, config.respect_gitignore) == (Severity.WARNING, None, True)
    assert not config.by_name("WD202")


def test_an_empty_table_is_the_default(here: Path) -> None:
    assert configured("[tool.wdlint]\n") == Config(Path("pyproject.toml"), here)
    assert configured("", "wdlint.toml") == Config(Path("wdlint.toml"), here)


FULL = """
select = ["WD1", "WD202"]
extend-select = ["WD301"]
ignore = ["WD102"]
exclude = ["gen"]
extend-exclude = ["more/*.py"]
respect-gitignore = false
fix-weight-decay = 0
no-decay = ["bias", "LayerNorm.weight"]
fail-on = "note"
"""


def test_every_key(here: Path, catalogue: list[object]) -> None:
    config = configured(
        FULL + '[per-file-ignores]\n"tests/*" = ["ALL"]\n"a.py" = ["WD1", "WD202"]\n'
        '[range]\nlion = [1e-3, 3]\nlr-free = [0, 0.5]\n[optimizers."my.Lion"]\ncoupling = "decoupled"\n',
        "wdlint.toml",
    )
    assert config == Config(
        source=Path("wdlint.toml"),
        root=here,
        select=("WD1", "WD202"),
        extend_select=("WD301",),
        ignore=("WD102",),
        per_file_ignores=(("tests/*", ("ALL",)), ("a.py", ("WD1", "WD202"))),
        exclude=("gen",),
        extend_exclude=("more/*.py",),
        ranges={"lion": (1e-3, 3.0), "lr-free": (0.0, 0.5)},
        fix_weight_decay=0.0,
        no_decay=("bias", "LayerNorm.weight"),
        optimizers={"my.Lion": {"coupling": "decoupled"}},
        fail_on=Severity.NOTE,
        respect_gitignore=False,
    )
    assert config.excluded == ("gen", "more/*.py")
    assert catalogue == [({"my.Lion": {"coupling": "decoupled"}}, config.ranges)]
    assert pickle.loads(pickle.dumps(config)) == config


def test_both_files_say_the_same(here: Path) -> None:
    from dataclasses import replace

    own, shared = configured(FULL, "wdlint.toml"), configured("[tool.wdlint]" + FULL)
    assert replace(own, source=None) == replace(shared, source=None)
    assert replace(configured("[tool.wdlint]" + FULL, "other.toml"), source=None) == replace(own, source=None)
    assert replace(configured(FULL, "another.toml"), source=None) == replace(own, source=None)


def test_a_preset_is_overridden_by_single_families(here: Path, catalogue: list[object]) -> None:
    config = configured('[tool.wdlint.range]\nlion = [1, 2]\npreset = "rule-of-thumb"\n')
    assert config.ranges == {**RULE_OF_THUMB, "lion": (1.0, 2.0)}


def test_root_can_be_given(here: Path) -> None:
    (here / "sub").mkdir()
    (here / "sub" / "x.toml").write_text("")
    assert load("sub/x.toml", KNOWN).root == here / "sub"
    assert load(here / "sub/x.toml", KNOWN, root=here).root == here


def test_the_real_catalogue(here: Path) -> None:
    from wdlint.catalogue import BANDS, PRESETS

    config = configured(
        '[range]\npreset = "rule-of-thumb"\n[optimizers."my.Lion"]\nlike = "my.Base"\n'
        '[optimizers."my.Base"]\ncoupling = "decoupled"\n',
        "wdlint.toml",
    )
    assert config.ranges == PRESETS["rule-of-thumb"]
    assert set(config.optimizers) == {"my.Lion", "my.Base"}
    assert set(BANDS) == set(FAMILIES)


def test_wrong_rows_for_the_real_catalogue(here: Path) -> None:
    """All of them, each once, also where one row is the model of another."""
    found = problems(
        '[tool.wdlint.optimizers."my.A"]\nlike = "my.B"\n[tool.wdlint.optimizers."my.B"]\ncupling = "decoupled"\n'
        '[tool.wdlint.optimizers."my.C"]\n[tool.wdlint.optimizers."my.D"]\nlike = "my.E"\n'
        '[tool.wdlint.optimizers."my.E"]\ncoupling = "decoupled"\n'
    )
    assert [problem.split("]")[0] for problem in found] == [
        'pyproject.toml: [tool.wdlint.optimizers."my.B"',
        'pyproject.toml: [tool.wdlint.optimizers."my.C"',
    ]
    assert 'unknown key "cupling"' in found[0]
    assert "optimizers" not in found[0].split("]")[1]


# ----------------------------------------------------------------------------------------------- what a wrong file says


def test_all_problems_are_listed_with_file_key_and_nearest(here: Path, catalogue: list[object]) -> None:
    text = """
        [tool.wdlint]
        selct = ["WD101"]
        fail_on = "error"
        fail-on = 3
        select = ["WD101", "WD302", "E501", "wd2", "W", 7, ""]
        ignore = "WD101"
        exclude = {}
        respect-gitignore = "yes"
        fix-weight-decay = "kep"
        zzz = 1
        [tool.wdlint.range]
        decopled = [1, 2]
        lion = [1]
        sgd = [3, 1]
        coupled = [-1, 1]
        lr-free = ["a", 1]
        decoupled = [true, 2]
        preset = "thumb"
        [tool.wdlint.per-file-ignores]
        "tests/*" = "WD101"
        docs = ["WD999"]
        [tool.wdlint.optimizers]
        Adam = 3
    """
    say = "pyproject.toml: [tool.wdlint] "
    assert problems(text) == [
        say + 'unknown key "selct"; did you mean "select"?',
        say + 'unknown key "fail_on"; did you mean "fail-on"?',
        say + 'unknown key "zzz"; valid are "exclude", "extend-exclude", "extend-select", "fail-on", '
        '"fix-weight-decay", "ignore", "no-decay", "optimizers", "per-file-ignores", "range", "respect-gitignore", '
        '"select"',
        say + "select must be a list of strings, but item 6 is 7",
        say + 'select: unknown code "WD302"; did you mean "WD301"?',
        say + 'select: unknown code "E501"; valid are "ALL", codes such as "WD101" and prefixes such as "WD1"',
        say + 'select: unknown code "wd2"; did you mean "WD2"?',
        say + 'select: unknown code "W"; valid are "ALL", codes such as "WD101" and prefixes such as "WD1"',
        say + 'select: unknown code ""; valid are "ALL", codes such as "WD101" and prefixes such as "WD1"',
        say + 'ignore must be a list of strings, not "WD101"',
        'pyproject.toml: [tool.wdlint.per-file-ignores] "tests/*" must be a list of strings, not "WD101"',
        'pyproject.toml: [tool.wdlint.per-file-ignores] docs: unknown code "WD999"; did you mean "WD901"?',
        say + "exclude must be a list of strings, not a table",
        say + 'respect-gitignore must be true or false, not "yes"',
        'pyproject.toml: [tool.wdlint.range] unknown key "decopled"; did you mean "decoupled"?',
        'pyproject.toml: [tool.wdlint.range] preset must be "rule-of-thumb", not "thumb"',
        *(
            f"pyproject.toml: [tool.wdlint.range] {family} must be two numbers [low, high] with 0 <= low <= high, "
            f"not {value}"
            for family, value in {
                "decoupled": "[true, 2]", "lion": "[1]", "coupled": "[-1, 1]", "sgd": "[3, 1]", "lr-free": '["a", 1]',
            }.items()
        ),
        say + 'fix-weight-decay must be "keep", "from:CHECKPOINT" or a number that is not negative, not "kep"',
        "pyproject.toml: [tool.wdlint.optimizers] Adam must be a table, not 3",
        say + 'fail-on must be "note", "warning" or "error", not 3',
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('fail-on = "warn"', 'wdlint.toml: fail-on must be "note", "warning" or "error", not "warn"'),
        ("fail-on = []", 'wdlint.toml: fail-on must be "note", "warning" or "error", not []'),
        ("range = 3", "wdlint.toml: range must be a table, not 3"),
        ("[range]\nlionn = [1, 2]", 'wdlint.toml: [range] unknown key "lionn"; did you mean "lion"?'),
        ("[range]\npreset = 3", 'wdlint.toml: [range] preset must be "rule-of-thumb", not 3'),
        ("[[range]]\nlion = [1, 2]", "wdlint.toml: range must be a table, not [a table]"),
        ("no-decay = [1979-05-27]", "wdlint.toml: no-decay must be a list of strings, but item 1 is 1979-05-27"),
        ("[optimizers]\n'a b' = \"x\"", 'wdlint.toml: [optimizers] "a b" must be a table, not "x"'),
        (
            "[tool.wdlint]\nselect = []",
            'wdlint.toml: unknown key "tool"; the keys stand at the top of this file, without [tool.wdlint]',
        ),
    ],
)
def test_own_file_has_no_section(here: Path, catalogue: list[object], text: str, expected: str) -> None:
    assert problems(text, "wdlint.toml") == [expected]


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "true", '"keep "', '"from:"', "9e999", "9" * 400, '"inf"'])
def test_lambda_that_is_none(here: Path, value: str) -> None:
    (problem,) = problems(f"fix-weight-decay = {value}", "wdlint.toml")
    assert problem.startswith('wdlint.toml: fix-weight-decay must be "keep", "from:CHECKPOINT" or a number')
    assert len(problem) < 180


@pytest.mark.parametrize("value", ["[0, inf]", "[nan, 1]", "[0, nan]", f"[0, {'9' * 400}]", "[]", "[1, 2, 3]", "{}"])
def test_ranges_that_are_none(here: Path, value: str) -> None:
    (problem,) = problems(f"[range]\nlion = {value}", "wdlint.toml")
    assert problem.startswith("wdlint.toml: [range] lion must be two numbers [low, high]")


def test_rows_of_the_user_are_read_by_the_catalogue(here: Path, catalogue: list[object]) -> None:
    rows = '[tool.wdlint.optimizers."my.{0}"]\n{1} = 1\n'
    assert problems(rows.format("A", "x") + rows.format("B", "coupling") + rows.format("C", "y")) == [
        'pyproject.toml: [tool.wdlint.optimizers."my.A"] needs coupling',
        'pyproject.toml: [tool.wdlint.optimizers."my.C"] needs coupling',
    ]
    text = "[optimizers.a]\ncoupling = 1\nsame = 1\n[optimizers.b]\ncoupling = 1\nsame = 1\n"
    assert problems(text, "wdlint.toml") == ["wdlint.toml: [optimizers] two rows are the same"]


def test_syntax_errors_name_the_place(here: Path) -> None:
    (problem,) = problems("[tool.wdlint]\nselect = [\n")
    assert problem.startswith("pyproject.toml: not valid TOML: ")
    assert "line" in problem or "end of document" in problem
    (problem,) = problems("x = 1\nx y\n", "wdlint.toml")
    assert "line 2, column 3" in problem
    (problem,) = problems(f"x = {'[' * 100_000}", "wdlint.toml")
    assert problem == "wdlint.toml: not valid TOML: nested too deeply"
    (problem,) = problems(f"x = {'9' * 5000}", "wdlint.toml")
    assert "wdlint.toml: not valid TOML" in problem
    Path("wdlint.toml").write_bytes(b"a = 1\nb = '\xff'\n")
    with pytest.raises(ConfigError, match=r"wdlint.toml: byte 0xff on line 2 is not utf-8"):
        load("wdlint.toml", KNOWN)


def test_files_that_cannot_be_read(here: Path) -> None:
    with pytest.raises(ConfigError, match=r"^sub/x.toml: no such file$"):
        load("sub/x.toml", KNOWN)
    os.mkfifo("fifo.toml")
    with pytest.raises(ConfigError, match=r"^fifo.toml: not a regular file$"):
        load("fifo.toml", KNOWN)
    with pytest.raises(ConfigError, match=r"there is no .tool.wdlint."):
        configured("[tool.ruff]\n")
    with pytest.raises(ConfigError, match=r".tool. wdlint must be a table, not 3"):
        configured("[tool]\nwdlint = 3\n")
    outside = here.parent / f"{here.name}.toml"
    outside.write_text("x = 1")
    with pytest.raises(ConfigError, match=f"^{outside}: unknown key"):
        load(outside, KNOWN)


def test_the_error_travels_between_processes() -> None:
    error = pickle.loads(pickle.dumps(ConfigError(["a", "b"])))
    assert (error.problems, str(error)) == (("a", "b"), "a\nb")


# ------------------------------------------------------------------------------------------------------------- finding


def test_the_nearest_configuration_is_found(here: Path) -> None:
    (here / "a/b/c").mkdir(parents=True)
    assert find_config("a/b/c") is None
    (here / "pyproject.toml").write_text("[tool.wdlint]")
    (here / "a/pyproject.toml").write_text("[tool.ruff]\n# wdlint is not configured here\n")
    assert find_config("a/b/c") == find_config(here / "a/b/c/x.py") == here / "pyproject.toml"  # a/ is passed over
    (here / "a/b/wdlint.toml").write_text("")
    assert find_config("a/b/c/x.py") == here / "a/b/wdlint.toml"
    assert find_config("a/x.py") == find_config(".") == here / "pyproject.toml"
    (here / "wdlint.toml").write_text("")
    assert find_config("x.py") == here / "wdlint.toml"  # before the pyproject.toml beside it
    (here / "a/pyproject.toml").write_text("[tool]\nwdlint.select = []")
    assert find_config("a") == here / "a/pyproject.toml"
    assert find_config("gone/nowhere.py") == here / "wdlint.toml"  # --stdin-filename need not exist


def test_what_is_no_configuration_file_is_passed_over(here: Path) -> None:
    (here / "wdlint.toml").mkdir()
    os.mkfifo(here / "pyproject.toml")
    assert find_config("x.py") is None
    os.unlink(here / "pyproject.toml")
    (here / "pyproject.toml").write_text("this is [ not TOML")
    assert find_config("x.py") is None
    (here / "pyproject.toml").write_text("[tool]\nx = 'wdlint'\n")
    assert find_config("x.py") is None


def test_a_broken_file_that_speaks_of_wdlint_is_an_error(here: Path) -> None:
    (here / "pyproject.toml").write_text("[tool.wdlint\n")
    with pytest.raises(ConfigError, match=r"^pyproject.toml: not valid TOML: .*line 1"):
        find_config("x.py")


def test_answers_are_remembered_by_folder(here: Path) -> None:
    (here / "a/b").mkdir(parents=True)
    (here / "wdlint.toml").write_text("")
    seen: dict[str, Path | None] = {}
    assert find_config("a/b/x.py", seen) == here / "wdlint.toml"
    assert seen == {str(folder): here / "wdlint.toml" for folder in (here, here / "a", here / "a/b")}
    (here / "wdlint.toml").unlink()
    assert find_config("a/b/y.py", seen) == here / "wdlint.toml"
    assert find_config("a/b/y.py") is None


def test_nothing_is_imported_without_a_file(here: Path) -> None:
    code = (
        "import sys; from wdlint.config import Config, find_config\n"
        "assert find_config('x.py') is None; Config().codes_for('x.py', ('WD101',))\n"
        "print(*[m for m in ('tomllib', 'difflib', 'pathspec', 'json', 'wdlint.catalogue', 'libcst', 'click') "
        "if m in sys.modules])"
    )
    Path("pyproject.toml").write_text("[tool.ruff]\n")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    run = [sys.executable, "-c", code]
    assert subprocess.run(run, capture_output=True, text=True, env=environment, check=True).stdout == "\n"


# ----------------------------------------------------------------------------------------------------------- selection


def on(config: Config, path: str = "a.py") -> list[str]:
    return sorted(config.codes_for(path, KNOWN))


def test_the_more_specific_selector_wins() -> None:
    assert on(Config(select=("WD101",), ignore=("WD1",))) == ["WD101"]
    assert on(Config(select=("WD1",), ignore=("WD101",))) == ["WD102"]
    assert on(Config(select=("WD2",), ignore=("WD2",))) == []  # ignore wins between equals
    assert on(Config(select=("WD2",), ignore=("ALL",))) == ["WD201", "WD202", "WD203"]
    assert on(Config(select=("WD20", "WD1"), ignore=("WD2",))) == ["WD101", "WD102", "WD201", "WD202", "WD203"]
    assert on(Config(ignore=("WD2", "WD9"), extend_select=("WD202",))) == ["WD101", "WD102", "WD202", "WD301"]
    assert on(Config(select=())) == []
    assert on(Config(select=("WD",))) == on(Config()) == sorted(KNOWN)


def test_by_name_needs_the_full_code() -> None:
    assert Config(select=("WD202",)).by_name("WD202")
    assert Config(extend_select=("WD202",)).by_name("WD202")
    assert not Config(select=("WD20", "ALL")).by_name("WD202")
    assert Config().merged(Overrides(extend_select=("WD202",))).by_name("WD202")
    assert Config().merged(Overrides(select=("WD202",))).by_name("WD202")
    assert not Config(select=("WD202",)).merged(Overrides(select=("WD2",))).by_name("WD202")


def test_the_command_line_wins_as_in_ruff() -> None:
    """Each of these was tried with ruff 0.17.5 (F401 and F in place of WD101 and WD1)."""
    kept = Config(select=("WD1",), ignore=("WD101",))
    assert on(kept) == ["WD102"]
    assert on(kept.merged(Overrides(extend_select=("WD101",)))) == ["WD101", "WD102"]
    assert on(kept.merged(Overrides(extend_select=("WD1",)))) == ["WD101", "WD102"]
    assert on(kept.merged(Overrides(select=("WD1",)))) == ["WD101", "WD102"]  # the ignore of the file is gone too
    assert on(Config(select=("WD101",)).merged(Overrides(ignore=("WD1",)))) == []
    assert on(kept.merged(Overrides(select=("WD1",), ignore=("WD102",)))) == ["WD101"]
    assert on(kept.merged(Overrides(select=("WD301",), extend_select=("WD1",)))) == ["WD101", "WD102", "WD301"]
    assert on(kept.merged(Overrides())) == on(kept)
    twice = kept.merged(Overrides(extend_select=("WD101",))).merged(Overrides(ignore=("WD102",)))
    assert on(twice) == ["WD101"]
    assert twice.later == (Selection(None, ("WD101",)), Selection(ignore=("WD102",)))
    assert on(twice.merged(Overrides(select=("WD102",)))) == ["WD102"]


def test_the_command_line_replaces_and_extends(here: Path) -> None:
    ranges = {"lion": (1.0, 2.0), "sgd": (3.0, 4.0)}
    config = Config(exclude=("a",), extend_exclude=("b",), ranges=ranges, fix_weight_decay="keep")
    merged = config.merged(
        Overrides(
            exclude=("c",), extend_exclude=("d",), ranges={"sgd": (5, 6)}, fix_weight_decay=0.0, fail_on=Severity.ERROR,
            respect_gitignore=False, per_file_ignores=(("x.py", ("WD1",)),),
        )
    )  # fmt: skip
    assert merged.excluded == ("c", "b", "d")
    assert merged.ranges == {"lion": (1, 2), "sgd": (5, 6)}
    assert (merged.fix_weight_decay, merged.fail_on, merged.respect_gitignore) == (0.0, Severity.ERROR, False)
    assert on(merged, "x.py") == ["WD201", "WD202", "WD203", "WD301", "WD900", "WD901"]
    assert config.merged(Overrides()) == config


def test_patterns_of_the_command_line_are_relative_to_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wdlint.discovery import discover

    folder = tmp_path / "[odd]" / "sub"
    (folder / "gen").mkdir(parents=True)
    (folder / "gen" / "a.py").write_text("")
    monkeypatch.chdir(folder)
    config = Config(root=tmp_path, exclude=()).merged(
        Overrides(extend_exclude=("./gen/*", "name"), per_file_ignores=(("gen/a.py", ("ALL",)), ("!gen/*", ("WD1",))))
    )
    assert not list(discover(["."], exclude=config.excluded, respect_gitignore=True, root=config.root))
    assert config.extend_exclude[1] == "name"
    assert on(config, "gen/a.py") == []
    assert "WD101" not in on(config, "b.py") and "WD201" in on(config, "b.py")
    assert "WD101" in on(config, "gen/b.py")


def test_ignores_per_file(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config(
        root=here,
        select=("WD1", "WD2"),
        per_file_ignores=(
            ("tests/*", ("WD1",)),
            ("conv_*.py", ("WD201",)),
            ("!src/**", ("WD203",)),
            ("docs/", ("ALL",)),
        ),
    )
    everything = ["WD101", "WD102", "WD201", "WD202", "WD203"]
    cases = {
        "src/a.py": everything,
        "src/conv_1.py": ["WD101", "WD102", "WD202", "WD203"],
        "tests/deep/a.py": ["WD201", "WD202"],
        "tests/conv_a.py": ["WD202"],
        "docs/deep/x.ipynb": [],
        "x/docs/x.py": [],  # a bare name is a name anywhere
        "mytests/a.py": ["WD101", "WD102", "WD201", "WD202"],
        "-": ["WD101", "WD102", "WD201", "WD202"],
    }
    for path, codes in cases.items():
        assert on(config, path) == codes, path
        assert on(config, str(here / path)) == codes, path
    (here / "src").mkdir()
    monkeypatch.chdir(here / "src")
    assert on(config, "a.py") == everything  # a relative path is relative to the working folder
    assert on(config, "../tests/a.py") == ["WD201", "WD202"]


def test_per_file_ignores_win_over_every_selection(here: Path) -> None:
    config = Config(root=here, select=("WD101",), per_file_ignores=(("a.py", ("ALL",)),))
    assert on(config.merged(Overrides(extend_select=("WD101",)))) == []


def test_unknown_codes_are_named() -> None:
    assert unknown_codes(["ALL", "WD", "WD1", "WD10", "WD101"], KNOWN) == []
    assert len(unknown_codes(["WD4", "all", "W", "", "WD1011", "WD101 "], KNOWN)) == 6
    assert unknown_codes(["all"], KNOWN) == ['unknown code "all"; did you mean "ALL"?']


# -------------------------------------------------------------------------------------------------------- lambda


def test_decisions_about_lambda() -> None:
    assert decay_choice("keep") == "keep"
    assert decay_choice("0.01") == decay_choice(0.01) == 0.01
    assert decay_choice(0) == 0.0 and isinstance(decay_choice(0), float)
    assert decay_choice("from:run/last.ckpt") == "from:run/last.ckpt"
    for wrong in ("", "from:", "KEEP", "-1", "nan", True, None, [1], 1j):
        with pytest.raises(ValueError, match=r"^must be "):
            decay_choice(wrong)


def test_a_checkpoint_is_accepted_and_says_what_it_needs(here: Path) -> None:
    config = configured('fix-weight-decay = "from:run.ckpt"', "wdlint.toml")
    assert config.fix_weight_decay == "from:run.ckpt"
    assert "from:run.ckpt needs the runtime" in notice(config.fix_weight_decay)
    assert notice("keep") == notice(0.01) == notice(None) == ""

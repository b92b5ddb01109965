"""Every fixture says what wdlint finds in it, line by line: all of that and nothing else is found."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from wdlint.checks import RULES
from wdlint.config import Config
from wdlint.engine import lint

ROOT = Path(__file__).resolve().parent.parent / "fixtures"
PATHS = sorted(p for p in ROOT.rglob("*.py") if not p.name.endswith(".fixed.py"))
WILD = [p for p in PATHS if p.parent.name == "wild"]
EXPECT = re.compile(r"# expect: (none|WD\d{3}(?: WD\d{3})*)(?=$|  #)")
CODES = {rule.code for rule in RULES}


def named(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").as_posix()


def text_of(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as file:
        return file.read()


def expected(text: str) -> dict[int, set[str]]:
    """Line -> the codes its comment asks for, none for `# expect: none`."""
    out = {}
    for number, line in enumerate(text.splitlines(), 1):
        if "# expect" in line:
            mark = EXPECT.search(line)
            assert mark, f"line {number}: not an expectation: {line.strip()}"
            out[number] = set(mark[1].split()) - {"none"}
    return out


def differences(text: str, wanted: dict[int, set[str]]) -> list[str]:
    """What is found without being asked for, and what is asked for without being found.

    A finding stands where its own line or the line of its construction call is marked with its code.
    """
    missing = {(line, code) for line, codes in wanted.items() for code in codes}
    out = []
    for found in lint(text, Config()).diagnostics:
        lines = {found.span.line} | ({found.site.line} if found.site else set())
        here = [line for line in lines if found.code in wanted.get(line, ())]
        missing -= {(line, found.code) for line in here}
        if not here:
            out.append(f"line {min(lines)}: false {found.code}: {found.message}")
    return [*out, *(f"line {line}: missed {code}" for line, code in sorted(missing))]


@pytest.mark.parametrize("path", PATHS, ids=named)
def test_a_fixture_is_understood(path: Path) -> None:
    text = text_of(path)
    assert not differences(text, expected(text))


@pytest.mark.parametrize("path", WILD, ids=named)
def test_nothing_in_the_wild_is_expected(path: Path) -> None:
    assert not any(expected(text_of(path)).values())


@pytest.mark.parametrize("path", [p for p in PATHS if p not in WILD], ids=named)
def test_a_fixture_speaks_of_the_rule_it_is_filed_under(path: Path) -> None:
    wanted = expected(text_of(path))
    assert wanted, "no `# expect:` comment"
    assert path.parent.name in set().union(*wanted.values()) or not any(wanted.values())


@pytest.mark.parametrize("path", PATHS, ids=named)
def test_a_fixture_says_why_it_is_there(path: Path) -> None:
    lines = text_of(path).removeprefix("\ufeff").splitlines()[:3]
    assert any(re.match(r"# why: \S", line) for line in lines)


@pytest.mark.parametrize("path", [p for p in PATHS if p.parent.name != "WD900"], ids=named)
def test_a_fixture_is_python(path: Path) -> None:
    ast.parse(path.read_bytes())


def test_fixtures_are_filed_by_code() -> None:
    assert {path.parent.name for path in PATHS} <= CODES | {"wild"}
    assert all(path.parent.parent == ROOT for path in PATHS)


def test_a_third_of_the_cases_is_silent() -> None:
    marks = [codes for path in PATHS for codes in expected(text_of(path)).values() or [set()]]
    assert sum(not codes for codes in marks) * 3 >= len(marks)

"""Every rule page is executed: its bad, good, fixed and measured blocks hold to the letter."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from wdlint.catalogue import Catalogue
from wdlint.checks import RULES
from wdlint.config import Config, decay_choice
from wdlint.engine import fix, lint
from wdlint.model import Coupling, Diagnostic, Report
from wdlint.pages import Page, page

ROOT = Path(__file__).resolve().parent.parent
PATHS = sorted((ROOT / "rules").glob("*.md"))
HEADINGS = [
    "What it finds",
    "Why it matters",
    "Instead",
    "What --fix does",
    "What it does not see",
    "Measured",
    "References",
]
FENCE = re.compile(r"^```(.*)$")
EXPECT = re.compile(r"# expect: (WD\d{3}(?: WD\d{3})*)(?=$|  #)")
LINK = re.compile(r"\]\(([^)#:]+\.md)\)")
ROW = re.compile(r"\| \[(WD\d{3})\]\(rules/(.+?)\.md\) \| (\S+) \| (.+) \| (\S+) \| (.+?) \|")
CARRIED = frozenset({"WD301", "WD303"})  # a lambda that --fix carries over may be reported after it


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, what it is there for, and the options behind that."""

    path: Path
    line: int
    language: str
    kind: str
    options: tuple[str, ...]
    text: str

    @property
    def name(self) -> str:
        return f"{self.path.stem[:5]}:{self.line}"

    @property
    def expected(self) -> set[tuple[int, str]]:
        """The (line, code) pairs that its comments ask for."""
        marks = ((number, EXPECT.search(line)) for number, line in enumerate(self.text.splitlines(), 1))
        return {(number, code) for number, mark in marks if mark for code in mark[1].split()}

    @property
    def config(self) -> Config:
        """The configuration that its options stand for: `fixed --select WD202`."""
        config = Config()
        for option, value in zip(self.options[::2], self.options[1::2], strict=True):
            if option == "--select":
                config = replace(config, select=(value,))
            else:
                assert option == "--weight-decay", f"{self.name}: unknown option {option}"
                config = replace(config, fix_weight_decay=decay_choice(value))
        return config


def blocks(path: Path) -> list[Block]:
    found: list[Block] = []
    start, info, body = 0, "", list[str]()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fence = FENCE.match(line)
        if fence and not start:
            start, info, body = number, fence[1], []
        elif fence:
            language, *words = info.split()
            kind, options = "".join(words[:1]), tuple(words[1:])
            found.append(Block(path, start, language, kind, options, "".join(f"{text}\n" for text in body)))
            start = 0
        elif start:
            body.append(line)
    assert not start, f"{path.name}:{start}: the block is not closed"
    return found


BLOCKS = [block for path in PATHS for block in blocks(path)]


def of_kind(*kinds: str) -> list[Block]:
    return [block for block in BLOCKS if block.kind in kinds]


def repairs() -> list[tuple[Block, Block | None]]:
    """Each bad block with the fixed one that repairs it: the next fixed block before the next bad one."""
    pairs: list[tuple[Block, Block | None]] = []
    for block in of_kind("bad", "fixed"):
        if block.kind == "bad":
            pairs.append((block, None))
        else:
            bad, taken = pairs[-1]
            assert taken is None and bad.path == block.path, f"{block.name} repairs nothing"
            pairs[-1] = bad, block
    return pairs


def named(block: object) -> str:
    return block.name if isinstance(block, Block) else "unchanged"


def lines_of(diagnostic: Diagnostic) -> set[int]:
    return {diagnostic.span.line} | ({diagnostic.site.line} if diagnostic.site else set())


def shown(report: Report) -> list[str]:
    return [f"{found.span.line}: {found.code} {found.message}" for found in report.diagnostics]


# ------------------------------------------------------------------------------------------------------------ the form


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_headings_and_size(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    headings = list(page(path.stem[:5]).sections)
    code, _, name = path.stem.partition("-")
    kinds = [block.kind for block in blocks(path)]

    assert text.splitlines()[0] == f"# {code} {name}"
    assert headings == HEADINGS
    assert kinds.count("bad") >= 2
    assert kinds.count("good") >= 2
    assert kinds.count("measured") == 1
    assert 60 <= len(text.splitlines()) <= 130
    assert max(map(len, text.splitlines())) <= 130


def test_pages_rules_and_readme_are_one_set() -> None:
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("<!-- rules -->")[1].split("<!-- /rules -->")[0]
    rows = [row.groups() for row in map(ROW.fullmatch, section.strip().splitlines()[2:]) if row]

    assert [path.stem for path in PATHS] == sorted(f"{rule.code}-{rule.name}" for rule in RULES)
    assert len(rows) == len(section.strip().splitlines()[2:])
    assert [stem for _, stem, *_ in rows] == [path.stem for path in PATHS]
    assert {(code, name, severity) for code, _, name, _, severity, _ in rows} == {
        (rule.code, rule.name, rule.severity.value) for rule in RULES
    }


def test_readme_says_truly_what_fix_repairs() -> None:
    rows = ROW.finditer((ROOT / "README.md").read_text(encoding="utf-8"))
    repaired = {row[1]: row[6] for row in rows}
    by_name = {rule.code for rule in RULES if rule.fix_by_name}

    for path in PATHS:
        shows: Page = page(path.stem[:5])
        assert (repaired[shows.code] != "no") == shows.fixable, shows.code
        assert (repaired[shows.code] == "by name") == (shows.code in by_name), shows.code


@pytest.mark.parametrize("path", [*PATHS, ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=lambda path: path.stem)
def test_links_lead_to_files(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [link for link in LINK.findall(text) if not (path.parent / link).is_file()] == []


def test_wd101_lists_every_optimizer_without_counterpart() -> None:
    (paragraph,) = re.findall(r"No counterpart, hence no repair: (.+?)\.\n\n", page("WD101").text, re.DOTALL)
    listed: set[tuple[str, str]] = set()
    for library in paragraph.replace("\n", " ").split("; "):
        package, _, names = library.partition(" ")
        listed |= {(package, name) for name in names.split(", ")}

    assert listed == {
        (spec.name.partition(".")[0], re.sub(r"\d+bit$", "", spec.label))
        for spec in Catalogue.load()
        if spec.coupling is Coupling.L2 and spec.adaptive and not spec.counterpart
    }


# ----------------------------------------------------------------------------------------------------------- the rules


@pytest.mark.parametrize("block", of_kind("bad"), ids=named)
def test_bad_is_flagged_on_its_line_and_nowhere_else(block: Block) -> None:
    report = lint(block.text, Config(), path=f"{block.path.stem}.py")
    found = {(line, diagnostic.code) for diagnostic in report.diagnostics for line in lines_of(diagnostic)}
    if block.language == "text":
        assert {code for _, code in found} == {block.path.stem[:5]}, shown(report)
        return

    assert block.expected, "a bad block marks its line with `# expect: WD...`"
    assert block.path.stem[:5] in {code for _, code in block.expected}
    assert block.expected - found == set(), shown(report)
    unexpected = [d for d in report.diagnostics if not {(line, d.code) for line in lines_of(d)} & block.expected]
    assert unexpected == [], shown(report)


@pytest.mark.parametrize("block", of_kind("good"), ids=named)
def test_good_is_silent(block: Block) -> None:
    assert shown(lint(block.text, Config(), path=f"{block.path.stem}.py")) == []


@pytest.mark.parametrize(("bad", "fixed"), repairs(), ids=named)
def test_fix_writes_the_fixed_block(bad: Block, fixed: Block | None) -> None:
    name = f"{bad.path.stem}.py"
    if fixed is None or fixed.options:
        assert fix(bad.text, Config(), path=name).fixed in (None, bad.text)
    if fixed is None:
        return

    assert fix(bad.text, fixed.config, path=name).fixed == fixed.text
    assert fix(fixed.text, fixed.config, path=name).fixed in (None, fixed.text)
    left = lint(fixed.text, Config(), path=name)
    assert {diagnostic.code for diagnostic in left.diagnostics} <= CARRIED, shown(left)


def test_readme_shows_what_fix_writes() -> None:
    before, after = (block.text for block in blocks(ROOT / "README.md") if block.kind in ("before", "after"))
    assert fix(before, Config()).fixed == after


# ------------------------------------------------------------------------------------------------------- under torch


@pytest.mark.parametrize("block", of_kind("bad", "good", "fixed"), ids=named)
def test_blocks_run(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    if block.language != "python":
        with pytest.raises(SyntaxError):
            compile(block.text, block.name, "exec")
        return
    pytest.importorskip("torch")
    monkeypatch.setattr(sys, "argv", ["page.py"])
    program = compile(block.text, block.name, "exec", dont_inherit=True)
    if "raises" in block.options:
        with pytest.raises((TypeError, ValueError)):
            exec(program, {"__name__": "__main__"})
    else:
        exec(program, {"__name__": "__main__"})


@pytest.mark.slow
@pytest.mark.parametrize("block", of_kind("measured"), ids=named)
def test_measured_prints_what_the_page_shows(block: Block, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    shows = next(other for other in BLOCKS if other.path == block.path and other.line > block.line)
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", block.text],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=120,
    )

    assert (run.returncode, run.stderr if run.returncode else "") == (0, "")
    assert shows.language == "text"
    assert run.stdout == shows.text
    assert len(block.text.splitlines()) <= 25

"""What every repair keeps: a check of `fix` on any text, for the tests of edits."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator

from wdlint.config import Config
from wdlint.edits import Page
from wdlint.engine import facts, fix, lint
from wdlint.model import Optimizer, Report

CARRIED = {"WD301", "WD303"}  # what a lambda that was carried over may bring
OF_CALLS = {"WD101", "WD102", "WD201", "WD202", "WD203"}  # repaired inside construction calls, and in imports
LINE_END = re.compile(r"\r\n|\r|\n")


def comments(text: str) -> Counter[str]:
    """Every comment of a text, and how often it stands there."""
    tokens = tokenize.generate_tokens(io.StringIO(LINE_END.sub("\n", text)).readline)
    return Counter(token.string for token in tokens if token.type == tokenize.COMMENT)


def outline(text: str, config: Config) -> tuple[str, list[list[str]]]:
    """A text without its construction calls and their imports, and what these calls say of other things than decay."""
    page = Page(text)
    sites = {(site.span.line, site.span.column): site for site in facts(text, config).optimizers}

    class Outline(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> ast.AST:
            column = len(page.line(node.lineno).encode()[: node.col_offset].decode())
            return ast.Name("SITE") if (node.lineno, column) in sites else self.generic_visit(node)

        def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
            return None if (node.module or "").startswith("torch.optim") else node

    return ast.dump(Outline().visit(ast.parse(text))), [list(others(page, site)) for site in sites.values()]


def others(page: Page, site: Optimizer) -> Iterator[str]:
    """The arguments of a construction call that a repair has no business with."""
    assert site.call is not None
    flag = site.flag
    for number, argument in enumerate(site.call.arguments):
        plain = not argument.keyword and not argument.star
        switch = flag is not None and (argument.keyword == flag.name or (plain and flag.position == number))
        if number not in (site.call.parameters, site.call.decay) and not switch:
            yield " ".join(page.slice(argument.span).split())


PLAIN = Config()


def repaired(text: str, config: Config = PLAIN, path: str = "train.py") -> Report:
    """The report of `fix`. Raises AssertionError for whatever a repair has to keep and did not."""
    report = fix(text, config, path=path)
    new = report.fixed
    if new is None:
        assert not report.changes
        return report
    ast.parse(new)
    assert new != text
    assert fix(new, config, path=path).fixed is None, "a second run changes something"
    done = Counter(code for change in report.changes for code in change.codes)
    assert done, "a change without codes"
    before = Counter(found.code for found in lint(text, config, path=path).diagnostics)
    after = Counter(found.code for found in report.diagnostics)
    assert not {code for code in after if after[code] > before[code]} - CARRIED, "a new finding"
    assert all(after[code] < max(before[code], 1) for code in done if code not in CARRIED), "a finding that stays"
    assert set(LINE_END.findall(new)) <= set(LINE_END.findall(text)) or not LINE_END.search(text), "a new line end"
    if "WD901" not in done:
        assert comments(new) == comments(text), "a comment lost or made"
    if set(done) <= OF_CALLS:
        assert outline(new, config) == outline(text, config), "something else changed"
    return report

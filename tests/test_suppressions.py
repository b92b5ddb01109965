"""Which comments silence which findings, and what is said about those that silence nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wdlint.config import Config
from wdlint.engine import fix, lint
from wdlint.model import Report, Suppression
from wdlint.source import Source
from wdlint.suppressions import silenced, statement_lines, suppressions

CALL = "torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=1e-4)"


def report(text: str, config: Config | None = None) -> Report:
    return lint("import torch\n" + text, config or Config())


def open_codes(text: str, config: Config | None = None) -> list[str]:
    return [found.code for found in report(text, config).diagnostics]


def hidden_codes(text: str) -> list[str]:
    return [found.code for found in report(text).suppressed]


def read(text: str) -> list[Suppression]:
    return list(suppressions(Source(text)))


BOTH = ["WD101", "WD201"]


@pytest.mark.parametrize(
    ("comment", "left"),
    [
        ("", BOTH),
        ("# noqa", []),
        ("#noqa", []),
        ("# NOQA", []),
        ("# NoQA  because", []),
        ("# noqa: WD101", ["WD201"]),
        ("# noqa:WD101", ["WD201"]),
        ("# noqa : wd101", ["WD201"]),
        ("# noqa: WD101,WD201", []),
        ("# noqa: WD101, WD201", []),
        ("# noqa: WD101 WD201", []),
        ("# noqa: wd101,Wd201", []),
        ("# noqa: E501,WD101", ["WD201"]),
        ("# noqa: E501", BOTH),
        ("# noqa: E501,F401", BOTH),
        ("# noqa: WD1", ["WD201"]),
        ("# noqa: WD2", ["WD101"]),
        ("# a comment # noqa: WD101", ["WD201"]),
        ("# noqa: WD101 # and more", ["WD201"]),
        ("# noqa: WD101 - a published protocol", ["WD201"]),
        ("# noqa-file", BOTH),
        ("# noqable", BOTH),
        ("# type: ignore", BOTH),
        ("# wdlint: ignore", []),
        ("# wdlint:ignore", []),
        ("# wdlint: ignore[WD101]", ["WD201"]),
        ("# wdlint: ignore[wd101]", ["WD201"]),
        ("# wdlint: ignore[WD101, WD201]", []),
        ("# wdlint: ignore[ WD101 , WD201 ]", []),
        ("# wdlint: ignore[WD1]", ["WD201"]),
        ("# wdlint: ignore[WD101] -- the GCN protocol", ["WD201"]),
        ("# WDLINT: IGNORE[WD101]", ["WD201"]),
        ("# wdlint: ignore[WD101]  # noqa: WD201", []),
        ("# pylint: disable=all  # wdlint: ignore[WD101]", ["WD201"]),
    ],
)
def test_a_comment_behind_the_call(comment: str, left: list[str]) -> None:
    assert open_codes(f"a = {CALL}  {comment}") == left


def test_what_is_silenced_is_kept_with_its_reason() -> None:
    found = report(f"a = {CALL}  # wdlint: ignore[WD101] -- the GCN protocol").suppressed
    assert [(d.code, d.suppressed, d.reason) for d in found] == [("WD101", True, "the GCN protocol")]
    found = report(f"a = {CALL}  # noqa").suppressed
    assert [(d.code, d.reason) for d in found] == [("WD101", ""), ("WD201", "")]


LONG = """a = torch.optim.Adam({}
    net.parameters(),{}
    lr=1e-3,{}
    weight_decay=1e-4,{}
){}
"""


@pytest.mark.parametrize("line", range(5))
@pytest.mark.parametrize(
    "comment", ["# noqa", "# noqa: WD101,WD201", "# wdlint: ignore", "# wdlint: ignore[WD101,WD201]"]
)
def test_any_line_of_the_statement_will_do(line: int, comment: str) -> None:
    assert open_codes(LONG.format(*(f"  {comment}" if n == line else "" for n in range(5)))) == []


@pytest.mark.parametrize("comment", ["# noqa", "# wdlint: ignore", "# wdlint: ignore[WD101,WD201]"])
def test_a_line_of_its_own_inside_the_statement(comment: str) -> None:
    text = f"a = torch.optim.Adam(\n    net.parameters(),\n    {comment}\n    weight_decay=1e-4,\n)\n"
    assert open_codes(text) == []


def test_a_wdlint_comment_on_the_line_above() -> None:
    assert open_codes(f"# wdlint: ignore[WD101,WD201]\na = {CALL}\nb = {CALL}") == BOTH
    assert open_codes(f"# wdlint: ignore[WD101,WD201]\n# a remark\n\na = {CALL}") == []
    assert open_codes(f"if x:\n    # wdlint: ignore\n    a = {CALL}") == []
    assert open_codes(f"# wdlint: ignore -- all of it\n{LONG.format(*[''] * 5)}") == []
    assert open_codes(f"# noqa: WD101,WD201\na = {CALL}") == ["WD901", *BOTH]  # flake8's speaks of its own line
    assert open_codes(f"a = {CALL}\n# wdlint: ignore") == [*BOTH, "WD901"]


def test_two_comments_above_one_statement() -> None:
    assert open_codes(f"# wdlint: ignore[WD101]\n# wdlint: ignore[WD201]\na = {CALL}") == []


def test_a_header_does_not_speak_for_its_body() -> None:
    body = f"\n    optimizer = {CALL}\n"
    for header in ("if x:", "for x in y:", "while x:", "with x:", "def f(net):", "class A:"):
        assert open_codes(f"{header}  # noqa{body}") == BOTH, header
        assert set(open_codes(f"{header}  # wdlint: ignore{body}")) == {*BOTH, "WD901"}, header
        assert set(open_codes(f"# wdlint: ignore\n{header}{body}")) == {*BOTH, "WD901"}, header
    assert set(open_codes(f"try:  # noqa\n    a = {CALL}\nexcept E:\n    pass\n")) == set(BOTH)
    assert set(open_codes(f"try:\n    pass\nexcept E:  # noqa\n    a = {CALL}\n")) == set(BOTH)
    assert set(open_codes(f"for x in y:\n    pass\nelse:  # noqa\n    a = {CALL}\n")) == set(BOTH)


def test_a_header_speaks_for_itself() -> None:
    assert open_codes(f"with {CALL} as o:  # noqa\n    pass\n") == []
    assert open_codes(f"def f(\n    a={CALL},\n    b=1,  # noqa\n):\n    pass\n") == []
    assert open_codes(f"if (\n    {CALL}\n    and x  # wdlint: ignore\n):\n    pass\n") == []
    assert open_codes(f"# wdlint: ignore\nfor p in {CALL}.param_groups:\n    pass\n") == []
    assert open_codes(f"@wrap({CALL})  # noqa\ndef f():\n    pass\n") == []


def test_several_statements_on_a_line_share_its_comment() -> None:
    assert open_codes(f"a = {CALL}; b = {CALL}  # noqa") == []


def test_a_body_on_the_line_of_its_header() -> None:
    assert open_codes(f"if x: a = {CALL}  # noqa") == []
    assert open_codes(f"if x: a = {CALL}  # noqa\nelse: b = {CALL}") == BOTH


def test_the_next_statement_is_not_touched() -> None:
    assert open_codes(f"a = {CALL}  # noqa\nb = {CALL}") == BOTH
    assert open_codes(f"a = {CALL}\nb = {CALL}  # noqa") == BOTH


def test_a_whole_file() -> None:
    for comment in ("# wdlint: ignore-file", "#wdlint:ignore-file -- generated", "# WDLint: Ignore-File"):
        assert open_codes(f"{comment}\na = {CALL}\n") == []
        assert open_codes(f"a = {CALL}\n{comment}\n") == []
    assert open_codes(f"# wdlint: ignore-file[WD101]\na = {CALL}\n") == ["WD201"]
    assert hidden_codes(f"# wdlint: ignore-file -- generated\na = {CALL}\n") == BOTH


def test_comments_in_strings_are_none() -> None:
    assert open_codes(f"x = '# wdlint: ignore-file'\na = {CALL}\n") == BOTH
    assert open_codes(f'"""\n# wdlint: ignore-file\n"""\na = {CALL}\n') == BOTH
    assert open_codes(f"a = {CALL}, '# noqa'") == BOTH


def test_the_place_of_the_decay_counts_too() -> None:
    text = "groups = [{'params': [net.weight], 'weight_decay': 1e-4}]%s\nopt = torch.optim.Adam(groups)%s\n"
    assert open_codes(text % ("", "")) == ["WD101"]
    assert open_codes(text % ("  # noqa: WD101", "")) == []
    assert open_codes(text % ("", "  # noqa: WD101")) == []


def test_line_ends_of_all_kinds() -> None:
    call = "a = torch.optim.Adam(\n    net.parameters(),\n    weight_decay=1e-4,  # noqa: WD201\n)\n"
    text = f"import torch\n# wdlint: ignore[WD101]\n{call}b = {CALL}\n"
    for end in ("\n", "\r\n", "\r"):
        found = lint(text.replace("\n", end), Config()).diagnostics
        assert [(d.code, d.span.line) for d in found] == [("WD101", 7), ("WD201", 7)], repr(end)


# ------------------------------------------------------------------------------------------------------------- unused


@pytest.mark.parametrize(
    ("comment", "codes"),
    [
        ("# wdlint: ignore", ["all"]),
        ("# wdlint: ignore[WD101]", ["WD101"]),
        ("# wdlint: ignore[WD101,WD201]", ["WD101", "WD201"]),
        ("# wdlint: ignore[WD1]", ["WD1"]),
        ("# wdlint: ignore-file", ["all"]),
        ("# noqa: WD101", ["WD101"]),
        ("# noqa: E501,WD101", ["WD101"]),
        ("# noqa", []),  # another tool may need it
        ("# noqa: E501", []),
        ("# wdlint: ignore[WD999]", ["WD999"]),
    ],
)
def test_what_silences_nothing_is_reported(comment: str, codes: list[str]) -> None:
    found = report(f"x = 1  {comment}").diagnostics
    assert [d.code for d in found] == ["WD901"] * bool(codes)
    for diagnostic in found:
        assert diagnostic.safe
        assert all(code == "all" or code in diagnostic.message for code in codes)


def test_only_the_idle_codes_are_reported() -> None:
    (found,) = report(f"a = {CALL}  # noqa: WD101,WD201,WD301").diagnostics
    assert found.code == "WD901" and "WD301" in found.message and "WD101" not in found.message
    assert fix(f"import torch\na = {CALL}  # noqa: WD101,WD201,WD301\n", Config()).fixed == (
        f"import torch\na = {CALL}  # noqa: WD101, WD201\n"
    )


def test_codes_that_are_switched_off_are_not_judged() -> None:
    text = "x = 1  # wdlint: ignore[WD101,WD201]\ny = 2  # noqa: WD303"
    config = replace(Config(), select=("WD101", "WD901"))
    (found,) = report(text, config).diagnostics
    assert "WD101" in found.message and "WD201" not in found.message
    assert open_codes(text, replace(Config(), ignore=("WD1", "WD2", "WD3"))) == []
    assert open_codes(text, replace(Config(), ignore=("WD901",))) == []


def test_the_report_about_a_suppression_can_be_suppressed() -> None:
    assert open_codes("x = 1  # wdlint: ignore[WD101, WD901]") == []
    assert open_codes("x = 1  # noqa: WD101, WD901") == []
    assert open_codes("# wdlint: ignore-file[WD901]\nx = 1  # wdlint: ignore[WD101]") == []


def test_removal_leaves_the_rest_of_the_line() -> None:
    config = Config()
    for before, after in [
        ("x = 1  # wdlint: ignore[WD101]\n", "x = 1\n"),
        ("x = 1  # wdlint: ignore[WD101] -- old reason\n", "x = 1\n"),
        ("# wdlint: ignore-file\nx = 1\n", "x = 1\n"),
    ]:
        assert fix(before, config).fixed == after
    kept = fix("x = 1  # keep me  # wdlint: ignore[WD101]\n", config).fixed
    assert kept is not None and "keep me" in kept and "wdlint" not in kept


def test_a_suppressed_site_is_not_repaired() -> None:
    text = f"import torch\na = {CALL}  # noqa\nb = {CALL}\n"
    fixed = fix(text, Config()).fixed
    assert fixed is not None
    assert f"a = {CALL}  # noqa\n" in fixed
    assert "b = torch.optim.AdamW(" in fixed


# -------------------------------------------------------------------------------------------------------------- parts


def test_the_parts_of_a_suppression() -> None:
    (only,) = read("x = 1  # why  # wdlint: ignore[wd101, WD2] -- a reason, with commas\n")
    assert only.codes == ("WD101", "WD2")
    assert only.reason == "a reason, with commas"
    assert only.lines == (1, 1)
    assert only.ours
    assert (only.span.line, only.span.column) == (1, 14)
    assert only.text == "# wdlint: ignore[wd101, WD2] -- a reason, with commas"
    assert only.comment is not None and only.comment.column == 7
    (noqa,) = read("x = 1  # noqa: E1,WD101\n")
    assert (noqa.codes, noqa.ours, noqa.text) == (("WD101",), False, "# noqa: E1,WD101")
    assert read("x = 1\n") == []
    assert read("x = 'noqa wdlint'\n") == []
    assert read("# wdlint: ignore[]\n") == []  # nothing listed, so nothing meant
    assert read("# wdlint: disable\n") == []


def test_codes_match_by_prefix() -> None:
    (all_codes,) = read("x  # noqa")
    (family,) = read("x  # noqa: WD2")
    assert silenced(all_codes, "WD101", [(1, 1)])
    assert silenced(family, "WD201", [(1, 1)]) and not silenced(family, "WD101", [(1, 1)])
    assert not silenced(family, "WD201", [(2, 3)])
    assert silenced(family, "WD201", [(2, 3), (1, 4)])


def test_lines_of_a_statement() -> None:
    statements = Source("a = (\n    1,\n)\nif (\n    a\n):\n    b = 1; c = (\n        2)\n").statements
    assert statement_lines(statements, 2, 2) == (1, 3)
    assert statement_lines(statements, 5, 5) == (4, 6)
    assert statement_lines(statements, 7, 7) == (7, 8)
    assert statement_lines(statements, 8, 8) == (7, 8)

"""What each format says: order, sites, frames, escapes, counts."""

from __future__ import annotations

import json as stdlib_json
import re
from dataclasses import replace

import pytest

from wdlint.model import (
    Change,
    Coupling,
    Coverage,
    Diagnostic,
    Edit,
    Facts,
    Group,
    Optimizer,
    Origin,
    Refusal,
    Report,
    Severity,
    Span,
    Value,
)
from wdlint.reports import diff, github, json, listing, plain, printable, sites, tally, text
from wdlint.reports.frame import Mark, frame, width
from wdlint.reports.summary import decisions, fixed, summary

SOURCE = """\
import torch
from torch.optim import Adam

model = Net()
optimizer = Adam(
    model.parameters(),
    lr=1e-3,
    weight_decay=5e-4,
)
"""
SITE = Span(5, 12, 9, 1)
DECAY = Span(8, 4, 8, 21)
EDITS = (Edit(Span(2, 24, 2, 28), "AdamW"), Edit(Span(5, 12, 5, 16), "AdamW"))


def diagnostic(code: str = "WD101", span: Span = DECAY, **changes: object) -> Diagnostic:
    names = {"WD101": "coupled-decay", "WD201": "decayed-bias-norm", "WD208": "no-op-grouping", "WD900": "unreadable"}
    base = Diagnostic(code, names[code], Severity.WARNING, f"{code} happened", "train.py", span, SITE)
    return replace(base, **changes)  # type: ignore[arg-type]


def report(*diagnostics: Diagnostic, source: str = SOURCE) -> Report:
    return Report("train.py", diagnostics, lines=tuple(source.split("\n")))


def full(*diagnostics: Diagnostic, source: str = SOURCE) -> str:
    return "\n".join(text.full([report(*diagnostics, source=source)], plain))


def concise(*diagnostics: Diagnostic) -> list[str]:
    return list(text.concise([report(*diagnostics)], plain))


def marking(text: str, role: str) -> str:
    return f"<{role}>{text}</>"


# ----------------------------------------------------------------------------------------------------------------- text


def test_concise_is_one_line_per_finding_in_order() -> None:
    second = diagnostic("WD201", Span(6, 4, 6, 22), edits=EDITS)
    assert concise(diagnostic(), second) == [
        "train.py:6:5: WD201 [*] WD201 happened",
        "train.py:8:5: WD101 WD101 happened",
    ]


def test_concise_names_the_cell() -> None:
    assert concise(diagnostic(path="nb.ipynb", cell=3, span=Span(2, 6, 2, 7), site=None)) == [
        "nb.ipynb:cell 3:2:7: WD101 WD101 happened"
    ]


def test_concise_shows_why_a_finding_is_suppressed() -> None:
    quiet = diagnostic(suppressed=True, reason="the GCN protocol", edits=EDITS)
    lines = list(text.concise([Report("train.py", suppressed=(quiet,))], plain))
    assert lines == ["train.py:8:5: WD101 [suppressed: the GCN protocol] WD101 happened"]


def test_full_shows_one_block_per_site() -> None:
    shown = full(diagnostic(edits=EDITS, fix_message="Use AdamW"), diagnostic("WD201", Span(6, 4, 6, 22), edits=EDITS))
    assert shown == (
        """\
WD101 [*] WD101 happened
WD201 [*] WD201 happened
 --> train.py:8:5
  |
4 | model = Net()
5 | optimizer = Adam(
6 |     model.parameters(),
  |     ^^^^^^^^^^^^^^^^^^ WD201
7 |     lr=1e-3,
8 |     weight_decay=5e-4,
  |     ^^^^^^^^^^^^^^^^^ WD101
9 | )
  |
help: Use AdamW
  |
1 | import torch
  - from torch.optim import Adam
2 + from torch.optim import AdamW
3 |
4 | model = Net()
  - optimizer = Adam(
5 + optimizer = AdamW(
6 |     model.parameters(),
  |
"""
    )


def test_full_shows_findings_without_a_common_site_apart() -> None:
    shown = full(diagnostic(), diagnostic("WD201", site=Span(6, 4, 6, 22)), diagnostic("WD208", site=None))
    assert shown.count("-->") == 3


def test_full_underlines_two_places_of_one_line_in_two_rows() -> None:
    line = "o = Adam(net.parameters(), weight_decay=5e-4)"
    site = Span(1, 4, 1, 45)
    first, second = diagnostic(span=Span(1, 27, 1, 44), site=site), diagnostic("WD201", Span(1, 9, 1, 25), site=site)
    shown = full(first, second, source=line).splitlines()
    assert shown[4:7] == [
        f"1 | {line}",
        "  | " + " " * 27 + "^" * 17 + " WD101",
        "  | " + " " * 9 + "^" * 16 + " WD201",
    ]


def test_full_says_once_why_there_is_no_repair() -> None:
    refused = diagnostic(refusal="line 40 reads param_groups[1]")
    shown = full(refused, replace(refused, code="WD201", span=Span(6, 4, 6, 22)))
    assert shown.count("help: no automatic repair: line 40 reads param_groups[1]\n") == 1


def test_full_gives_a_partial_repair_and_its_reason() -> None:
    shown = full(diagnostic(edits=EDITS, fix_message="Use AdamW", refusal="groups stay: line 40 zips them"))
    assert "help: Use AdamW\n" in shown
    assert shown.endswith("note: groups stay: line 40 zips them\n")


def test_full_without_known_lines_has_no_frame() -> None:
    gone = Report(
        "gone.py", (diagnostic("WD900", Span(1, 0, 1, 0), site=None, path="gone.py", message="file vanished"),)
    )
    assert list(text.full([gone], plain)) == ["WD900 file vanished\n --> gone.py:1:1\n"]


def test_full_shows_far_places_with_a_gap_between() -> None:
    source = "\n".join(f"line{n}" for n in range(1, 31))
    shown = full(diagnostic(span=Span(3, 0, 3, 4)), diagnostic("WD201", Span(25, 0, 25, 4)), source=source)
    assert "\n 5 | line5\n...\n23 | line23\n" in shown


def test_full_colors_are_the_painter_s() -> None:
    shown = "\n".join(text.full([report(diagnostic())], marking))
    assert "<warning>WD101</> WD101 happened" in shown
    assert "<caret>^^^^^^^^^^^^^^^^^</>" in shown


# --------------------------------------------------------------------------------------------------------------- frames


def caret_line(line: str, span: Span) -> tuple[str, str]:
    rows = list(frame([line], [Mark(span)], 1, plain))
    return rows[1][4:], rows[2][4:]


def test_tabs_are_expanded_before_the_caret_and_under_it() -> None:
    shown, carets = caret_line("\tx =\ty", Span(1, 1, 1, 6))
    assert (shown, carets) == ("    x =    y", "    ^^^^^^^^")


def test_wide_characters_take_two_cells() -> None:
    shown, carets = caret_line("漢字 = Adam()", Span(1, 5, 1, 11))
    assert shown == "漢字 = Adam()"
    assert width(carets) - 6 == width("漢字 = ")


def test_combining_characters_take_none() -> None:
    assert caret_line("e\u0301 = x", Span(1, 5, 1, 6))[1] == "    ^"


def test_long_lines_are_cut_around_the_caret() -> None:
    line = "a" * 5_000_000 + "WRONG" + "b" * 100
    shown, carets = caret_line(line, Span(1, 5_000_000, 1, 5_000_005))
    assert len(shown) < 200
    assert shown[carets.index("^") : carets.rindex("^") + 1] == "WRONG"
    assert shown.startswith("...a")


def test_a_long_line_says_that_it_goes_on() -> None:
    shown, _ = caret_line("x" * 500, Span(1, 0, 1, 3))
    assert shown.endswith("x...")


def test_a_span_over_several_lines_is_underlined_to_the_end_of_the_first() -> None:
    assert caret_line("f(  # why  ", Span(1, 0, 4, 1))[1] == "^" * 9


def test_an_empty_span_has_one_caret() -> None:
    assert caret_line("pass", Span(1, 4, 1, 4))[1] == "    ^"


def test_source_cannot_command_the_terminal() -> None:
    shown, _ = caret_line("x = '\x1b[31m\u202e'", Span(1, 0, 1, 1))
    assert "\x1b" not in shown
    assert "\u202e" not in shown


@pytest.mark.parametrize("span", [Span(7, 0, 7, 3), Span(1, 900, 1, 901), Span(0, 0, 0, 0)])
def test_places_outside_of_the_text_do_no_harm(span: Span) -> None:
    list(frame(["x"], [Mark(span)], 1, plain))


def test_an_edit_may_delete_the_last_line() -> None:
    shown = full(diagnostic(span=Span(2, 0, 2, 1), edits=(Edit(Span(2, 0, 3, 0), ""),)), source="a\nb\n")
    assert "  - b" in shown


# ---------------------------------------------------------------------------------------------------------------- sites


def test_sites_of_different_cells_stay_apart() -> None:
    one, two = (diagnostic(cell=n) for n in (1, 2))
    assert len(sites([two, one])) == 2
    assert sites([two, one])[0] == (one,)


def test_printable_keeps_words_and_escapes_commands() -> None:
    assert printable("größe 漢") == "größe 漢"
    assert printable("a\nb\x1b[1m\udce9\u202e") == "a\\nb\\x1b[1m\\udce9\\u202e"


# -------------------------------------------------------------------------------------------------------------- numbers


def test_closing_lines() -> None:
    error = diagnostic("WD900", severity=Severity.ERROR)
    lines = list(text.closing(tally([error, diagnostic(), diagnostic(edits=EDITS)], hidden_notes=12), plain))
    assert lines == [
        "Found 3 findings (1 error, 2 warnings).",
        "[*] 1 fixable with `--fix`.",
        "12 notes not shown (--show-notes)",
    ]


def test_closing_line_of_a_clean_run() -> None:
    assert list(text.closing(tally([]), plain)) == ["All checks passed!"]
    assert list(text.closing(tally([], hidden_notes=1), plain)) == [
        "All checks passed!",
        "1 note not shown (--show-notes)",
    ]


def test_closing_line_after_a_fix() -> None:
    assert list(text.closing(tally([diagnostic()], fixed=2), plain)) == [
        "Found 3 findings (2 fixed, 1 remaining: 1 warning)."
    ]
    assert list(text.closing(tally([], fixed=1), plain)) == ["Found 1 finding (1 fixed, 0 remaining)."]


def test_statistics_are_ruff_s() -> None:
    found = [diagnostic(edits=EDITS), diagnostic(), diagnostic("WD201"), *(diagnostic("WD208") for _ in range(10))]
    assert list(text.statistics(found, plain)) == [
        "10\tWD208\t[ ] no-op-grouping",
        " 2\tWD101\t[-] coupled-decay",
        " 1\tWD201\t[ ] decayed-bias-norm",
    ]
    assert list(text.statistics([diagnostic("WD201")], plain)) == ["1\tWD201\tdecayed-bias-norm"]


# ----------------------------------------------------------------------------------------------------------------- json


def entries(*diagnostics: Diagnostic, suppressed: tuple[Diagnostic, ...] = ()) -> list[dict[str, object]]:
    shown = json.findings([replace(report(*diagnostics), suppressed=suppressed)], lambda code: None)
    found: list[dict[str, object]] = stdlib_json.loads(shown)
    return found


def test_json_has_ruff_s_keys_and_the_site() -> None:
    (entry,) = entries(diagnostic(edits=EDITS, fix_message="Use AdamW"))
    filename = entry.pop("filename")
    assert isinstance(filename, str)
    assert re.fullmatch(r"(/|[A-Z]:).*train\.py", filename)
    assert entry == {
        "cell": None,
        "code": "WD101",
        "end_location": {"row": 8, "column": 22},
        "fix": {
            "applicability": "unsafe",
            "edits": [
                {"content": "AdamW", "location": {"row": 2, "column": 25}, "end_location": {"row": 2, "column": 29}},
                {"content": "AdamW", "location": {"row": 5, "column": 13}, "end_location": {"row": 5, "column": 17}},
            ],
            "message": "Use AdamW",
        },
        "location": {"row": 8, "column": 5},
        "message": "WD101 happened",
        "name": "coupled-decay",
        "noqa_row": 8,
        "severity": "warning",
        "site": {"row": 5, "column": 13},
        "url": None,
    }


def test_json_of_nothing_is_an_empty_list() -> None:
    assert json.findings([], lambda code: None) == "[]"


def test_json_says_what_is_safe_and_what_is_suppressed() -> None:
    safe, quiet = entries(
        diagnostic(edits=EDITS, safe=True, span=Span(1, 0, 1, 1)),
        suppressed=(diagnostic(suppressed=True, reason="why"),),
    )
    assert safe["fix"]["applicability"] == "safe"  # type: ignore[index]
    assert "suppressed" not in safe
    assert (quiet["suppressed"], quiet["reason"]) == (True, "why")


def test_json_is_ascii_and_survives_any_name() -> None:
    shown = json.findings(
        [Report("x", (diagnostic(path="/a\udce9\n漢.py", message='"\u2028\x1b'),))], lambda code: None
    )
    assert shown.isascii()
    assert stdlib_json.loads(shown)[0]["message"] == '"\u2028\x1b'


def test_json_statistics() -> None:
    assert stdlib_json.loads(json.statistics([diagnostic(edits=EDITS), diagnostic()])) == [
        {"code": "WD101", "name": "coupled-decay", "count": 2, "fixable": False, "fixable_count": 1}
    ]


# --------------------------------------------------------------------------------------------------------------- github


def commands(*diagnostics: Diagnostic) -> list[str]:
    return list(github.commands([report(*diagnostics)], lambda code: f"`wdlint explain {code}`"))


def test_github_has_one_annotation_per_site() -> None:
    (line,) = commands(diagnostic(edits=EDITS, fix_message="Use AdamW"), diagnostic("WD201", Span(6, 4, 6, 22)))
    assert line.startswith("::warning title=wdlint (WD101%2C WD201),file=/")
    assert ",line=8,col=5,endLine=8,endColumn=22::train.py:8:5: WD101 WD101 happened%0AWD201 WD201 happened%0A" in line
    assert line.endswith("%0A  help: Use AdamW%0A  see: `wdlint explain WD101`")


def test_github_escapes_hostile_paths_and_messages() -> None:
    (line,) = commands(diagnostic(path="/a,b:c%\n::error::x.py", message="100 % wrong\r\n::set-env name=X::1"))
    assert "\n" not in line
    assert "\r" not in line
    assert "file=/a%2Cb%3Ac%25\\n%3A%3Aerror%3A%3Ax.py,line" in line
    assert "100 %25 wrong\\r\\n::set-env" in line


def test_github_sends_no_columns_over_several_lines_and_no_place_in_notebooks() -> None:
    (long,) = commands(diagnostic(span=Span(5, 2, 7, 1)))
    assert ",line=5,endLine=7::" in long
    (cell,) = commands(diagnostic(path="nb.ipynb", cell=3))
    assert ",line=1,endLine=1::nb.ipynb:cell 3:8:5: " in cell


def test_github_shows_the_most_severe_first_and_says_what_it_drops() -> None:
    many = [diagnostic(site=Span(n, 0, n, 1), span=Span(n, 0, n, 1)) for n in range(1, 13)]
    lines = commands(
        *many, diagnostic("WD900", site=None, severity=Severity.ERROR), diagnostic("WD208", severity=Severity.NOTE)
    )
    assert lines[0].startswith("::error ")
    assert lines[-2].startswith("::notice ")
    assert lines[-1] == "2 of 12 warning annotations may not be shown: GitHub shows 10 of a kind per step"


# ----------------------------------------------------------------------------------------------------- diff and summary


def changed(before: str, after: str) -> list[str]:
    return list(diff.unified(Report("a\nb.py", text=before, fixed=after), plain))


def test_diff_is_unified_and_escapes_the_path() -> None:
    assert "".join(changed("a\nb\n", "a\nc\n")) == "--- a\\nb.py\n+++ a\\nb.py\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"


def test_diff_keeps_line_ends_and_says_when_the_last_has_none() -> None:
    assert "".join(changed("a\r\nb", "a\r\nc")).endswith(
        " a\r\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n"
    )


def test_diff_of_nothing_is_nothing() -> None:
    assert list(diff.unified(Report("a.py", text="x"), plain)) == []


def test_diff_is_painted_by_line() -> None:
    lines = list(diff.unified(Report("a.py", text="a\n", fixed="b\n"), marking))
    assert lines[-2:] == ["<removed>-a</>\n", "<added>+b</>\n"]


CHANGE = Change(
    SITE,
    ("WD101", "WD201"),
    "Adam -> AdamW, 2 parameter groups",
    "weight_decay=5e-4 now shrinks weights by lr*lambda = 5e-07 a step",
    splits=True,
)
REPAIRED = Report(
    "train.py", changes=(CHANGE,), refusals=(Refusal(Span(40, 0, 40, 3), ("WD102",), "comes through partial"),)
)


def test_summary_names_repairs_decisions_refusals_and_checkpoints() -> None:
    assert list(summary([REPAIRED], [REPAIRED], plain)) == [
        "train.py:5 Adam -> AdamW, 2 parameter groups",
        "train.py:5 weight_decay=5e-4 now shrinks weights by lr*lambda = 5e-07 a step",
        "a lambda tuned for the old update is not the usual one of the new (0.01): "
        "`--weight-decay keep` keeps it, `--weight-decay 0.01` writes the usual one",
        "1 decision about lambda is due",
        "train.py:40 WD102 not repaired: comes through partial",
        "optimizer state saved before a split cannot be loaded by the repaired file; "
        "an old checkpoint also brings the old weight_decay back",
    ]
    assert fixed([REPAIRED]) == 2


def test_summary_asks_for_nothing_once_lambda_is_decided() -> None:
    assert not [line for line in summary([REPAIRED], [], plain) if "due" in line or "keep" in line]
    assert list(decisions([REPAIRED, REPAIRED], [REPAIRED, REPAIRED], plain))[-1] == "2 decisions about lambda are due"


# ---------------------------------------------------------------------------------------------------------------- facts


def test_facts_are_listed_with_provenance_and_dumped_whole() -> None:
    decay = Value((5e-4,), Origin.WRITTEN, Span(8, 17, 8, 24), "args.wd", "the default of --wd on line 3")
    lr = Value((1e-3,), Origin.DEFAULT)
    group = Group(Span(6, 4, 6, 22), decay, lr, Coverage.WHOLE, Coupling.L2)
    site = Optimizer("Adam", "torch.optim.Adam", SITE, Coupling.L2, True, (group,), lr, decay)
    facts = Facts((site,), bound_names=frozenset({"b", "a"}))
    shown = "\n".join(listing.sites(facts, lambda span: f"{span.line}"))
    assert "5 torch.optim.Adam: coupled, adaptive" in shown
    assert "weight_decay  `args.wd` is 0.0005 (the default of --wd on line 3)" in shown
    assert "lr            0.001, the default of the optimizer" in shown
    assert "6 whole; coupled" in shown
    data = stdlib_json.loads(listing.as_json(facts))
    assert data["bound_names"] == ["a", "b"]
    assert data["optimizers"][0]["groups"][0]["coverage"] == "whole"


def test_json_has_no_words_for_infinity() -> None:
    assert stdlib_json.loads(listing.as_json({"x": float("inf"), "y": float("nan")})) == {"x": "inf", "y": "nan"}


def test_tables_are_aligned() -> None:
    assert list(listing.table([("a", "bb", ""), ("ccc", "d", "e")])) == ["a    bb", "ccc  d   e"]

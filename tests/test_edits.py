"""What --fix writes: fixtures and repairs to the letter, what every repair keeps, what is said and refused."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from repairs import PLAIN, repaired

from wdlint.config import Config, decay_choice
from wdlint.engine import fix, lint
from wdlint.model import Change

ROOT = Path(__file__).resolve().parent.parent / "fixtures"
PATHS = sorted(path for path in ROOT.rglob("*.py") if not path.name.endswith(".fixed.py"))
FIXED = sorted(ROOT.rglob("*.fixed.py"))
OPTIONS = re.compile(r"^# fix: (.+?)\r?$", re.MULTILINE)
MODEL = "import torch\n\nmodel = torch.nn.Linear(2, 2)\n"
ADAM = "optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=5e-4)\n"


def named(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").as_posix()


def text_of(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as file:
        return file.read()


def config_of(text: str) -> Config:
    """The options a fixture asks for: `# fix: --select WD201`."""
    found = OPTIONS.search(text)
    words = found[1].split() if found else []
    config = Config()
    for option, value in zip(words[::2], words[1::2], strict=True):
        if option == "--select":
            config = replace(config, select=(value,))
        else:
            assert option == "--weight-decay", option
            config = replace(config, fix_weight_decay=decay_choice(value))
    return config


def only_change(text: str, config: Config = PLAIN) -> Change:
    (change,) = repaired(text, config).changes
    return change


# ----------------------------------------------------------------------------------------- fixtures


@pytest.mark.parametrize("path", [path for path in PATHS if path.parent.name != "WD900"], ids=named)
def test_a_repair_keeps_what_it_must(path: Path) -> None:
    text = text_of(path)
    repaired(text, config_of(text))


@pytest.mark.parametrize("path", [p for p in PATHS if p.name.startswith("fix_")], ids=named)
def test_a_fixture_is_repaired_to_the_letter(path: Path) -> None:
    text = text_of(path)
    assert fix(text, config_of(text)).fixed == text_of(path.with_suffix(".fixed.py"))


@pytest.mark.parametrize(
    "path", [p for p in PATHS if p.name.startswith("nofix_") or p.parent.name == "wild"], ids=named
)
def test_a_fixture_stays_as_it_is(path: Path) -> None:
    text = text_of(path)
    assert fix(text, config_of(text)).fixed is None


def test_every_repair_has_its_fixture() -> None:
    assert {path.with_name(path.name.replace(".fixed.py", ".py")) for path in FIXED} == {
        path for path in PATHS if path.name.startswith("fix_")
    }


# ------------------------------------------------------------------------------------------- lambda


@pytest.mark.parametrize(
    ("call", "decision"),
    [
        (
            "Adam(model.parameters(), lr=1e-3, weight_decay=5e-4)",
            "weight_decay=5e-4 now shrinks weights by lr*lambda = 5e-07 a step (half-life 1.4e+06 steps)",
        ),
        (
            "NAdam([model.weight], lr=3e-4, weight_decay=5e-3)",
            "weight_decay=5e-3 now shrinks weights by lr*lambda = 1.5e-06 a step (half-life 4.6e+05 steps)",
        ),
        (
            "Adam([{'params': [model.weight], 'weight_decay': 0.0}, {'params': [model.bias], 'weight_decay': 1e-3}])",
            "weight_decay=1e-3 now shrinks weights by lr*lambda = 1e-06 a step (half-life 6.9e+05 steps)",
        ),
        (
            "Adam([model.weight], lr=0, weight_decay=5e-4)",  # a Noam wrapper sets the rate: X30
            "weight_decay=5e-4 now shrinks weights by lr*lambda a step, whatever the gradient is",
        ),
        (
            "Adam([model.weight], lr=torch.rand(1).item(), weight_decay=torch.rand(1).item())",
            "weight_decay=torch.rand(1).item() now shrinks weights by lr*lambda a step, whatever the gradient is",
        ),
    ],
)
def test_a_carried_lambda_is_a_decision(call: str, decision: str) -> None:
    text = f"{MODEL}optimizer = torch.optim.{call}\n"
    assert only_change(text).decision == decision
    assert only_change(text, replace(Config(), fix_weight_decay="keep")).decision == ""
    assert only_change(text, replace(Config(), fix_weight_decay="from:run.pt")).decision == decision


def test_a_given_lambda_settles_literals_only() -> None:
    given = replace(Config(), fix_weight_decay=0.01)
    assert only_change(MODEL + ADAM, given).decision == ""
    change = only_change(MODEL + "wd = 5e-4\n" + ADAM.replace("5e-4", "wd"), given)
    assert change.decision.endswith("; it is no literal, so 0.01 was not written")


@pytest.mark.parametrize("value", [0.01, 0.0, 1e-05, 0.123456789, 3.0])
def test_a_given_lambda_is_written_exactly(value: float) -> None:
    fixed = repaired(MODEL + ADAM, replace(Config(), fix_weight_decay=value)).fixed
    found = re.search(r'"weight_decay": (\S+?),?}?,?\n', fixed or "")
    assert found and float(found[1]) == value


def test_without_a_change_of_class_lambda_is_no_decision() -> None:
    assert only_change(MODEL + ADAM.replace("Adam(", "AdamW(")).decision == ""
    assert only_change(MODEL + ADAM, replace(Config(), select=("WD201",))).decision == ""


# --------------------------------------------------------------------------------- what is reported


def test_a_change_names_what_it_did() -> None:
    change = only_change(MODEL + ADAM)
    assert change.summary == "Adam -> AdamW, 2 parameter groups (matrices decay at 5e-4, vectors do not)"
    assert (change.codes, change.splits, change.span.line) == (("WD101", "WD201"), True, 4)


def test_a_half_done_repair_names_both_halves() -> None:
    report = repaired(MODEL + ADAM + 'optimizer.param_groups[0]["lr"] = 1e-4\n')
    assert [(change.codes, change.splits) for change in report.changes] == [(("WD101",), False)]
    (refusal,) = report.refusals
    assert (refusal.codes, refusal.reason) == (("WD201",), "the groups stay: line 5 writes param_groups[0]")


def test_a_finding_offers_only_the_repair_that_removes_it() -> None:
    report = lint(MODEL + ADAM + 'optimizer.param_groups[0]["lr"] = 1e-4\n', Config())
    offered = {found.code: (bool(found.edits), found.fix_message, bool(found.refusal)) for found in report.diagnostics}
    assert offered == {"WD101": (True, "Use AdamW", True), "WD201": (False, "", True)}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("torch.optim.RMSprop([model.weight], weight_decay=1e-3)", "RMSprop has no decoupled counterpart"),
        ("getattr(torch.optim, 'Adam')(model.parameters(), weight_decay=1e-3)", "the class comes through getattr"),
        (
            "torchao.optim.Adam8bit([{'params': [model.weight], 'weight_decay': 1e-3}, {'params': f}], **more)",
            "the class stays: a group that sets no weight_decay may get the default of AdamW8bit",
        ),
        (
            "torch.optim.Adam([{'params': model.parameters(), 'decoupled_weight_decay': False}], weight_decay=1e-3)",
            "the class stays: a group sets decoupled_weight_decay itself",
        ),
        (
            "torch.optim.AdamW(f(model).parameters(), weight_decay=0.1)",
            "the groups stay: `f(model).parameters()` may not give the same parameters twice",
        ),
        (
            "torch.optim.AdamW(list(model.parameters()) + [scale], weight_decay=0.1)",
            "the groups stay: tensors listed by hand are among the parameters",
        ),
        (
            "f'{torch.optim.AdamW(model.parameters(), weight_decay=0.1)}'",
            "the groups stay: the call stands inside a formatted string",
        ),
        (
            "torch.optim.AdamW([{'params': model.parameters(), 'wd': 0.1}])",
            "the repaired text would have new findings",
        ),
    ],
)
def test_a_refusal_says_why(text: str, reason: str) -> None:
    report = repaired(f"import torch\nimport torchao\n\n\ndef build(model, f, scale, more):\n    return {text}\n")
    assert (report.fixed, [refusal.reason for refusal in report.refusals]) == (None, [reason])


def test_a_refusal_that_was_overcome_is_not_reported() -> None:
    text = MODEL + "params = model.parameters()\n" + ADAM.replace("model.parameters()", "params") + "sum(params)\n"
    report = repaired(text)
    assert report.refusals == ()
    assert {change.codes for change in report.changes} == {("WD206",), ("WD101", "WD201")}


# ------------------------------------------------------------------------------------ several sites


def test_nested_sites_are_repaired_one_after_the_other() -> None:
    inner = "Adam(model.parameters(), weight_decay=5e-4)"
    text = (
        "import torch\nfrom torch.optim import Adam\n\nmodel = torch.nn.Linear(2, 2)\n"
        f"outer = Adam(model.parameters(), lr=len({inner}.state), weight_decay=1e-3)\n"
    )
    fixed = fix(text, Config()).fixed or ""
    assert fixed.count("AdamW(\n") == 2
    assert "import AdamW\n" in fixed
    assert "Adam(" not in fixed
    assert fix(fixed, Config()).fixed is None


def test_a_site_that_fails_does_not_stop_the_others() -> None:
    text = (
        "import torch\n\n\ndef build(model):\n"
        "    yield torch.optim.Adam([{'params': model.parameters(), 'wd': 1e-3}])\n"
        "    yield torch.optim.Adam([model.weight], weight_decay=5e-4)\n"
    )
    report = repaired(text)
    assert [change.codes for change in report.changes] == [("WD101",)]
    assert [refusal.codes for refusal in report.refusals] == [("WD204",)]


def test_mixed_line_ends_stay_where_they_are() -> None:
    text = (MODEL + ADAM).replace("\n", "\r\n") + "model = torch.nn.Linear(2, 2)\n" + ADAM
    fixed = repaired(text).fixed or ""
    first, second = fixed.split("model = torch.nn.Linear(2, 2)\n")
    assert first.count("\n") == first.count("\r\n")
    assert "\r" not in second


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_every_fixture_is_repaired_alike_under_other_line_ends(newline: str) -> None:
    for path in FIXED:
        text = text_of(path.with_name(path.name.replace(".fixed.py", ".py")))
        if "\r" not in text:
            fixed = fix(text.replace("\n", newline), config_of(text)).fixed
            assert fixed == text_of(path).replace("\n", newline), path.name

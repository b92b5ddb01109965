"""`wdlint demo`: its verdicts, that its demonstrations can fail, its output, its exit status."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner, Result

from wdlint.checks import RULES
from wdlint.cli import commands

pytest.importorskip("torch")
pytest.importorskip("scipy")
pytest.importorskip("sklearn")

import torch

from wdlint.runtime import demo, demo_report
from wdlint.runtime.demos import DEMONSTRATIONS, blocks, wd101, wd204, wd206, wd303, wd304
from wdlint.runtime.demos.claims import Claim, Control, Curve, Setting, behaviour, law, near, unchanged

ROOT = Path(__file__).resolve().parent.parent
QUICK = Setting(torch.device("cpu"), quick=True, seed=11)
GOOD, BROKEN = Control("c", "exactly 0", 0.0, True), Control("c", "exactly 0", 1.0, False)
ON_DIGITS = {"WD101", "WD201", "WD203", "WD301", "WD303"}  # seconds each, covered by the slow test
HIGHER = [1.0 + n / 100 for n in range(12)]
LOWER = [n / 90 for n in range(12)]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As a run does it: two threads on busy cores are ten times slower than one."""
    with demo.one_thread():
        yield


def wdlint(*arguments: str) -> Result:
    return CliRunner().invoke(commands, arguments, prog_name="wdlint")


def verdicts(*claims: Claim, quick: bool = False) -> list[str]:
    return [j.verdict for j in demo.judged(claims, quick)]


def held(passed: bool, control: Control = GOOD) -> Claim:
    return law("WD101", "text", "share", (0.5, 1.0), "exactly", passed, control)


def test_each_rule_with_a_behaviour_has_a_demonstration() -> None:
    assert {rule.code for rule in RULES} - {"WD900", "WD901"} <= set(DEMONSTRATIONS)
    for code, demonstrate in DEMONSTRATIONS.items():
        assert demonstrate.__module__ == f"wdlint.runtime.demos.{code.lower()}"


# ------------------------------------------------------------------------------------------------------------- verdicts


def test_a_law_holds_or_fails_and_a_control_fails_anything() -> None:
    assert verdicts(held(True), held(False), held(True, BROKEN)) == ["holds", "FAILS", "CONTROL FAILS"]
    shown = behaviour("WD101", "t", "m", HIGHER, LOWER, BROKEN)
    assert verdicts(shown) == ["CONTROL FAILS"]


def test_a_behaviour_needs_the_sign_and_both_tests() -> None:
    def claim(bad: list[float], good: list[float], expected: int) -> Claim:
        return behaviour("WD101", "t", "m", bad, good, GOOD, expected)

    noise = [math.sin(7 * n) for n in range(12)]
    assert verdicts(claim(HIGHER, LOWER, 1), claim(HIGHER, LOWER, -1)) == ["holds", "FAILS"]
    assert verdicts(claim(noise, [0.0] * 12, 1), claim(noise, [0.0] * 12, -1)) == ["FAILS", "FAILS"]
    assert verdicts(claim(LOWER, LOWER, 1)) == ["FAILS"]
    assert verdicts(claim(HIGHER, LOWER, 0)) == ["shown"]
    few = claim(HIGHER[:4], LOWER[:4], 1)
    assert few.effect is not None and few.effect.p_t < 0.01 < few.effect.p_wilcoxon
    assert verdicts(few) == ["FAILS"]  # four seeds cannot pass Wilcoxon
    assert verdicts(few, quick=True) == ["holds"]


def test_holm_is_over_the_judged_behaviours() -> None:
    weak = behaviour("WD101", "t", "m", [0.4, 0.5, -0.1, 0.6, 0.3, 0.2], [0.0] * 6, GOOD, 1)  # p .063 by Wilcoxon
    strong = behaviour("WD101", "t", "m", HIGHER, LOWER, GOOD, 1)
    first, second, third, fourth = demo.judged([strong, weak, held(True), replace(strong, expected=0)], quick=False)
    assert strong.effect is not None and weak.effect is not None
    assert first.p == pytest.approx(2 * strong.effect.p)
    assert second.p == pytest.approx(weak.effect.p)
    assert third.p is None and fourth.p is None


def test_equivalence_is_claimed_by_a_margin_only() -> None:
    def claim(shift: float) -> Claim:
        return behaviour("WD303", "t", "m", [v + shift + 0.001 * math.cos(v) for v in LOWER], LOWER, GOOD, margin=0.02)

    assert verdicts(claim(0.0), claim(0.1)) == ["holds", "FAILS"]
    assert verdicts(claim(0.1), quick=True) == ["not judged"]


def test_nan_passes_no_criterion() -> None:
    lost = torch.tensor([math.nan])
    assert not near("c", lost, lost, 1.0).passed
    assert not unchanged("c", lost, lost).passed


def test_seeds_of_choice_and_of_score_are_apart_and_enough() -> None:
    for quick in (False, True):
        setting = Setting(torch.device("cpu"), quick)
        assert not set(setting.chosen()) & set(setting.scored())
    assert len(Setting(torch.device("cpu")).scored()) >= 10
    draws = [torch.rand(1, generator=QUICK.generator(*key)).item() for key in ((1, 2), (1, 3), (2, 1), (1, 2))]
    assert len(set(draws)) == 3 and draws[0] == draws[3]


# ------------------------------------------------------------------------------------------------------- demonstrations


@pytest.mark.parametrize("code", [code for code in DEMONSTRATIONS if code not in ON_DIGITS])
def test_claims_and_controls_hold(code: str) -> None:
    for judged in demo.judged(list(DEMONSTRATIONS[code](QUICK)), quick=True):
        assert judged.claim.code == code
        assert not judged.failed, (judged.claim.text, judged.claim.bad, judged.claim.good, judged.claim.control)
        assert judged.verdict == "holds" or judged.claim.kind == "behaviour"


@pytest.mark.parametrize("claim", [wd101.slopes, wd101.rest_decoupled, wd101.rest_coupled, wd303.rounded])
def test_laws_of_demonstrations_that_also_train_digits(claim: Callable[[Setting], Claim]) -> None:
    assert verdicts(claim(QUICK)) == ["holds"]


def test_absent_rows_have_the_expected_signs() -> None:
    assert verdicts(*wd101.forgotten(QUICK), quick=True) == ["holds", "holds"]


@pytest.mark.parametrize("claim", [wd101.slopes, wd101.rest_decoupled, wd101.rest_coupled])
def test_wd101_fails_when_adam_is_decoupled(claim: Callable[[Setting], Claim], monkeypatch: pytest.MonkeyPatch) -> None:
    class Decoupled(torch.optim.AdamW):
        def __init__(self, params: list[torch.Tensor], lr: float, weight_decay: float = 0.0) -> None:
            super().__init__(params, lr=lr, weight_decay=weight_decay)

    monkeypatch.setattr(torch.optim, "Adam", Decoupled)
    assert verdicts(claim(QUICK)) == ["FAILS"]


@pytest.mark.parametrize("demonstration", [wd204, wd206])
def test_a_page_demonstration_fails_on_repaired_code(
    demonstration: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = blocks.block

    def repaired(code: str, kind: str, having: str = "") -> str:
        return real(code, "fixed" if kind == "bad" else kind, having)

    monkeypatch.setattr(demonstration, "block", repaired)
    assert set(verdicts(*demonstration.demonstrate(QUICK))) == {"FAILS"}


def test_wd304_fails_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "bfloat16", torch.float32)
    assert set(verdicts(*wd304.demonstrate(QUICK))) == {"FAILS"}


def test_blocks_are_those_of_the_page() -> None:
    assert '"weight_decay_rate": 0.1' in blocks.block("WD204", "bad")
    with pytest.raises(LookupError, match="no fixed block"):
        blocks.block("WD208", "fixed")
    before = torch.random.get_rng_state()
    one, two = (blocks.built(blocks.block("WD201", "bad", "BatchNorm1d"), seed) for seed in (1, 1))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(p, q) for p, q in zip(one.model.parameters(), two.model.parameters(), strict=True))


# ----------------------------------------------------------------------------------------------------- codes and device


def test_codes() -> None:
    assert demo.codes(()) == tuple(DEMONSTRATIONS)
    assert demo.codes(["wd305", "WD10"]) == ("WD101", "WD102", "WD103", "WD104", "WD305")
    with pytest.raises(demo.DemoError, match="no demonstration of 'WD330', did you mean WD30"):
        demo.codes(["WD330"])
    with pytest.raises(demo.DemoError):
        demo.codes([""])


def test_device(monkeypatch: pytest.MonkeyPatch) -> None:
    assert demo.device("cpu")[0].type == "cpu"
    assert demo.device("cpu")[1]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert demo.device("auto")[0].type == "cpu"
    with pytest.raises(demo.DemoError, match="no CUDA device"):
        demo.device("cuda")


# ------------------------------------------------------------------------------------------------------- command line


def failing(setting: Setting) -> Iterator[Claim]:
    yield replace(held(False), curve=Curve("x", "y", (1.0,), {"line": ((math.nan,),)}), bad=math.inf)


def test_exit_status_and_table(monkeypatch: pytest.MonkeyPatch) -> None:
    result = wdlint("demo", "WD205", "--quick", "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert "WD205" in result.stdout and "device: cpu" in result.stdout and "1 hold, 0 fail" in result.stdout
    assert "\x1b" not in result.stdout

    monkeypatch.setattr(demo, "DEMONSTRATIONS", {"WD101": failing})
    result = wdlint("demo", "--quick")
    assert result.exit_code == 1
    assert "FAILS" in result.stdout
    assert "1 fail" in result.stdout


def test_json_holds_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "DEMONSTRATIONS", {"WD101": failing})
    result = wdlint("demo", "--json", "--quick", "--seed", "5")
    told = json.loads(result.stdout)
    run = told["run"]
    assert (told["failures"], run["seed"], run["device"], run["quick"]) == (1, 5, "cpu", True)
    assert {"torch", "wdlint", "python"} <= set(run["versions"])
    (claim,) = run["claims"]
    assert claim["verdict"] == "FAILS"
    assert claim["claim"]["bad"] == "inf"
    assert claim["claim"]["curve"]["lines"] == {"line": [["nan"]]}
    assert claim["claim"]["control"]["criterion"] == "exactly 0"


@pytest.mark.parametrize("width", [60, 100, demo_report.WIDE])
def test_the_table_fits_its_width(width: int) -> None:
    run = demo.run(["WD205", "WD104"], quick=True, on="cpu")
    shown = demo_report.text(run, width=width, color=False)
    assert max(map(len, shown.splitlines())) <= width
    assert shown.count("holds") == 3
    assert "\x1b[" in demo_report.text(run, width=width, color=True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["WD999"], "wdlint: there is no demonstration of 'WD999'"),
        (["WD900"], "wdlint: there is no demonstration of 'WD900'"),
        (["--device", "tpu"], "Invalid value for '--device'"),
        (["--seed", "-1"], "Invalid value for '--seed'"),
    ],
)
def test_bad_input_is_one_line_and_status_2(arguments: list[str], says: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "wdlint", "demo", *arguments], capture_output=True, text=True, cwd=ROOT, timeout=120
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert says in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("missing", ["torch", "numpy", "scipy", "sklearn"])
def test_a_missing_library_is_one_line_and_status_2(missing: str) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None; sys.argv[1:] = ['demo', 'WD202', '--quick']\n"
    program += "from wdlint.cli import main; main()"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert missing in result.stderr


def test_the_same_seed_gives_the_same_numbers() -> None:
    first, second, other = (demo.run(["WD102"], quick=True, on="cpu", seed=seed).claims for seed in (3, 3, 4))
    assert first == second != other


@pytest.mark.slow
def test_the_quick_run_holds() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "wdlint", "demo", "--quick", "--json", "--device", "cpu"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr
    told = json.loads(result.stdout)["run"]
    assert {claim["claim"]["code"] for claim in told["claims"]} == set(DEMONSTRATIONS)

"""`wdlint probe`: every verdict on an optimizer built to deserve it, and the catalogue against what is measured."""

from __future__ import annotations

import importlib
import inspect
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

torch = pytest.importorskip("torch")

from wdlint.catalogue import Catalogue  # noqa: E402
from wdlint.cli import commands  # noqa: E402
from wdlint.config import load  # noqa: E402
from wdlint.engine import CODES, catalogue  # noqa: E402
from wdlint.model import Coupling  # noqa: E402
from wdlint.runtime.probe import Kind, Probe, ProbeError, probe  # noqa: E402

CATALOGUE = Catalogue.load()
HERE = __name__


class Own(torch.optim.Optimizer):  # type: ignore[misc,name-defined]
    """An optimizer by what it does to one tensor."""

    def __init__(self, params: Any, lr: float = 1e-3, weight_decay: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()  # type: ignore[untyped-decorator,unused-ignore]
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                self.update(p, p.grad, group["lr"], group["weight_decay"], self.state[p])

    def update(self, p: Any, g: Any, lr: float, wd: float, state: dict[str, Any]) -> None:
        raise NotImplementedError


def normalized(g: Any, state: dict[str, Any]) -> Any:
    state["v"] = 0.9 * state.get("v", 0.0) + 0.1 * g * g
    return g / (state["v"].sqrt() + 1e-8)


class Rescaling(Own):
    def update(self, p: Any, g: Any, lr: float, wd: float, state: dict[str, Any]) -> None:
        p.sub_(lr * normalized(g + wd * p, state))


class Beside(Own):
    def update(self, p: Any, g: Any, lr: float, wd: float, state: dict[str, Any]) -> None:
        p.mul_(1 - lr * wd).sub_(lr * normalized(g, state))


class BesideWithoutLr(Own):
    def update(self, p: Any, g: Any, lr: float, wd: float, state: dict[str, Any]) -> None:
        p.mul_(1 - wd).sub_(lr * normalized(g, state))


class Growing(Own):
    def update(self, p: Any, g: Any, lr: float, wd: float, state: dict[str, Any]) -> None:
        p.mul_(1 + lr * wd).sub_(lr * normalized(g, state))


class Deaf(Own):
    def update(self, p: Any, g: Any, lr: float, wd: float, state: dict[str, Any]) -> None:
        p.sub_(lr * normalized(g, state))


class Subtracting(Own):
    def update(self, p: Any, g: Any, lr: float, wd: float, state: dict[str, Any]) -> None:
        p.sub_(lr * wd).sub_(lr * normalized(g, state))  # as SGDW of torch_optimizer 0.3


class Signs(Own):
    def update(self, p: Any, g: Any, lr: float, wd: float, state: dict[str, Any]) -> None:
        p.mul_(1 - lr * wd).sub_(lr * g.sign())


class CoupledSigns(Own):
    def update(self, p: Any, g: Any, lr: float, wd: float, state: dict[str, Any]) -> None:
        p.sub_(lr * (g + wd * p).sign())


class Trusting(Own):
    def update(self, p: Any, g: Any, lr: float, wd: float, state: dict[str, Any]) -> None:
        u = normalized(g, state) + wd * p
        p.sub_(lr * u * p.norm() / u.norm())


class Momentum(Own):
    def update(self, p: Any, g: Any, lr: float, wd: float, state: dict[str, Any]) -> None:
        state["m"] = 0.9 * state.get("m", 0.0) + g + wd * p
        p.sub_(lr * state["m"])


class HalfHearted(Own):
    def update(self, p: Any, g: Any, lr: float, wd: float, state: dict[str, Any]) -> None:
        p.mul_(1 - 0.5 * lr * wd).sub_(lr * normalized(g, state))


class Late(Own):
    """Coupled, but its first 8 steps are plain momentum steps: one step says decoupled."""

    def update(self, p: Any, g: Any, lr: float, wd: float, state: dict[str, Any]) -> None:
        state["t"] = state.get("t", 0) + 1
        step = normalized(g + wd * p, state)
        p.sub_(lr * (g + wd * p if state["t"] <= 8 else step))


class Wanting(Own):
    def __init__(self, params: Any, horizon: int, lr: float = 1e-3, weight_decay: float = 0.0) -> None:
        if horizon < 1:
            raise ValueError("horizon\nmust be positive")
        super().__init__(params, lr, weight_decay)

    update = Beside.update


class Failing(Own):
    pass


VERDICTS = {
    Rescaling: Kind.COUPLED,
    Late: Kind.COUPLED,
    CoupledSigns: Kind.COUPLED,
    Beside: Kind.DECOUPLED,
    Signs: Kind.DECOUPLED,
    BesideWithoutLr: Kind.LR_FREE,
    HalfHearted: Kind.OWN_SCALE,
    Momentum: Kind.PLAIN,
    Trusting: Kind.TRUST_RATIO,
    Growing: Kind.GROWS,
    Subtracting: Kind.UNRELATED,
    Deaf: Kind.IGNORED,
}


def measured(cls: type, **options: Any) -> Probe:
    return probe(f"{HERE}.{cls.__name__}", options)


def wdlint(*arguments: str) -> Result:
    return CliRunner().invoke(commands, ["probe", *arguments], prog_name="wdlint")


# ------------------------------------------------------------------------------------------------------------- verdicts


@pytest.mark.parametrize("cls", VERDICTS, ids=lambda cls: cls.__name__)
def test_verdict(cls: type[Own]) -> None:
    found = measured(cls)
    assert found.kind is VERDICTS[cls]
    assert found.signs is (cls in (Signs, CoupledSigns))
    assert found.adaptive is (cls is not Momentum)
    assert found.known == "" and "The catalogue does not know it." in str(found)


@pytest.mark.parametrize("cls", VERDICTS, ids=lambda cls: cls.__name__)
def test_the_row_can_be_pasted(cls: type[Own], tmp_path: Path) -> None:
    found = measured(cls)
    (tmp_path / "pyproject.toml").write_text(found.toml())
    config = load(tmp_path / "pyproject.toml", CODES)
    spec = catalogue(config).find(found.name)
    assert spec is not None and spec.coupling is found.kind.coupling
    assert (spec.default_decay, spec.decay_position, spec.default_lr) == (0.0, 2, 1e-3)
    assert spec.adaptive is found.adaptive and spec.lr_scaled is (found.kind not in (Kind.OWN_SCALE, Kind.LR_FREE))
    assert spec.family == ("lion" if cls is Signs else "lr-free" if cls is BesideWithoutLr else "decoupled")
    assert tomllib.loads(found.toml())["tool"]["wdlint"]["optimizers"][found.name] == found.row


def test_momentum_tells_sgd_from_sgdw() -> None:
    assert probe("torch.optim.SGD").kind is Kind.PLAIN
    assert probe("torch.optim.SGD", {"momentum": 0.9}).kind is Kind.PLAIN


def test_flag() -> None:
    found = probe("torch.optim.NAdam")
    assert found.row["flag"] == {
        "name": "decoupled_weight_decay", "default": False, "position": 6, "per_group": True, "true": "decoupled",
        "false": "coupled",
    }  # fmt: skip
    assert probe("torch.optim.NAdam", {"decoupled_weight_decay": True}).kind is Kind.DECOUPLED


def test_numbers_are_laws() -> None:
    for shift in measured(Beside).shifts:
        assert shift.scaled.share == pytest.approx(1, rel=1e-9) and shift.scaled.rest < 1e-9
    for shift in measured(HalfHearted).shifts:
        assert shift.scaled.share == pytest.approx(0.5, rel=1e-2)
    assert measured(Growing).shifts[0].scaled.share == pytest.approx(-1, rel=1e-2)


# ----------------------------------------------------------------------------------------------------------- catalogue

# Where the two words of catalogue and probe differ although neither is wrong, and why.
EXPLAINED = {
    "AccSGD": "two sequences with L2 in both: the catalogue is silent on purpose",
    "ApolloDQN": "quasi-Newton on a diagonal: the catalogue is silent on purpose",
    "NovoGrad": "L2 behind a norm per tensor, in a momentum: 1/(1 - beta) times lr*lambda*w at every scale",
    "NvNovoGrad": "as NovoGrad",
    "DAdaptSGD": "L2 in a step that is divided by one norm: along the weights, by a share that depends on it",
    "ASGD": "pytorch_optimizer's: a learning rate that adapts makes the two runs part",
    "DualAdam": "pytorch_optimizer's: the share grows with the gradients, which no criterion covers",
    "FAdam": "decay in the natural gradient: catalogued as other",
    "AdamWScheduleFreePaper": "decay of the averaged sequence: catalogued as other",
}


def classes(module: str) -> list[str]:
    try:
        found = importlib.import_module(module)
    except Exception as error:  # noqa: BLE001 - a library that does not fit the others here
        pytest.skip(f"{module}: {error}")
    return sorted(
        name
        for name, cls in vars(found).items()
        if inspect.isclass(cls) and issubclass(cls, torch.optim.Optimizer) and CATALOGUE.find(f"{module}.{name}")
    )


def disagreements(module: str) -> list[str]:
    """What the probe and the catalogue see differently; a class that cannot be built on the CPU is passed over."""
    out, agreed = [], 0
    for name in classes(module):
        try:
            found = probe(f"{module}.{name}", catalogue=CATALOGUE)
        except ProbeError:
            continue
        assert Catalogue.load({found.name: found.row}).find(found.name) is not None
        if "differs" not in found.known:
            agreed += 1
        elif not (name in EXPLAINED and not (module == "torch.optim" and name == "ASGD")):
            out.append(f"{name}: {found.kind.name}, {found.known}")
    assert agreed
    return out


def test_torch() -> None:
    assert disagreements("torch.optim") == []
    assert set(classes("torch.optim")) >= {"Adam", "AdamW", "Muon", "SGD"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "module",
    [
        "pytorch_optimizer", "bitsandbytes.optim", "lion_pytorch", "schedulefree", "timm.optim", "torchao.optim",
        "torch_optimizer", "prodigyopt", "dadaptation", "adabelief_pytorch",
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_libraries(module: str) -> None:
    assert disagreements(module) == []


def test_a_wrong_catalogue_is_noticed() -> None:
    wrong = Catalogue.load({"torch.optim.Adam": {"coupling": "decoupled"}})
    assert "differs: decoupled" in probe("torch.optim.Adam", catalogue=wrong).known


# --------------------------------------------------------------------------------------------------------- command line


def test_text() -> None:
    result = wdlint("torch.optim.AdamW")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "torch.optim.AdamW: decoupled",
        "  gradient scale  share of lr*lambda*w  share of lambda*w  rest",
        *result.stdout.splitlines()[2:5],
        "24 steps at lr 0.001 with lambda 0.1 and without, the same random gradients. The criterion:",
        "  decoupled: share 1 within 2 % and rest below 2 % at every gradient scale",
        "The catalogue has it so.",
        "",
        '[tool.wdlint.optimizers."torch.optim.AdamW"]',
        'coupling = "decoupled"',
        "default_weight_decay = 0.01",
        "decay_position = 4",
        "default_lr = 0.001",
        f'source = "{probe("torch.optim.AdamW").row["source"]}"',
    ]
    assert [line.split()[1] for line in result.stdout.splitlines()[2:5]] == ["1", "1", "1"]


def test_json_and_options() -> None:
    data = json.loads(wdlint("torch.optim.Adam", "-o", "amsgrad=True", "--output-format", "json").stdout)
    assert data["name"] == "torch.optim.Adam" and data["row"]["coupling"] == "coupled" and len(data["shifts"]) == 3


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["Adam"], "'Adam' is no import path like torch.optim.Adam"),
        (["torch.optim.Adm"], "torch.optim has no 'Adm', did you mean 'Adam'?"),
        (["no_such_package.Adam"], "there is no module 'no_such_package' here"),
        (["torch.nn.Linear"], "torch.nn.Linear is no optimizer class: it has no step()"),
        (
            ["torch.optim.lr_scheduler.StepLR"],
            "torch.optim.lr_scheduler.StepLR is no optimizer class: it has no zero_grad()",
        ),
        (["os.path.join"], "os.path.join is no optimizer class: it has no step()"),
        (["torch.optim.SGD", "-o", "moment=1"], "torch.optim.SGD has no argument 'moment', did you mean 'momentum'?"),
        ([f"{HERE}.Wanting"], f"{HERE}.Wanting needs more arguments: horizon; give them as --option horizon=VALUE"),
        (
            [f"{HERE}.Wanting", "-o", "horizon=0"],
            f"{HERE}.Wanting cannot be built: ValueError: horizon must be positive",
        ),
        ([f"{HERE}.Failing"], f"{HERE}.Failing cannot step: NotImplementedError"),
    ],
)
def test_bad_input(arguments: list[str], line: str) -> None:
    result = wdlint(*arguments)
    assert (result.exit_code, result.stderr) == (2, f"wdlint: {line}\n")


def test_a_required_argument_can_be_given() -> None:
    assert wdlint(f"{HERE}.Wanting", "-o", "horizon=3").exit_code == 0


def test_a_module_of_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine_to_probe.py").write_text("raise RuntimeError('not\\ntoday')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    result = wdlint("mine_to_probe.Adam")
    assert result.stderr == "wdlint: mine_to_probe.Adam cannot be imported: RuntimeError: not today\n"


def test_without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("wdlint.runtime")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    result = wdlint("torch.optim.Adam")
    assert (result.exit_code, result.stderr) == (2, "wdlint: probe needs torch: pip install torch\n")


def test_couplings_have_a_verdict() -> None:
    assert {kind.coupling for kind in Kind} == set(Coupling) - {Coupling.UNKNOWN}

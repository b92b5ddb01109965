"""wdlint.audit: a live model and optimizer as the facts that rules read, and what only live objects show."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import wdlint  # noqa: E402
from wdlint.config import Config  # noqa: E402
from wdlint.model import Coupling, Coverage, Severity  # noqa: E402
from wdlint.runtime.audit import Audit, AuditError, audit  # noqa: E402
from wdlint.runtime.parameters import Role, named  # noqa: E402

pytest_plugins = ["wdlint.runtime.plugin"]
Optim = torch.optim


class Small(nn.Module):
    """A matrix, two biases, a norm gain; an embedding, a scalar and a token that no layer owns."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(6, 4)
        self.hidden = nn.Linear(4, 4)
        self.norm = nn.LayerNorm(4)
        self.scale = nn.Parameter(torch.tensor(1.0))
        self.token = nn.Parameter(torch.zeros(1, 1, 4))

    def forward(self, indices: Any) -> Any:
        return self.scale * self.norm(self.hidden(self.embedding(indices) + self.token))


VECTORS = ("scale", "hidden.bias", "norm.weight", "norm.bias")


def split(model: nn.Module, decay: Any = 0.1, vectors: Any = 0.0) -> list[dict[str, Any]]:
    """Two groups by ndim; None leaves weight_decay out."""
    groups: list[dict[str, Any]] = [
        {"params": [p for p in model.parameters() if p.ndim >= 2]},
        {"params": [p for p in model.parameters() if p.ndim < 2]},
    ]
    for group, value in zip(groups, (decay, vectors), strict=True):
        if value is not None:
            group["weight_decay"] = value
    return groups


def codes(found: Audit) -> list[str]:
    return [finding.code for finding in found.findings]


def kinds(found: Audit) -> list[str]:
    return [remark.kind for remark in found.remarks]


def names(found: Audit, key: str) -> tuple[str, ...]:
    """The parameters of the finding or remark with this code or kind."""
    one = [d.names for d in found.findings if d.code == key]
    one += [r.names for r in found.remarks if key in (r.code, r.kind)]
    assert len(one) == 1, (key, one)
    return one[0]


def roles(model: nn.Module) -> dict[str, Role]:
    return {p.name: p.role for p in named(model).values()}


# --------------------------------------------------------------------------------------------------------------- import


def test_import_is_cheap_and_lazy() -> None:
    script = "import sys, wdlint; assert 'torch' not in sys.modules; wdlint.audit; assert 'torch' in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parent.parent)
    assert wdlint.audit is audit and wdlint.AuditError is AuditError
    with pytest.raises(AttributeError, match="no attribute 'audits'"):
        wdlint.audits  # noqa: B018


def test_without_torch_one_clear_line() -> None:
    script = "import sys; sys.modules['torch'] = None; import wdlint; wdlint.audit"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=Path(__file__).parent.parent, check=False
    )
    assert done.stderr.splitlines()[-1] == "ModuleNotFoundError: wdlint.audit needs torch: pip install torch"


# ---------------------------------------------------------------------------------------------------------------- rules


def test_coupled_and_decayed_vectors() -> None:
    model = Small()
    found = audit(model, Optim.Adam(model.parameters(), lr=1e-3, weight_decay=5e-4))
    assert codes(found) == ["WD101", "WD201"]
    assert names(found, "WD101") == tuple(p.name for p in found.parameters)
    assert set(names(found, "WD201")) == set(VECTORS)
    assert found.sites[0].facts.groups[0].coverage is Coverage.WHOLE


def test_split_groups_are_silent() -> None:
    model = Small()
    found = audit(model, Optim.AdamW(split(model), lr=1e-3))
    assert codes(found) == []
    assert kinds(found) == ["embedding", "raw"]
    assert names(found, "embedding") == ("embedding.weight",) and names(found, "raw") == ("token",)


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        (lambda m: Optim.AdamW(m.parameters()), ["WD203"]),
        (lambda m: Optim.AdamW(m.parameters(), weight_decay=0.1), ["WD201"]),
        (lambda m: Optim.SGD(m.parameters(), lr=0.1, weight_decay=5e-4), ["WD202"]),
        (lambda m: Optim.SGD(m.parameters(), lr=0.1), []),
        (lambda m: Optim.Adam(m.parameters()), []),
        (lambda m: Optim.AdamW(split(m, 0.1, None)), ["WD207"]),
        (lambda m: Optim.AdamW(split(m, None, None), weight_decay=0.1), ["WD201", "WD208"]),
        (lambda m: Optim.AdamW(split(m, None, None)), ["WD201", "WD208"]),
        (lambda m: Optim.AdamW(m.parameters(), lr=1e-3, weight_decay=0.5), ["WD201", "WD301"]),
        (lambda m: Optim.AdamW(split(m, 2.0), lr=0.6), ["WD302", "WD301"]),
        (lambda m: Optim.AdamW(split(m, -0.1)), ["WD302"]),
        (lambda m: Optim.AdamW(split(m, "1e-4")), ["WD302"]),
        (lambda m: Optim.AdamW(split(m, 1e-4), lr=1e-5), ["WD303"]),
        (lambda m: Optim.LBFGS(m.parameters()), []),
    ],
)  # fmt: skip
def test_same_codes_as_the_linter(optimizer: Any, expected: list[str]) -> None:
    model = Small()
    assert codes(audit(model, optimizer(model))) == expected


def test_ignored_key() -> None:
    model = Small()
    groups = split(model, None, None)
    groups[1]["weight_decay_rate"] = 0.0
    found = audit(model, Optim.AdamW(groups, weight_decay=0.1))
    assert codes(found) == ["WD204", "WD201", "WD208"]
    assert "weight_decay_rate" in found.findings[0].message and found.findings[0].group == 2
    assert set(names(found, "WD204")) == set(VECTORS)


def test_keys_of_schedulers_and_of_the_optimizer_are_read() -> None:
    model = Small()
    optimizer = Optim.AdamW(split(model), lr=1e-3)
    Optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=10)
    found = audit(model, optimizer)
    assert codes(found) == []
    assert found.sites[0].facts.groups[0].lr.number == 0.1, "what the cycle climbs to"


def test_warm_up_from_zero_does_not_hide_the_learning_rate() -> None:
    model = Small()
    optimizer = Optim.AdamW(split(model), lr=1e-3)
    Optim.lr_scheduler.LambdaLR(optimizer, lambda step: step / 10)
    assert optimizer.param_groups[0]["lr"] == 0
    assert audit(model, optimizer).sites[0].facts.groups[0].lr.number == 1e-3


# ------------------------------------------------------------------------------------------------------------- coupling

flagged = pytest.mark.skipif(
    "decoupled_weight_decay" not in Optim.Adam([torch.zeros(1)]).defaults, reason="torch before 2.7"
)


@flagged
def test_the_flag_decides_not_the_class() -> None:
    model = Small()
    assert isinstance(Optim.AdamW(model.parameters()), Optim.Adam), "the trap"
    decoupled = Optim.Adam(split(model), decoupled_weight_decay=True)
    assert codes(audit(model, decoupled)) == []
    groups = split(model, 5e-4)
    groups[0]["decoupled_weight_decay"] = True
    found = audit(model, Optim.Adam(groups))
    assert codes(found) == []
    assert [g.coupling for g in found.sites[0].facts.groups] == [Coupling.DECOUPLED, Coupling.L2]
    assert codes(audit(model, Optim.NAdam(split(model, 5e-4)))) == ["WD101"]
    assert codes(audit(model, Optim.NAdam(split(model, 5e-4), decoupled_weight_decay=True))) == []


def test_subclasses() -> None:
    class Same(Optim.Adam):  # type: ignore[misc,name-defined]
        pass

    class Other(Optim.Adam):  # type: ignore[misc,name-defined]
        def step(self, closure: Any = None) -> Any:
            return None

    model = Small()
    same = Same(split(model, 5e-4))
    for group in same.param_groups:
        for parameter in group["params"]:
            parameter.grad = torch.zeros_like(parameter)
    same.step()  # torch wraps the step of every class that is used
    assert codes(audit(model, same)) == ["WD101"]
    found = audit(model, Other(split(model, 5e-4)))
    assert codes(found) == [] and "unknown" in kinds(found)
    assert "wdlint probe" in str(found)


def test_user_rows_and_switched_off_codes() -> None:
    class Mine(Optim.SGD):  # type: ignore[misc,name-defined]
        def step(self, closure: Any = None) -> Any:
            return None

    model = Small()
    optimizer = Mine(model.parameters(), lr=0.1, weight_decay=5e-4)
    name = f"{Mine.__module__}.{Mine.__qualname__}"
    config = Config(optimizers={name: {"coupling": "coupled"}})
    assert codes(audit(model, optimizer, config=config)) == ["WD101", "WD201"]
    config = Config(optimizers={name: {"coupling": "coupled"}}, ignore=("WD2",))
    assert codes(audit(model, optimizer, config=config)) == ["WD101"]


def test_config_of_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Small()
    (tmp_path / "wdlint.toml").write_text('ignore = ["WD201"]\n')
    optimizer = Optim.AdamW(model.parameters(), weight_decay=0.1)
    assert codes(audit(model, optimizer, config=tmp_path / "wdlint.toml")) == []
    monkeypatch.chdir(tmp_path)
    assert codes(audit(model, optimizer)) == []
    assert codes(audit(model, optimizer, config=Config())) == ["WD201"]


# ---------------------------------------------------------------------------------------------------------------- roles


def test_biases_of_recurrent_and_attention_layers() -> None:
    model = nn.ModuleDict({"lstm": nn.LSTM(4, 4), "attention": nn.MultiheadAttention(4, 2, add_bias_kv=True)})
    biases = {name for name, role in roles(model).items() if role is Role.BIAS}
    assert biases == {
        "lstm.bias_ih_l0", "lstm.bias_hh_l0", "attention.in_proj_bias", "attention.out_proj.bias", "attention.bias_k",
        "attention.bias_v",
    }  # fmt: skip
    assert {role for name, role in roles(model).items() if name not in biases} == {Role.WEIGHT}


@pytest.mark.parametrize(
    "norm",
    [
        nn.BatchNorm1d(4), nn.BatchNorm2d(4), nn.SyncBatchNorm(4), nn.LayerNorm(4), nn.GroupNorm(2, 4), nn.RMSNorm(4),
        nn.InstanceNorm2d(4, affine=True), nn.LayerNorm((4, 4)),
    ],
    ids=lambda norm: type(norm).__name__,
)  # fmt: skip
def test_norms(norm: nn.Module) -> None:
    expected = {"weight": Role.NORM, "bias": Role.BIAS}
    assert roles(norm) == {name: expected[name] for name, _ in norm.named_parameters()}


def test_names_that_mislead() -> None:
    class LayerNorm2d(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gamma = nn.Parameter(torch.ones(1, 4, 1, 1))

    class NormMlp(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.matrix = nn.Parameter(torch.ones(4, 4))
            self.relative_position_bias_table = nn.Parameter(torch.ones(9, 2))
            self.debiased = nn.Linear(4, 1)

    model = nn.ModuleDict({"own": LayerNorm2d(), "mlp": NormMlp(), "slope": nn.PReLU(4)})
    assert roles(model) == {
        "own.gamma": Role.NORM,
        "mlp.matrix": Role.WEIGHT,
        "mlp.relative_position_bias_table": Role.RAW,
        "mlp.debiased.weight": Role.WEIGHT,  # (1, 4) is no vector
        "mlp.debiased.bias": Role.BIAS,
        "slope.weight": Role.VECTOR,
    }


@pytest.mark.parametrize("old", [True, False], ids=["weight_g", "parametrization"])
def test_weight_norm(old: bool) -> None:
    wrap = nn.utils.weight_norm if old else nn.utils.parametrizations.weight_norm
    model = wrap(nn.Linear(4, 3))
    assert sorted(roles(model).values(), key=lambda r: r.value) == [Role.BIAS, Role.WEIGHT, Role.MAGNITUDE]
    found = audit(model, Optim.AdamW(split(model)))
    assert codes(found) == [] and len(names(found, "magnitude")) == 1


def test_other_parametrizations() -> None:
    model = nn.utils.parametrizations.spectral_norm(nn.Linear(4, 3))
    assert roles(model) == {"bias": Role.BIAS, "parametrizations.weight.original": Role.WEIGHT}


def test_tied_weights() -> None:
    model = nn.ModuleDict({"embedding": nn.Embedding(6, 4), "head": nn.Linear(4, 6, bias=False)})
    model["head"].weight = model["embedding"].weight
    found = audit(model, Optim.AdamW(model.parameters(), weight_decay=0.1))
    assert len(found.parameters) == 1 and found.parameters[0].tied == ("head.weight",)
    assert codes(found) == [] and kinds(found) == ["embedding", "tied"] or kinds(found) == ["tied", "embedding"]
    assert "embedding.weight is also head.weight" in str(found)


def test_lazy_modules() -> None:
    model = nn.Sequential(nn.LazyLinear(4), nn.LazyBatchNorm1d())
    assert roles(model) == {"0.weight": Role.WEIGHT, "0.bias": Role.BIAS, "1.weight": Role.NORM, "1.bias": Role.BIAS}
    groups = split(model)
    assert not groups[0]["params"], "the trap: ndim is 1 before the first forward pass"
    found = audit(model, Optim.AdamW(groups))
    assert set(names(found, "lazy")) == set(roles(model)) and "empty" in kinds(found)
    optimizer = Optim.AdamW(model.parameters(), weight_decay=0.1)
    assert codes(audit(model, optimizer)) == ["WD201"]
    model(torch.zeros(2, 3))
    assert codes(audit(model, optimizer)) == ["WD201"] and "lazy" not in kinds(audit(model, optimizer))


def test_sparse_gradients() -> None:
    model = nn.Embedding(5, 3, sparse=True)
    optimizer = Optim.Adagrad(model.parameters(), lr=0.1, weight_decay=1e-4)
    assert names(audit(model, optimizer), "sparse") == ("weight",)
    model(torch.tensor([1])).sum().backward()
    with pytest.raises(RuntimeError, match="sparse"):
        optimizer.step()
    assert "sparse" not in kinds(audit(model, Optim.SparseAdam(model.parameters())))


# ------------------------------------------------------------------------------------------------------------- coverage


def test_uncovered_frozen_duplicate_and_foreign() -> None:
    model = Small()
    model.norm.requires_grad_(False)
    other = nn.Parameter(torch.zeros(2, 2))
    with pytest.warns(UserWarning, match="duplicate"):
        optimizer = Optim.AdamW([model.hidden.weight, model.hidden.weight, model.norm.weight, other], lr=1e-3)
    found = audit(model, optimizer)
    assert names(found, "uncovered") == ("scale", "token", "embedding.weight", "hidden.bias")
    assert names(found, "duplicate") == ("hidden.weight",)
    assert names(found, "frozen") == ("norm.weight",)
    assert names(found, "foreign") == ("",)
    assert codes(found) == [], "a frozen norm gain does not decay"


def test_several_optimizers_cover_together() -> None:
    model = Small()
    pair = [Optim.AdamW(split(model)[:1]), Optim.SGD(split(model)[1]["params"], lr=0.1)]
    assert "uncovered" in kinds(audit(model, pair[0]))
    found = audit(model, pair)
    assert codes(found) == [] and "uncovered" not in kinds(found)
    assert "duplicate" in kinds(audit(model, [pair[0], pair[0]]))


def test_optimizer_of_another_model() -> None:
    found = audit(Small(), Optim.AdamW(Small().parameters(), weight_decay=0.1))
    assert kinds(found)[0] == "foreign" and codes(found) == []
    assert "0 of 7 trainable parameters" in str(found)


def test_generator_read_twice_leaves_a_group_empty() -> None:
    model = Small()
    parameters = model.parameters()
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2]},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    found = audit(model, Optim.AdamW(groups, weight_decay=0.1))
    assert "empty" in kinds(found) and set(names(found, "uncovered")) == set(VECTORS)


def test_named_parameters_in_groups() -> None:
    model = Small()
    try:
        optimizer = Optim.AdamW([("mine", nn.Parameter(torch.zeros(2, 2))), *model.named_parameters()])
    except TypeError:
        pytest.skip("this torch takes no named parameters")
    found = audit(model, optimizer)
    assert codes(found) == ["WD203"] and names(found, "foreign") == ("mine",)


# ------------------------------------------------------------------------------------------------------------- wrappers


class Wrapped:
    """accelerate, Lightning, apex: the optimizer is inside."""

    def __init__(self, optimizer: Any) -> None:
        self.optimizer = optimizer


def test_optimizer_wrappers() -> None:
    model = Small()
    found = audit(model, Wrapped(Wrapped(Optim.Adam(split(model, 5e-4)))))
    assert codes(found) == ["WD101"] and str(found).startswith("Adam in Wrapped: coupled, adaptive, 2 groups")
    circle = Wrapped(None)
    circle.optimizer = circle
    with pytest.raises(TypeError, match="not an optimizer with param_groups: Wrapped"):
        audit(model, circle)


def test_compiled_models() -> None:
    model = Small()
    compiled = torch.compile(model)
    found = audit(compiled, Optim.AdamW(compiled.parameters(), weight_decay=0.1))
    assert codes(found) == ["WD201"] and set(names(found, "WD201")) == set(VECTORS)


@pytest.fixture
def process_group(tmp_path: Path) -> Iterator[None]:
    distributed = pytest.importorskip("torch.distributed")
    if not distributed.is_available() or not distributed.is_gloo_available():
        pytest.skip("no gloo")
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'meeting'}", rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.mark.usefixtures("process_group")
def test_data_parallel() -> None:
    model = Small()
    parallel = nn.parallel.DistributedDataParallel(model)
    optimizer = Optim.AdamW(parallel.parameters(), weight_decay=0.1)
    assert set(names(audit(parallel, optimizer), "WD201")) == set(VECTORS)
    assert codes(audit(model, optimizer)) == ["WD201"], "wrapped or not, the parameters are the same objects"


@pytest.mark.usefixtures("process_group")
def test_fully_shard() -> None:
    fsdp = pytest.importorskip("torch.distributed.fsdp")
    if not hasattr(fsdp, "fully_shard"):
        pytest.skip("torch without fully_shard")
    mesh = torch.distributed.device_mesh.init_device_mesh("cpu", (1,))
    model = nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8))
    early = Optim.AdamW(split(model))
    fsdp.fully_shard(model, mesh=mesh)
    found = audit(model, Optim.AdamW(model.parameters(), weight_decay=0.1))
    assert names(found, "WD201") == ("0.bias", "1.weight", "1.bias")
    assert codes(audit(model, Optim.AdamW(split(model)))) == []
    assert "built before fully_shard" in str(audit(model, early))


@pytest.mark.usefixtures("process_group")
@pytest.mark.parametrize("original", [False, True])
@pytest.mark.filterwarnings("ignore")
def test_fsdp1_says_what_it_hides(original: bool) -> None:
    fsdp = pytest.importorskip("torch.distributed.fsdp")
    model = nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8))
    wrapped = fsdp.FullyShardedDataParallel(model, use_orig_params=original, device_id=torch.device("cpu"))
    found = audit(wrapped, Optim.AdamW(wrapped.parameters(), weight_decay=0.1))
    assert "flat" in kinds(found)
    if original:
        assert names(found, "WD201") == ("0.bias", "1.weight", "1.bias")
    else:
        assert codes(found) == [] and found.parameters[0].hidden == ("0.weight", "0.bias", "1.weight", "1.bias")


# -------------------------------------------------------------------------------------------------------------- amounts


def test_half_life_and_total_shrink_are_what_training_does() -> None:
    model = nn.Linear(4, 4, bias=False).double()
    optimizer = Optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.5)
    found = json.loads(audit(model, optimizer, steps=200).as_json())["optimizers"][0]["groups"][0]
    before = model.weight.detach().clone()
    for _ in range(200):
        model.weight.grad = torch.zeros_like(model.weight)
        optimizer.step()
    assert torch.allclose(model.weight, before * found["left"], rtol=1e-12)
    assert found["half_life"] == pytest.approx(math.log(0.5) / math.log(1 - 5e-3))


@pytest.mark.parametrize("options", [{}, {"momentum": 0.9}, {"momentum": 0.9, "dampening": 0.5}])
def test_decay_of_sgd_with_momentum(options: dict[str, float]) -> None:
    model = nn.Linear(4, 4, bias=False).double()
    optimizer = Optim.SGD(model.parameters(), lr=1e-3, weight_decay=1e-2, **options)
    found = json.loads(audit(model, optimizer, steps=20000).as_json())["optimizers"][0]["groups"][0]
    before = model.weight.detach().clone()
    for _ in range(20000):
        model.weight.grad = torch.zeros_like(model.weight)
        optimizer.step()
    assert torch.allclose(model.weight, before * found["left"], rtol=2e-3), "but for the steps until momentum is steady"


def test_coupled_decay_has_no_half_life() -> None:
    model = Small()
    found = audit(model, Optim.Adam(split(model, 5e-4)), steps=10)
    assert json.loads(found.as_json())["optimizers"][0]["groups"][0]["half_life"] is None
    assert "by its gradient" in str(found)


def test_bfloat16_loses_its_decay() -> None:
    model = nn.Linear(16, 16, bias=False).bfloat16()
    optimizer = Optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.1)
    found = audit(model, optimizer)
    assert codes(found) == [] and names(found, "WD304") == ("weight",)
    before = model.weight.detach().clone()
    for _ in range(50):
        model.weight.grad = torch.zeros_like(model.weight)
        optimizer.step()
    assert torch.equal(model.weight, before), "which is what the remark says"
    for quiet in (
        Optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.1, fused=True),
        Optim.AdamW(model.parameters(), lr=1e-1, weight_decay=0.2),
        Optim.AdamW(model.parameters(), lr=1e-1, weight_decay=0.0),
    ):
        assert "bfloat16" not in kinds(audit(model, quiet))
    assert "bfloat16" not in kinds(audit(model, optimizer, config=Config(ignore=("WD304",))))


# --------------------------------------------------------------------------------------------------------------- output


def test_raise_on() -> None:
    model = Small()
    bad, good = Optim.AdamW(model.parameters(), weight_decay=0.1), Optim.AdamW(split(model))
    with pytest.raises(AuditError, match="WD201 decayed-bias-norm") as caught:
        audit(model, bad, raise_on="warning")
    assert codes(caught.value.audit) == ["WD201"]
    audit(model, bad, raise_on=Severity.ERROR)
    audit(model, good, raise_on="warning")
    with pytest.raises(AuditError):
        audit(model, good, raise_on="note")
    with pytest.raises(AuditError, match="in no group"):
        audit(model, Optim.AdamW(split(model)[:1]), raise_on="warning")


@pytest.mark.parametrize(
    ("arguments", "options", "error", "text"),
    [
        ((1, None), {}, TypeError, r"model must be a torch.nn.Module, not int"),
        ((nn.Linear(1, 1), 3), {}, TypeError, "not an optimizer with param_groups: int"),
        ((nn.Linear(1, 1), []), {}, TypeError, "no optimizer given"),
        ((nn.Linear(1, 1), None), {"steps": -1}, ValueError, "steps must be 0 or more, not -1"),
        ((nn.Linear(1, 1), None), {"raise_on": "warn"}, ValueError, "note, warning or error, not 'warn'"),
    ],
)
def test_bad_input(arguments: tuple[Any, Any], options: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        audit(*arguments, **options)


def test_text() -> None:
    model = nn.Sequential(nn.Linear(4, 2), nn.LayerNorm(2))
    found = audit(model, Optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1), steps=1000)
    assert str(found) == (
        "AdamW: decoupled, 1 group, 4 of 4 trainable parameters\n"
        "  group  holds                           decay      lr     weight_decay  a step takes  half-life   "
        "left after 1000\n"
        "  1      2 biases, 1 weight, 1 norm gain  decoupled  0.001  0.1           0.0001        6931 steps  0.9048\n"
    ).replace("holds                         ", "holds                          ") + (
        "\n"
        "WD201 decayed-bias-norm (warning), group 1: weight_decay=0.1 decays everything, biases and norm gains too\n"
        "    0.bias (2): bias of Linear\n"
        "    1.weight (2): norm gain of LayerNorm\n"
        "    1.bias (2): bias of LayerNorm\n"
        "\n"
        "1 finding, 0 remarks; `wdlint explain WD201` says why"
    )


def test_json() -> None:
    model = Small()
    data = json.loads(audit(model, Optim.AdamW(model.parameters(), lr=0.0, weight_decay=math.inf)).as_json())
    assert [f["code"] for f in data["findings"]] == ["WD302", "WD201", "WD301"]
    assert data["optimizers"][0]["groups"][0]["weight_decay"] == "inf"
    assert data["optimizers"][0]["groups"][0]["parameters"][0] == {
        "name": "scale", "role": "scalar", "shape": [], "dtype": "float32", "trainable": True, "owner": "Small",
    }  # fmt: skip


def test_nothing_is_changed() -> None:
    model = Small()
    optimizer = Optim.AdamW(model.parameters(), weight_decay=0.1)
    before = [dict(group) for group in optimizer.param_groups]
    audit(model, optimizer, steps=10)
    assert [list(g) for g in optimizer.param_groups] == [list(g) for g in before] and not optimizer.state


def test_fixture(wdlint_audit: Any) -> None:
    model = Small()
    assert wdlint_audit(model, Optim.AdamW(split(model))).findings == ()
    with pytest.raises(AuditError):
        wdlint_audit(model, Optim.AdamW(model.parameters()))
    assert wdlint_audit(model, Optim.AdamW(model.parameters()), raise_on=None).findings


# ------------------------------------------------------------------------------------------------------------ libraries


@pytest.mark.slow
def test_lightning_callback(tmp_path: Path) -> None:
    lightning = pytest.importorskip("lightning.pytorch")
    from wdlint.runtime.callbacks import LightningAudit

    class Net(lightning.LightningModule):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 2)

        def training_step(self, batch: Any, index: int) -> Any:
            return self.layer(batch[0]).sum()

        def configure_optimizers(self) -> Any:
            return Optim.Adam(self.parameters(), lr=1e-3, weight_decay=5e-4)

    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.zeros(8, 2)), batch_size=2)
    seen: list[Audit] = []

    def fit(callback: Any) -> None:
        trainer = lightning.Trainer(
            max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False, default_root_dir=tmp_path, callbacks=[callback],
        )  # fmt: skip
        trainer.fit(Net(), data)

    fit(LightningAudit(show=seen.append))
    assert [codes(found) for found in seen] == [["WD101", "WD201"]]
    assert seen[0].steps == 8 and names(seen[0], "WD201") == ("layer.bias",)
    with pytest.raises(AuditError):
        fit(LightningAudit(raise_on="warning"))


@pytest.mark.slow
def test_trainer_callback(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    from wdlint.runtime.callbacks import TrainerAudit

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.bn1 = nn.Linear(2, 2), nn.BatchNorm1d(2)

        def forward(self, x: Any, labels: Any = None) -> Any:
            return {"loss": self.bn1(self.layer(x)).sum()}

    rows = [{"x": torch.randn(2), "labels": torch.zeros(1)} for _ in range(8)]
    seen: list[Audit] = []

    def train(callback: Any) -> None:
        options = transformers.TrainingArguments(
            output_dir=str(tmp_path), max_steps=3, weight_decay=0.1, per_device_train_batch_size=4, use_cpu=True,
            report_to=[], save_strategy="no", disable_tqdm=True, warmup_steps=2,
        )  # fmt: skip
        transformers.Trainer(model=Net(), args=options, train_dataset=rows, callbacks=[callback]).train()

    train(TrainerAudit(show=seen.append))
    assert len(seen) == 1 and seen[0].steps == 3
    assert codes(seen[0]) == ["WD201"], "the trainer's own grouping decays BatchNorm"
    assert names(seen[0], "WD201") == ("bn1.weight",)
    assert seen[0].sites[0].wrapper == "AcceleratedOptimizer"
    with pytest.raises(AuditError):
        train(TrainerAudit(raise_on="warning"))


class Attentive(nn.Module):
    """What a small language model holds: everything that torch-audit looks at."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(9, 8)
        self.attention = nn.MultiheadAttention(8, 2)
        self.norm, self.batch = nn.LayerNorm(8), nn.BatchNorm1d(8)
        self.recurrent = nn.LSTM(8, 8)
        self.head = nn.Linear(8, 9)


MODELS: dict[str, Any] = {
    "attentive": Attentive,
    "small": Small,
    "convolutional": lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.PReLU(4), nn.GroupNorm(2, 4)),
}
OPTIMIZERS: dict[str, Any] = {
    "Adam": lambda m: Optim.Adam(m.parameters(), weight_decay=1e-3),
    "Adam decoupled": lambda m: Optim.Adam(m.parameters(), weight_decay=1e-3, decoupled_weight_decay=True),
    "AdamW": lambda m: Optim.AdamW(m.parameters()),
    "AdamW split": lambda m: Optim.AdamW(split(m)),
    "AdamW split in vain": lambda m: Optim.AdamW(split(m, 0.1, None)),
    "SGD": lambda m: Optim.SGD(m.parameters(), lr=0.1, weight_decay=1e-3),
}


@pytest.mark.slow
@flagged
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_finds_what_torch_audit_finds(model: str, optimizer: str) -> None:
    theirs = pytest.importorskip("torch_audit")
    net = MODELS[model]()
    built = OPTIMIZERS[optimizer](net)
    stated = theirs.audit(net, phase="init", optimizer=built).findings
    found = audit(net, built)
    ours = {name for finding in found.findings if finding.code != "WD101" for name in finding.names}
    their_vectors = {f.entity.partition("::")[2] for f in stated if f.rule_id == "TA402"}
    assert their_vectors <= ours
    assert {f.entity.partition("::")[2] for f in stated if f.rule_id == "TA403"} <= {
        name for remark in found.remarks if remark.kind == "embedding" for name in remark.names
    }
    assert ("WD101" in codes(found)) == (optimizer == "Adam")
    assert any(f.rule_id == "TA401" for f in stated) == (optimizer in ("Adam", "Adam decoupled")), (
        "the flag is not read"
    )
    if model == "attentive" and their_vectors:
        assert {"attention.in_proj_bias", "recurrent.bias_ih_l0"} <= ours - their_vectors, "biases not called .bias"

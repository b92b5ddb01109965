"""The rows of torch.optim say what the installed torch says: its signatures, and its steps, measured.

Two runs get the same gradients, drawn once and multiplied by the scale; one has weight_decay, one has not. All they
differ by is the shift. The run without decay predicts it for decay beside the step: at each step
d <- (1 - lr*lambda)*d - lr*lambda*w. The criterion, on the mean over all weights after `STEPS` steps, at gradient
scales 1 and 100:

    "as predicted"  both scales are within 2 % of the prediction
    "rescaled"      neither is, and the scales differ from each other by more than 2 %: gradient statistics came between
    "accumulated"   neither is, and the scales agree: the decay went through a momentum buffer, no more

One step cannot tell: the first steps of a coupled RAdam are plain momentum steps and look as predicted.
"""

from __future__ import annotations

import importlib
import inspect
import math
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from wdlint.catalogue import Catalogue, Spec  # noqa: E402
from wdlint.model import Coupling  # noqa: E402

LR, DECAY, W, STEPS, SCALES, TOLERANCE = 1e-3, 1e-2, 2.0, 12, (1.0, 100.0), 0.02
CATALOGUE = Catalogue.load()
CLASSES = [
    cls
    for _, cls in sorted(vars(torch.optim).items())
    if inspect.isclass(cls) and issubclass(cls, torch.optim.Optimizer) and cls is not torch.optim.Optimizer
]
every_class = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)


def spec(cls: type[Any]) -> Spec:
    found = CATALOGUE.find(f"torch.optim.{cls.__name__}")
    assert found is not None, f"catalogue.toml has no row for torch.optim.{cls.__name__}"
    return found


def decaying(flagged: bool = False) -> list[type[Any]]:
    return [
        cls
        for cls in CLASSES
        if (row := CATALOGUE.find(f"torch.optim.{cls.__name__}")) is not None
        and row.coupling is not Coupling.NONE
        and (not flagged or row.flag is not None)
    ]


# ----------------------------------------------------------------------------------------------------------- signatures


def position(parameters: dict[str, inspect.Parameter], name: str) -> int | None:
    """Counted as the catalogue does: the first argument is 0, None when it is keyword only."""
    names = [name for name, parameter in parameters.items() if parameter.kind is not inspect.Parameter.KEYWORD_ONLY]
    return names.index(name) if name in names else None


@every_class
def test_signature(cls: type[Any]) -> None:
    row, parameters = spec(cls), dict(inspect.signature(cls).parameters)
    assert next(iter(parameters)) == row.params_name
    assert (position(parameters, row.lr_name), parameters[row.lr_name].default) == (row.lr_position, row.default_lr)
    assert not row.functional
    if row.coupling is Coupling.NONE:
        assert "weight_decay" not in parameters
        with pytest.raises(TypeError):
            cls([torch.nn.Parameter(torch.ones(2, 2))], weight_decay=DECAY)
        return
    decay = parameters[row.decay_name]
    assert (position(parameters, row.decay_name), decay.default) == (row.decay_position, row.default_decay)
    if row.flag is not None and row.flag.name in parameters:  # Adam got it late
        flag = parameters[row.flag.name]
        assert (position(parameters, row.flag.name), flag.default) == (row.flag.position, row.flag.default)


@every_class
def test_no_flag_is_overlooked(cls: type[Any]) -> None:
    row = spec(cls)
    switches = [name for name in inspect.signature(cls).parameters if "decouple" in name or "decay_mode" in name]
    assert switches in ([], [row.flag.name if row.flag is not None else ""])


@every_class
def test_paths_lead_to_the_class(cls: type[Any]) -> None:
    paths = [path for path, row in CATALOGUE.paths.items() if row is spec(cls) and path.startswith("torch.")]
    assert len(paths) == 2
    for path in paths:
        module, _, label = path.rpartition(".")
        assert getattr(importlib.import_module(module), label) is cls


# ---------------------------------------------------------------------------------------------------------- measurement


def trajectory(cls: type[Any], decay: float, scale: float, steps: int, group: dict[str, Any], **options: Any) -> Any:
    """The weights before each step and after the last, with a fresh optimizer, in double precision."""
    gradients = torch.randn(steps, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    weights = torch.nn.Parameter(torch.full((4, 4), W, dtype=torch.float64))  # two dimensions: Muon takes no others
    optimizer = cls([{"params": [weights], **group}], lr=LR, weight_decay=decay, **options)
    seen = [weights.detach().clone()]
    for gradient in gradients:
        weights.grad = scale * gradient
        optimizer.step()
        seen.append(weights.detach().clone())
    return torch.stack(seen)


def shift(cls: type[Any], scale: float, steps: int, group: dict[str, Any], **options: Any) -> float:
    """What weight_decay alone moved the weights by, in units of the prediction."""
    plain = trajectory(cls, 0.0, scale, steps, group, **options)
    decayed = trajectory(cls, DECAY, scale, steps, group, **options)
    predicted = torch.zeros_like(plain[0])
    for weights in plain[:-1]:
        predicted = (1 - LR * DECAY) * predicted - LR * DECAY * weights
    return float((decayed - plain)[-1].mean() / predicted.mean())


def verdict(cls: type[Any], group: dict[str, Any] | None = None, **options: Any) -> str:
    small, large = (shift(cls, scale, STEPS, group or {}, **options) for scale in SCALES)
    near = [math.isclose(one, 1.0, rel_tol=TOLERANCE) for one in (small, large)]
    if all(near):
        return "as predicted"
    assert not any(near), (small, large)
    return "accumulated" if math.isclose(small, large, rel_tol=TOLERANCE) else "rescaled"


def expected(coupling: Coupling, adaptive: bool) -> str:
    match coupling:
        case Coupling.L2 if adaptive:
            return "rescaled"
        case Coupling.L2 | Coupling.DECOUPLED:
            return "as predicted"
    raise AssertionError(coupling)


@pytest.mark.parametrize("cls", decaying(), ids=lambda cls: cls.__name__)
def test_coupling(cls: type[Any]) -> None:
    row = spec(cls)
    assert verdict(cls) == expected(row.coupling, row.adaptive)


@pytest.mark.parametrize("cls", [cls for cls in decaying() if spec(cls).coupling is Coupling.DECOUPLED])
@pytest.mark.parametrize("scale", SCALES)
def test_one_decoupled_step_is_exact(cls: type[Any], scale: float) -> None:
    assert shift(cls, scale, 1, {}) == pytest.approx(1.0, rel=1e-6)


@pytest.mark.parametrize("cls", decaying(flagged=True), ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("value", [False, True])
@pytest.mark.parametrize("place", ["constructor", "group", "group against constructor"])
def test_flag(cls: type[Any], value: bool, place: str) -> None:
    row = spec(cls)
    assert row.flag is not None
    name = row.flag.name
    if name not in inspect.signature(cls).parameters:
        pytest.skip(f"torch {torch.__version__} has no {cls.__name__}({name}=...)")
    assert row.flag.per_group
    coupling = row.flag.when_true if value else row.flag.when_false
    match place:
        case "constructor":
            seen = verdict(cls, {}, **{name: value})
        case "group":
            seen = verdict(cls, {name: value})
        case _:
            seen = verdict(cls, {name: value}, **{name: not value})
    assert seen == expected(coupling, row.adaptive)


def test_momentum_carries_the_decay_of_sgd_along() -> None:
    assert spec(torch.optim.SGD).coupling is Coupling.L2, "and so not beside the step"
    assert verdict(torch.optim.SGD, momentum=0.9) == "accumulated"


def test_counterparts_are_the_same_step() -> None:
    row = spec(torch.optim.Adam)
    assert row.counterpart == "torch.optim.AdamW" and row.compatible
    old, new = inspect.signature(torch.optim.Adam).parameters, inspect.signature(torch.optim.AdamW).parameters
    positional = [name for name in old if position(dict(old), name) is not None]
    assert positional == list(new)[: len(positional)], "positional arguments may stay as they are"
    assert set(old) - set(new) <= {"decoupled_weight_decay"}
    same = [trajectory(cls, 0.0, 1.0, STEPS, {}) for cls in (torch.optim.Adam, torch.optim.AdamW)]
    assert torch.equal(*same), "at lambda = 0 nothing changes, bit for bit"
    if "decoupled_weight_decay" in old:
        flagged = trajectory(torch.optim.Adam, DECAY, 1.0, STEPS, {}, decoupled_weight_decay=True)
        assert torch.equal(flagged, trajectory(torch.optim.AdamW, DECAY, 1.0, STEPS, {}))

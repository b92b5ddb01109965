"""Repaired programs under torch: the same parameters, each once, and decay exactly for those with two dimensions."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from repairs import PLAIN
from test_edits import ROOT, config_of, named, text_of
from test_edits_layouts import program

from wdlint.engine import fix

torch = pytest.importorskip("torch")

CODES = ("WD101", "WD102", "WD201", "WD202", "WD203")
PATHS = [path for code in CODES for path in sorted((ROOT / code).glob("fix_*.fixed.py"))]
DECAY = ("weight_decay", "decoupled_weight_decay")
STEPS = 5


def network() -> Any:
    """A linear layer with a norm below it: matrices, biases, gains."""
    torch.manual_seed(0)
    net = torch.nn.Linear(4, 3)
    net.norm = torch.nn.LayerNorm(3)
    return net


@contextmanager
def recorded() -> Iterator[list[Any]]:
    """Every optimizer that is built meanwhile, in order."""
    made: list[Any] = []
    before = torch.optim.Optimizer.__init__

    def init(self: Any, *arguments: Any, **keywords: Any) -> None:
        before(self, *arguments, **keywords)
        made.append(self)

    torch.optim.Optimizer.__init__ = init
    try:
        yield made
    finally:
        torch.optim.Optimizer.__init__ = before


def built(text: str, given: dict[str, Any]) -> list[Any]:
    """The optimizers of a program whose `build` gets what its parameters are called after."""
    space: dict[str, Any] = {"__name__": "program"}
    with recorded() as made:
        exec(compile(text, "program.py", "exec"), space)
        build = space["build"]
        names = [p.name for p in inspect.signature(build).parameters.values() if p.name in given]
        result = build(**{name: given[name] for name in names})
        if inspect.isgenerator(result):
            list(result)
    return made


def settings(optimizer: Any) -> dict[int, tuple[Any, dict[str, Any]]]:
    """Parameter -> itself and the options of its group. Every parameter is in one group, and there once."""
    out: dict[int, tuple[Any, dict[str, Any]]] = {}
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            assert id(parameter) not in out
            out[id(parameter)] = parameter, {key: value for key, value in group.items() if key != "params"}
    return out


def compare(before: Any, after: Any, given: float | None = None) -> None:
    """Whether a repaired optimizer does to each parameter what the original did, decay set right."""
    names = {type(before).__name__, f"{type(before).__name__}W"}
    assert type(after).__name__ in names
    split = len(after.param_groups) != len(before.param_groups)
    assert not split or (len(before.param_groups), len(after.param_groups)) == (1, 2)
    old, new = settings(before), settings(after)
    assert old.keys() == new.keys()
    for key, (parameter, options) in new.items():
        was = old[key][1]
        assert {k: v for k, v in options.items() if k not in DECAY} == {k: v for k, v in was.items() if k not in DECAY}
        expected = 0.0 if split and parameter.ndim < 2 else was["weight_decay"]
        changed = given is not None and expected and options["weight_decay"] == given
        assert options["weight_decay"] == expected or changed
    if split:
        assert [all(p.ndim >= 2 for p in group["params"]) for group in after.param_groups] == [True, False]
        assert not any(p.ndim >= 2 for p in after.param_groups[1]["params"])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", PATHS, ids=named)
def test_a_repaired_fixture_builds_the_same_optimizers(path: Path) -> None:
    original = text_of(path.with_name(path.name.replace(".fixed.py", ".py")))
    decided = config_of(original).fix_weight_decay
    models = {name: network() for name in ("model", "p", "head", "other")}
    given = {
        **models,
        "scale": torch.zeros(3, requires_grad=True),
        "weight_decay": 1e-3,
        "build_again": lambda: models["other"],
    }
    try:
        before, after = built(original, given), built(text_of(path), given)
    except (ImportError, KeyError) as error:
        pytest.skip(f"cannot run: {error}")
    assert len(before) == len(after) > 0
    for old, new in zip(before, after, strict=True):
        compare(old, new, decided if isinstance(decided, float) else None)


@pytest.mark.filterwarnings("ignore")
def test_a_random_layout_builds_the_same_optimizers() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.LayerNorm(4), torch.nn.Linear(4, 2))
    for seed in range(1000, 1060):
        text = program(seed).replace("\r\n", "\n").replace("\r", "\n")
        text = text[: text.rindex("build(")]
        fixed = fix(text, PLAIN).fixed
        assert fixed is not None
        before, after = built(text, {"model": model}), built(fixed, {"model": model})
        assert len(before) == len(after) > 0
        for old, new in zip(before, after, strict=True):
            compare(old, new)


# ------------------------------------------------------------------------------------- training


def trained(optimizer: Any, model: Any, loss: Callable[[Any], Any]) -> list[Any]:
    """The parameters of a model after some steps."""
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss(model).backward()
        optimizer.step()
    return [parameter.detach().clone() for parameter in model.parameters()]


def regression(model: Any) -> Any:
    torch.manual_seed(1)
    return (model.norm(model(torch.randn(8, 4))) - torch.randn(8, 3)).square().mean()


@pytest.mark.parametrize("name", ["Adam", "NAdam", "RAdam"])
@pytest.mark.parametrize("form", ["model.parameters()", "[model.weight]", "list(model.parameters())"])
def test_without_decay_a_repair_trains_alike_bit_for_bit(name: str, form: str) -> None:
    call = f"torch.optim.{name}({form}, 1e-2, weight_decay=weight_decay)"
    text = f"import torch\n\n\ndef build(model, weight_decay):\n    {call}\n"
    fixed = fix(text, PLAIN).fixed or ""
    results = []
    for version in (text, fixed):
        model = network()
        (optimizer,) = built(version, {"model": model, "weight_decay": 0.0})
        results.append(trained(optimizer, model, regression))
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))
    assert "weight_decay=True" in fixed or "AdamW(" in fixed


@pytest.mark.parametrize("name", ["Adam", "NAdam", "RAdam"])
def test_weights_shrink_by_the_law_and_vectors_do_not(name: str) -> None:
    """With zero gradients nothing but decay moves a weight: (1 - lr*lambda) a step."""
    text = (
        f"import torch\n\n\ndef build(model):\n    torch.optim.{name}(model.parameters(), lr=0.1, weight_decay=0.05)\n"
    )
    model = network()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(1.0)
    (optimizer,) = built(fix(text, PLAIN).fixed or "", {"model": model})
    after = trained(optimizer, model, lambda m: sum(p.sum() for p in m.parameters()) * 0.0)
    for parameter in after:
        expected = (1 - 0.1 * 0.05) ** STEPS if parameter.ndim >= 2 else 1.0
        torch.testing.assert_close(parameter, torch.full_like(parameter, expected), rtol=1e-6, atol=0)


def test_groups_that_set_no_decay_still_do_not_decay() -> None:
    text = (
        "import torch\n\n\ndef build(model):\n    torch.optim.Adam([{'params': [model.weight], 'weight_decay': 0.1},"
        " {'params': [model.bias]}], lr=0.1)\n"
    )
    model = network()
    (optimizer,) = built(fix(text, PLAIN).fixed or "", {"model": model})
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0.0]


def test_the_gentle_repair_keeps_what_adam_does_to_matrices() -> None:
    """`--select WD201`: a matrix trains as before, with its coupled decay."""
    text = "import torch\n\n\ndef build(model):\n    torch.optim.Adam(model.parameters(), lr=1e-2, weight_decay=0.1)\n"
    fixed = fix(text, replace(PLAIN, select=("WD201",))).fixed or ""
    first = network()
    second = copy.deepcopy(first)
    (before,), (after,) = built(text, {"model": first}), built(fixed, {"model": second})
    assert type(after) is torch.optim.Adam

    def apart(model: Any) -> Any:
        """No parameter has to do with another."""
        return sum((p - 0.3).square().sum() for p in model.parameters())

    old, new = trained(before, first, apart), trained(after, second, apart)
    assert [torch.equal(one, other) for one, other in zip(old, new, strict=True)] == [p.ndim >= 2 for p in old]

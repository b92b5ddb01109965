"""Stacked members are separate runs, and the statistics are those of the textbooks."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor, nn

from wdlint.runtime.ensemble import Arm, Ensemble, Params, cosine, groups, initial, only

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SEEDS, STEPS, BATCH = (3, 4, 5), 60, 8
ARMS = (
    Arm("adam", partial(torch.optim.Adam, lr=1e-2), 0.03),
    Arm("adamw", partial(torch.optim.AdamW, lr=1e-2), 0.1),
    Arm("sgd", partial(torch.optim.SGD, lr=0.1, momentum=0.9), 1e-2),
    Arm("rmsprop", partial(torch.optim.RMSprop, lr=1e-2), 1e-3, only(lambda name: name.endswith("bias"))),
    Arm("none", partial(torch.optim.AdamW, lr=1e-2)),
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Two threads on busy cores wait for each other: ten times slower than one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 5), nn.LayerNorm(5), nn.Tanh(), nn.Linear(5, 3)).double()


def loss(model: Callable[[Tensor], Tensor], x: Tensor, y: Tensor) -> Tensor:
    return nn.functional.cross_entropy(model(x), y)


def batches(step: int) -> tuple[Tensor, Tensor]:
    """[seeds, batch, 6] and [seeds, batch]."""
    coin = torch.Generator().manual_seed(step)
    x = 3 * torch.randn(len(SEEDS), BATCH, 6, generator=coin, dtype=torch.float64)
    return x, torch.randint(3, (len(SEEDS), BATCH), generator=coin)


def alone(arm: Arm, member: int, starts: Params, clip: float | None) -> dict[str, Tensor]:
    """One member trained as anybody would."""
    model = net()
    model.load_state_dict({name: start[member] for name, start in starts.items()})
    decayed = [p for n, p in model.named_parameters() if arm.decays(n, p.ndim)]
    spared = [p for n, p in model.named_parameters() if not arm.decays(n, p.ndim)]
    optimizer = arm.optimizer([{"params": decayed, "weight_decay": arm.decay}, {"params": spared, "weight_decay": 0.0}])
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: cosine(step, STEPS))
    for step in range(STEPS):
        x, y = batches(step)
        optimizer.zero_grad()
        torch.autograd.backward(loss(model, x[member], y[member]))
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        schedule.step()
    return {name: p.detach() for name, p in model.named_parameters()}


@pytest.mark.parametrize("clip", [None, 0.3])
def test_stacked_equals_separate(clip: float | None) -> None:
    starts = initial(net, SEEDS)
    ensemble = Ensemble(net(), ARMS, starts, loss, clip)
    for step in range(STEPS):
        ensemble.step(batches(step), cosine(step, STEPS))
    state = ensemble.state()

    for a, arm in enumerate(ARMS):
        for member in range(len(SEEDS)):
            for name, expected in alone(arm, member, starts, clip).items():
                assert torch.allclose(state[name][a, member], expected, rtol=0, atol=1e-12), (arm.name, member, name)


def test_clipping_acts_and_is_decided_per_member() -> None:
    """A silent member must not be clipped because another one is loud."""

    def scaled(model: Callable[[Tensor], Tensor], x: Tensor, scale: Tensor) -> Tensor:
        return (scale * model(x)).sum()

    sgd = [Arm("sgd", partial(torch.optim.SGD, lr=1.0))]
    starts = initial(net, (0, 0))
    ensemble = Ensemble(net(), sgd, starts, scaled, clip=1.0)
    ensemble.step((torch.ones(2, 1, 6, dtype=torch.float64), torch.tensor([1e-3, 1e3], dtype=torch.float64)))
    moved = [
        math.sqrt(sum((ensemble.state()[n][0, m] - s[m]).square().sum().item() for n, s in starts.items()))
        for m in range(2)
    ]
    assert moved[0] < 0.1
    assert moved[1] == pytest.approx(1.0, rel=1e-6)


def test_ndim_is_the_members() -> None:
    leaves = {"weight": torch.zeros(4, 3, 2), "bias": torch.zeros(4, 3), "scalar": torch.zeros(4)}
    decayed, spared = groups(ARMS[0], leaves)
    assert decayed == {"params": [leaves["weight"]], "weight_decay": 0.03}
    assert spared == {"params": [leaves["bias"], leaves["scalar"]], "weight_decay": 0.0}


def test_losses_and_measurements_are_arms_by_seeds() -> None:
    ensemble = Ensemble(net(), ARMS, initial(net, SEEDS), loss)
    losses = ensemble.step(batches(0))
    assert losses.shape == (len(ARMS), len(SEEDS))
    assert torch.equal(losses, losses[:1].expand_as(losses))  # every arm starts alike on the same batches
    assert ensemble.measured(lambda model, x: model(x), batches(0)[:1]).shape == (len(ARMS), len(SEEDS), BATCH, 3)


def test_a_start_depends_on_its_seed_only_and_leaves_the_generator_alone() -> None:
    before = torch.random.get_rng_state()
    both, second = initial(net, (1, 2)), initial(net, (2,))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(both[name][1], second[name][0]) for name in both)
    assert not torch.equal(both["0.weight"][0], both["0.weight"][1])


# ----------------------------------------------------------------------------------------------------------- statistics


def test_paired_is_the_textbook() -> None:
    pytest.importorskip("scipy")
    from wdlint.runtime.statistics import paired

    first, second = [5.0, 6.0, 7.5, 9.0, 4.0], [4.0, 4.5, 7.0, 6.5, 3.25]  # differences 1, 1.5, .5, 2.5, .75
    result = paired(first, second)
    assert result.effect == pytest.approx(1.25)
    # the standard error is .125**.5, t(4, .975) = 2.77645; p = 1 - s * (1 + (1 - s**2) / 2) with s = .87039
    assert (result.low, result.high) == pytest.approx((0.26838, 2.23162), abs=1e-4)
    assert result.p_t == pytest.approx(0.02411, abs=1e-5)
    assert result.p_wilcoxon == pytest.approx(0.0625)  # all five positive: 2 / 2**5
    assert result.p == result.p_wilcoxon


def test_paired_without_spread() -> None:
    pytest.importorskip("scipy")
    from wdlint.runtime.statistics import paired

    same = paired([1.0, 2.0], [1.0, 2.0])
    assert (same.effect, same.low, same.high, same.p) == (0, 0, 0, 1)
    shifted = paired([2.0, 3.0, 4.0], [1.0, 2.0, 3.0])
    assert (shifted.effect, shifted.low, shifted.high, shifted.p_t) == (1, 1, 1, 0)
    for wrong in (([1.0], [1.0]), ([1.0, 2.0], [1.0]), ([math.nan, 1.0], [1.0, 1.0])):
        with pytest.raises(ValueError):
            paired(*wrong)


def test_holm_is_the_textbook() -> None:
    pytest.importorskip("scipy")
    from wdlint.runtime.statistics import holm

    adjusted = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert adjusted == pytest.approx({"d": 0.02, "a": 0.03, "c": 0.06, "b": 0.06})
    assert holm({"a": 0.9, "b": 0.8}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}


def test_equivalence_needs_a_small_difference_not_a_large_p() -> None:
    pytest.importorskip("scipy")
    from wdlint.runtime.statistics import equivalence

    base = [0.0] * 6
    tight, wide = [0.01, -0.01, 0.02, 0.0, -0.02, 0.01], [5.0, -4.0, 3.0, -6.0, 2.0, 1.0]
    assert equivalence(tight, base, 0.1) < 1e-4
    assert equivalence(wide, base, 0.1) > 0.4  # no evidence of a difference is not evidence of none
    assert equivalence([0.2 + t for t in tight], base, 0.1) > 0.99
    assert equivalence(base, base, 0.1) == 0.0
    with pytest.raises(ValueError):
        equivalence(tight, base, 0.0)


def test_slope() -> None:
    pytest.importorskip("scipy")
    from wdlint.runtime.statistics import slope

    assert slope([0.0, 1.0, 2.0], [1.0, -1.0, -3.0]) == pytest.approx(-2.0)

"""What weight_decay alone moves weights by: pairs of runs over the same gradients, one with decay and one without."""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from wdlint.runtime.constructors import Constructor, ProbeError, words

__all__ = ["DECAY", "LR", "SCALES", "STEPS", "Shift", "homogeneous", "linear", "proportional", "shift", "signs"]

LR, DECAY = 1e-3, 0.1
STEPS = 24  # RAdam takes plain momentum steps at first, lookahead kin look back every 5 or 6
SCALES = (0.01, 1.0, 100.0)  # of the gradients
SHAPES = ((64, 64), (32, 128))  # 8-bit states begin at 4096 elements; Muon takes matrices only
SMALLEST = 1e-12  # of a shift, relative to the predicted one: below is rounding


@dataclass(frozen=True, slots=True)
class Fit:
    """Least squares of the shift on a prediction: shift = share*prediction + rest."""

    share: float
    rest: float  # norm of the rest over the norm of the shift; 0 when nothing moved

    def near(self, share: float, tolerance: float) -> bool:
        return math.isclose(self.share, share, rel_tol=tolerance) and self.rest <= tolerance


@dataclass(frozen=True, slots=True)
class Shift:
    """The shift after all steps at one gradient scale, against decay with lr and decay without lr."""

    scale: float
    scaled: Fit  # against d <- (1 - lr*lambda)*d - lr*lambda*w over the weights w of the run without decay
    free: Fit  # against d <- (1 - lambda)*d - lambda*w


@dataclass(frozen=True, slots=True)
class Run:
    """The weights before each step and after the last: (steps + 1, elements)."""

    weights: Tensor

    @property
    def moves(self) -> Tensor:
        return self.weights[1:] - self.weights[:-1]


def shift(built: Constructor, scale: float, steps: int = STEPS) -> Shift:
    """What decay moves the weights by at one gradient scale. Raises ProbeError when the optimizer cannot step."""
    plain = run(built, 0.0, scale, steps)
    decayed = run(built, DECAY, scale, steps)
    moved = decayed.weights[-1] - plain.weights[-1]
    return Shift(scale, fit(moved, predicted(plain, LR * DECAY)), fit(moved, predicted(plain, DECAY)))


def linear(built: Constructor) -> bool:
    """Whether the later steps are additive in the gradients, as SGD's are: no statistics come between.

    Proportional is not enough: AvaGrad divides weight by weight and then restores the size.
    """
    first, second = (mixed(built, (one, 1)) - mixed(built, (one, 0)) for one in (1, 2))
    return bool(first.norm() > 0) and bool((second - first).norm() <= 1e-3 * first.norm())


def homogeneous(built: Constructor) -> bool:
    """Whether 10 times the gradient makes 10 times the step."""
    one, ten = mixed(built, (1, 0)), mixed(built, (10, 0))
    return bool(one.norm() > 0) and bool((ten - 10 * one).norm() <= 1e-2 * ten.norm())


def mixed(built: Constructor, mix: tuple[int, int]) -> Tensor:
    return run(built, 0.0, 1.0, STEPS, mix=mix).moves[STEPS // 2 :]


def signs(built: Constructor) -> bool:
    """Whether every weight moves by the same amount at every step after the first, whatever the gradient's size."""
    every = [run(built, 0.0, scale, STEPS).moves[1:].abs() for scale in (0.1, 1.0)]
    return all(bool(m.mean() > 0) and bool(m.std() <= 1e-2 * m.mean()) for m in every)


def proportional(built: Constructor) -> bool:
    """Whether the step grows with the norm of the weights, as a trust ratio makes it: 10 times the weights, the moves
    more than 3 times."""
    small, large = (run(built, 0.0, 1.0, STEPS, size=size).moves.norm() for size in (0.01, 0.1))
    return bool(large > 3 * small)


def fit(moved: Tensor, expected: Tensor) -> Fit:
    if not bool(torch.isfinite(moved).all()):
        return Fit(math.nan, math.inf)
    if float(moved.norm()) <= SMALLEST * float(expected.norm()):
        return Fit(0.0, 0.0)
    share = float(moved @ expected / (expected @ expected))
    return Fit(share, float((moved - share * expected).norm() / moved.norm()))


def predicted(plain: Run, rate: float) -> Tensor:
    """The shift that decay beside the step makes: w - w_plain when each step takes `rate` of the weight."""
    moved = torch.zeros_like(plain.weights[0])
    for weights in plain.weights[:-1]:
        moved = (1 - rate) * moved - rate * weights
    return moved


# -------------------------------------------------------------------------------------------- steps


def run(
    built: Constructor, decay: float, scale: float, steps: int, size: float = 1.0, mix: tuple[int, int] = (1, 0)
) -> Run:
    """The weights over a run: in double precision, or in single where the optimizer takes no other.

    size: multiplies the weights. mix: how much of a first and of a second random sequence the gradients hold.
    """
    setting = Setting(decay, scale, steps, size, mix)
    try:
        return attempted(built, setting, torch.float64)
    except ProbeError:
        return attempted(built, setting, torch.float32)


@dataclass(frozen=True, slots=True)
class Setting:
    """One run."""

    decay: float
    scale: float
    steps: int
    size: float
    mix: tuple[int, int]

    def gradients(self, tensors: list[torch.nn.Parameter], source: torch.Generator) -> list[Tensor]:
        """Fresh normal gradients, the same in every run."""
        first, second = (
            [torch.randn(t.shape, generator=source, dtype=torch.float64) for t in tensors] for _ in self.mix
        )
        a, b = (self.scale * part for part in self.mix)
        return [(a * x + b * y).to(t.dtype) for x, y, t in zip(first, second, tensors, strict=True)]


def attempted(built: Constructor, setting: Setting, kind: torch.dtype) -> Run:
    """Weights of magnitude 1 to 3 with both signs; everything seeded. Raises ProbeError."""
    source = torch.Generator().manual_seed(0)
    tensors = [torch.nn.Parameter(start(shape, source, setting.size).to(kind)) for shape in SHAPES]
    given = {built.lr: LR} if built.lr else {}
    if built.decay:
        given[built.decay] = setting.decay
    with quiet():
        torch.manual_seed(0)
        optimizer = built.build(list(tensors), **given)
        if callable(getattr(optimizer, "train", None)):
            optimizer.train()  # schedule-free optimizers ask for it
        seen = [flattened(tensors)]
        for _ in range(setting.steps):
            step(built, optimizer, tensors, setting.gradients(tensors, source))
            seen.append(flattened(tensors))
    return Run(torch.stack(seen))


def step(built: Constructor, optimizer: Any, tensors: list[torch.nn.Parameter], gradients: list[Tensor]) -> None:
    """One step, with a closure where the optimizer wants one. Raises ProbeError."""

    def closure() -> Tensor:
        for tensor, gradient in zip(tensors, gradients, strict=True):
            tensor.grad = gradient.clone()
        return torch.tensor(1.0)

    closure()
    try:
        try:
            optimizer.step()
        except (TypeError, ValueError, RuntimeError, AssertionError):
            optimizer.step(closure)
    except Exception as error:  # noqa: BLE001 - whatever a stranger raises
        raise ProbeError(f"{built.name} cannot step: {words(error)}") from None


def start(shape: tuple[int, int], source: torch.Generator, size: float) -> Tensor:
    magnitudes = 1 + 2 * torch.rand(shape, generator=source, dtype=torch.float64)
    return size * magnitudes * (2 * torch.randint(0, 2, shape, generator=source) - 1)


def flattened(tensors: list[torch.nn.Parameter]) -> Tensor:
    return torch.cat([t.detach().to(torch.float64).flatten().clone() for t in tensors])


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without warnings, prints and compilation, and on one thread: the tensors are small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    stance = getattr(torch.compiler, "set_stance", None)  # since torch 2.6
    eager = stance("force_eager") if stance is not None else contextlib.nullcontext()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), eager:
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_num_threads(threads)

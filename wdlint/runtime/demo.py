"""The run of demonstrations: the device, the order, the correction over rules, the verdicts."""

from __future__ import annotations

import difflib
import math
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch

from wdlint import __version__
from wdlint.runtime.demos import DEMONSTRATIONS
from wdlint.runtime.demos.claims import Claim, Setting
from wdlint.runtime.statistics import ALPHA, holm

__all__ = ["DemoError", "Judged", "Run", "Verdict", "codes", "device", "judged", "run"]

Verdict = Literal["holds", "FAILS", "CONTROL FAILS", "shown", "not judged"]


class DemoError(Exception):
    """A demonstration cannot run: one line for the user."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A claim with its verdict; `p` is adjusted by Holm over the judged behaviour claims of the run."""

    claim: Claim
    verdict: Verdict
    p: float | None = None

    @property
    def failed(self) -> bool:
        return self.verdict in ("FAILS", "CONTROL FAILS")


@dataclass(frozen=True, slots=True)
class Run:
    """A whole run: where, with what, how long, and every claim with its verdict."""

    device: str
    device_name: str
    versions: dict[str, str]
    quick: bool
    seed: int
    chosen_seeds: tuple[int, ...]
    scored_seeds: tuple[int, ...]
    seconds: dict[str, float]  # by rule code; a training that several rules share counts for the first
    claims: tuple[Judged, ...]

    @property
    def failures(self) -> int:
        return sum(j.failed for j in self.claims)


def codes(wanted: Sequence[str]) -> tuple[str, ...]:
    """The codes to demonstrate, in order; a prefix stands for all that begin so, nothing for all. Raises DemoError."""
    picked: list[str] = []
    for given in wanted:
        matching = [code for code in DEMONSTRATIONS if given and code.startswith(given.upper())]
        if not matching:
            near = difflib.get_close_matches(given.upper(), DEMONSTRATIONS, n=1)
            hint = f", did you mean {near[0]}?" if near else f"; there are {', '.join(DEMONSTRATIONS)}"
            raise DemoError(f"there is no demonstration of {given!r}{hint}")
        picked += matching
    return tuple(code for code in DEMONSTRATIONS if code in picked or not wanted)


def device(choice: str) -> tuple[torch.device, str]:
    """The device of "auto", "cuda" or "cpu" and its name. Raises DemoError where there is no CUDA to be had."""
    if choice == "cuda" and not torch.cuda.is_available():
        raise DemoError("--device cuda: torch finds no CUDA device here")
    if choice != "cpu" and torch.cuda.is_available():
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        return torch.device("cuda"), torch.cuda.get_device_name()
    return torch.device("cpu"), processor()


def processor() -> str:
    """The CPU as the system names it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    except OSError:
        named = ""
    return named or platform.processor() or platform.machine()


def run(
    wanted: Sequence[str] = (),
    *,
    quick: bool = False,
    on: str = "auto",
    seed: int = 0,
    watch: Callable[[int, int], None] | None = None,
) -> Run:
    """Run the demonstrations of some codes, or all. `watch` is called with (done, total) after each.

    Deterministic on one machine: the same seed gives the same numbers. Raises DemoError.
    """
    place, name = device(on)
    setting = Setting(place, quick, seed)
    picked = codes(wanted)
    claims: list[Claim] = []
    seconds: dict[str, float] = {}
    with one_thread():
        for done, code in enumerate(picked, 1):
            began = time.perf_counter()
            try:
                claims += DEMONSTRATIONS[code](setting)
            except ModuleNotFoundError as error:
                raise DemoError(f"{code} needs {error.name}: pip install scikit-learn") from None
            seconds[code] = time.perf_counter() - began
            if watch is not None:
                watch(done, len(picked))
    versions = {"wdlint": __version__, "torch": torch.__version__, "python": platform.python_version()}
    seeds = setting.chosen(), setting.scored()
    return Run(place.type, name, versions, quick, seed, *seeds, seconds, judged(claims, quick))


@contextmanager
def one_thread() -> Iterator[None]:
    """One CPU thread: on two busy cores a quick run took 310 s with two, which wait for each other, 36 s with one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def judged(claims: Sequence[Claim], quick: bool) -> tuple[Judged, ...]:
    """Every claim with its verdict.

    A behaviour holds if its effect has the expected sign and the larger of the two p, adjusted by Holm over all judged
    behaviour claims of the run, is below .05; an equivalence if its TOST p is, so adjusted. With `quick` only the sign
    counts, and equivalences, which few seeds cannot show, are not judged. A failed control fails any claim.
    """
    adjusted = {} if quick else holm(significance(claims))
    return tuple(Judged(c, verdict(c, adjusted.get(str(n)), quick), adjusted.get(str(n))) for n, c in enumerate(claims))


def significance(claims: Sequence[Claim]) -> Mapping[str, float]:
    """The raw p of every judged behaviour claim, by its number."""
    ps: dict[str, float] = {}
    for number, claim in enumerate(claims):
        if claim.kind == "behaviour" and claim.judged and claim.effect is not None:
            ps[str(number)] = claim.effect.p if claim.p_equivalent is None else claim.p_equivalent
    return ps


def verdict(claim: Claim, p: float | None, quick: bool) -> Verdict:
    if not claim.control.passed:
        return "CONTROL FAILS"
    if not claim.judged:
        return "shown"
    if claim.kind == "law":
        return "holds" if claim.passed else "FAILS"
    if claim.margin is not None:
        if quick:
            return "not judged"
        return "holds" if p is not None and p < ALPHA else "FAILS"
    sign = math.copysign(1, claim.effect.effect) if claim.effect and claim.effect.effect else 0
    if sign != claim.expected:
        return "FAILS"
    return "holds" if quick or (p is not None and p < ALPHA) else "FAILS"

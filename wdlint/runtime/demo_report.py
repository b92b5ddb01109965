"""A run of demonstrations as a table for a terminal and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wdlint.reports.listing import as_json
from wdlint.runtime.demo import Judged, Run

__all__ = ["WIDE", "data", "json", "text"]

COLORS = {"holds": "green", "FAILS": "bold red", "CONTROL FAILS": "bold red", "shown": "cyan", "not judged": "dim"}
WIDE = 200  # columns where nobody says how many there are
NARROW = 150  # columns below which a table of ten columns cannot be read
HEADINGS = ("rule", "claim", "kind", "measured", "bad", "good", "effect [95 %]", "p", "control", "verdict")


def text(run: Run, *, width: int, color: bool) -> str:
    """A table of `width` columns, or a list where that is too narrow; then the notes, then one closing line."""
    console = Console(width=width, force_terminal=color, no_color=not color, highlight=False)
    with console.capture() as captured:
        console.print(Text(heading(run)))
        if width >= NARROW:
            console.print(grid(run))
        else:
            console.print(Text("\n").join(listing(run)))
        console.print(Text("\n".join(notes(run))))
        console.print(Text(closing(run)))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def grid(run: Run) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for name in HEADINGS:
        narrow = name in ("rule", "kind", "bad", "good", "p")
        table.add_column(name, no_wrap=narrow, justify="right" if name in ("bad", "good") else "left")
    last = ""
    for judged in run.claims:
        row = [Text(cell) for cell in cells(judged)]
        row[-1].stylize(COLORS[judged.verdict])
        if last and judged.claim.code != last:
            table.add_section()
        last = judged.claim.code
        table.add_row(*row)
    return table


def listing(run: Run) -> Iterator[Text]:
    """The rows of the table below each other."""
    for judged in run.claims:
        code, claim, kind, measure, bad, good, effect, p, control, verdict = cells(judged)
        yield Text.assemble("\n", (code, "bold"), f"  {kind}  ", (verdict, COLORS[judged.verdict]), f"\n  {claim}")
        yield Text(f"  {measure}: bad {bad}, good {good}")
        if judged.claim.effect is not None:
            yield Text(f"  effect {effect}" + ("" if p == "-" else f", p {p}"))
        yield Text(f"  control: {control}")
    yield Text()


def cells(judged: Judged) -> list[str]:
    """One row, in the order of the headings."""
    claim, effect = judged.claim, judged.claim.effect
    difference = f"{effect.effect:+.3g} [{effect.low:.3g}, {effect.high:.3g}]" if effect else "-"
    control = f"{claim.control.text}: {claim.control.value:.3g} ({claim.control.criterion})"
    return [
        claim.code, claim.text, claim.kind, claim.measure, f"{claim.bad:.4g}", f"{claim.good:.4g}", difference,
        significance(judged), control, outcome(judged),
    ]  # fmt: skip


def significance(judged: Judged) -> str:
    """The p that decided, adjusted; for what is only shown the raw one in brackets; none for laws."""
    if judged.p is not None:
        return f"{judged.p:.1e}{' TOST' if judged.claim.margin is not None else ''}"
    if judged.claim.kind == "behaviour" and judged.claim.effect is not None and judged.verdict == "shown":
        return f"({judged.claim.effect.p:.1e})"
    return "-"


def outcome(judged: Judged) -> str:
    """The verdict; for what is only shown, what the interval says."""
    effect = judged.claim.effect
    if judged.verdict != "shown" or effect is None:
        return judged.verdict
    if effect.low <= 0 <= effect.high:
        return "shown: no effect seen"
    return f"shown: bad is {'higher' if effect.effect > 0 else 'lower'}"


def heading(run: Run) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    mode = "quick: laws, signs and controls only" if run.quick else f"{len(run.scored_seeds)} scored seeds"
    return f"device: {run.device} ({run.device_name}); {versions}; seed {run.seed}; {mode}"


def notes(run: Run) -> list[str]:
    """What decides each failed claim, and the remarks of the demonstrations."""
    lines = [f"{j.claim.code} {j.verdict}: {j.claim.text}: {j.claim.criterion}" for j in run.claims if j.failed]
    seen = dict.fromkeys(f"{j.claim.code}: {j.claim.note}" for j in run.claims if j.claim.note)
    return [*lines, *seen]


def closing(run: Run) -> str:
    held = sum(j.verdict == "holds" for j in run.claims)
    rest = len(run.claims) - held - run.failures
    return f"{held} hold, {run.failures} fail, {rest} shown or not judged; {sum(run.seconds.values()):.1f} s"


def json(run: Run) -> str:
    """Everything as JSON text; numbers that JSON has no word for (nan, inf) are strings."""
    return as_json(data(run))


def data(run: Run) -> dict[str, Any]:
    """The run with its counts; claims keep criterion, control, both p, seeds and curves."""
    return {"failures": run.failures, "run": run}

"""The rules run over a live model and its optimizers, and what no rule says but the live objects know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from wdlint.config import Config, find_config, load
from wdlint.engine import CODES, Found, catalogue, findings
from wdlint.model import Facts, Severity
from wdlint.reports.listing import as_json
from wdlint.runtime.optimizers import Site, group_number, site
from wdlint.runtime.parameters import Parameter, named
from wdlint.runtime.remarks import LATER, Remark, remarks
from wdlint.runtime.tables import as_data, lines

__all__ = ["Audit", "AuditError", "Diagnosis", "audit"]

ABOUT_VECTORS = ("WD201", "WD202", "WD203")  # the others speak of everything in their group


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A finding of a rule, with the group and the parameters it is about."""

    code: str
    name: str
    severity: Severity
    message: str
    optimizer: int  # from 0, in the order given
    group: int  # from 1
    parameters: tuple[Parameter, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(parameter.name for parameter in self.parameters)


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found; `print(audit)` shows a table. `parameters`: the whole model, each once, by its first name."""

    sites: tuple[Site, ...]
    findings: tuple[Diagnosis, ...]
    remarks: tuple[Remark, ...]
    parameters: tuple[Parameter, ...]
    steps: int | None = None

    def __str__(self) -> str:
        return "\n".join(lines(self.sites, self.findings, self.remarks, self.parameters, self.steps))

    def as_json(self) -> str:
        """One JSON object: optimizers with their groups, findings, remarks. Infinite numbers are strings."""
        return as_json(as_data(self.sites, self.findings, self.remarks, self.parameters, self.steps))

    def at_least(self, severity: Severity) -> tuple[Diagnosis | Remark, ...]:
        """Findings and remarks of this severity or above."""
        every: tuple[Diagnosis | Remark, ...] = (*self.findings, *self.remarks)
        return tuple(one for one in every if one.severity.rank >= severity.rank)


class AuditError(AssertionError):
    """An audit that found what it must not find; `audit` is the whole of it."""

    def __init__(self, audit: Audit, wrong: Sequence[Diagnosis | Remark]) -> None:
        self.audit = audit
        super().__init__(f"{len(wrong)} of {len(audit.findings) + len(audit.remarks)} observations count\n{audit}")


def audit(
    model: nn.Module,
    optimizer: Any,
    *,
    steps: int | None = None,
    raise_on: Severity | str | None = None,
    config: Config | str | Path | None = None,
) -> Audit:
    """Run the rules of wdlint over live objects, which are read and not changed.

    model: wrapped or not (DDP, torch.compile, FSDP2); its parameter shapes are those of this process.
    optimizer: anything with `param_groups`, a wrapper with `.optimizer`, or a sequence of such (a GAN's two): what no
        group of any of them holds counts as untrained.
    steps: optimizer steps of the run, for the share of a weight that decay leaves over at the learning rate of now.
    raise_on: "note", "warning" or "error": AuditError when a finding or a remark is at least that severe.
    config: a Config, a file, or None for the [tool.wdlint] nearest to the working folder.

    Raises TypeError for a model or optimizer that is none, ValueError for steps < 0 or another severity, and
    config.ConfigError. Coupling is what wdlint.catalogue knows about the class and its flags, not what is measured
    here; `wdlint probe` measures it.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, not {type(model).__name__}")
    if steps is not None and steps < 0:
        raise ValueError(f"steps must be 0 or more, not {steps}")
    limit = severity(raise_on)
    chosen = configuration(config)
    known = named(model)
    rows = catalogue(chosen)
    several = list(optimizer) if isinstance(optimizer, Sequence) else [optimizer]
    if not several:
        raise TypeError("no optimizer given")
    sites = tuple(site(one, known, rows) for one in several)
    codes = chosen.codes_for("model", (*CODES, *LATER))
    found = tuple(d for number, one in enumerate(sites) for d in diagnoses(number, one, codes))
    said = tuple(remarks(sites, known, model, codes))
    result = Audit(sites, found, said, tuple(known.values()), steps)
    if limit is not None and (wrong := result.at_least(limit)):
        raise AuditError(result, wrong)
    return result


def severity(word: Severity | str | None) -> Severity | None:
    if word is None or isinstance(word, Severity):
        return word
    try:
        return Severity(word)
    except ValueError:
        raise ValueError(f"raise_on must be note, warning or error, not {word!r}") from None


def configuration(given: Config | str | Path | None) -> Config:
    """The configuration without what it says about single files: live objects have no path."""
    if given is None:
        given = find_config(Path.cwd())
    if given is not None and not isinstance(given, Config):
        given = load(given, CODES)
    return replace(given, per_file_ignores=()) if given is not None else Config()


def diagnoses(number: int, found_at: Site, codes: frozenset[str]) -> Iterator[Diagnosis]:
    """What the rules say about one optimizer, the most severe first."""
    every = list(findings(Facts(optimizers=(found_at.facts,)), codes))
    every.sort(key=lambda f: (-f.rule.severity.rank, f.rule.code, f.finding.span))
    for found in every:
        group = group_number(found.finding.span)
        yield Diagnosis(
            found.rule.code,
            found.rule.name,
            found.rule.severity,
            found.finding.message,
            number,
            group,
            tuple(concerned(found, found_at.holdings[group - 1].parameters)),
        )


def concerned(found: Found, held: Iterable[Parameter]) -> Iterator[Parameter]:
    """The parameters of a group that a finding is about, each once."""
    about_vectors: Mapping[bool, Any] = {True: lambda p: p.role.vector, False: lambda p: True}
    wanted = about_vectors[found.rule.code in ABOUT_VECTORS]
    yield from dict.fromkeys(p for p in held if p.trainable and wanted(p))

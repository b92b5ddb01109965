"""Reports as GitHub workflow commands: one annotation per site."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence

from wdlint.model import Diagnostic, Report, Severity
from wdlint.reports import by_weight, place, printable, sites, unique

__all__ = ["commands"]

COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
LIMIT = 10  # annotations of one kind that GitHub shows per step; the others are dropped without a word


def commands(reports: Iterable[Report], see: Callable[[str], str]) -> Iterator[str]:
    """Workflow commands, the most severe first; `see` tells where a code is explained."""
    found = sorted((site for report in reports for site in sites(report.diagnostics)), key=lambda s: -weight(s).rank)
    for site in found:
        yield annotation(site, see)
    for severity, command in COMMANDS.items():
        number = sum(weight(site) is severity for site in found)
        if number > LIMIT:
            over = f"{number - LIMIT} of {number} {command} annotations may not be shown"
            yield f"{over}: GitHub shows {LIMIT} of a kind per step"


def weight(site: Sequence[Diagnostic]) -> Severity:
    """The highest severity of a site."""
    return by_weight(site)[0].severity


def annotation(site: Sequence[Diagnostic], see: Callable[[str], str]) -> str:
    site = by_weight(site)
    first = site[0]
    codes = unique(d.code for d in site)
    lines = [f"{place(first)}: " + "\n".join(unique(f"{d.code} {printable(d.message)}" for d in site))]
    repair = next((d.fix_message for d in site if d.edits and d.fix_message), "")
    refused = (printable(r) for r in unique(d.refusal for d in site))
    lines += [f"  help: {printable(repair)}"] if repair else [f"  no automatic repair: {r}" for r in refused]
    lines.append(f"  see: {see(first.code)}")
    where = {"title": f"wdlint ({', '.join(codes)})", "file": printable(os.path.abspath(first.path)), **position(first)}
    parameters = ",".join(f"{key}={escaped_property(str(value))}" for key, value in where.items())
    return f"::{COMMANDS[first.severity]} {parameters}::{escaped(chr(10).join(lines))}"


def position(d: Diagnostic) -> dict[str, int]:
    """Columns only within one line, as GitHub asks; a place inside a notebook has no line in the file's diff."""
    if d.cell is not None:
        return {"line": 1, "endLine": 1}
    if d.span.line != d.span.end_line:
        return {"line": d.span.line, "endLine": d.span.end_line}
    return {"line": d.span.line, "col": d.span.column + 1, "endLine": d.span.line, "endColumn": d.span.end_column + 1}


def escaped(text: str) -> str:
    """The data of a workflow command (actions/toolkit, command.ts)."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escaped_property(text: str) -> str:
    return escaped(text).replace(":", "%3A").replace(",", "%2C")

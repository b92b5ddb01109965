"""Reports for machines, in ruff's JSON shape, with the construction call as `site`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from typing import Any

from wdlint.model import Diagnostic, Edit, Report, Span
from wdlint.reports.text import counts

__all__ = ["findings", "statistics"]

Location = dict[str, int]


def findings(reports: Iterable[Report], url: Callable[[str], str | None]) -> str:
    """A JSON array of every diagnostic, notes included, and of the suppressed ones that the reports hold."""
    found = (d for report in reports for d in sorted((*report.diagnostics, *report.suppressed), key=order))
    return json.dumps([entry(d, url) for d in found], indent=2, sort_keys=True)  # ASCII, safe for any stdout


def statistics(diagnostics: Iterable[Diagnostic]) -> str:
    """A JSON array of counts per code."""
    rows = [
        {"code": code, "name": name, "count": n, "fixable": fixable == n, "fixable_count": fixable}
        for code, name, n, fixable in counts(diagnostics)
    ]
    return json.dumps(rows, indent=2)


def order(diagnostic: Diagnostic) -> tuple[int, Span, str]:
    return diagnostic.cell or 0, diagnostic.span, diagnostic.code


def entry(d: Diagnostic, url: Callable[[str], str | None]) -> dict[str, Any]:
    start, end = ends(d.span)
    out: dict[str, Any] = {
        "cell": d.cell,
        "code": d.code,
        "end_location": end,
        "filename": d.path if d.path == "<stdin>" else os.path.abspath(d.path),
        "fix": fix(d) if d.edits else None,
        "location": start,
        "message": d.message,
        "name": d.name,
        "noqa_row": None if d.code == "WD900" else d.span.line,
        "severity": d.severity.value,
        "site": ends(d.site)[0] if d.site else None,
        "url": url(d.code),
    }
    if d.suppressed:
        out |= {"suppressed": True, "reason": d.reason or None}
    return out


def fix(d: Diagnostic) -> dict[str, Any]:
    return {
        "applicability": "safe" if d.safe else "unsafe",
        "edits": [edit(e) for e in sorted(d.edits, key=lambda e: e.span)],
        "message": d.fix_message or None,
    }


def edit(e: Edit) -> dict[str, Any]:
    start, end = ends(e.span)
    return {"content": e.content, "location": start, "end_location": end}


def ends(span: Span) -> tuple[Location, Location]:
    """First and last position, rows and columns from 1, in code points."""
    return {"row": span.line, "column": span.column + 1}, {"row": span.end_line, "column": span.end_column + 1}

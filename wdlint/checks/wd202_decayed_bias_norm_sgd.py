"""WD202 decayed-bias-norm-sgd: the same under SGD, where the practice is less settled."""

from __future__ import annotations

from collections.abc import Iterator

from wdlint.checks.wd201_decayed_bias_norm import decayed_vectors, sgd_like
from wdlint.model import Finding, Optimizer, Rule, Severity


def check(site: Optimizer) -> Iterator[Finding]:
    if sgd_like(site):
        yield from decayed_vectors(site)


RULE = Rule("WD202", "decayed-bias-norm-sgd", check, Severity.NOTE, fix_by_name=True)

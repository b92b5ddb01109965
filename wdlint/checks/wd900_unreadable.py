"""WD900 unreadable: a file that cannot be read or parsed."""

from __future__ import annotations

from collections.abc import Iterator

from wdlint.model import Failure, Finding, Rule, Severity


def check(failure: Failure) -> Iterator[Finding]:
    yield Finding(failure.span, failure.reason)


RULE = Rule("WD900", "unreadable", check, Severity.ERROR)

"""WD206 exhausted-parameters: a one-pass generator of parameters is read twice, so the second reader gets nothing."""

from __future__ import annotations

from collections.abc import Iterator

from wdlint.model import Finding, Generator, Rule, Severity, WrapInList


def check(generator: Generator) -> Iterator[Finding]:
    first, *later = generator.reads
    for read in later[:1]:
        yield Finding(
            read,
            f"`{generator.name}` was used up on line {first.line}: nothing is left here",
            WrapInList(generator.span),
        )


RULE = Rule("WD206", "exhausted-parameters", check, Severity.ERROR)

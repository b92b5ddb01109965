"""WD205 dead-no-decay-list: short names tested by exact membership match no qualified parameter name."""

from __future__ import annotations

from collections.abc import Iterator

from wdlint.model import Finding, Membership, ReplaceText, Rule, Severity


def check(membership: Membership) -> Iterator[Finding]:
    word = next(w for w in ("nd", "part", "fragment") if w not in (membership.variable, membership.collection))
    test = f"any({word} in {membership.variable} for {word} in {membership.collection})"
    shown = ", ".join(repr(n) for n in membership.names[:2])
    yield Finding(
        membership.span,
        f"no qualified parameter name equals {shown}: the test is {'always' if membership.negated else 'never'} true",
        ReplaceText(membership.span, f"not {test}" if membership.negated else test, "substring test"),
    )


RULE = Rule("WD205", "dead-no-decay-list", check, Severity.ERROR)

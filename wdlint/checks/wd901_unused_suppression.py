"""WD901 unused-suppression: a suppression that silences nothing."""

from __future__ import annotations

from collections.abc import Iterator

from wdlint.model import Finding, ReplaceText, Rule, Severity, Suppression


def check(suppression: Suppression) -> Iterator[Finding]:
    if not suppression.unused:
        return
    kept = [code for code in suppression.codes if code not in suppression.unused]
    shown = ", ".join(suppression.unused)
    if kept:
        text = suppression.text.replace(listed(suppression.text), ", ".join(kept), 1)
        yield Finding(
            suppression.span, f"{shown} is not found here", ReplaceText(suppression.span, text, "shorter suppression")
        )
    else:
        what = "nothing is" if shown == "all" else f"{shown} is not"
        yield Finding(
            suppression.span, f"{what} found here to suppress", ReplaceText(suppression.span, "", "no suppression")
        )


def listed(text: str) -> str:
    """The code list inside a suppression comment."""
    start = text.find("[") if "[" in text else text.find(":")
    return text[start + 1 :].split("]")[0].split("--")[0].strip()


RULE = Rule("WD901", "unused-suppression", check, Severity.NOTE)

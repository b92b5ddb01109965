"""Where the rule pages are, and what stands on one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["NoPage", "Page", "fixable", "page", "see", "url"]

PAGE_BASE = ""  # the public address of the pages, once there is one
FOLDERS = (Path(__file__).parent / "rules", Path(__file__).parent.parent / "rules")  # installed; checkout or editable
KEY = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*")
FIXED = re.compile(r"^```.*\bfixed\b", re.MULTILINE)


class NoPage(LookupError):
    """There is no page of this code or name."""


@dataclass(frozen=True, slots=True)
class Page:
    """One rule page: its sections by heading, each without the heading, in order."""

    code: str
    name: str
    text: str
    sections: Mapping[str, str]

    @property
    def fixable(self) -> bool:
        """Whether it shows a repaired block, which the tests hold `--fix` to."""
        return bool(FIXED.search(self.text))


def page(key: str) -> Page:
    """The page of a code or a rule name, whatever the case. Raises NoPage."""
    path = found(key)
    code, _, name = path.stem.partition("-")
    text = path.read_text(encoding="utf-8")
    return Page(code, name, text, sections(text))


def found(key: str) -> Path:
    if KEY.fullmatch(key):
        for folder in FOLDERS:
            for pattern in (f"{key.upper()}-*.md", f"WD[0-9][0-9][0-9]-{key.lower()}.md"):
                for path in sorted(folder.glob(pattern)):
                    return path
    raise NoPage(f"there is no page for {key!r}")


def sections(text: str) -> dict[str, str]:
    """{heading: body} of the `##` headings that stand outside code blocks."""
    out: dict[str, list[str]] = {}
    body: list[str] = []
    fenced = False
    for line in text.splitlines():
        fenced ^= line.startswith("```")
        if line.startswith("## ") and not fenced:
            body = out.setdefault(line[3:].strip(), [])
        else:
            body.append(line)
    return {heading: "\n".join(lines).strip() for heading, lines in out.items()}


def url(code: str) -> str | None:
    """The public address of a rule page, None while there is none."""
    if not PAGE_BASE:
        return None
    try:
        return f"{PAGE_BASE}/{found(code).stem}"
    except NoPage:
        return None


def fixable(code: str) -> bool:
    """Whether the page of a rule shows a repair."""
    try:
        return page(code).fixable
    except NoPage:
        return False


def see(code: str) -> str:
    """Where a person finds the page: its address, or the command that prints it."""
    return url(code) or f"`wdlint explain {code}`"

"""File patterns as ruff reads them: `*` crosses folders, and a pattern may also match the bare name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import lru_cache

__all__ = ["Globs", "expression", "literally"]

MAGIC = re.compile(r"[*?\[\]{}\\]")


def literally(path: str) -> str:
    """A pattern that matches this path and nothing else."""
    return MAGIC.sub(lambda found: "\\" + found[0], path)


class Globs:
    """A set of patterns, relative ones below `root`; `path in globs` expects an absolute path.

    `tests/*.py` and `**/tests` are matched against the path below root, `build` and `test_*.py` also against its last
    name. An absolute pattern is matched against the whole path.
    """

    __slots__ = ("absolute", "names", "relative", "root")

    def __init__(self, patterns: Iterable[str], root: str) -> None:
        self.root = os.path.abspath(root)
        plain: set[str] = set()
        wild: list[str] = []
        for pattern in patterns:
            shown = pattern.removeprefix("./").rstrip("/")
            if not shown:
                continue
            if "/" in shown or MAGIC.search(shown):
                wild.append(shown)
            else:
                plain.add(shown)
        self.names = frozenset(plain)
        self.absolute = tuple(expression(shown) for shown in wild if os.path.isabs(shown))
        self.relative = tuple(expression(shown) for shown in wild if not os.path.isabs(shown))

    def __contains__(self, path: str) -> bool:
        name = path.rpartition("/")[2]
        if name in self.names:
            return True
        if any(wild.fullmatch(path) for wild in self.absolute):
            return True
        top = self.root.rstrip("/") + "/"
        spellings = (name, path[len(top) :]) if path.startswith(top) else (name,)
        return any(wild.fullmatch(spelling) for wild in self.relative for spelling in spellings)

    def covers(self, path: str) -> bool:
        """Whether the path or a folder above it, up to root, is matched."""
        top = self.root.rstrip("/")
        while path not in self:
            parent = os.path.dirname(path)
            if parent in (path, top):
                return False
            path = parent
        return True


@lru_cache(maxsize=1024)
def expression(pattern: str) -> re.Pattern[str]:
    """The regular expression of one pattern: `*`, `**/`, `?`, `[a-z]`, `[!a]`, `{a,b}`, `\\` escapes."""
    try:
        return re.compile(translated(pattern), re.DOTALL)
    except re.error:  # [z-a]
        return re.compile(re.escape(pattern))


def translated(pattern: str) -> str:
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "*":
            start, at = at, at + 1
            while pattern[at : at + 1] == "*":
                at += 1
            whole_folder = at - start > 1 and (start == 0 or pattern[start - 1] == "/") and pattern[at : at + 1] == "/"
            parts.append("(?:.*/)?" if whole_folder else ".*")
            at += whole_folder
        elif char == "[" and (end := pattern.find("]", at + 2 + (pattern[at + 1 : at + 2] in ("!", "^")))) > 0:
            inside = pattern[at + 1 : end].replace("\\", r"\\").replace("[", r"\[")
            negated = inside[:1] in ("!", "^")
            parts.append(f"[{'^' if negated else ''}{inside[negated:]}]")
            at = end + 1
        elif char == "{" and (end := closing(pattern, at)) > 0:
            parts.append("(?:" + "|".join(map(translated, alternatives(pattern[at + 1 : end]))) + ")")
            at = end + 1
        elif char == "\\" and at + 1 < len(pattern):
            parts.append(re.escape(pattern[at + 1]))
            at += 2
        else:
            parts.append("." if char == "?" else re.escape(char))
            at += 1
    return "".join(parts)


def closing(pattern: str, opening: int) -> int:
    """Where the brace that opens there closes, -1 if it does not."""
    depth = 0
    for at in range(opening, len(pattern)):
        depth += (pattern[at] == "{") - (pattern[at] == "}")
        if depth == 0:
            return at
    return -1


def alternatives(inside: str) -> list[str]:
    """`a,{b,c}` -> `a`, `{b,c}`."""
    found, depth = [""], 0
    for char in inside:
        depth += (char == "{") - (char == "}")
        if char == "," and depth == 0:
            found.append("")
        else:
            found[-1] += char
    return found

"""Paths as typed -> the Python files and notebooks below them: excludes, .gitignore, links, what is missing."""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from wdlint.files import Unreadable, cause, read
from wdlint.globs import Globs

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

__all__ = ["Missing", "discover"]

SUFFIXES = (".py", ".ipynb")


@dataclass(frozen=True, slots=True)
class Missing:
    """A path that could not be looked at, and why in a few words."""

    path: str
    reason: str


def discover(
    paths: Sequence[str | Path],
    *,
    exclude: Sequence[str],
    respect_gitignore: bool,
    force_exclude: bool = False,
    root: Path | None = None,
) -> Iterator[Path | Missing]:
    """The files to look at, in the order of the arguments and sorted below each, no file twice.

    A file given by name is always taken, whatever its suffix, unless `force_exclude` is set and a pattern of `exclude`
    (relative to `root`, by default the working folder) matches it or a folder above it. A folder given by name is
    entered even when it is excluded or ignored. A link to a folder is followed once, after everything that is
    not behind a link; a link to a file gives way to the file itself.
    """
    walk = Walk(Globs(exclude, os.fspath(root) if root is not None else os.getcwd()), respect_gitignore)
    batches = [walk.named(os.fspath(path), force_exclude) for path in paths]
    walk.follow_links()
    items = [item for batch in batches for item in sorted(batch.items, key=lambda item: item.order)]
    real = {item.identity for item in items if not item.link}
    seen: set[str] = set()
    for item in items:
        if item.identity in seen or (item.link and item.identity in real):
            continue
        seen.add(item.identity)
        yield Missing(item.path, item.problem) if item.problem else Path(item.path)


# ------------------------------------------------------------------------------------------ walking


@dataclass(frozen=True, slots=True)
class Item:
    path: str  # as typed, or below what was typed
    identity: str  # the real path
    link: bool = False
    problem: str = ""

    @property
    def order(self) -> tuple[str, ...]:
        return tuple(self.path.split(os.sep))


@dataclass(frozen=True, slots=True)
class Rules:
    """The patterns of one .gitignore, relative to its folder."""

    folder: str  # real path
    spec: GitIgnoreSpec


@dataclass(frozen=True, slots=True)
class Folder:
    shown: str  # as typed, or below what was typed
    absolute: str  # what `exclude` is compared with
    real: str  # what .gitignore is compared with
    rules: tuple[Rules, ...]  # the nearest last


@dataclass(slots=True)
class Batch:
    """What one argument gives."""

    items: list[Item] = field(default_factory=list)

    def missing(self, path: str, reason: str) -> None:
        self.items.append(Item(path, "\0" + path, problem=reason))


class Walk:
    __slots__ = ("entered", "exclude", "gitignore", "links")

    def __init__(self, exclude: Globs, gitignore: bool) -> None:
        self.exclude = exclude
        self.gitignore = gitignore
        self.entered: set[tuple[int, int]] = set()
        self.links: deque[tuple[Batch, str, str]] = deque()

    def named(self, path: str, force_exclude: bool) -> Batch:
        batch = Batch()
        try:
            mode = os.stat(path).st_mode
            real = os.path.realpath(path)
        except (OSError, ValueError) as error:
            batch.missing(path, cause(error, path, missing="no such file or folder"))
            return batch
        absolute = os.path.abspath(path)
        if force_exclude and self.exclude.covers(absolute):
            return batch
        if stat.S_ISDIR(mode):
            rules, _ = self.rules_above(real)
            self.below(Folder(path, absolute, real, rules), batch)
        else:
            batch.items.append(Item(path, real))
        return batch

    def follow_links(self) -> None:
        while self.links:
            batch, shown, absolute = self.links.popleft()
            real = os.path.realpath(shown)
            rules, ignored = self.rules_above(real)
            if not (ignored or real in self.exclude):
                self.below(Folder(shown, absolute, real, rules), batch)

    def below(self, top: Folder, batch: Batch) -> None:
        pending = [top]
        while pending:
            folder = pending.pop()
            try:
                status = os.stat(folder.shown)
                if (status.st_dev, status.st_ino) in self.entered:
                    continue
                self.entered.add((status.st_dev, status.st_ino))
                with os.scandir(folder.shown) as listing:
                    entries = list(listing)
            except OSError as error:
                batch.missing(folder.shown, cause(error, folder.shown, missing="folder vanished"))
                continue
            if folder is not top:  # the rules of the top are known from the way down to it
                folder = self.with_own_rules(folder, {entry.name for entry in entries})
            for entry in entries:
                self.sort_out(entry, folder, batch, pending)

    def sort_out(self, entry: os.DirEntry[str], folder: Folder, batch: Batch, pending: list[Folder]) -> None:
        shown = entry.name if folder.shown == "." else os.path.join(folder.shown, entry.name)
        try:
            is_folder, link = entry.is_dir(), entry.is_symlink()
            if not (is_folder or (entry.name.endswith(SUFFIXES) and entry.is_file())):
                return  # other suffixes, FIFO, dangling links such as the locks of emacs
        except OSError as error:
            if (reason := cause(error, shown)) != "link loop":
                batch.missing(shown, reason)
            return
        absolute = os.path.join(folder.absolute, entry.name)
        real = os.path.join(folder.real, entry.name)
        if absolute in self.exclude or ignored(real, is_folder, folder.rules):
            return
        if not is_folder:
            batch.items.append(Item(shown, os.path.realpath(real) if link else real, link))
        elif link:
            self.links.append((batch, shown, absolute))
        else:
            pending.append(Folder(shown, absolute, real, folder.rules))

    # ------------------------------------------------------------------------------------ gitignore

    def rules_above(self, real: str) -> tuple[tuple[Rules, ...], bool]:
        """The rules in force inside a folder, from the root of its repository down, and whether they ignore the folder.

        Where they do, only its own count: who names an ignored folder wants to see into it.
        """
        if not self.gitignore:
            return (), False
        way = [real]
        while not os.path.lexists(os.path.join(way[-1], ".git")):
            parent = os.path.dirname(way[-1])
            if parent == way[-1]:  # not in a repository
                way = [real]
                break
            way.append(parent)
        rules: tuple[Rules, ...] = ()
        hidden = False
        for folder in reversed(way):
            if ignored(folder, True, rules):
                rules, hidden = (), True
            rules += own_rules(folder, {".git", ".gitignore"})
        return rules, hidden

    def with_own_rules(self, folder: Folder, names: set[str]) -> Folder:
        if not self.gitignore or not names & {".git", ".gitignore"}:
            return folder
        inherited = () if ".git" in names else folder.rules  # a repository inside a repository
        return Folder(folder.shown, folder.absolute, folder.real, inherited + own_rules(folder.real, names))


def ignored(real: str, is_folder: bool, rules: tuple[Rules, ...]) -> bool:
    """Whether git ignores a path none of whose parents it ignores; the nearest .gitignore with an opinion decides."""
    for rule in reversed(rules):
        below = real[len(rule.folder.rstrip(os.sep)) + 1 :]
        verdict = rule.spec.check_file(below + "/" if is_folder else below).include
        if verdict is not None:
            return verdict
    return False


def own_rules(folder: str, names: set[str]) -> tuple[Rules, ...]:
    found: list[Rules] = []
    if ".git" in names and (git := git_folder(os.path.join(folder, ".git"))):
        found += rules_in(os.path.join(git, "info", "exclude"), folder)
    if ".gitignore" in names:
        found += rules_in(os.path.join(folder, ".gitignore"), folder)
    return tuple(found)


def git_folder(dot_git: str) -> str:
    """Where the repository keeps info/exclude: .git itself, or what the file .git of a worktree or submodule names."""
    if os.path.isdir(dot_git):
        return dot_git
    try:
        said = os.fsdecode(read(dot_git)).removeprefix("gitdir:").strip()
        git = os.path.join(os.path.dirname(dot_git), said)
        common = os.path.join(git, "commondir")
        return os.path.join(git, os.fsdecode(read(common)).strip()) if os.path.exists(common) else git
    except Unreadable:
        return ""


def rules_in(path: str, folder: str) -> list[Rules]:
    try:
        text = os.fsdecode(read(path).removeprefix(b"\xef\xbb\xbf"))
    except Unreadable:
        return []
    patterns = [line.rstrip("\r") for line in text.split("\n")]
    patterns = [line for line in patterns if line.strip() and not line.startswith("#")]
    if not patterns:
        return []
    return [Rules(folder, specification(patterns))]


def specification(patterns: list[str]) -> GitIgnoreSpec:
    """What pathspec makes of the patterns.

    It agrees with git but for two corners, where it ignores less: POSIX classes such as [[:alpha:]], and a folder taken
    back by `!folder/` takes its files back too.
    """
    import warnings

    from pathspec import GitIgnoreSpec  # 10 ms and more, and many trees have no patterns at all

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # [[:alpha:]] gives a FutureWarning of re
        try:
            return GitIgnoreSpec.from_lines(patterns)
        except ValueError:  # git passes over a line that means nothing to it
            return GitIgnoreSpec.from_lines([line for line in patterns if understood(line)])


def understood(line: str) -> bool:
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True

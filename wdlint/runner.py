"""Many files: the configuration of each, reading, screening, processes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from wdlint.analysis import Mode, Outcome, Task, analysed, broken, can_matter, repaired, unreadable
from wdlint.config import Config, Overrides, find_config, load
from wdlint.discovery import Missing, discover
from wdlint.files import Unreadable, read
from wdlint.globs import Globs
from wdlint.model import Report

__all__ = ["Configs", "Run", "run", "run_stdin", "shown"]

STDIN = "<stdin>"
FORK_WORTH = 100_000  # bytes to analyse that pay for one more process: about 0.1 s of work against 5 ms
SPAWN_WORTH = 500_000  # there libcst is imported once more


@dataclass(frozen=True, slots=True)
class Run:
    """What became of all files, in the order of discovery, and what it took."""

    outcomes: tuple[Outcome, ...]
    found: int
    read: int
    screened: int
    analysed: int
    workers: int
    seconds: float


class Configs:
    """The configuration of every file: one for all, or the nearest above each, under the command line."""

    def __init__(self, known: Sequence[str], overrides: Overrides, only: Config | None = None) -> None:
        self.known, self.overrides = known, overrides
        self.only = only.merged(overrides) if only else None
        self.seen: dict[str, Path | None] = {}
        self.loaded: dict[Path | None, Config] = {}
        self.by_folder: dict[str, Config] = {}

    def of(self, path: str | Path) -> Config:
        """The configuration of a file or folder. Raises ConfigError."""
        if self.only:
            return self.only
        source = find_config(path, self.seen)
        if source not in self.loaded:
            config = load(source, self.known) if source else Config()
            self.loaded[source] = config.merged(self.overrides)
        return self.loaded[source]

    def of_file(self, path: str) -> tuple[Config, frozenset[str]]:
        """The configuration of a file, and the codes that are switched on for it. Raises ConfigError."""
        folder = os.path.dirname(path)
        if folder not in self.by_folder:
            self.by_folder[folder] = self.of(folder or os.curdir)
        config = self.by_folder[folder]
        return config, config.codes_for(path, self.known)


# --------------------------------------------------------------------------------------- many files


def run(
    paths: Sequence[str],
    configs: Configs,
    mode: Mode,
    *,
    jobs: int | None = None,
    force_exclude: bool = False,
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> Run:
    """Analyse every file below the paths; `watch` hears how many of how many are done. Raises ConfigError."""
    began = time.monotonic()
    outcomes: dict[int, Outcome] = {}
    tasks: list[tuple[int, Task]] = []
    found = screened = 0
    for number, item in enumerate(discovered(paths, configs, force_exclude)):
        found += isinstance(item, Path)
        match first_look(item, configs, mode):
            case Task() as task:
                tasks.append((number, task))
            case Outcome() as outcome:
                outcomes[number] = outcome
            case None:
                screened += 1
    workers = worker_count([task for _, task in tasks], jobs)
    tasks.sort(key=lambda pair: -len(pair[1].data))  # the longest first, so that no process ends long after the others
    for done, (index, outcome) in enumerate(results([task for _, task in tasks], workers), 1):
        outcomes[tasks[index][0]] = outcome
        watch(done, len(tasks))
    return Run(
        tuple(outcomes[n] for n in sorted(outcomes)),
        found,
        len(tasks) + screened,
        screened,
        len(tasks),
        workers,
        time.monotonic() - began,
    )


def run_stdin(data: bytes, name: str | None, configs: Configs, mode: Mode, force_exclude: bool) -> tuple[Run, bytes]:
    """Analyse standard input under the name of a file; also the source as it is after a trial. Raises ConfigError."""
    began = time.monotonic()
    path = shown(name) if name else STDIN
    config, codes = configs.of_file(path)
    excluded = force_exclude and name and Globs(config.excluded, os.fspath(config.root)).covers(os.path.abspath(name))
    if excluded or not codes or not can_matter(data, config, codes):
        return Run((), 1, 1, 1, 0, 0, time.monotonic() - began), data
    task = Task(path, data, config, codes, mode)
    outcome = analysed(task)
    return Run((outcome,), 1, 1, 0, 1, 0, time.monotonic() - began), repaired(task, outcome)


def discovered(paths: Sequence[str], configs: Configs, force_exclude: bool) -> Iterator[Path | Missing]:
    """The files below all paths, each once; what is excluded is up to the configuration nearest to the path typed."""
    by_config: dict[int, list[str]] = {}
    for path in paths:
        by_config.setdefault(id(configs.of(path)), []).append(path)
    seen: set[str] = set()
    for members in by_config.values():
        config = configs.of(members[0])
        for item in discover(
            members,
            exclude=config.excluded,
            respect_gitignore=config.respect_gitignore,
            force_exclude=force_exclude,
            root=config.root,
        ):
            if len(by_config) > 1 and isinstance(item, Path):
                if (real := os.path.realpath(item)) in seen:
                    continue
                seen.add(real)
            yield item


def first_look(item: Path | Missing, configs: Configs, mode: Mode) -> Task | Outcome | None:
    """A task if the file can matter, an outcome if it cannot be read, None if there is nothing to do."""
    path = shown(item.path if isinstance(item, Missing) else item)
    config, codes = configs.of_file(path)
    if isinstance(item, Missing):  # nobody switches this off: a path that was typed was not looked at
        return Outcome(path, config, (Report(path, (unreadable(path, item.reason),)),))
    if not codes:
        return None
    try:
        data = read(path)
    except Unreadable as error:
        return Outcome(path, config, broken(path, codes, error))
    return Task(path, data, config, codes, mode) if can_matter(data, config, codes) else None


def shown(path: str | Path) -> str:
    """A path as a person in the working folder writes it; absolute when it lies elsewhere."""
    typed = os.fspath(path)
    if isinstance(path, Path) and not os.path.isabs(typed) and ".." not in typed:
        return typed  # pathlib has tidied it already
    return os.path.abspath(typed).removeprefix(os.getcwd().rstrip(os.sep) + os.sep)


def worker_count(tasks: Sequence[Task], jobs: int | None) -> int:
    """How many processes pay. One is used even for one file, so that a crash costs only that file; 0: this process."""
    if not tasks:
        return 0
    from wdlint.pool import cpus, forks

    forking = forks()
    worth = FORK_WORTH if forking else SPAWN_WORTH
    wanted = min(jobs or cpus(), len(tasks), 1 + sum(len(task.data) for task in tasks) // worth)
    return 0 if wanted == 1 and not forking else wanted


def results(tasks: Sequence[Task], workers: int) -> Iterator[tuple[int, Outcome]]:
    """(index, outcome) in the order in which they come."""
    if not workers:
        yield from enumerate(map(analysed, tasks))
        return
    import wdlint.engine  # noqa: F401 - once here instead of once in every fork
    from wdlint.pool import Lost, answers

    for index, answer in answers(analysed, tasks, workers):
        task = tasks[index]
        if isinstance(answer, Lost):
            answer = Outcome(task.path, task.config, broken(task.path, task.codes, Unreadable(answer.reason)))
        yield index, answer

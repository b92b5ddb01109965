"""Worker processes that may die: results come back, and whose task killed its worker."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

__all__ = ["Lost", "answers", "cpus", "forks"]

T = TypeVar("T")
R = TypeVar("R")

CHUNKS = 4  # per worker: few enough to be cheap to hand out, enough to even out slow files
LIMIT = 120.0  # seconds of computing for one task; on a busy machine they may take an hour
PULSE = 1.0  # seconds between looks whether the parent is gone


@dataclass(frozen=True, slots=True)
class Lost:
    """A task without an answer, because its worker died or had to be stopped."""

    reason: str


def cpus() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def forks() -> bool:
    """Whether forking is safe here: not on macOS and Windows, nor beside running threads."""
    return hasattr(os, "fork") and sys.platform != "darwin" and threading.active_count() == 1


def answers(
    work: Callable[[T], R], tasks: Sequence[T], workers: int, *, limit: float = LIMIT
) -> Iterator[tuple[int, R | Lost]]:
    """(index of the task, result) as they come. A task that kills its worker is Lost; a new worker does the others.

    Results must be picklable, `work` and the tasks too where processes are spawned. A task may compute for `limit`
    seconds (not on Windows, which has no such timer).
    """
    from multiprocessing.connection import wait

    parts = workers * CHUNKS
    chunks = deque(chunk for start in range(parts) if (chunk := deque(range(start, len(tasks), parts))))
    crew: list[Worker[T, R]] = []
    try:
        while crew or chunks:
            while chunks and len(crew) < workers:
                crew.append(Worker(work, limit))
                crew[-1].give(chunks.popleft(), tasks)
            ready = wait([w.connection for w in crew])
            for worker in [w for w in crew if w.connection in ready]:
                yield worker.pending.popleft(), worker.answer()
                if worker.dead:
                    crew.remove(worker)
                    chunks.extendleft([worker.pending] if worker.pending else ())
                elif not worker.pending and chunks:
                    worker.give(chunks.popleft(), tasks)
                elif not worker.pending:
                    crew.remove(worker)
                    worker.stop()
    finally:
        for worker in crew:
            worker.stop()


class Worker(Generic[T, R]):
    """One process, and the tasks it has not answered; it is at the first of them."""

    def __init__(self, work: Callable[[T], R], limit: float) -> None:
        import multiprocessing

        context: Any = multiprocessing.get_context("fork" if forks() else "spawn")
        self.connection: Connection[Any, Any]
        self.connection, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=serve, args=(work, theirs, os.getpid(), limit), daemon=True)
        self.process.start()
        theirs.close()
        self.pending: deque[int] = deque()
        self.limit = limit
        self.dead = False

    def give(self, chunk: deque[int], tasks: Sequence[T]) -> None:
        self.pending = chunk
        with suppress(OSError):  # it died while idle: seen at the next answer
            self.connection.send([tasks[i] for i in chunk])

    def answer(self) -> R | Lost:
        """The result of the task it is at."""
        try:
            result: R = self.connection.recv()
        except (EOFError, OSError):
            self.dead = True
            self.stop()
            return Lost(self.epitaph())
        return result

    def epitaph(self) -> str:
        code = self.process.exitcode or 0
        if hasattr(signal, "SIGPROF") and code == -signal.SIGPROF:
            return f"analysis stopped after {self.limit:g} seconds of computing"
        try:
            return f"analysis crashed ({signal.Signals(-code).name})"
        except ValueError:
            return f"analysis crashed (exit status {code})"

    def stop(self) -> None:
        """End the process; one that is ending already keeps its exit status."""
        self.connection.close()
        self.process.join(PULSE if self.dead else 0)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def serve(work: Callable[[T], R], connection: Connection[Any, Any], parent: int, limit: float) -> None:
    """The life of a worker: answer every task of every chunk, end when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it too, and ends its workers
    gc.freeze()
    try:
        while True:
            while not connection.poll(PULSE):
                if os.getppid() != parent:
                    return
            for task in connection.recv():
                if hasattr(signal, "setitimer"):  # the signal ends the process, whatever C code it is in
                    signal.setitimer(signal.ITIMER_PROF, limit)
                connection.send(work(task))
    except (EOFError, OSError):
        return

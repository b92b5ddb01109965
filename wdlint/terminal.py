"""What a terminal gets and a pipe does not: colors, a progress bar; and streams that nobody reads any more."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from wdlint.reports import Paint, plain

__all__ = ["colorful", "deafen", "painter", "progress"]

PATIENCE = 1.0  # seconds before a progress bar appears
STYLES = {  # SGR parameters (ECMA-48) by role
    "error": "1;31",
    "warning": "1;33",
    "note": "1;36",
    "caret": "1;31",
    "help": "1;36",
    "path": "1",
    "bold": "1",
    "gutter": "1;34",
    "added": "32",
    "removed": "31",
    "good": "1;32",
}


def colorful(stream: IO[str], wanted: bool | None = None) -> bool:
    """Whether to color: --color decides, then NO_COLOR, then FORCE_COLOR, then whether it is a terminal."""
    if wanted is not None:
        return wanted
    if os.environ.get("NO_COLOR"):
        return False
    if any(os.environ.get(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def painter(stream: IO[str], wanted: bool | None = None) -> Paint:
    return painted if colorful(stream, wanted) else plain


def painted(text: str, role: str) -> str:
    return f"\x1b[{STYLES[role]}m{text}\x1b[0m" if text else ""


def deafen(stream: IO[str]) -> None:
    """Let a stream whose reader has gone swallow everything, what is buffered included."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


@contextmanager
def progress(wanted: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error once a run takes longer than a second; call what it gives with (done, total)."""
    began = time.monotonic()
    bar: Any = None

    def watch(done: int, total: int) -> None:
        nonlocal bar
        if not wanted or time.monotonic() - began < PATIENCE:
            return
        if bar is None:
            from rich.console import Console
            from rich.progress import Progress

            # no refreshing thread: a worker that died is replaced by a fork, and forks and threads do not mix
            bar = Progress(console=Console(stderr=True), transient=True, auto_refresh=False)
            bar.start()
            bar.add_task("analysing", total=total)
        bar.update(0, completed=done)
        bar.refresh()

    try:
        yield watch
    finally:
        if bar is not None:
            bar.stop()

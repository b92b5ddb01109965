"""A Jupyter notebook as one Python text: cells joined, magics blanked, and the way back to cell and line."""

from __future__ import annotations

import ast
import io
import json
import re
import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from wdlint.model import Span

__all__ = ["Cell", "Joined", "Malformed", "Rejection", "Skipped", "join", "python_of", "rejection"]

Rejection = tuple[int, str]  # the line, from 1, and the reason

PYTHON = {"python", "ipython", "python2", "python3"}
TRANSPARENT = {"capture", "debug", "ipytest", "prun", "pypy", "python", "python3", "time", "timeit"}
ESCAPES = tuple("%!?,;/")  # none of them can begin a Python statement
CELL_MAGIC = re.compile(r"\s*%%(\w*)")
SUSPECT = re.compile(r"^[ \t]*[%!?,;/]|=[ \t]*[!%]|\?[ \t]*(#|$)", re.MULTILINE)
MARK = re.compile(r"'''|\"\"\"|['\"#(\[{)\]}]|[=!<>:+\-*/%&|^@~]=|=|\\$")
ASSIGNED_MAGIC = re.compile(r"[ \t]*(!|%(?=[A-Za-z_]))")
ENDS = {quote: re.compile(rf"\\.|{quote}", re.DOTALL) for quote in ("'", '"', "'''", '"""')}


class Malformed(ValueError):
    """A file that is no notebook, why in one line, and where when there is a place (line from 1, column from 0)."""

    def __init__(self, reason: str, line: int | None = None, column: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.column = column

    def __reduce__(self) -> tuple[type[Malformed], tuple[str, int | None, int]]:
        return type(self), (self.reason, self.line, self.column)


@dataclass(frozen=True, slots=True)
class Cell:
    """A code cell that is part of the text."""

    number: int  # from 1, over all cells, as Jupyter shows them and ruff counts them
    source: str  # as it stands in the notebook, magics included
    line: int  # of the joined text, where its first line is
    indent: str = ""  # taken off every line that has it, as IPython does with a cell that begins indented

    def column(self, line: int, column: int) -> int:
        """The column in the notebook of a column in the text."""
        if not self.indent:
            return column
        lines = split(self.source)
        return column + len(self.indent) * (line <= len(lines) and lines[line - 1].startswith(self.indent))


@dataclass(frozen=True, slots=True)
class Skipped:
    """A code cell that is not Python, although nothing says so."""

    cell: int
    line: int  # in the cell
    reason: str


@dataclass(frozen=True, slots=True)
class Joined:
    """The Python of a notebook as one text, and the way back."""

    text: str = ""
    cells: tuple[Cell, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    language: str = "python"

    def place(self, line: int) -> tuple[int, int]:
        """Cell number and line in that cell of a line of the text; lines past the end belong to the last cell."""
        cell = self.at(line)
        return cell.number, line - cell.line + 1

    def span(self, span: Span) -> tuple[int, Span]:
        """Cell number and span in that cell of a span of the text."""
        cell = self.at(span.line)
        start, end = span.line - cell.line + 1, span.end_line - cell.line + 1
        before_line = end > start and span.end_column == 0  # it ends with the line above
        end_column = 0 if before_line else cell.column(end, span.end_column)
        return cell.number, Span(start, cell.column(start, span.column), end, end_column)

    def source(self, number: int) -> str:
        """The source of a cell of the text, as it stands in the notebook."""
        return next(cell.source for cell in self.cells if cell.number == number)

    def at(self, line: int) -> Cell:
        if not self.cells:
            raise ValueError("a notebook without Python has no places")
        return self.cells[max(0, bisect_right(self.cells, line, key=lambda cell: cell.line) - 1)]


def rejection(text: str) -> Rejection | None:
    """Why this Python does not read the text of a cell, None when it does; top-level await is fine."""
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "\d"
            compile(text, "<cell>", "exec", flags, dont_inherit=True)
    except SyntaxError as error:
        return error.lineno or 1, error.msg.lower()
    except (RecursionError, MemoryError):
        return 1, "nested too deeply"
    except (ValueError, OverflowError) as error:  # NUL, lone surrogates
        return 1, str(error).lower()
    return None


def join(data: bytes, rejected: Callable[[str], Rejection | None] = rejection) -> Joined:
    """The Python of a notebook, all code cells in order; empty for a notebook in another language.

    Every line of a cell stays one line. A cell that `rejected` gives a reason for is left out and listed, a cell that
    says it is something else (`%%bash`) is left out. Raises Malformed.
    """
    document = parsed(data)
    language = language_of(document)
    if language not in PYTHON:
        return Joined(language=language)
    parts: list[str] = []
    cells: list[Cell] = []
    skipped: list[Skipped] = []
    line = 1
    for number, cell in enumerate(cells_of(document), 1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code" or other_language(cell):
            continue
        source = source_of(cell)
        if source is None:
            skipped.append(Skipped(number, 1, "its source is not text"))
            continue
        python, indent = python_of(source)
        if not python:
            continue
        if (wrong := rejected(python)) is not None:
            skipped.append(Skipped(number, *wrong))
            continue
        if not python.endswith(("\n", "\r")):
            python += "\n"
        parts.append(python)
        cells.append(Cell(number, source, line, indent))
        line += len(split(python))
    return Joined("".join(parts), tuple(cells), tuple(skipped), language)


# ------------------------------------------------------------------------------------- the document


def parsed(data: bytes) -> dict[str, object]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        column = len(before.rpartition(b"\n")[2].decode(errors="replace"))
        raise Malformed(f"byte 0x{data[error.start]:02x} is not utf-8", before.count(b"\n") + 1, column) from None
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        reason = f"not JSON: {error.msg.lower()}" if text.strip() else "empty file"
        raise Malformed(reason, error.lineno, error.colno - 1) from None
    except (RecursionError, ValueError) as error:  # a thousand brackets, a number of 5,000 digits
        raise Malformed(f"not JSON: {error}") from None
    if not isinstance(document, dict) or not isinstance(document.get("cells", document.get("worksheets")), list):
        raise Malformed("not a notebook: it has no list of cells")
    return document


def cells_of(document: dict[str, object]) -> Iterator[object]:
    """All cells, also of the worksheets that notebooks had before nbformat 4."""
    match document:
        case {"cells": list() as cells}:
            yield from cells
        case {"worksheets": list() as sheets}:
            for sheet in sheets:
                match sheet:
                    case {"cells": list() as cells}:
                        yield from cells


def language_of(document: dict[str, object]) -> str:
    """The language as the kernel reported it, else as its specification says it, else Python."""
    match document.get("metadata"):
        case {"language_info": {"name": str() as name}}:
            return name.lower()
        case {"kernelspec": {"language": str() as name}}:
            return name.lower()
    return "python"


def other_language(cell: dict[str, object]) -> bool:
    """Whether the cell says for itself that it is not Python: nbformat 3 did, editors with mixed notebooks do."""
    match cell:
        case {"metadata": {"vscode": {"languageId": str() as name}}} | {"language": str() as name}:
            return name.lower() not in PYTHON
    return False


def source_of(cell: dict[str, object]) -> str | None:
    source = cell.get("source", cell.get("input"))
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        return "".join(source)
    return source if isinstance(source, str) else None


def split(text: str) -> list[str]:
    """The lines as Python counts them, ends kept."""
    return list(io.StringIO(text, newline=""))


# ------------------------------------------------------------------------------------------- magics


def python_of(source: str) -> tuple[str, str]:
    """The source of a cell with its magics blanked line by line, and the indentation taken off its lines.

    Empty for a cell that a `%%` magic hands to something else, and for one without a word in it.
    """
    lines = split(source)
    indent = ""
    for at, line in enumerate(lines):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if magic := CELL_MAGIC.match(line):
            if magic[1] not in TRANSPARENT:
                return "", ""
            lines[at] = "pass" + ending(line)  # the body may begin with the next one: %%time, then %%capture
            continue
        indent = line[: len(line) - len(line.lstrip(" \t"))]
        lines = [line.removeprefix(indent) for line in lines]
        break
    text = "".join(lines)
    if SUSPECT.search("\n".join(lines)):
        text = "".join(blanked(lines))
    return (text, indent) if text.strip() else ("", "")


def blanked(lines: list[str]) -> Iterator[str]:
    """The same lines, those that IPython takes for itself replaced by `pass`, `name = !x` by `name = None`."""
    scan = Scan()
    command = False  # the line before is a magic that goes on
    for line in lines:
        end = ending(line)
        body = line.removesuffix(end)
        if command:
            yield end
            command = body.endswith("\\")
            continue
        begins = scan.between_statements
        word = body.lstrip()
        if begins and word.startswith(ESCAPES):
            yield body[: len(body) - len(word)] + "pass" + end
            command = body.endswith("\\")
            continue
        magic = scan.feed(body)
        if magic is not None:  # name = !ls
            yield body[:magic] + "None".ljust(len(body) - magic) + end
            command = body.endswith("\\")
        elif begins and scan.between_statements and scan.last == "?":  # model.fit?
            yield body[: len(body) - len(word)] + "pass" + end
        else:
            yield line


@dataclass(slots=True)
class Scan:
    """What a line of Python leaves open: strings, brackets, a backslash. Enough to know where statements begin."""

    quote: str = ""
    depth: int = 0
    continued: bool = False
    assigned: bool = False  # the statement has had its first =
    last: str = field(default="", repr=False)  # the last character of the line's code

    @property
    def between_statements(self) -> bool:
        return not (self.quote or self.depth or self.continued)

    def feed(self, body: str) -> int | None:
        """Go over a line (without its end); the column of `!` or `%` where the first = of the statement has one."""
        if self.between_statements:
            self.assigned = False
        self.continued = False
        code_end, at = len(body), 0
        while True:
            if self.quote:
                at = self.end_of_string(body, at)
                if self.quote:
                    break
            mark = MARK.search(body, at)
            if mark is None:
                break
            at = mark.end()
            match mark[0]:
                case "#":
                    code_end = mark.start()
                    break
                case "\\":
                    self.continued = True
                case "(" | "[" | "{":
                    self.depth += 1
                case ")" | "]" | "}":
                    self.depth -= 1  # below 0 is an error that nothing heals
                case "=":
                    if not (self.depth or self.assigned):
                        self.assigned = True
                        if magic := ASSIGNED_MAGIC.match(body, at):
                            return magic.start(1)
                case quote if quote in ENDS:
                    self.quote = quote
        self.last = body[:code_end].rstrip()[-1:]
        return None

    def end_of_string(self, body: str, at: int) -> int:
        """Where the open string ends on this line; it stays open when it does not."""
        while found := ENDS[self.quote].search(body, at):
            at = found.end()
            if found[0] == self.quote:
                self.quote = ""
                return at
        return len(body)


def ending(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]

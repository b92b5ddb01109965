"""One text parsed once: the libcst tree, where every node stands, comments and statements."""

from __future__ import annotations

import ast
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import cache
from types import TracebackType
from typing import Any, TypeVar

import libcst as cst
from libcst._nodes.internal import CodegenState

from wdlint.model import Span

__all__ = ["Comment", "Source", "Statement", "Unparsable", "children", "with_deep_stack"]

T = TypeVar("T")

NEWLINE = re.compile(r"\r\n|\r|\n")
LONE_RETURN = re.compile(r"\r(?!\n)")
STACK = 512 * 1024 * 1024  # bytes of address space; libcst recurses in Rust, once per nested expression
LARGEST = 2_000_000  # characters; libcst takes a second and 300 MB for each million
DEEPEST = 4_000  # nested ast nodes; libcst takes time quadratic in the depth of a chain
BRACKETS = 200  # nested brackets; CPython refuses more


class Unparsable(ValueError):
    """The text is not Python. `line` counts from 1, `column` from 0."""

    def __init__(self, reason: str, line: int = 1, column: int = 0) -> None:
        super().__init__(reason)
        self.reason, self.line, self.column = reason, line, column


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment with its `#`, and whether it stands alone on its line."""

    span: Span
    text: str
    alone: bool


@dataclass(frozen=True, slots=True)
class Statement:
    """The lines of a simple statement, or of the header of a compound one."""

    line: int
    end_line: int


class Source:
    """A parsed text. Raises Unparsable. Run it, and what walks its tree, under `with_deep_stack`."""

    def __init__(self, text: str) -> None:
        if len(text) > LARGEST:
            raise Unparsable(f"{len(text):,} characters are too many to analyse (limit {LARGEST:,})")
        self.text = text
        normal = LONE_RETURN.sub("\n", text)  # libcst does not print a lone \r back; same length, so places agree
        _refuse_bottomless(normal)
        try:
            self.module = cst.parse_module(normal)
        except cst.ParserSyntaxError as error:
            raise _syntax_error(normal, error) from None
        except RecursionError:
            raise Unparsable("expressions are nested too deeply to analyse") from None
        self._starts = [0, *(m.end() for m in NEWLINE.finditer(text))]
        placing = Placing(self.module.default_indent, self.module.default_newline)
        self.module._codegen(placing)
        self.round_trips = "".join(placing.tokens) == normal
        self._inner, self._outer = placing.inner, placing.outer
        self._comments, self._statements = placing.comments, placing.statements

    def offset(self, line: int, column: int) -> int:
        return self._starts[line - 1] + column

    def slice(self, span: Span) -> str:
        return self.text[self.offset(span.line, span.column) : self.offset(span.end_line, span.end_column)]

    def span(self, node: cst.CSTNode) -> Span:
        """Where a node stands, without the parentheses around it."""
        return self.between(*(self._inner.get(node) or self._outer[node]))

    def outer(self, node: cst.CSTNode) -> Span:
        """Where an expression stands with its own parentheses."""
        return self.between(*self._outer[node])

    def between(self, start: int, end: int) -> Span:
        return Span(*self._place(start), *self._place(end))

    def offsets(self, node: cst.CSTNode) -> tuple[int, int]:
        return self._outer[node]

    def code(self, node: cst.CSTNode) -> str:
        """The text of an expression with its own parentheses."""
        start, end = self._outer[node]
        return self.text[start:end]

    def line(self, node: cst.CSTNode) -> int:
        return self.span(node).line

    @property
    def comments(self) -> tuple[Comment, ...]:
        out = []
        for start, end in self._comments:
            span = self.between(start, end)
            before = self.text[self._starts[span.line - 1] : start]
            out.append(Comment(span, self.text[start:end], not before.strip()))
        return tuple(out)

    @property
    def statements(self) -> tuple[Statement, ...]:
        """Simple statements and compound headers, in source order."""
        spans = (self.between(start, end) for start, end in sorted(self._statements))
        return tuple(Statement(s.line, s.end_line) for s in spans)

    def _place(self, offset: int) -> tuple[int, int]:
        low, high = 0, len(self._starts)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._starts[middle] <= offset else (low, middle)
        return low + 1, offset - self._starts[low]


class Mark:
    """Records where the syntactic part of a node begins and ends; libcst enters it around that part."""

    __slots__ = ("node", "placing", "start")

    def __init__(self, placing: Placing, node: cst.CSTNode) -> None:
        self.placing, self.node, self.start = placing, node, 0

    def __enter__(self) -> None:
        self.start = self.placing.offset

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.placing.inner[self.node] = (self.start, self.placing.offset)


class Placing(CodegenState):
    """A code generator that notes the offsets of what it prints: exact, and cheaper than libcst's metadata."""

    def __init__(self, indent: str, newline: str) -> None:
        super().__init__(indent, newline)
        self.offset = 0
        self.inner: dict[cst.CSTNode, tuple[int, int]] = {}
        self.outer: dict[cst.CSTNode, tuple[int, int]] = {}
        self.comments: list[tuple[int, int]] = []
        self.statements: list[tuple[int, int]] = []
        self.open: list[int] = []

    def add_indent_tokens(self) -> None:
        self.tokens.extend(self.indent_tokens)
        self.offset += sum(map(len, self.indent_tokens))

    def add_token(self, value: str) -> None:
        self.tokens.append(value)
        self.offset += len(value)

    def pop_trailing_newline(self) -> None:
        if self.tokens:
            self.offset -= len(self.tokens.pop())

    def before_codegen(self, node: cst.CSTNode) -> None:
        self.open.append(self.offset)

    def after_codegen(self, node: cst.CSTNode) -> None:
        start = self.open.pop()
        if isinstance(node, QUIET):
            if isinstance(node, cst.Comment):
                self.comments.append((start, self.offset))
            return
        self.outer[node] = (start, self.offset)
        if isinstance(node, cst.SimpleStatementLine):
            self.statements.append(self.inner.get(node, (start, self.offset)))

    def record_syntactic_position(  # type: ignore[override]  # a cheaper context manager with the same protocol
        self, node: cst.CSTNode, *, start_node: cst.CSTNode | None = None, end_node: cst.CSTNode | None = None
    ) -> Mark:
        return (Header if isinstance(node, HEADED) else Mark)(self, node)


class Header(Mark):
    """The mark of a compound statement: its header ends where its body begins."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        body = getattr(self.node, "body", None)
        end = self.placing.outer[body][0] if body in self.placing.outer else self.placing.offset
        self.placing.statements.append((self.start, end))


HEADED = (
    cst.If, cst.For, cst.While, cst.With, cst.Try, cst.TryStar, cst.FunctionDef, cst.ClassDef, cst.Match, cst.Else,
    cst.Finally, cst.ExceptHandler, cst.ExceptStarHandler, cst.MatchCase,
)  # fmt: skip
QUIET = (cst.BaseParenthesizableWhitespace, cst.TrailingWhitespace, cst.EmptyLine, cst.Newline, cst.Comment)


@cache
def _child_fields(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    skipped = ("whitespace", "leading_lines", "lines_after", "header", "footer", "semicolon", "comma", "lpar", "rpar")
    return tuple(
        f.name
        for f in fields(kind)
        if not f.name.startswith(skipped)
        and f.name
        not in (
            "lbracket",
            "rbracket",
            "lbrace",
            "rbrace",
            "equal",
            "dot",
            "colon",
            "operator",
            "star",
            "asynchronous",
            "indent",
        )
    )


def children(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The nodes below a node that mean something: no white space, commas, brackets."""
    for name in _child_fields(type(node)):
        value = getattr(node, name)
        if isinstance(value, cst.CSTNode):
            yield value
        elif isinstance(value, (list, tuple)):
            for item in value:
                if isinstance(item, cst.CSTNode):
                    yield item


def with_deep_stack(function: Callable[..., T], *arguments: Any) -> T:
    """The result of a call that may recurse deeply, run on a thread with a large stack. Raises what it raises."""
    box: list[T] = []
    trouble: list[BaseException] = []

    def run() -> None:
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(max(limit, 100_000))
        try:
            box.append(function(*arguments))
        except BaseException as error:  # noqa: BLE001 - handed to the caller below
            trouble.append(error)
        finally:
            sys.setrecursionlimit(limit)

    before = threading.stack_size(STACK)
    try:
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    if trouble:
        raise trouble[0]
    return box[0]


def _refuse_bottomless(text: str) -> None:
    """Raises Unparsable for nesting that CPython cannot parse either, or that libcst would take minutes for."""
    depth = deepest = 0
    for bracket in re.findall(r"[][(){}]", text):
        depth += 1 if bracket in "([{" else -1
        deepest = max(deepest, depth)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            level: list[ast.AST] = [ast.parse(text)]
    except (RecursionError, MemoryError):
        raise Unparsable("expressions are nested too deeply to analyse") from None
    except (SyntaxError, ValueError):  # perhaps syntax newer than this Python: libcst decides
        if deepest > BRACKETS:
            raise Unparsable(f"{deepest} nested brackets are too many to analyse") from None
        return
    for _ in range(DEEPEST):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return
    raise Unparsable("expressions are nested too deeply to analyse")


def _syntax_error(text: str, error: cst.ParserSyntaxError) -> Unparsable:
    """CPython's words and place where it agrees that the text is broken; libcst's otherwise."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except SyntaxError as other:
        return Unparsable(_lowered(other.msg or "invalid syntax"), other.lineno or 1, max(0, (other.offset or 1) - 1))
    except (ValueError, RecursionError, MemoryError) as other:
        return Unparsable(str(other) or type(other).__name__)
    return Unparsable(f"libcst cannot parse this: {error.message}", error.raw_line, error.raw_column)


def _lowered(words: str) -> str:
    """A message in the house's style: lower case, no full stop."""
    start = words[0] if words[1:2].isupper() else words[:1].lower()
    return (start + words[1:]).removesuffix(".")

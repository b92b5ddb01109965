"""The two parameter groups: when they may be written, and their text."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from tokenize import TokenError

from wdlint.edits.page import Page
from wdlint.edits.wrap import flat, parsed, short, wrapped
from wdlint.model import Coverage, Facts, Form, Optimizer, Parameters

__all__ = ["Halves", "Unsplittable", "halves", "rows", "why_no_split"]

SPLITTABLE = (Form.CALL, Form.FILTER, Form.COMPREHENSION, Form.LIST, Form.NAME)
VARIABLES = ("p", "param", "parameter", "tensor", "weight")
LOOSE = (ast.BoolOp, ast.Lambda, ast.IfExp, ast.NamedExpr)  # what `and` binds tighter than; of BoolOp only `or`


class Unsplittable(ValueError):
    """An expression that cannot be written twice; the text says why."""


@dataclass(frozen=True, slots=True)
class Halves:
    """Two comprehensions over the same parameters, and the comments that stood in the original."""

    matrices: str
    vectors: str
    comments: tuple[str, ...] = ()


def why_no_split(page: Page, facts: Facts, site: Optimizer) -> str:
    """The reason why the groups have to stay, "" when they may be split."""
    call, group = site.call, site.groups[0]
    parameters = group.parameters
    if call is None or not site.one_group:
        return "they are listed by hand"
    if group.coverage is not Coverage.WHOLE or parameters is None or call.parameters is None:
        return "the parameters are not visibly a whole model"
    if site.later_writes:
        return "the file writes weight_decay to its groups"
    hazards = [h for h in facts.hazards if h.kind == "groups"]
    if hazards:
        return hazards[0].text
    if parameters.form is Form.GENERATOR:
        return f"`{parameters.text}` is a one-pass generator: reading it twice empties the second group"
    if parameters.form not in SPLITTABLE:
        return f"`{short(parameters.text)}` is no plain list of parameters"
    try:
        halves(page, parameters)
    except Unsplittable as error:
        return str(error)
    if not parameters.repeatable:
        return f"`{short(parameters.text)}` may not give the same parameters twice"
    if call.decay is None and group.decay.written:
        return "weight_decay comes through **"
    if call.open is not None and page.formatted(page.range(call.open)[0]):
        return "the call stands inside a formatted string"
    return ""


# --------------------------------------------------------------------------------------- the halves


def halves(page: Page, parameters: Parameters) -> Halves:
    """The parameters with two or more dimensions, and those with fewer. Raises Unsplittable."""
    listed = parameters.inner is not None and parameters.form is Form.LIST
    raw = page.slice(parameters.inner) if listed and parameters.inner else page.slice(parameters.span)
    unreadable = Unsplittable(f"`{short(raw)}` cannot be written on one line")
    try:
        text, comments = flat(raw)
        comments = flat(page.slice(parameters.span))[1] or comments
    except (SyntaxError, TokenError):
        raise unreadable from None
    tree = parsed(f"({text})")
    if tree is None or "\n" in text or "\r" in text:
        raise unreadable
    if any(isinstance(node, (ast.List, ast.Tuple)) and _holds_tensors(node) for node in summands(tree)):
        raise Unsplittable("tensors listed by hand are among the parameters")
    if parameters.form is Form.COMPREHENSION and isinstance(tree, (ast.ListComp, ast.GeneratorExp)):
        head, joint = _filtered(f"({text})", tree), parameters.element
    else:
        variable = _variable(tree)
        head, joint = f"{variable} for {variable} in {_iterable(f'({text})', tree)} if ", variable
    return Halves(f"[{head}{joint}.ndim >= 2]", f"[{head}{joint}.ndim < 2]", tuple(comments))


def _filtered(text: str, tree: ast.ListComp | ast.GeneratorExp) -> str:
    """A comprehension without its brackets, up to where a further condition can stand."""
    start, end = segment(text, tree)
    inner = text[start + 1 : end - 1].strip()
    shift = text.index(inner, start)
    tests = tree.generators[-1].ifs
    if not tests:
        return f"{inner} if "
    first, last = segment(text, tests[-1])
    loose = isinstance(tests[-1], LOOSE) and not isinstance(getattr(tests[-1], "op", None), ast.And)
    if loose and not (text[:first].rstrip().endswith("(") and text[last:].lstrip().startswith(")")):
        inner = f"{inner[: first - shift]}({inner[first - shift : last - shift]}){inner[last - shift :]}"
    return f"{inner} and "


def _iterable(text: str, tree: ast.expr) -> str:
    """An expression as it can stand behind `in`."""
    start, end = segment(text, tree)
    return f"({text[start:end]})" if isinstance(tree, (ast.Lambda, ast.IfExp, ast.NamedExpr)) else text[start:end]


def _variable(tree: ast.expr) -> str:
    """A name for one parameter that the expression does not read itself."""
    bound = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    bound |= {node.id for node in names if isinstance(node.ctx, ast.Store)}
    free = {node.id for node in names} - bound
    return next((name for name in VARIABLES if name not in free), "_p")


def summands(tree: ast.expr) -> Iterator[ast.expr]:
    """The parts of a sum of lists, and the arguments of a chain."""
    if isinstance(tree, ast.BinOp):
        yield from summands(tree.left)
        yield from summands(tree.right)
    elif isinstance(tree, ast.Call) and not (isinstance(tree.func, ast.Name) and tree.func.id == "sum"):
        for argument in tree.args:
            yield from summands(argument)
    else:
        yield tree


def _holds_tensors(node: ast.List | ast.Tuple) -> bool:
    return any(isinstance(element, (ast.Name, ast.Attribute, ast.Subscript)) for element in node.elts)


def segment(text: str, node: ast.expr) -> tuple[int, int]:
    """Where a node stands in a text of one line, in characters."""
    data = text.encode()
    return len(data[: node.col_offset].decode()), len(data[: node.end_col_offset].decode())


# ------------------------------------------------------------------------------------------ as text


def rows(page: Page, halves: Halves, decay: str, comments: Sequence[str], prefix: str, margin: str) -> list[str]:
    """The lines of the list of two groups, each with its margin, without a comma behind."""
    quote, inner = page.quote, margin + page.indent
    lines = [*(margin + comment for comment in comments), f"{margin}{prefix}["]
    for parameters, number in ((halves.matrices, decay), (halves.vectors, "0.0")):
        row = f"{{{quote}params{quote}: {parameters}, {quote}weight_decay{quote}: {number}}},"
        lines += wrapped(page, row, inner)
    return [*lines, f"{margin}]"]

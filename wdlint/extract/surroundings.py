"""What stands around the sites: no-decay lists tested by exact name, one-pass generators."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from wdlint.extract.parameters import SOURCES, ParameterReader
from wdlint.extract.scopes import Binding, Place, Scopes
from wdlint.extract.values import Const, Items, Values
from wdlint.model import Coverage, Form, Generator, Membership
from wdlint.source import Source

__all__ = ["generators", "memberships"]

LEAF = re.compile(r"^(bias|weight|gamma|beta|norm|bn|ln|layer_?norm|batch_?norm|group_?norm|rms_?norm)\w*$", re.I)
RECURRENT = re.compile(r"(weight|bias)_(ih|hh|hr)_l\d")  # whole names inside an LSTM or GRU
CONTAINER = re.compile(r"Sequential|ModuleList|ModuleDict|Transformer|Parallel")  # their parameters have dotted names
CLASS_LEAF = re.compile(r"^(LayerNorm|LayerNorm1d|BatchNorm\w*|RMSNorm)\.(weight|bias)$")
PARTIAL = ("next", "any", "all")  # take what they need of a generator expression
READERS = ("list", "tuple", "set", "sum", "sorted", "dict", "max", "min")


def memberships(source: Source, scopes: Scopes, reader: ParameterReader) -> tuple[Membership, ...]:
    """`n in no_decay` where n is a qualified parameter name and no_decay a literal list of short names."""
    values, conditions = reader.values, reader.conditions
    out = []
    for node, place in scopes.comparisons:
        if len(node.comparisons) != 1 or not isinstance(node.left, cst.Name):
            continue
        operator, right = node.comparisons[0].operator, node.comparisons[0].comparator
        if not isinstance(operator, (cst.In, cst.NotIn)):
            continue
        owners = _owners(node.left, place, scopes)
        if not owners:
            continue
        if isinstance(right, (cst.SimpleString, cst.ConcatenatedString)) or _is_no_list(right, place, values):
            continue
        names = conditions.constants(right, place)
        leaves = [n for n in names if LEAF.match(n)]
        if not leaves or not all("." not in n or CLASS_LEAF.match(n) for n in names):
            continue
        if any(_undotted(owner, names, reader) for owner in owners):
            continue
        out.append(
            Membership(
                source.span(node),
                node.left.value,
                source.code(right),
                tuple(names),
                isinstance(operator, cst.NotIn),
                source.outer(right),
            )
        )
    return tuple(out)


def _is_no_list(node: cst.BaseExpression, place: Place, values: Values) -> bool:
    """Whether it may be a string, or a list that grows."""
    return any(isinstance(k, Const) or isinstance(k, Items) and k.open for k in values.of(node, place))


Owner = tuple[cst.Call, Place]  # a call of named_parameters


def _owners(node: cst.Name, place: Place, scopes: Scopes) -> list[Owner]:
    """The calls of named_parameters() whose pairs a loop takes apart into this name; none if it may be other."""
    found = scopes.reaching(node.value, place)[0]
    if not all(b.kind == "loop" and b.index == (0,) and b.node is not None for b in found):
        return []
    owners = [_named(b.node, b.place, scopes) for b in found if b.node is not None]
    return [o for several in owners for o in several] if all(owners) else []


def _named(node: cst.CSTNode, place: Place, scopes: Scopes, depth: int = 0) -> list[Owner]:
    match node:
        case cst.Call(func=cst.Attribute(attr=cst.Name(value="named_parameters"))):
            return [(node, place)]
        case cst.Call(func=cst.Attribute(attr=cst.Name(value="items"), value=inner)):
            return _named(inner, place, scopes, depth)
        case cst.Call(func=cst.Name(value="list" | "tuple" | "dict" | "sorted"), args=[first, *_]):
            return _named(first.value, place, scopes, depth)
        case cst.Name() if depth < 5:
            found = scopes.reaching(node.value, place)[0]
            owners = [
                _named(b.node, b.place, scopes, depth + 1) for b in found if b.kind == "value" and b.node is not None
            ]
            return [o for several in owners for o in several] if len(owners) == len(found) and all(owners) else []
        case cst.ListComp() | cst.DictComp() | cst.GeneratorExp():
            return _named(node.for_in.iter, place, scopes, depth + 1)
    return []


def _undotted(owner: Owner, names: list[str], reader: ParameterReader) -> bool:
    """Whether the module may have parameters of its own by one of these names: a single layer, say."""
    call, place = owner
    module = call.func.value if isinstance(call.func, cst.Attribute) else call
    if call.args:  # recurse=False, or a prefix
        return True
    if (own := reader.values.self_class(module, place)) is not None:
        return any(reader.values.class_bindings(own, name) for name in names) or any(map(RECURRENT.match, names))
    if made := reader.module_class(module, place):
        return not CONTAINER.search(made)
    found = reader.bindings(module, place) if isinstance(module, cst.Name) else []
    return any(b.kind == "loop" and _over_modules(b.node) for b in found) or any(map(RECURRENT.match, names))


def _over_modules(node: cst.CSTNode | None) -> bool:
    match node:
        case cst.Call(func=cst.Attribute(attr=cst.Name(value=name))):
            return name in ("modules", "children", "named_modules", "named_children")
    return False


# --------------------------------------------------------------------------------------- generators


def generators(
    source: Source, scopes: Scopes, reader: ParameterReader, sites: frozenset[cst.Call]
) -> tuple[Generator, ...]:
    """Names bound once to a one-pass iterator over parameters that is read more than once in a straight line."""
    out = []
    for scope in scopes.of.values():
        for name, bindings in scope.bindings.items():
            if len(bindings) != 1 or bindings[0].kind != "value" or "." in name or "[" in name:
                continue
            binding = bindings[0]
            if not _is_generator(binding, reader):
                continue
            reads = [span for node, _ in _reads(binding, scopes, sites) for span in [source.span(node)]]
            if len(reads) > 1:
                out.append(Generator(name, source.outer(binding.node), tuple(reads)))  # type: ignore[arg-type]
    return tuple(sorted(out, key=lambda g: g.span))


def _is_generator(binding: Binding, reader: ParameterReader) -> bool:
    match binding.node:
        case cst.Call(func=cst.Attribute(attr=cst.Name(value=name)), args=[]) if name in SOURCES:
            return True
        case cst.Call(func=cst.Name(value="filter" | "map")) | cst.GeneratorExp():
            draft = reader.draft(binding.node, binding.place)
            lazy = isinstance(binding.node, cst.GeneratorExp) or draft.form is Form.FILTER
            return draft.generator and lazy and draft.coverage is not Coverage.UNKNOWN
    return False


def _reads(binding: Binding, scopes: Scopes, sites: frozenset[cst.Call]) -> list[tuple[cst.CSTNode, Place]]:
    """Reads that exhaust the generator and surely run one after the other."""
    found = sorted(_exhausting(binding, scopes, sites), key=lambda r: r[1].order)
    straight: list[tuple[cst.CSTNode, Place]] = []
    for node, place in found:
        first = straight[0][1] if straight else None
        if first is None:
            if place.path == binding.place.path:
                straight.append((node, place))
        elif place.path[: len(first.path)] == first.path:
            straight.append((node, place))
    return straight


def _exhausting(binding: Binding, scopes: Scopes, sites: frozenset[cst.Call]) -> Iterator[tuple[cst.CSTNode, Place]]:
    name, home = binding.name, binding.place.scope

    def is_it(node: cst.CSTNode, place: Place) -> bool:
        if not isinstance(node, cst.Name) or node.value != name or place.scope is not home:
            return False
        return place.order > binding.place.order

    calls = (c for c, _ in scopes.calls if isinstance(c.func, cst.Name) and c.func.value in PARTIAL)
    partial = {c.args[0].value for c in calls if c.args}
    for node, scope in scopes.of.items():
        if node in partial:
            continue
        if isinstance(node, cst.BaseComp) and scope.place is not None and is_it(node.for_in.iter, scope.place):
            yield node.for_in.iter, scope.place
    for statement, place in scopes.statements:
        if isinstance(statement, cst.For) and is_it(statement.iter, place) and not _breaks(statement):
            yield statement.iter, place
    for call, place in scopes.calls:
        is_reader = isinstance(call.func, cst.Name) and call.func.value in READERS or call in sites
        if is_reader and call.args and is_it(call.args[0].value, place):
            yield call.args[0].value, place


def _breaks(node: cst.CSTNode) -> bool:
    return any(isinstance(c, (cst.Break, cst.Return)) or _breaks(c) for c in node.children)

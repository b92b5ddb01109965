"""What a test says about a parameter: is it a bias or norm, a matrix, or something that does not matter here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum

import libcst as cst

from wdlint.extract.scopes import Place, dotted
from wdlint.extract.values import Const, Items, LocalFunction, Values

__all__ = ["Kind", "Conditions", "both"]

NO_DECAY_TOKEN = re.compile(r"bias|norm|gamma|beta|(^|[._])(bn|ln)|(bn|ln)\d*($|[._])", re.I)
NO_DECAY_NAME = re.compile(r"(no|non|not|without|exclude|skip|ignore)\w*(decay|wd|reg)|bias|norm|undecay", re.I)
DECAY_NAME = re.compile(r"decay|wd|weights?$|whitelist|reg(ulari[sz]ed)?_", re.I)
NORM_CLASS = re.compile(r"Norm(\dd)?$|^_?(Batch|Layer|Group|Instance|RMS)Norm|Norm")
MATRIX_CLASS = re.compile(r"Linear|Conv|Dense|Bilinear")


class Kind(Enum):
    """What passes a test."""

    ANY = "any"  # requires_grad and the like
    VECTORS = "vectors"
    MATRICES = "matrices"
    NAMED = "named"  # has a name that says nothing about its kind
    REST = "rest"  # lacks such a name: biases and norms among them
    UNKNOWN = "unknown"


OPPOSITE = {
    Kind.ANY: Kind.UNKNOWN,
    Kind.VECTORS: Kind.MATRICES,
    Kind.MATRICES: Kind.VECTORS,
    Kind.NAMED: Kind.REST,
    Kind.REST: Kind.NAMED,
    Kind.UNKNOWN: Kind.UNKNOWN,
}


def both(kinds: Iterable[Kind]) -> Kind:
    """What passes all tests."""
    rest = [k for k in kinds if k is not Kind.ANY]
    for decisive in (Kind.VECTORS, Kind.MATRICES, Kind.UNKNOWN, Kind.NAMED, Kind.REST):
        if decisive in rest:
            return decisive
    return Kind.ANY


def either(a: Kind, b: Kind) -> Kind:
    """What passes one of two tests."""
    pair = {a, b}
    if len(pair) == 1:
        return a
    if Kind.ANY in pair:
        return Kind.ANY
    if Kind.MATRICES in pair and Kind.VECTORS in pair:
        return Kind.UNKNOWN
    return Kind.VECTORS if Kind.VECTORS in pair and Kind.REST not in pair else Kind.UNKNOWN


class Conditions:
    """Reads tests on parameters, their names and their modules. `patterns`: further no-decay names of the user."""

    def __init__(self, values: Values, patterns: tuple[str, ...] = ()) -> None:
        self.values = values
        self.patterns = tuple(p.lower() for p in patterns)

    def kind(self, test: cst.CSTNode, place: Place, positive: bool = True) -> Kind:
        """What passes a test, or fails it when not `positive`."""
        match test:
            case cst.UnaryOperation(operator=cst.Not()):
                return self.kind(test.expression, place, not positive)
            case cst.BooleanOperation():
                left, right = self.kind(test.left, place, positive), self.kind(test.right, place, positive)
                conjunction = isinstance(test.operator, cst.And) == positive
                return both((left, right)) if conjunction else either(left, right)
            case cst.Attribute() if test.attr.value == "requires_grad":
                return Kind.ANY
            case cst.Comparison():
                kind = self._comparison(test, place)
            case cst.Call():
                kind = self._call(test, place)
            case _:
                kind = Kind.UNKNOWN
        return kind if positive else OPPOSITE[kind]

    # ---------------------------------------------------------------------------------- comparisons

    def _comparison(self, test: cst.Comparison, place: Place) -> Kind:
        if len(test.comparisons) != 1:
            return Kind.UNKNOWN
        left, operator, right = test.left, test.comparisons[0].operator, test.comparisons[0].comparator
        if is_requires_grad(left):
            return Kind.ANY
        if is_dimension(left):
            return self._dimension(operator, right, place)
        if isinstance(operator, (cst.In, cst.NotIn)):
            kind = self._membership(left, right, place)
            return OPPOSITE[kind] if isinstance(operator, cst.NotIn) else kind
        if isinstance(operator, (cst.Equal, cst.NotEqual)):
            if is_size(left):
                return Kind.REST if isinstance(operator, cst.NotEqual) else Kind.NAMED
            names = [k.value for k in self.values.of(right, place) if isinstance(k, Const)]
            if names and all(isinstance(n, str) for n in names):
                kind = self.tokens(str(n) for n in names)
                return OPPOSITE[kind] if isinstance(operator, cst.NotEqual) else kind
        return Kind.UNKNOWN

    def _dimension(self, operator: cst.BaseCompOp, right: cst.CSTNode, place: Place) -> Kind:
        numbers = self.values.numbers(self.values.of(right, place))
        if len(numbers) != 1:
            return Kind.UNKNOWN
        limit = numbers[0]
        tests = {
            cst.GreaterThan: lambda d: d > limit,
            cst.GreaterThanEqual: lambda d: d >= limit,
            cst.LessThan: lambda d: d < limit,
            cst.LessThanEqual: lambda d: d <= limit,
            cst.Equal: lambda d: d == limit,
            cst.NotEqual: lambda d: d != limit,
        }
        passes = tests.get(type(operator))
        if passes is None:
            return Kind.UNKNOWN
        match passes(1), passes(2):
            case True, False:
                return Kind.VECTORS
            case False, True:
                return Kind.MATRICES
            case True, True:
                return Kind.ANY
        return Kind.NAMED  # four-dimensional only, say

    def _membership(self, left: cst.CSTNode, right: cst.CSTNode, place: Place) -> Kind:
        """`token in name`, `name in names`, `id(p) in ids`."""
        if isinstance(left, (cst.SimpleString, cst.ConcatenatedString)):
            return self.tokens(self.constants(left, place))
        bound = self.values.of(left, place) if isinstance(left, cst.Name) else ()
        if bound and all(isinstance(k, Const) and isinstance(k.value, str) for k in bound):
            return self.tokens(str(k.value) for k in bound if isinstance(k, Const))
        listed = self.constants(right, place)
        if listed:
            return self.tokens(listed)
        return self.hinted(right)

    # ---------------------------------------------------------------------------------------- calls

    def predicate(self, test: cst.BaseExpression, place: Place) -> Kind:
        """What passes a function: a lambda, or one of this file that only returns a test."""
        if isinstance(test, cst.Lambda):
            return self.kind(test.body, Place(self.values.scopes.of[test], place.order))
        several = self.values.of(test, place)
        if len(several) != 1 or not isinstance(several[0], LocalFunction):
            return Kind.UNKNOWN
        scope = several[0].scope
        returns = [(s, w) for s, w in self.values.scopes.statements if w.scope is scope and isinstance(s, cst.Return)]
        if len(returns) != 1 or not isinstance(returns[0][0], cst.Return) or returns[0][0].value is None:
            return Kind.UNKNOWN
        return self.kind(returns[0][0].value, returns[0][1])

    def _call(self, test: cst.Call, place: Place) -> Kind:
        func = test.func
        if isinstance(func, cst.Attribute) and func.attr.value in ("endswith", "startswith") and test.args:
            listed = self.constants(test.args[0].value, place)
            if not listed:
                return Kind.UNKNOWN
            return self.tokens(listed)
        name = func.value if isinstance(func, cst.Name) else dotted(func)
        if name == "any" and test.args and isinstance(test.args[0].value, (cst.GeneratorExp, cst.ListComp)):
            return self._any(test.args[0].value, place)
        if name == "isinstance" and len(test.args) == 2:
            return self._classes(test.args[1].value, place)
        if name in ("re.search", "re.match", "re.fullmatch") and test.args:
            listed = self.constants(test.args[0].value, place)
            return self.tokens(listed) if listed else Kind.UNKNOWN
        return Kind.UNKNOWN

    def _any(self, node: cst.GeneratorExp | cst.ListComp, place: Place) -> Kind:
        listed = self.constants(node.for_in.iter, place)
        if listed:
            return self.tokens(listed)
        return self.hinted(node.for_in.iter)

    def _classes(self, node: cst.CSTNode, place: Place) -> Kind:
        elements = [e.value for e in node.elements] if isinstance(node, (cst.Tuple, cst.List)) else [node]
        names = [dotted(e).rpartition(".")[2] for e in elements]
        if len(names) == 1 and isinstance(node, cst.Name):
            found = self.values.of(node, place)
            if len(found) == 1 and isinstance(found[0], Items):
                names = [dotted(e).rpartition(".")[2] for e, _ in found[0].elements]
        if names and any(NORM_CLASS.search(n) for n in names):
            return Kind.VECTORS
        if names and all(MATRIX_CLASS.search(n) for n in names):
            return Kind.MATRICES
        return self.hinted(node)

    # ---------------------------------------------------------------------------------------- words

    def constants(self, node: cst.CSTNode, place: Place) -> list[str]:
        """The strings of a displayed list, tuple or set, or a single one; none when one element is unknown."""
        out: list[str] = []
        for known in self.values.of(node, place):
            if isinstance(known, Const) and isinstance(known.value, str):
                out.append(known.value)
            elif isinstance(known, Items):
                for element, where in known.elements:
                    inner = self.values.of(element, where)
                    if len(inner) != 1 or not isinstance(inner[0], Const) or not isinstance(inner[0].value, str):
                        return []
                    out.append(inner[0].value)
            else:
                return []
        return out

    def tokens(self, tokens: Iterable[str]) -> Kind:
        """What has one of these in its name."""
        tokens = list(tokens)
        if any(self.undecayed(t) for t in tokens):
            return Kind.VECTORS
        if tokens and all(t.strip(".") == "weight" for t in tokens):
            return Kind.MATRICES
        return Kind.NAMED

    def undecayed(self, token: str) -> bool:
        return bool(NO_DECAY_TOKEN.search(token)) or any(p in token.lower() for p in self.patterns)

    def hinted(self, node: cst.CSTNode) -> Kind:
        """A guess by the name of a collection: only ever used to stay silent."""
        name = (
            dotted(node).rpartition(".")[2] if not isinstance(node, cst.Call) else dotted(node.func).rpartition(".")[2]
        )
        if not name:
            return Kind.UNKNOWN
        if NO_DECAY_NAME.search(name):
            return Kind.VECTORS
        return Kind.MATRICES if DECAY_NAME.search(name) else Kind.UNKNOWN


def is_requires_grad(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Attribute) and node.attr.value == "requires_grad"


def is_size(node: cst.CSTNode) -> bool:
    """`p.size(0)`, `p.shape[0]`, `p.numel()`."""
    match node:
        case cst.Call(func=cst.Attribute(attr=cst.Name(value="size" | "numel"))):
            return True
        case cst.Subscript(value=cst.Attribute(attr=cst.Name(value="shape"))):
            return True
    return False


def is_dimension(node: cst.CSTNode) -> bool:
    """`p.ndim`, `p.dim()`, `p.ndimension()`, `len(p.shape)`, `len(p.size())`."""
    match node:
        case cst.Attribute(attr=cst.Name(value="ndim")):
            return True
        case cst.Call(func=cst.Attribute(attr=cst.Name(value="dim" | "ndimension")), args=[]):
            return True
        case cst.Call(func=cst.Name(value="len"), args=[cst.Arg(value=cst.Attribute(attr=cst.Name(value="shape")))]):
            return True
        case cst.Call(
            func=cst.Name(value="len"),
            args=[cst.Arg(value=cst.Call(func=cst.Attribute(attr=cst.Name(value="size" | "shape"))))],
        ):
            return True
    return False

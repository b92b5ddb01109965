"""Which parameters of a model an expression gives, and how it is written."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

import libcst as cst

from wdlint.extract.conditions import Conditions, Kind, both
from wdlint.extract.defaults import keyword, positional
from wdlint.extract.scopes import Binding, Place, Scopes, branches, dotted, live
from wdlint.extract.values import Ref, Unknown, Values
from wdlint.model import Coverage, Form, Parameters
from wdlint.source import Source

__all__ = ["Draft", "ParameterReader", "Piece"]

WRAPPERS = ("list", "tuple", "set", "iter", "sorted", "reversed")
SOURCES = ("parameters", "named_parameters")
BIASLESS = ("Embedding", "EmbeddingBag")
BIASED = ("Linear", "Conv", "Bilinear")  # with bias=False they hold matrices only
TABLES = ("get_input_embeddings", "get_output_embeddings")  # transformers: one embedding table
ADAPTER = re.compile(r"lora", re.I)  # low-rank adapters are matrices without biases or norms
MUTATORS = ("append", "extend", "insert", "add", "update")
DEEPEST = 25


@dataclass(frozen=True, slots=True)
class Draft:
    """What is known of an expression that gives parameters."""

    coverage: Coverage
    form: Form = Form.OTHER
    repeatable: bool = False
    generator: bool = False
    element: str = ""
    condition: cst.CSTNode | None = None
    inner: cst.CSTNode | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """One element of a list under construction; a spread piece is itself a sequence."""

    node: cst.BaseExpression
    place: Place
    spread: bool = False
    added: bool = False  # by append, extend or +=


UNKNOWN = Draft(Coverage.UNKNOWN)


def union(a: Coverage, b: Coverage) -> Coverage:
    """What two lists of parameters hold together."""
    if a is b:
        return a
    for strong in (Coverage.WHOLE, Coverage.PART):
        if strong in (a, b):
            return strong
    rest = {a, b} - {Coverage.TENSORS}
    return rest.pop() if len(rest) == 1 else Coverage.UNKNOWN


@dataclass
class ParameterReader:
    """Follows the expression that an optimizer or a group gets its parameters from."""

    source: Source
    scopes: Scopes
    values: Values
    conditions: Conditions
    mutations: dict[str, list[tuple[cst.Call, Place]]] = field(default_factory=dict)
    _depth: int = 0

    def __post_init__(self) -> None:
        for call, place in self.scopes.calls:
            if isinstance(call.func, cst.Attribute) and call.func.attr.value in MUTATORS and call.args:
                if name := dotted(call.func.value):
                    self.mutations.setdefault(name, []).append((call, place))

    def fact(self, node: cst.BaseExpression, draft: Draft) -> Parameters:
        span = self.source.outer
        return Parameters(
            span(node),
            self.source.code(node),
            draft.form,
            draft.repeatable,
            draft.element,
            span(draft.condition) if draft.condition is not None else None,
            span(draft.inner) if draft.inner is not None else None,
        )

    # --------------------------------------------------------------------------------------- pieces

    def pieces(self, node: cst.BaseExpression, place: Place, spread: bool = True) -> list[Piece]:
        """The elements of a list as far as the file builds it; what cannot be opened stays one spread piece."""
        whole = [Piece(node, place, spread)]
        if self._depth > DEEPEST:
            return whole
        self._depth += 1
        try:
            match node:
                case cst.List() | cst.Tuple():
                    out: list[Piece] = []
                    for element in node.elements:
                        inside = isinstance(element, cst.StarredElement)
                        out += self.pieces(element.value, place) if inside else [Piece(element.value, place)]
                    return out
                case cst.BinaryOperation(operator=cst.Add()):
                    return [*self.pieces(node.left, place), *self.pieces(node.right, place)]
                case cst.Name() | cst.Attribute():
                    return self._named_pieces(node, place) or whole
                case cst.Call(func=cst.Name(value="list" | "tuple"), args=[cst.Arg(star="", keyword=None)]):
                    inner = self.pieces(node.args[0].value, place)
                    return whole if any(p.spread for p in inner) else inner
            return whole
        finally:
            self._depth -= 1

    def bindings(self, node: cst.Name | cst.Attribute, place: Place) -> list[Binding]:
        """The bindings a name or self.attribute may hold, [] when it cannot be followed."""
        if isinstance(node, cst.Name):
            return self.scopes.reaching(node.value, place)[0]
        owner = self.values.self_class(node.value, place)
        if owner is not None:
            return self.values.class_bindings(owner, node.attr.value)
        return self.scopes.reaching(dotted(node), place)[0] if dotted(node) else []

    def _list_bindings(self, node: cst.Name | cst.Attribute, place: Place) -> tuple[list[Binding], list[Binding]]:
        """The bindings that start a list, and the `+=` that make it grow."""
        found = self.bindings(node, place)
        if not any(b.kind == "augment" for b in found):
            return found, []
        every = found[0].place.scope.bindings.get(dotted(node), found)
        grown = [
            b for b in every
            if b.kind == "augment" and b.node is not None
            and (b.place.order < place.order or b.place.scope is not place.scope or _together(b.place, place))
        ]  # fmt: skip
        return live([b for b in every if b.kind != "augment"], place), grown

    def _named_pieces(self, node: cst.Name | cst.Attribute, place: Place) -> list[Piece]:
        found, grown = self._list_bindings(node, place)
        if not found or any(b.kind not in ("value", "unpack") or b.node is None for b in found):
            return []
        out: list[Piece] = []
        for binding in found:
            value = self._unpacked(binding)
            if value is None:
                return []
            out += [p for p in self.pieces(value, binding.place) if p not in out]
        for binding in grown:
            out += [replace(p, added=True) for p in self.pieces(binding.node, binding.place)]  # type: ignore[arg-type]
        for call, where in self.mutations.get(dotted(node), ()):
            if where.order > place.order and where.scope is place.scope and not _together(where, place):
                continue
            argument = call.args[-1].value
            many = call.func.attr.value in ("extend", "update")  # type: ignore[attr-defined]
            extra = self.pieces(argument, where) if many else [Piece(argument, where)]
            out += [replace(p, added=True) for p in extra]
        return out

    def _unpacked(self, binding: Binding) -> cst.BaseExpression | None:
        node = binding.node
        if binding.kind == "unpack":
            for number in binding.index:
                if not isinstance(node, (cst.Tuple, cst.List)) or number >= len(node.elements):
                    return None
                node = node.elements[number].value
        return node  # type: ignore[return-value]

    # --------------------------------------------------------------------------------------- drafts

    def draft(self, node: cst.BaseExpression, place: Place) -> Draft:
        """Which parameters an expression gives."""
        if self._depth > DEEPEST:
            return UNKNOWN
        self._depth += 1
        try:
            return self._draft(node, place)
        finally:
            self._depth -= 1

    def _draft(self, node: cst.BaseExpression, place: Place) -> Draft:
        match node:
            case cst.Call():
                return self._call(node, place)
            case cst.ListComp() | cst.GeneratorExp() | cst.SetComp():
                return self._comprehension(node, place)
            case cst.DictComp():
                return replace(self._filtered(node, place, self.draft(node.for_in.iter, place)), form=Form.OTHER)
            case cst.List() | cst.Tuple() | cst.Set():
                return self._display([Piece(e.value, place, isinstance(e, cst.StarredElement)) for e in node.elements])
            case cst.BinaryOperation(operator=cst.Add()):
                left, right = self.draft(node.left, place), self.draft(node.right, place)
                return Draft(union(left.coverage, right.coverage), Form.LIST, left.repeatable and right.repeatable)
            case cst.IfExp():
                arms = self.draft(node.body, place), self.draft(node.orelse, place)
                same = arms[0].coverage if arms[0].coverage is arms[1].coverage else Coverage.UNKNOWN
                return Draft(same)
            case cst.NamedExpr():
                return replace(self.draft(node.value, place), form=Form.OTHER, repeatable=False)
            case cst.Name() | cst.Attribute():
                return self._named(node, place)
        return UNKNOWN

    def _call(self, node: cst.Call, place: Place) -> Draft:
        func, name = node.func, _last(node.func)
        if isinstance(func, cst.Attribute) and name in SOURCES:
            return self._source(node, func, place)
        if isinstance(func, cst.Attribute) and name in ("items", "values") and not node.args:
            return replace(self.draft(func.value, place), form=Form.OTHER, repeatable=False)
        first = positional(node, 0)
        if isinstance(func, cst.Name) and name in WRAPPERS and first is not None:
            inner = self.draft(first, place)
            lazy = name in ("iter", "reversed")
            return replace(
                inner,
                form=Form.LIST,
                generator=lazy,
                inner=first if name in ("list", "tuple") else None,
                condition=None,
            )
        if isinstance(func, cst.Name) and name == "filter" and len(node.args) == 2:
            return self._filter(node, place)
        if isinstance(func, cst.Name) and name in ("dict", "enumerate", "OrderedDict") and first is not None:
            return replace(self.draft(first, place), form=Form.OTHER)
        if self._is_chain(func, place):
            return self._chain(node, place)
        if isinstance(func, cst.Name) and name == "sum" and first is not None and len(node.args) == 2:
            summed = self._parts(first, place)
            return replace(summed, form=Form.LIST, generator=False) if summed else UNKNOWN
        known = self.values.of(func, place)
        if known and all(not isinstance(k, Unknown) for k in known):
            return Draft(Coverage.HELPER)
        return Draft(Coverage.UNKNOWN if isinstance(func, cst.Attribute) else Coverage.HELPER)

    def _source(self, node: cst.Call, func: cst.Attribute, place: Place) -> Draft:
        """`X.parameters()`."""
        if any(a.keyword is not None and a.keyword.value == "recurse" for a in node.args) or len(node.args) > 1:
            return UNKNOWN
        coverage = Coverage.WHOLE
        if self._has_no_bias(func.value, place) or _last_called(func.value) in TABLES:
            coverage = Coverage.MATRICES
        elif ADAPTER.search(dotted(func.value)):
            coverage = Coverage.SUBSET
        named = func.attr.value == "named_parameters"
        chain = dotted(func.value)
        plain = bool(chain) and "[?]" not in chain and not node.args and not named
        return Draft(coverage, Form.OTHER if named else Form.CALL, plain, generator=True)

    def _has_no_bias(self, node: cst.BaseExpression, place: Place) -> bool:
        """Whether a module was constructed as an embedding table, or as one layer with bias=False."""
        name, call = self._construction(node, place) or ("", None)
        return name in BIASLESS or call is not None and name.startswith(BIASED) and _is_false(keyword(call, "bias"))

    def module_class(self, node: cst.BaseExpression, place: Place) -> str:
        """The torch.nn class a name was constructed with, "" if unknown."""
        made = self._construction(node, place)
        return made[0] if made is not None else ""

    def _construction(self, node: cst.BaseExpression, place: Place) -> tuple[str, cst.Call] | None:
        """The torch.nn class a name was constructed with, and the call."""
        if isinstance(node, (cst.Name, cst.Attribute)):
            found = self.bindings(node, place)
            if len(found) == 1 and found[0].kind == "value" and isinstance(found[0].node, cst.Call):
                call = found[0].node
                for known in self.values.of(call.func, found[0].place):
                    if isinstance(known, Ref) and known.qualified.startswith("torch.nn."):
                        return known.qualified.rpartition(".")[2], call
        return None

    def _is_chain(self, func: cst.BaseExpression, place: Place) -> bool:
        return any(
            isinstance(k, Ref) and k.qualified in ("itertools.chain", "itertools.chain.from_iterable")
            for k in self.values.of(func, place)
        )

    def _chain(self, node: cst.Call, place: Place) -> Draft:
        if _last(node.func) == "from_iterable" or (len(node.args) == 1 and node.args[0].star == "*"):
            inner = self._parts(node.args[0].value, place) if node.args else None
            return replace(inner, form=Form.LIST, generator=True) if inner else UNKNOWN
        drafts = [self.draft(a.value, place) for a in node.args if not a.star]
        if len(drafts) != len(node.args) or not drafts:
            return UNKNOWN
        return replace(_together_draft(drafts), generator=True)

    def _parts(self, node: cst.BaseExpression, place: Place) -> Draft | None:
        """What the elements of a sequence of parameter lists hold together."""
        if isinstance(node, (cst.ListComp, cst.GeneratorExp)):
            inside = Place(self.scopes.of[node], place.order, place.path)
            return replace(self.draft(node.elt, inside), repeatable=False)
        if isinstance(node, (cst.List, cst.Tuple)) and node.elements:
            return _together_draft([self.draft(e.value, place) for e in node.elements])
        return None

    def _filter(self, node: cst.Call, place: Place) -> Draft:
        test, origin = node.args[0].value, self.draft(node.args[1].value, place)
        kind = self.conditions.predicate(test, place)
        repeatable = origin.repeatable and isinstance(test, cst.Lambda) and not _has_call(test.body)
        return Draft(_restricted(origin.coverage, kind), Form.FILTER, repeatable, generator=True)

    def _comprehension(self, node: cst.ListComp | cst.GeneratorExp | cst.SetComp, place: Place) -> Draft:
        if node.for_in.inner_for_in is not None:
            return self._nested_comprehension(node, place)
        origin = self.draft(node.for_in.iter, place)
        draft = self._filtered(node, place, origin)
        taken = _taken(node.for_in.target)
        if taken and isinstance(node.elt, cst.Tuple) and _names(node.elt) == _names(node.for_in.target):
            return replace(draft, form=Form.OTHER, repeatable=False)  # `[(n, p) for n, p in model.named_parameters()]`
        if not (isinstance(node.elt, cst.Name) and node.elt.value == taken):
            inside = Place(self.scopes.of[node], place.order, place.path)
            element = self._element(node.elt, inside)
            return replace(draft, coverage=element, form=Form.OTHER, repeatable=False)
        return draft

    def _nested_comprehension(self, node: cst.ListComp | cst.GeneratorExp | cst.SetComp, place: Place) -> Draft:
        """`[p for m in models for p in m.parameters()]`."""
        inner = node.for_in.inner_for_in
        while inner is not None and inner.inner_for_in is not None:
            inner = inner.inner_for_in
        if inner is None or not (isinstance(node.elt, cst.Name) and node.elt.value == _taken(inner.target)):
            return UNKNOWN
        inside = Place(self.scopes.of[node], place.order, place.path)
        origin = self.draft(inner.iter, inside)
        kind = both(self.conditions.kind(t.test, inside) for c in _clauses(node) for t in c.ifs)
        return Draft(_restricted(origin.coverage, kind), generator=isinstance(node, cst.GeneratorExp))

    def _filtered(self, node: cst.BaseComp, place: Place, origin: Draft) -> Draft:
        inside = Place(self.scopes.of[node], place.order, place.path)
        tests = [t.test for t in node.for_in.ifs]
        kind = both(self.conditions.kind(t, inside) for t in tests)
        repeatable = (origin.repeatable or self._readable_again(node.for_in.iter, place)) and not any(
            map(_has_call, tests)
        )
        return Draft(
            _restricted(origin.coverage, kind),
            Form.COMPREHENSION if len(tests) < 2 else Form.OTHER,
            repeatable,
            isinstance(node, cst.GeneratorExp),
            _taken(node.for_in.target),
            tests[0] if tests else None,
        )

    def _readable_again(self, node: cst.BaseExpression, place: Place) -> bool:
        """`X.named_parameters()` on a plain name."""
        return (
            isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value in SOURCES
            and bool(dotted(node.func.value)) and "[?]" not in dotted(node.func.value) and not node.args
        )  # fmt: skip

    # ---------------------------------------------------------------------------------------- names

    def _named(self, node: cst.Name | cst.Attribute, place: Place) -> Draft:
        found = self.bindings(node, place)
        loops = [b for b in found if b.kind == "loop"]
        if loops and len(loops) == len(found):
            return Draft(_same([self._loop_variable(b, place) for b in loops]))
        if ADAPTER.search(dotted(node)):
            return Draft(Coverage.SUBSET)
        if isinstance(node, cst.Attribute) and not found:
            return Draft(self._element(node, place))
        pieces = self._named_pieces(node, place)
        if not pieces:
            return UNKNOWN
        if all(p.spread and not p.added for p in pieces):
            drafts = [self.draft(p.node, p.place) for p in pieces]
            lazy = any(d.generator for d in drafts)
            form = Form.GENERATOR if lazy else Form.NAME
            return Draft(_same([d.coverage for d in drafts]), form, not lazy, lazy)
        return replace(self._display(pieces), form=Form.NAME, repeatable=True)

    def _display(self, pieces: list[Piece]) -> Draft:
        """A list written out or built up: tensors, or whole parameter lists spread into it."""
        coverage: Coverage | None = None
        by_hand = [self._element(p.node, p.place) for p in pieces if not p.spread and not p.added]
        mixed = Coverage.TENSORS in by_hand  # `[fc.weight, fc.bias]` is no list of biases
        for piece in pieces:
            one = (
                self.draft(piece.node, piece.place).coverage if piece.spread else self._element(piece.node, piece.place)
            )
            if piece.spread and piece.added and one is Coverage.WHOLE:
                one = self._under_conditions(piece.place, one)
            if mixed and not piece.spread and not piece.added:
                one = Coverage.TENSORS
            coverage = one if coverage is None else union(coverage, one)
        return Draft(coverage or Coverage.UNKNOWN)

    def _element(self, node: cst.BaseExpression, place: Place) -> Coverage:
        """One tensor of a list: a loop variable over parameters, `module.bias`, or any tensor."""
        match node:
            case cst.Name():
                found = self.bindings(node, place)
                loops = [b for b in found if b.kind == "loop"]
                if loops and len(loops) == len(found):
                    return _same([self._loop_variable(b, place) for b in loops])
                return Coverage.TENSORS
            case cst.Attribute():
                if node.attr.value == "bias":
                    return Coverage.VECTORS
                kinds = [self.conditions.kind(test.test, place, yes) for test, yes in branches(place.path)]
                return Coverage.VECTORS if Kind.VECTORS in kinds else Coverage.TENSORS
        return Coverage.UNKNOWN

    def _loop_variable(self, binding: Binding, place: Place) -> Coverage:
        """The parameters a loop variable stands for, under the tests between the loop and the place."""
        if binding.node is None:
            return Coverage.UNKNOWN
        outside = (
            binding.place
            if binding.place.scope.inline
            else Place(binding.place.scope, binding.place.order - 0.5, binding.place.path[:-1])
        )
        if binding.place.scope.inline and binding.place.scope.place is not None:
            outside = binding.place.scope.place
        origin = self.draft(binding.node, outside)  # type: ignore[arg-type]
        inside = place.path[len(binding.place.path) :]
        kinds = [self.conditions.kind(test.test, place, yes) for test, yes in branches(inside)]
        if isinstance(node := binding.place.scope.node, cst.BaseComp):
            kinds += [self.conditions.kind(t.test, binding.place) for c in _clauses(node) for t in c.ifs]
        return _restricted(origin.coverage, both(kinds))

    def _under_conditions(self, place: Place, coverage: Coverage) -> Coverage:
        kinds = [self.conditions.kind(test.test, place, yes) for test, yes in branches(place.path)]
        decided = [k for k in kinds if k in (Kind.VECTORS, Kind.MATRICES)]
        return _restricted(coverage, decided[0]) if decided else coverage


def _restricted(coverage: Coverage, kind: Kind) -> Coverage:
    """What is left of a coverage behind a test."""
    match kind:
        case Kind.ANY:
            return coverage
        case Kind.VECTORS:
            return Coverage.VECTORS
        case Kind.MATRICES:
            return Coverage.MATRICES
        case Kind.NAMED:
            return Coverage.SUBSET
        case Kind.REST if coverage in (Coverage.WHOLE, Coverage.PART):
            return Coverage.PART
    return Coverage.UNKNOWN


def _same(coverages: list[Coverage]) -> Coverage:
    whole = {Coverage.WHOLE, Coverage.PART}
    kinds = set(coverages)
    if len(kinds) == 1:
        return kinds.pop()
    return Coverage.PART if kinds <= whole else Coverage.UNKNOWN


def _together_draft(drafts: list[Draft]) -> Draft:
    coverage = drafts[0].coverage
    for draft in drafts[1:]:
        coverage = union(coverage, draft.coverage)
    return Draft(coverage, Form.LIST, all(d.repeatable for d in drafts), any(d.generator for d in drafts))


def _together(a: Place, b: Place) -> bool:
    return any(x == y and isinstance(x[0], (cst.For, cst.While)) for x, y in zip(a.path, b.path, strict=False))


def _taken(target: cst.CSTNode) -> str:
    """The name a loop over (named) parameters gives the parameter: the last of a pair."""
    if isinstance(target, cst.Tuple) and len(target.elements) == 2:
        target = target.elements[1].value
    return target.value if isinstance(target, cst.Name) else ""


def _last_called(node: cst.CSTNode) -> str:
    return _last(node.func) if isinstance(node, cst.Call) else ""


def _is_false(node: cst.CSTNode | None) -> bool:
    return isinstance(node, cst.Name) and node.value == "False"


def _names(node: cst.CSTNode) -> list[str]:
    return [dotted(e.value) for e in node.elements] if isinstance(node, cst.Tuple) else []


def _clauses(node: cst.BaseComp) -> list[cst.CompFor]:
    out, clause = [], node.for_in
    while clause is not None:
        out.append(clause)
        clause = clause.inner_for_in  # type: ignore[assignment]
    return out


def _last(func: cst.CSTNode) -> str:
    return func.attr.value if isinstance(func, cst.Attribute) else func.value if isinstance(func, cst.Name) else ""


def _has_call(node: cst.CSTNode) -> bool:
    """Whether a test may do something, or cost something, each time it runs: any call but the harmless ones."""
    harmless = ("any", "all", "len", "isinstance", "endswith", "startswith", "dim", "id")
    called = isinstance(node, cst.Call) and _last(node.func) not in harmless
    return called or any(_has_call(child) for child in node.children)

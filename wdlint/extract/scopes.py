"""Which names are bound where, and which of the bindings reach a use."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import libcst as cst

from wdlint.source import children

__all__ = ["Binding", "Place", "Scope", "Scopes", "branches", "dotted", "exclusive", "live", "share_loop"]

Path = tuple[tuple[cst.CSTNode, str], ...]
LOOPS = (cst.For, cst.While)
AT_END = ("value", "unpack", "augment", "opaque")  # bound after the rest of their statement was evaluated
JUMPS = (cst.Continue, cst.Break, cst.Return, cst.Raise)


@dataclass(frozen=True, slots=True)
class Place:
    """A point of the program: its scope, its order in the text, and the branches it lies in."""

    scope: Scope
    order: float
    path: Path = ()


@dataclass(frozen=True, slots=True)
class Binding:
    """One place that gives a name (or `name.attribute`, `name["key"]`) a value.

    kind: import, star, value, unpack, loop, augment, parameter, function, class, opaque (with, except, del).
    """

    name: str
    kind: str
    place: Place
    node: cst.CSTNode | None = None  # the value, iterable, default or definition
    target: cst.CSTNode | None = None  # where the name is written
    qualified: str = ""  # import: what it names
    index: tuple[int, ...] = ()  # unpack and loop: position in the tuple
    operator: str = ""  # augment


@dataclass(eq=False)
class Scope:
    """A module, function, class, lambda or comprehension."""

    kind: str
    node: cst.CSTNode
    parent: Scope | None
    place: Place | None  # where it stands in its parent
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    elsewhere: dict[str, str] = field(default_factory=dict)  # name -> "global" | "nonlocal"
    stars: list[Binding] = field(default_factory=list)

    @property
    def inline(self) -> bool:
        """Whether it runs where it stands, as a comprehension does."""
        return self.kind == "comprehension"

    def enclosing(self, *kinds: str) -> Scope | None:
        scope: Scope | None = self
        while scope is not None and scope.kind not in kinds:
            scope = scope.parent
        return scope


class Scopes:
    """All scopes of a module, built in one walk."""

    def __init__(self, module: cst.Module) -> None:
        self.module = Scope("module", module, None, None)
        self.of: dict[cst.CSTNode, Scope] = {module: self.module}  # definition, lambda, comprehension -> its scope
        self.calls: list[tuple[cst.Call, Place]] = []
        self.comparisons: list[tuple[cst.Comparison, Place]] = []
        self.names: dict[str, int] = {}  # how often each name is read
        self.reads: list[tuple[cst.Name, Place]] = []
        self.subscripts: list[tuple[cst.Subscript, Place]] = []
        self.statements: list[tuple[cst.CSTNode, Place]] = []
        self._order = 0
        self._block(module.body, self.module, ())

    # -------------------------------------------------------------------------------------- queries

    def reaching(self, name: str, place: Place) -> tuple[list[Binding], Scope | None]:
        """The bindings of a name that may hold at a place, and their scope; no scope: a builtin or a star import."""
        scope: Scope | None = place.scope
        first = True
        while scope is not None:
            if first or scope.kind != "class":
                if scope.elsewhere.get(name) == "global":
                    scope, place = self.module, Place(self.module, math.inf)
                if name in scope.bindings:
                    return live(scope.bindings[name], place), scope
            first = first and scope.inline
            place = self._outward(scope, place)
            scope = scope.parent
        return [], None

    def seen_from(self, scope: Scope, place: Place) -> Place:
        """A place as a scope around it sees it: when what it holds runs."""
        while place.scope is not scope and place.scope.parent is not None:
            place = self._outward(place.scope, place)
        return place

    def _outward(self, scope: Scope, place: Place) -> Place:
        if scope.parent is None or scope.place is None:
            return place
        if scope.inline or scope.kind == "class":
            return scope.place
        return Place(scope.parent, math.inf)

    # -------------------------------------------------------------------------------------- walking

    def _tick(self, scope: Scope, path: Path) -> Place:
        self._order += 1
        return Place(scope, self._order, path)

    def _bind(self, name: str, kind: str, place: Place, **details: object) -> None:
        scope = place.scope
        where = scope.elsewhere.get(name.split(".")[0].split("[")[0])
        if where is not None:
            home = self.module if where == "global" else (scope.parent.enclosing("function") if scope.parent else None)
            if home is not None:
                place = Place(home, place.order, ((scope.node, "body"), *place.path))
                scope = home
        binding = Binding(name, kind, place, **details)  # type: ignore[arg-type]
        scope.bindings.setdefault(name, []).append(binding)

    def _block(self, body: Sequence[cst.CSTNode], scope: Scope, path: Path) -> None:
        for statement in body:
            self._statement(statement, scope, path)
            if isinstance(statement, cst.If) and statement.orelse is None and _jumps(statement.body):
                path = (*path, (statement, "orelse"))  # what follows runs only when the test was false

    def _suite(self, suite: cst.BaseSuite, scope: Scope, path: Path) -> None:
        self._block(suite.body, scope, path)

    def _statement(self, node: cst.CSTNode, scope: Scope, path: Path) -> None:
        match node:
            case cst.SimpleStatementLine():
                self._block(node.body, scope, path)
            case cst.FunctionDef():
                self._function(node, scope, path)
            case cst.ClassDef():
                self._class(node, scope, path)
            case cst.If():
                self._expression(node.test, self._tick(scope, path))
                self._suite(node.body, scope, (*path, (node, "body")))
                if isinstance(node.orelse, cst.If):
                    self._statement(node.orelse, scope, (*path, (node, "orelse")))
                elif node.orelse is not None:
                    self._suite(node.orelse.body, scope, (*path, (node, "orelse")))
            case cst.For():
                place = self._tick(scope, path)
                self.statements.append((node, place))
                self._expression(node.iter, place)
                self._target(node.target, node.iter, self._tick(scope, (*path, (node, "body"))), "loop", ())
                self._suite(node.body, scope, (*path, (node, "body")))
                if node.orelse is not None:
                    self._suite(node.orelse.body, scope, (*path, (node, "orelse")))
            case cst.While():
                self._expression(node.test, self._tick(scope, path))
                self._suite(node.body, scope, (*path, (node, "body")))
                if node.orelse is not None:
                    self._suite(node.orelse.body, scope, (*path, (node, "orelse")))
            case cst.Try() | cst.TryStar():
                self._try(node, scope, path)
            case cst.With():
                for item in node.items:
                    place = self._tick(scope, path)
                    self._expression(item.item, place)
                    if item.asname is not None:
                        self._target(item.asname.name, None, place, "opaque", ())
                self._suite(node.body, scope, path)
            case cst.Match():
                self._expression(node.subject, self._tick(scope, path))
                for number, case in enumerate(node.cases):
                    inside = (*path, (node, f"case {number}"))
                    place = self._tick(scope, inside)
                    self._pattern(case.pattern, place)
                    if case.guard is not None:
                        self._expression(case.guard, place)
                    self._suite(case.body, scope, inside)
            case _:
                self._simple(node, self._tick(scope, path))

    def _try(self, node: cst.Try | cst.TryStar, scope: Scope, path: Path) -> None:
        self._suite(node.body, scope, (*path, (node, "body")))
        handlers: Sequence[cst.ExceptHandler | cst.ExceptStarHandler] = node.handlers
        for number, handler in enumerate(handlers):
            inside = (*path, (node, f"handler {number}"))
            place = self._tick(scope, inside)
            if handler.type is not None:
                self._expression(handler.type, place)
            if handler.name is not None:
                self._target(handler.name.name, None, place, "opaque", ())
            self._suite(handler.body, scope, inside)
        if node.orelse is not None:
            self._suite(node.orelse.body, scope, (*path, (node, "body")))
        if node.finalbody is not None:
            self._suite(node.finalbody.body, scope, path)

    def _simple(self, node: cst.CSTNode, place: Place) -> None:
        self.statements.append((node, place))
        match node:
            case cst.Assign():
                self._expression(node.value, place)
                for target in node.targets:
                    self._target(target.target, node.value, place, "value", ())
            case cst.AnnAssign():
                self._annotation(node.annotation.annotation, place)
                if node.value is not None:
                    self._expression(node.value, place)
                    self._target(node.target, node.value, place, "value", ())
                elif isinstance(node.target, cst.Name) and place.scope.kind == "class":
                    self._bind(node.target.value, "declared", place, node=None, target=node.target)
            case cst.AugAssign():
                self._expression(node.value, place)
                if isinstance(node.target, cst.Name):
                    self._read(node.target, place)
                else:
                    self._expression(node.target, place)
                operator = type(node.operator).__name__.removesuffix("Assign")
                if name := dotted(node.target):
                    self._bind(name, "augment", place, node=node.value, target=node.target, operator=operator)
            case cst.Import():
                for alias in node.names:
                    full = dotted(alias.name) or ""
                    if alias.asname is not None:
                        bound, qualified = dotted(alias.asname.name) or "", full
                    else:
                        bound = qualified = full.split(".")[0]
                    self._bind(bound, "import", place, node=node, target=alias, qualified=qualified)
            case cst.ImportFrom():
                self._import_from(node, place)
            case cst.Global() | cst.Nonlocal():
                for item in node.names:
                    place.scope.elsewhere[item.name.value] = type(node).__name__.lower()
            case cst.Del():
                if name := dotted(node.target):
                    self._bind(name, "opaque", place, target=node.target)
            case _:
                for child in children(node):
                    self._expression(child, place)

    def _import_from(self, node: cst.ImportFrom, place: Place) -> None:
        module = "." * len(node.relative) + (dotted(node.module) if node.module is not None else "")
        if isinstance(node.names, cst.ImportStar):
            place.scope.stars.append(Binding("*", "star", place, node=node, target=node.names, qualified=module))
            return
        for alias in node.names:
            name = dotted(alias.name)
            bound = dotted(alias.asname.name) if alias.asname is not None else name
            prefix = module if module.endswith(".") else module + "."
            self._bind(bound, "import", place, node=node, target=alias, qualified=prefix + name)

    def _target(
        self, node: cst.CSTNode, value: cst.CSTNode | None, place: Place, kind: str, index: tuple[int, ...]
    ) -> None:
        if isinstance(node, (cst.Tuple, cst.List)):
            for number, element in enumerate(node.elements):
                self._target(element.value, value, place, "unpack" if kind == "value" else kind, (*index, number))
            return
        if isinstance(node, (cst.Attribute, cst.Subscript)):
            self._expression(node, place)
        if name := dotted(node):
            self._bind(name, kind, place, node=value, target=node, index=index)

    def _pattern(self, node: cst.CSTNode, place: Place) -> None:
        if isinstance(node, (cst.MatchClass, cst.MatchValue)):
            self._expression(node.cls if isinstance(node, cst.MatchClass) else node.value, place)
        for child in children(node):
            if isinstance(node, (cst.MatchAs, cst.MatchStar, cst.MatchMapping)) and isinstance(child, cst.Name):
                self._bind(child.value, "opaque", place, target=child)
            else:
                self._pattern(child, place)

    def _function(self, node: cst.FunctionDef, scope: Scope, path: Path) -> None:
        place = self._tick(scope, path)
        for decorator in node.decorators:
            self._expression(decorator.decorator, place)
        if node.type_parameters is not None:
            self._expression(node.type_parameters, place)
        inner = self._scope("function", node, place)
        self._parameters(node.params, inner, place)
        if node.returns is not None:
            self._annotation(node.returns.annotation, place)
        self._bind(node.name.value, "function", place, node=node, target=node.name)
        self._suite(node.body, inner, ())

    def _class(self, node: cst.ClassDef, scope: Scope, path: Path) -> None:
        place = self._tick(scope, path)
        for decorator in node.decorators:
            self._expression(decorator.decorator, place)
        for argument in (*node.bases, *node.keywords):
            self._expression(argument.value, place)
        if node.type_parameters is not None:
            self._expression(node.type_parameters, place)
        inner = self._scope("class", node, place)
        self._bind(node.name.value, "class", place, node=node, target=node.name)
        self._suite(node.body, inner, ())

    def _scope(self, kind: str, node: cst.CSTNode, place: Place) -> Scope:
        scope = self.of[node] = Scope(kind, node, place.scope, place)
        return scope

    def _parameters(self, parameters: cst.Parameters, inner: Scope, place: Place) -> None:
        start = Place(inner, self._order, ())
        listed = (*parameters.posonly_params, *parameters.params, *parameters.kwonly_params)
        for parameter in listed:
            if parameter.default is not None:
                self._expression(parameter.default, place)
            if parameter.annotation is not None:
                self._annotation(parameter.annotation.annotation, place)
            name = parameter.name.value
            inner.bindings.setdefault(name, []).append(
                Binding(name, "parameter", start, node=parameter.default, target=parameter)
            )
        for star in (parameters.star_arg, parameters.star_kwarg):
            if isinstance(star, cst.Param):
                if star.annotation is not None:
                    self._annotation(star.annotation.annotation, place)
                name = star.name.value
                inner.bindings.setdefault(name, []).append(Binding(name, "opaque", start, target=star))

    def _annotation(self, node: cst.BaseExpression, place: Place) -> None:
        if isinstance(node, cst.SimpleString):
            for word in re.findall(r"[^\W\d]\w*", node.value):
                self.names[word] = self.names.get(word, 0) + 1
        else:
            self._expression(node, place)

    def _read(self, node: cst.Name, place: Place) -> None:
        self.names[node.value] = self.names.get(node.value, 0) + 1
        self.reads.append((node, place))

    def _expression(self, node: cst.CSTNode, place: Place) -> None:
        match node:
            case cst.Name():
                self._read(node, place)
                return
            case cst.Attribute():
                self._expression(node.value, place)
                return
            case cst.Lambda():
                inner = self._scope("lambda", node, place)
                self._parameters(node.params, inner, place)
                self._expression(node.body, Place(inner, self._order, ()))
                return
            case cst.ListComp() | cst.SetComp() | cst.GeneratorExp() | cst.DictComp():
                self._comprehension(node, place)
                return
            case cst.NamedExpr():
                self._expression(node.value, place)
                home = place.scope
                while home.inline and home.parent is not None:
                    home = home.parent
                self._target(node.target, node.value, Place(home, place.order, place.path), "value", ())
                return
            case cst.IfExp():
                self._expression(node.test, place)
                self._expression(node.body, replace(place, path=(*place.path, (node, "body"))))
                self._expression(node.orelse, replace(place, path=(*place.path, (node, "orelse"))))
                return
            case cst.Arg() | cst.DictElement() | cst.Element():
                pass
            case cst.Call():
                self.calls.append((node, place))
            case cst.Comparison():
                self.comparisons.append((node, place))
            case cst.Subscript():
                self.subscripts.append((node, place))
        for child in children(node):
            if not (isinstance(node, cst.Arg) and child is node.keyword):
                self._expression(child, place)

    def _comprehension(self, node: cst.BaseComp, place: Place) -> None:
        inner = self._scope("comprehension", node, place)
        here = Place(inner, place.order, place.path)
        clause: cst.CompFor | None = node.for_in
        outer = place
        while clause is not None:
            self._expression(clause.iter, outer)
            self._target(clause.target, clause.iter, here, "loop", ())
            for test in clause.ifs:
                self._expression(test.test, here)
            clause, outer = clause.inner_for_in, here
        if isinstance(node, cst.DictComp):
            self._expression(node.key, here)
            self._expression(node.value, here)
        else:
            self._expression(node.elt, here)  # type: ignore[attr-defined]


def live(bindings: Sequence[Binding], place: Place) -> list[Binding]:
    """The bindings that may hold at a place: later ones replace earlier ones unless they stand in a branch."""
    out: list[Binding] = []
    for binding in bindings:
        order = binding.place.order
        itself = order == place.order and binding.kind in AT_END and binding.place.scope is place.scope
        if order > place.order or itself:
            if share_loop(binding.place.path, place.path):
                out.append(binding)
            continue
        if exclusive(binding.place.path, place.path):
            continue
        if place.path[: len(binding.place.path)] == binding.place.path:
            out = [binding]
        else:
            out.append(binding)
            out = _without_replaced(out, place.path)
    return out


def _without_replaced(bindings: list[Binding], path: Path) -> list[Binding]:
    """Drop what every branch of an if/else that follows it replaces."""
    last = bindings[-1]
    for depth in range(len(last.place.path) - 1, -1, -1):
        compound, prefix = last.place.path[depth][0], last.place.path[:depth]
        if path[:depth] != prefix or not isinstance(compound, cst.If):
            continue
        inside = [b for b in bindings if (compound in [c for c, _ in b.place.path])]
        if _covered(compound, prefix, {b.place.path for b in inside}):
            return inside
    return bindings


def _covered(compound: cst.If, prefix: Path, paths: set[Path]) -> bool:
    if (*prefix, (compound, "body")) not in paths:
        return False
    otherwise = (*prefix, (compound, "orelse"))
    if isinstance(compound.orelse, cst.If):
        return _covered(compound.orelse, otherwise, paths)
    return compound.orelse is not None and otherwise in paths


def share_loop(a: Path, b: Path) -> bool:
    """Whether one loop holds both branches: in a later round, what stands below has run."""
    return any(x == y and isinstance(x[0], LOOPS) for x, y in zip(a, b, strict=False))


def exclusive(a: Path, b: Path) -> bool:
    """Whether two branches never both run in one pass (a loop around both gives them several)."""
    for x, y in zip(a, b, strict=False):
        if x == y:
            if isinstance(x[0], LOOPS):
                return False
            continue
        return x[0] is y[0] and isinstance(x[0], (cst.If, cst.IfExp, cst.Match))
    return False


def _jumps(suite: cst.BaseSuite) -> bool:
    last = suite.body[-1] if suite.body else None
    if isinstance(last, cst.SimpleStatementLine):
        last = last.body[-1]
    return isinstance(last, JUMPS)


def dotted(node: cst.CSTNode | None) -> str:
    """`a.b["c"]` for a chain of names, attributes and constant keys; "" for anything else."""
    match node:
        case cst.Name():
            return node.value
        case cst.Attribute():
            head = dotted(node.value)
            return f"{head}.{node.attr.value}" if head else ""
        case cst.Subscript(slice=[cst.SubscriptElement(slice=cst.Index(value=key))]):
            head = dotted(node.value)
            if not head:
                return ""
            if isinstance(key, cst.SimpleString):
                return f"{head}[{key.evaluated_value!r}]"
            return f"{head}[{key.value}]" if isinstance(key, cst.Integer) else f"{head}[?]"
    return ""


def branches(path: Path) -> Iterator[tuple[cst.If, bool]]:
    """The if statements a place lies in, with the outcome of their tests."""
    for compound, branch in path:
        if isinstance(compound, cst.If):
            yield compound, branch == "body"

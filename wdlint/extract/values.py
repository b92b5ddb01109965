"""What an expression can be at a place: numbers, tables, classes, as far as one file tells."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import libcst as cst

from wdlint.catalogue import Catalogue
from wdlint.extract.defaults import Option, click_option, keyword, options, positional
from wdlint.extract.scopes import Binding, Place, Scope, Scopes, dotted, exclusive, live, share_loop
from wdlint.source import Source

__all__ = ["Const", "Instance", "Items", "LocalClass", "LocalFunction", "Partial", "Ref", "Table", "Unknown", "Values"]


@dataclass(frozen=True, slots=True)
class Unknown:
    """Not knowable in this file. `why`: parameter, unbound, import, namespace, other."""

    why: str = "other"


@dataclass(frozen=True, slots=True)
class Const:
    """A number, string, bool or None, and where it is written when that is elsewhere."""

    value: object
    where: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A dict or namespace with constant keys; an open one may hold more."""

    entries: dict[str, tuple[Known, ...]]
    open: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """The elements of a displayed list, tuple or set; an open one may hold others by now."""

    elements: tuple[tuple[cst.BaseExpression, Place], ...]
    open: bool = False


@dataclass(frozen=True, slots=True)
class Ref:
    """Something imported, by its full name."""

    qualified: str


@dataclass(frozen=True, slots=True, eq=False)
class LocalClass:
    scope: Scope


@dataclass(frozen=True, slots=True, eq=False)
class LocalFunction:
    scope: Scope


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """An object of a class of this file; `call` made it, if it is visible."""

    of: LocalClass
    call: cst.Call | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Partial:
    """functools.partial(target, ...)."""

    target: Known
    call: cst.Call
    place: Place


Known = Unknown | Const | Table | Items | Ref | LocalClass | LocalFunction | Instance | Partial
Several = tuple[Known, ...]

UNKNOWN: Several = (Unknown(),)
Touch = tuple[Place, cst.Call | Binding]
Frames = tuple[tuple[Scope, cst.Call, Place], ...]
DEEPEST = 40  # nested questions
CALLS = 3  # calls of the file's own functions followed into each other
FUEL = 2_000  # expressions looked at for one question
WIDEST = 16
TABLES = (
    "SimpleNamespace",
    "Namespace",
    "EasyDict",
    "AttrDict",
    "Munch",
    "DotMap",
    "ConfigDict",
    "Box",
    "OrderedDict",
    "create",
)
CHANGERS = tuple("update setdefault pop popitem clear append extend insert remove add discard sort reverse".split())
COPIES = ("deepcopy", "copy", "dict", "OrderedDict", "vars")
NAMESPACES = ("args", "opt", "opts", "options", "flags", "FLAGS", "hparams", "hps", "params")
FROM_CLASS = ("cli", "parse", "structured", "instantiate", "parse_args_into_dataclasses")
LAST = re.compile(r"(\.\w+|\[[^\[\]]*\])$")  # the last step of `a.b["c"]`
ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "Add": lambda a, b: a + b,
    "Subtract": lambda a, b: a - b,
    "Multiply": lambda a, b: a * b,
    "Divide": lambda a, b: a / b,
    "FloorDivide": lambda a, b: a // b,
    "Modulo": lambda a, b: a % b,
    "Power": lambda a, b: a**b,
}


class Values:
    """Evaluates expressions of one module. Every answer is a non-empty tuple of what it can be."""

    def __init__(self, source: Source, scopes: Scopes, catalogue: Catalogue) -> None:
        self.source, self.scopes, self.catalogue = source, scopes, catalogue
        self.options = options(scopes)
        self._known: dict[tuple[cst.CSTNode, Scope, float, Frames], Several] = {}
        self._active: set[tuple[cst.CSTNode, Frames]] = set()
        self._frames: Frames = ()
        self._fuel = self._cuts = 0
        self._touched: dict[tuple[Scope | None, str], list[Touch]] = {}  # what changes the table or list of a name
        for call, place in scopes.calls:
            if isinstance(call.func, cst.Attribute) and call.func.attr.value in CHANGERS:
                self._touch(call.func.value, place, call)
        for scope in scopes.of.values():
            for bindings in scope.bindings.values():
                for binding in bindings:
                    if isinstance(binding.target, cst.Subscript):
                        self._touch(binding.target.value, binding.place, binding)

    def _touch(self, node: cst.BaseExpression, place: Place, how: cst.Call | Binding) -> None:
        while isinstance(node, cst.Subscript):
            node = node.value
        if isinstance(node, cst.Name):
            home = self.scopes.reaching(node.value, place)[1]
            self._touched.setdefault((home, node.value), []).append((place, how))

    # --------------------------------------------------------------------------------- entry points

    def of(self, node: cst.CSTNode, place: Place) -> Several:
        """Everything an expression can be."""
        key = (node, place.scope, place.order, self._frames)
        if key in self._known:
            return self._known[key]
        if not self._active:
            self._fuel = FUEL
        self._fuel -= 1
        if (node, self._frames) in self._active or len(self._active) > DEEPEST or self._fuel < 0:
            self._cuts += 1
            return UNKNOWN
        self._active.add((node, self._frames))
        cuts = self._cuts
        try:
            several = self._of(node, place)
        finally:
            self._active.discard((node, self._frames))
        if cuts == self._cuts or not self._active:
            self._known[key] = several  # an answer that a cycle cut short holds only for this question
        return several

    def numbers(self, several: Several) -> tuple[float, ...]:
        """The possible numbers, ascending; none when one possibility is not a number."""
        out = set()
        for known in without_none(several):
            if not isinstance(known, Const) or not isinstance(known.value, (int, float)):
                return ()
            out.add(float(known.value))
        return tuple(sorted(out, key=lambda n: (math.isnan(n), n)))

    def classes(self, node: cst.CSTNode, place: Place) -> list[Known]:
        """What a callee can be, None and the like left out."""
        return list(without_none(self.of(node, place)))

    # ---------------------------------------------------------------------------------- expressions

    def _of(self, node: cst.CSTNode, place: Place) -> Several:
        match node:
            case cst.Integer() | cst.Float():
                return (Const(node.evaluated_value),)
            case cst.SimpleString() | cst.ConcatenatedString():
                value = node.evaluated_value
                return (Const(value),) if isinstance(value, str) else UNKNOWN
            case cst.Name():
                return self._name(node, place)
            case cst.Attribute():
                return self._attribute(node, place)
            case cst.Subscript():
                return self._subscript(node, place)
            case cst.Call():
                return self._call(node, place)
            case cst.UnaryOperation():
                return self._unary(node, place)
            case cst.BinaryOperation():
                return self._binary(node, place)
            case cst.BooleanOperation():
                return self._boolean(node, place)
            case cst.IfExp():
                return merged((*self.of(node.body, place), *self.of(node.orelse, place)))
            case cst.NamedExpr():
                return self.of(node.value, place)
            case cst.Dict():
                return (self._dict(node, place),)
            case cst.List() | cst.Tuple() | cst.Set():
                if any(isinstance(e, cst.StarredElement) for e in node.elements):
                    return UNKNOWN
                return (Items(tuple((e.value, place) for e in node.elements)),)
        return UNKNOWN

    def _unary(self, node: cst.UnaryOperation, place: Place) -> Several:
        inner = self.of(node.expression, place)
        match node.operator:
            case cst.Minus():
                return tuple(map_number(k, lambda n: -n) for k in inner)
            case cst.Plus():
                return inner
            case cst.Not() if all(isinstance(k, Const) for k in inner):
                return merged(Const(not k.value) for k in inner if isinstance(k, Const))
        return UNKNOWN

    def _binary(self, node: cst.BinaryOperation, place: Place) -> Several:
        left, right = self.of(node.left, place), self.of(node.right, place)
        if isinstance(node.operator, cst.BitOr) and all(isinstance(k, Table) for k in (*left, *right)):
            return merged(join(a, b) for a in left for b in right if isinstance(a, Table) and isinstance(b, Table))
        compute = ARITHMETIC.get(type(node.operator).__name__)
        if compute is None:
            return UNKNOWN
        return merged(combined(a, b, compute) for a in left for b in right)

    def _boolean(self, node: cst.BooleanOperation, place: Place) -> Several:
        left, right = self.of(node.left, place), self.of(node.right, place)
        out: list[Known] = []
        for known in left:
            if not isinstance(known, Const):
                out.extend((known, *right))
            elif bool(known.value) == isinstance(node.operator, cst.Or):
                out.append(known)
            else:
                out.extend(right)
        return merged(out)

    def _dict(self, node: cst.Dict, place: Place) -> Table:
        table = Table({})
        for element in node.elements:
            if isinstance(element, cst.DictElement):
                keys = self.of(element.key, place)
                key = keys[0].value if len(keys) == 1 and isinstance(keys[0], Const) else None
                if isinstance(key, (str, int)):
                    table = join(table, Table({str(key): self._located(element.value, place, "")}))
                else:
                    table = replace_open(table)
            else:
                inner = self.of(element.value, place)
                known = inner[0] if len(inner) == 1 else None
                table = join(table, known if isinstance(known, Table) else Table({}, open=True))
        return table

    def _located(self, node: cst.BaseExpression, place: Place, what: str) -> Several:
        """The values of an expression that is written elsewhere, with their provenance."""
        line = self.source.line(node)
        where = f"{what} on line {line}" if what else f"line {line}"
        return tuple(
            replace(k, where=where) if isinstance(k, Const) and not k.where else k for k in self.of(node, place)
        )

    # ---------------------------------------------------------------------------------------- names

    def _name(self, node: cst.Name, place: Place) -> Several:
        if node.value in ("True", "False", "None"):
            return (Const({"True": True, "False": False, "None": None}[node.value]),)
        found, scope = self.scopes.reaching(node.value, place)
        if scope is None:
            return self._unbound(node.value)
        if not found:
            return UNKNOWN
        out = merged(known for binding in found for known in self._since(binding, place))
        starred = self._starred(node.value)
        if starred is not None and all(b.place.order < starred[1] and b.kind == "import" for b in found):
            out = (starred[0],)
        return out

    def _unbound(self, name: str) -> Several:
        starred = self._starred(name)
        if starred is not None:
            return (starred[0],)
        if name == "torch" and not self.scopes.module.stars:
            return (Ref("torch"),)  # a snippet without its imports: `torch.optim.Adam` can mean nothing else
        return (Unknown("unbound"),)

    def _starred(self, name: str) -> tuple[Ref, float] | None:
        for star in reversed(self.scopes.module.stars):
            module = star.qualified
            if name in self.catalogue.members(module) or f"{module}.{name}" in self.catalogue.modules:
                return Ref(f"{module}.{name}"), star.place.order
        return None

    def bound(self, binding: Binding) -> Several:
        """What a binding gives its name."""
        place = binding.place
        match binding.kind:
            case "import":
                return (Ref(binding.qualified),)
            case "value" if binding.node is not None:
                return self._located(binding.node, place, binding.name)  # type: ignore[arg-type]
            case "unpack" if binding.node is not None:
                return self._unpacked(binding.node, place, binding.index, binding.name)
            case "loop" if binding.node is not None:
                return self._looped(binding)
            case "augment":
                return self._augmented(binding)
            case "parameter":
                return self._parameter(binding)
            case "function":
                return (LocalFunction(self.scopes.of[binding.node]),)  # type: ignore[index]
            case "class":
                return (LocalClass(self.scopes.of[binding.node]),)  # type: ignore[index]
        return UNKNOWN

    def _unpacked(self, node: cst.CSTNode, place: Place, index: tuple[int, ...], name: str) -> Several:
        if isinstance(node, cst.Call) and _called(node) == "parse_known_args" and index == (0,):
            return self.of(node, place)
        several = self.of(node, place)
        for number in index:
            several = merged(k for known in several for k in self._item(known, number, name))
        return several

    def _item(self, known: Known, number: int, name: str) -> Several:
        if isinstance(known, Items) and not known.open and number < len(known.elements):
            return self._located(*known.elements[number], name)
        return UNKNOWN

    def _looped(self, binding: Binding) -> Several:
        return self._elements(binding.node, replace_order(binding.place), binding.index, binding.name)  # type: ignore[arg-type]

    def _elements(self, node: cst.CSTNode, place: Place, index: tuple[int, ...], name: str) -> Several:
        """What a loop over an expression gives the name at this position of its target."""
        if isinstance(node, cst.Call) and (parallel := self._parallel(node, index)) is not None:
            return self._elements(parallel[0], place, parallel[1], name)
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and _called(node) in ("items", "values"):
            return self._entries(node.func, place, index, name)
        out: list[Known] = []
        for known in self.of(node, place):
            if not isinstance(known, Items) or known.open or len(known.elements) > WIDEST:
                return UNKNOWN
            for element, where in known.elements:
                out.extend(
                    self._unpacked(element, where, index, name) if index else self._located(element, where, name)
                )
        return merged(out) or UNKNOWN

    def _parallel(self, node: cst.Call, index: tuple[int, ...]) -> tuple[cst.CSTNode, tuple[int, ...]] | None:
        """Which argument of zip or enumerate a target at this position comes from, and its position there."""
        match _called(node), index:
            case ("enumerate", (1, *rest)):
                number = 0
            case (("zip" | "product"), (number, *rest)):
                pass
            case (("list" | "tuple" | "sorted" | "reversed" | "tqdm"), rest):
                number = 0
            case _:
                return None
        argument = positional(node, number)
        return (argument, tuple(rest)) if argument is not None else None

    def _entries(self, func: cst.Attribute, place: Place, index: tuple[int, ...], name: str) -> Several:
        """The keys or values of `table.items()`, the values of `table.values()`."""
        out: list[Known] = []
        for known in self.of(func.value, place):
            if not isinstance(known, Table) or known.open:
                return UNKNOWN
            if func.attr.value == "items" and index[:1] == (0,):
                out.extend(Const(key) for key in known.entries)
            else:
                out.extend(v for entry in known.entries.values() for v in entry)
        for number in index[1:] if func.attr.value == "items" else index:
            out = [k for known in out for k in self._item(known, number, name)]
        return merged(out) or UNKNOWN

    def _augmented(self, binding: Binding) -> Several:
        compute = ARITHMETIC.get(binding.operator)
        if compute is None or binding.node is None or binding.target is None:
            return UNKNOWN
        before = self.of(binding.target, binding.place)
        return merged(combined(a, b, compute) for a in before for b in self.of(binding.node, binding.place))

    def _parameter(self, binding: Binding) -> Several:
        scope = binding.place.scope
        for frame, call, place in reversed(self._frames):
            if frame is scope:
                passed = self._passed(scope, call, binding.name)
                if passed is not None:
                    return self.of(passed, place)
                break
        outside = scope.place or binding.place
        function = scope.node
        if isinstance(function, cst.FunctionDef):
            option = click_option(function, binding.name)
            if option is not None:
                return self._option(replace(option, place=outside))
        parameter = binding.target
        if isinstance(binding.node, cst.Call) and _called(binding.node) in ("Option", "Argument"):
            default = positional(binding.node, 0) or keyword(binding.node, "default")
            if default is None or isinstance(default, cst.Ellipsis):
                return (Unknown("parameter"),)
            return self._located(default, outside, f"the default of `{binding.name}`")
        if binding.node is not None:
            return self._located(binding.node, outside, f"the default of `{binding.name}`")  # type: ignore[arg-type]
        if isinstance(parameter, cst.Param) and parameter.annotation is not None:
            for known in self.of(parameter.annotation.annotation, outside):
                if isinstance(known, LocalClass) and self._is_record(known):
                    return (Instance(known),)
        return (Unknown("parameter"),)

    def _passed(self, scope: Scope, call: cst.Call, name: str) -> cst.BaseExpression | None:
        given = keyword(call, name)
        if given is not None or not isinstance(scope.node, cst.FunctionDef):
            return given
        params = scope.node.params
        names = [p.name.value for p in (*params.posonly_params, *params.params)]
        if scope.parent is not None and scope.parent.kind == "class" and names:
            names = names[1:]
        return positional(call, names.index(name)) if name in names else None

    def changed(self, name: str, place: Place, calls_only: bool = False) -> bool:
        """Whether anything changes the table or list of a name, wherever that happens."""
        touches = self._touched.get((self.scopes.reaching(name, place)[1], name), ())
        return any(isinstance(how, cst.Call) or not calls_only for _, how in touches)

    def _since(self, binding: Binding, place: Place) -> Several:
        """What a binding gives its name, after `name.update(...)`, `name["key"] = ...` and their kin."""
        several = self.bound(binding)
        if not any(isinstance(k, (Table, Items)) for k in several):
            return several
        home = binding.place.scope
        there = self.scopes.seen_from(home, place)
        touches = [
            (w, how)
            for w, how in self._touched.get((home, binding.name), ())
            if _touches(w, binding.place, place, there)
        ]
        touches.sort(key=lambda t: (t[0].order <= binding.place.order, t[0].order))
        out: list[Known] = []
        for known in several:
            if isinstance(known, Table):
                tables = [known]
                for where, how in touches:
                    after = [self._after(t, how, where) for t in tables]
                    tables = after if surely(where, place) or surely(where, there) else [*tables, *after]
                    if len(tables) > WIDEST:
                        tables = [Table({}, open=True)]
                out.extend(tables)
            else:
                out.append(replace(known, open=True) if isinstance(known, Items) and touches else known)
        return merged(out)

    def _after(self, table: Table, how: cst.Call | Binding, place: Place) -> Table:
        """A table after one change."""
        if isinstance(how, cst.Call):
            return self._updated(table, how, place)
        if (item := _item(how.target)) is None:
            return Table({}, open=True)
        if not item[0].isidentifier():
            return Table({}, open=True)  # `name["a"]["b"] = ...`
        return without(table, item[1]) if how.kind == "opaque" else join(table, Table({item[1]: self.bound(how)}))

    def _updated(self, table: Table, call: cst.Call, place: Place) -> Table:
        """A table after one call of a method that changes it."""
        match _called(call):
            case "update" if all(not a.star for a in call.args):
                return join(table, self._table_call(call, place))
            case "pop" if call.args:
                keys = self.of(call.args[0].value, place)
                if len(keys) == 1 and isinstance(keys[0], Const):
                    return without(table, str(keys[0].value))
        return Table({}, open=True)

    # ----------------------------------------------------------------------------------- attributes

    def _attribute(self, node: cst.Attribute, place: Place) -> Several:
        attribute = node.attr.value
        owner = self.self_class(node.value, place)
        if owner is not None:
            return self.class_attribute(owner, attribute, place)
        assigned = self._assigned(dotted(node), place)
        if assigned is not None and assigned[1]:
            return assigned[0]
        base = self._hparams(node.value, attribute, place)
        if base is None:
            base = merged(
                k for known in without_none(self.of(node.value, place)) for k in self.member(known, attribute)
            )
        return merged((*(assigned[0] if assigned else ()), *base))

    def _assigned(self, name: str, place: Place) -> tuple[Several, bool] | None:
        """Values of `a.b = ...` or `a["b"] = ...`, and whether one of them surely holds."""
        if not name or not ("." in name or "[" in name):
            return None
        found, scope = self.scopes.reaching(name, place)
        if scope is not None:
            bases = [
                b.place.order for b in self.scopes.reaching(LAST.sub("", name), place)[0] if b.place.scope is scope
            ]
            found = [
                b for b in found if b.place.order > min(bases, default=-1)
            ]  # the others belonged to another object
            there = self.scopes.seen_from(scope, place)
            sure = any(surely(b.place, there) and b.place.order > max(bases, default=-1) for b in found)
            if found:
                return merged(k for b in found for k in self.bound(b)), sure
        return None

    def _hparams(self, inner: cst.BaseExpression, name: str, place: Place) -> Several | None:
        """`self.hparams.x`: the default of the parameter x of __init__ (Lightning's save_hyperparameters)."""
        if not (isinstance(inner, cst.Attribute) and inner.attr.value == "hparams"):
            return None
        owner = self.self_class(inner.value, place)
        if owner is None:
            return None
        for scope in self._methods(owner):
            if isinstance(scope.node, cst.FunctionDef) and scope.node.name.value == "__init__":
                for binding in scope.bindings.get(name, ()):
                    if binding.kind == "parameter":
                        return self.bound(binding)
        return None

    def member(self, known: Known, attribute: str) -> Several:
        """What an attribute of something is."""
        match known:
            case Ref():
                if known.qualified.endswith(".FLAGS"):
                    return self._declared(attribute)
                return (Ref(f"{known.qualified}.{attribute}"),)
            case Table():
                return self._entry(known, attribute)
            case LocalClass():
                return self.class_attribute(known.scope, attribute, None)
            case Instance():
                return self._instance_attribute(known, attribute)
            case Unknown(why="parameter" | "unbound" | "namespace"):
                return self._declared(attribute)
        return UNKNOWN

    def _declared(self, attribute: str) -> Several:
        declared = self.options.get(attribute)
        if not declared:
            return UNKNOWN
        return merged(k for option in declared for k in self._option(option))

    def _option(self, option: Option) -> Several:
        if option.default is None:
            return UNKNOWN
        line = self.source.line(option.default)
        out: list[Known] = []
        for known in self.of(option.default, option.place):
            if isinstance(known, Const):
                value = known.value
                if option.convert in ("float", "int") and isinstance(value, str):
                    value = converted(value)
                known = Const(value, f"the default of {option.flag} on line {line}")
            out.append(known)
        return tuple(out)

    def _entry(self, table: Table, key: str) -> Several:
        if key in table.entries:
            return table.entries[key]
        return UNKNOWN

    def _instance_attribute(self, instance: Instance, attribute: str) -> Several:
        scope = instance.of.scope
        if instance.call is not None and instance.place is not None:
            given = keyword(instance.call, attribute)
            if given is not None and self._is_record(instance.of):
                return self.of(given, instance.place)
            init = next((s for s in self._methods(scope) if _name_of(s) == "__init__"), None)
            if init is not None and len(self._frames) < CALLS:
                with self._framed(init, instance.call, instance.place):
                    return self.class_attribute(scope, attribute, None)
            if any(a.star == "**" for a in instance.call.args):
                return UNKNOWN
            fields = [name for name, bs in scope.bindings.items() if bs[0].kind in ("value", "declared")]
            if attribute in fields and (value := positional(instance.call, fields.index(attribute))) is not None:
                return self.of(value, instance.place)
        return self.class_attribute(scope, attribute, None)

    @contextmanager
    def _framed(self, scope: Scope, call: cst.Call, place: Place) -> Iterator[None]:
        before = self._frames
        self._frames = (*before, (scope, call, place))
        try:
            yield
        finally:
            self._frames = before

    def _is_record(self, known: LocalClass) -> bool:
        """Whether a class is a bag of fields: a dataclass, attrs, pydantic, Tap, NamedTuple, or plain attributes."""
        return any(b.kind in ("value", "declared") for bs in known.scope.bindings.values() for b in bs)

    # -------------------------------------------------------------------------------------- classes

    def self_class(self, node: cst.CSTNode, place: Place) -> Scope | None:
        """The class scope when an expression is `self` (the first parameter of a method) or `cls`."""
        if not isinstance(node, cst.Name):
            return None
        found, scope = self.scopes.reaching(node.value, place)
        if scope is None or len(found) != 1 or found[0].kind != "parameter" or found[0].node is not None:
            return None
        function = found[0].place.scope
        if function.parent is None or function.parent.kind != "class" or not isinstance(function.node, cst.FunctionDef):
            return None
        params = (*function.node.params.posonly_params, *function.node.params.params)
        return function.parent if params and params[0].name.value == node.value else None

    def _methods(self, owner: Scope) -> list[Scope]:
        return [s for s in self.scopes.of.values() if s.parent is owner and s.kind == "function"]

    def class_bindings(self, owner: Scope, attribute: str) -> list[Binding]:
        """Every binding of self.attribute in the methods of a class, and of attribute in its body."""
        out = [b for b in owner.bindings.get(attribute, ()) if b.kind not in ("function", "class", "declared")]
        for scope in self.scopes.of.values():
            if scope.kind == "function" and (method := _method(scope, owner)) is not None:
                out += scope.bindings.get(f"{method}.{attribute}", ())
        return out

    def class_attribute(self, owner: Scope, attribute: str, place: Place | None, seen: int = 0) -> Several:
        """What self.attribute is: as assigned in the method at hand, else anywhere in the class or its local bases."""
        bindings = self.class_bindings(owner, attribute)
        if place is not None:
            here = live([b for b in bindings if b.place.scope is place.scope], place)
            if any(surely(b.place, place) for b in here):
                return merged(k for b in here for k in self.bound(b))
            bindings = [
                b for b in bindings if b.place.scope is not place.scope or b in here or b.place.order > place.order
            ]
        assigned = [b for b in bindings if b.place.scope is not owner]
        unconditional = [b for b in assigned if not b.place.path and _in_init(b)]
        body = [] if unconditional else live([b for b in bindings if b.place.scope is owner], Place(owner, math.inf))
        chosen = [*body, *_last_in_init(assigned)]
        if chosen:
            return merged(k for b in chosen for k in self._attribute_value(b, owner))
        for function in owner.bindings.get(attribute, ()):
            if function.kind == "class" and isinstance(function.node, cst.ClassDef):
                return (LocalClass(self.scopes.of[function.node]),)
            if function.kind == "function" and isinstance(function.node, cst.FunctionDef):
                if any(
                    dotted(d.decorator) in ("property", "cached_property", "functools.cached_property")
                    for d in function.node.decorators
                ):
                    return self._returned(self.scopes.of[function.node])
                return (LocalFunction(self.scopes.of[function.node]),)
        if seen < 8 and isinstance(owner.node, cst.ClassDef) and owner.place is not None:
            for base in owner.node.bases:
                for known in self.of(base.value, owner.place):
                    if isinstance(known, LocalClass):
                        found = self.class_attribute(known.scope, attribute, None, seen + 1)
                        if found != UNKNOWN:
                            return found
                    elif attribute in NAMESPACES:
                        return (Unknown("namespace"),)
        return UNKNOWN

    def _attribute_value(self, binding: Binding, owner: Scope) -> Several:
        node = binding.node
        if (
            isinstance(node, cst.Call)
            and binding.place.scope is owner
            and _called(node) in ("field", "Field", "ib", "attrib", "Factory")
        ):
            default = keyword(node, "default") or positional(node, 0)
            factory = keyword(node, "default_factory") or keyword(node, "factory")
            if default is None and factory is not None:
                return self._made(factory, binding.place)
            node = default if default is not None and not isinstance(default, cst.Ellipsis) else None
            if node is None:
                return UNKNOWN
        if binding.kind == "value" and binding.place.scope is owner and node is not None:
            name = owner.node.name.value if isinstance(owner.node, cst.ClassDef) else ""
            return self._located(node, binding.place, f"the default of {name}.{binding.name}")  # type: ignore[arg-type]
        return self.bound(binding)

    def _made(self, factory: cst.BaseExpression, place: Place) -> Several:
        """What a field's default factory makes: an instance of a class of this file, or the result of a lambda."""
        if isinstance(factory, cst.Lambda):
            return self.of(factory.body, Place(self.scopes.of[factory], place.order))
        made = self.of(factory, place)
        return tuple(Instance(k) if isinstance(k, LocalClass) else Unknown() for k in made)

    # ----------------------------------------------------------------------------------- subscripts

    def _subscript(self, node: cst.Subscript, place: Place) -> Several:
        owners = self.of(node.value, place)
        tracked = isinstance(node.value, cst.Name) and all(isinstance(k, Table) for k in owners)
        assigned = self._assigned(dotted(node), place) if not tracked else None
        if assigned is not None and assigned[1]:
            return assigned[0]
        if len(node.slice) != 1 or not isinstance(node.slice[0].slice, cst.Index):
            return UNKNOWN
        keys = self.of(node.slice[0].slice.value, place)
        if len(keys) == 1 and isinstance(keys[0], Const):
            if (given := self._hparams(node.value, str(keys[0].value), place)) is not None:
                return given
        out: list[Known] = list(assigned[0]) if assigned else []
        for known in owners:
            out.extend(self._indexed(known, keys))
        return merged(out) or UNKNOWN

    def _indexed(self, known: Known, keys: Several) -> Several:
        if isinstance(known, Table):
            if all(isinstance(k, Const) for k in keys):
                return merged(v for k in keys if isinstance(k, Const) for v in self._entry(known, str(k.value)))
            if known.entries and not known.open:  # an unknown key: any of the values
                return merged(v for entry in known.entries.values() for v in entry)
            return UNKNOWN
        key = keys[0].value if len(keys) == 1 and isinstance(keys[0], Const) else None
        if isinstance(known, Items):
            if isinstance(key, int) and not known.open and -len(known.elements) <= key < len(known.elements):
                return self._located(*known.elements[key], "")
            return UNKNOWN
        if isinstance(key, str) and isinstance(known, Unknown) and known.why == "namespace":
            return self._declared(key)
        return UNKNOWN

    # ---------------------------------------------------------------------------------------- calls

    def _call(self, node: cst.Call, place: Place) -> Several:
        name = _called(node)
        if name in ("parse_args", "parse_known_args", "parse_intermixed_args") and isinstance(node.func, cst.Attribute):
            owners = self.of(node.func.value, place)
            records = tuple(o for o in owners if isinstance(o, Instance) and self._is_record(o.of))
            return records or (Unknown("namespace"),)
        if isinstance(node.func, cst.Name):
            builtin = self._builtin(node, place)
            if builtin is not None:
                return builtin
        if isinstance(node.func, cst.Attribute) and name in ("get", "pop", "copy"):
            looked_up = self._lookup(node, node.func, place)
            if looked_up is not None:
                return looked_up
        return merged(k for known in self.of(node.func, place) for k in self._result(known, node, place)) or UNKNOWN

    def _result(self, known: Known, node: cst.Call, place: Place) -> Several:
        match known:
            case LocalClass():
                return (Instance(known, node, place),)
            case LocalFunction() if len(self._frames) < CALLS:
                with self._framed(known.scope, node, place):
                    return self._returned(known.scope)
            case Ref(qualified="functools.partial") if node.args:
                return tuple(Partial(k, node, place) for k in self.of(node.args[0].value, place))
            case Ref():
                return self._library(known.qualified.rpartition(".")[2], node, place)
        return UNKNOWN

    def _library(self, name: str, node: cst.Call, place: Place) -> Several:
        first = positional(node, 0)
        if name in ("deepcopy", "copy") and first is not None:
            return self.of(first, place)
        if name in TABLES and (node.args or name != "create"):
            return (self._table_call(node, place),)
        if name in FROM_CLASS:
            for argument in node.args:
                for known in self.of(argument.value, place):
                    if isinstance(known, LocalClass) and self._is_record(known):
                        return (Instance(known),)
        return UNKNOWN

    def _builtin(self, node: cst.Call, place: Place) -> Several | None:
        name = node.func.value if isinstance(node.func, cst.Name) else ""
        if self.scopes.reaching(name, place)[1] is not None:
            return None
        first = positional(node, 0)
        match name:
            case "float" | "int" if first is not None:
                return tuple(
                    Const(converted(k.value), k.where) if isinstance(k, Const) else Unknown()
                    for k in self.of(first, place)
                )
            case "dict":
                return (self._table_call(node, place),)
            case "vars" if first is not None:
                return self.of(first, place)
            case "getattr" if first is not None and (second := positional(node, 1)) is not None:
                names = self.of(second, place)
                if not all(isinstance(k, Const) and isinstance(k.value, str) for k in names):
                    return UNKNOWN
                return merged(
                    m
                    for k in names
                    if isinstance(k, Const)
                    for o in self.of(first, place)
                    for m in self.member(o, str(k.value))
                )
            case "min" | "max" | "abs" | "round" | "pow" | "sum":
                return UNKNOWN
            case "type" if first is not None:
                return UNKNOWN
        return None

    def _table_call(self, node: cst.Call, place: Place) -> Table:
        table = Table({})
        for argument in node.args:
            if argument.keyword is not None:
                table = join(table, Table({argument.keyword.value: self._located(argument.value, place, "")}))
            else:
                inner = self.of(argument.value, place)
                known = inner[0] if len(inner) == 1 else None
                table = join(table, known if isinstance(known, Table) else Table({}, open=True))
        return table

    def _lookup(self, node: cst.Call, func: cst.Attribute, place: Place) -> Several | None:
        """dict.get(key, default) and dict.copy() of known tables."""
        owners = self.of(func.value, place)
        if not all(isinstance(o, Table) for o in owners):
            return None
        if func.attr.value == "copy":
            return owners
        key, default = positional(node, 0), positional(node, 1)
        keys = self.of(key, place) if key is not None else UNKNOWN
        out: list[Known] = []
        for owner in owners:
            for known in keys:
                if not isinstance(owner, Table) or not isinstance(known, Const):
                    return UNKNOWN
                if str(known.value) in owner.entries:
                    out.extend(owner.entries[str(known.value)])
                elif owner.open:
                    out.append(Unknown())
                else:
                    out.extend(self.of(default, place) if default is not None else (Const(None),))
        return merged(out)

    def _returned(self, scope: Scope) -> Several:
        """What a function of this file returns."""
        out: list[Known] = []
        for statement, place in self.scopes.statements:
            if place.scope is scope and isinstance(statement, cst.Return):
                name = f"{scope.node.name.value}()" if isinstance(scope.node, cst.FunctionDef) else ""
                out.extend(
                    self._located(statement.value, place, name) if statement.value is not None else (Const(None),)
                )
        return merged(out) or UNKNOWN


# --------------------------------------------------------------------------------- small operations


def merged(several: Iterable[Known]) -> Several:
    """Without repetitions; too many possibilities are none."""
    out: list[Known] = []
    for known in several:
        if known not in out:
            out.append(known)
    return tuple(out) if len(out) <= WIDEST else UNKNOWN


def without_none(several: Several) -> Several:
    """Without None, when something else is possible."""
    rest = tuple(k for k in several if not (isinstance(k, Const) and k.value is None))
    return rest or several


def combined(a: Known, b: Known, compute: Callable[[float, float], float]) -> Known:
    if (
        isinstance(a, Const)
        and isinstance(b, Const)
        and isinstance(a.value, (int, float))
        and isinstance(b.value, (int, float))
    ):
        try:
            value = compute(a.value, b.value)
        except (ArithmeticError, ValueError):
            return Unknown()
        return Const(value, a.where or b.where) if isinstance(value, (int, float)) else Unknown()
    return Unknown()


def map_number(known: Known, compute: Callable[[float], float]) -> Known:
    if isinstance(known, Const) and isinstance(known.value, (int, float)):
        return replace(known, value=compute(known.value))
    return Unknown()


def converted(value: object) -> object:
    """float(value) as Python does it, the value itself when that fails."""
    try:
        return float(value) if isinstance(value, (str, int, float)) else value
    except ValueError:
        return value


def join(a: Table, b: Table) -> Table:
    """`{**a, **b}`: an open b may replace anything of a."""
    return Table({**({} if b.open else a.entries), **b.entries}, a.open or b.open)


def replace_open(table: Table) -> Table:
    return Table(table.entries, open=True)


def without(table: Table, key: str) -> Table:
    return Table({k: v for k, v in table.entries.items() if k != key}, table.open)


def surely(done: Place, place: Place) -> bool:
    """Whether what is done at one place has been done wherever another of its scope is reached."""
    return done.scope is place.scope and done.order < place.order and place.path[: len(done.path)] == done.path


def reaches(done: Place, place: Place) -> bool:
    """Whether what is done at one place may have been done at another."""
    if done.scope is not place.scope:
        return True
    return (done.order < place.order and not exclusive(done.path, place.path)) or share_loop(done.path, place.path)


def _touches(where: Place, binding: Place, place: Place, there: Place) -> bool:
    """Whether a change of what a binding made may come before a place; `there` is the place in the binding's scope."""
    if where.scope is place.scope is not binding.scope:
        return reaches(where, place)
    if where.scope is not binding.scope:
        return True
    if binding.order < there.order:
        return where.order > binding.order and reaches(where, there)
    return where.order > binding.order or reaches(where, there)  # bound in an earlier round of the loop


def _item(target: cst.CSTNode | None) -> tuple[str, str] | None:
    """The name and the key of `name["key"]`."""
    match target:
        case cst.Subscript(slice=[cst.SubscriptElement(slice=cst.Index(value=cst.SimpleString() as key))]):
            return dotted(target.value), str(key.evaluated_value)
    return None


def replace_order(place: Place) -> Place:
    """Where the iterable of a loop is evaluated, seen from its target."""
    if place.scope.inline and place.scope.place is not None:
        return Place(place.scope, place.order, place.path)
    return Place(place.scope, place.order - 0.5, place.path[:-1])


def _called(node: cst.Call) -> str:
    """The last name of a callee."""
    func = node.func
    return func.attr.value if isinstance(func, cst.Attribute) else func.value if isinstance(func, cst.Name) else ""


def _name_of(scope: Scope) -> str:
    """The name of the function a scope belongs to."""
    return scope.node.name.value if isinstance(scope.node, cst.FunctionDef) else ""


def _method(scope: Scope, owner: Scope) -> str | None:
    """The name of `self` in a function that is, or lies in, a method of a class."""
    current: Scope | None = scope
    while current is not None:
        if current.parent is owner and isinstance(current.node, cst.FunctionDef):
            params = (*current.node.params.posonly_params, *current.node.params.params)
            return params[0].name.value if params else None
        current = current.parent
        if current is not None and current.kind == "class":
            return None
    return None


def _in_init(binding: Binding) -> bool:
    node = binding.place.scope.node
    return isinstance(node, cst.FunctionDef) and node.name.value in ("__init__", "setup", "__post_init__")


def _last_in_init(bindings: list[Binding]) -> list[Binding]:
    """Assignments of an attribute, those that an unconditional later one of the same method replaces left out."""
    out: list[Binding] = []
    by_scope: dict[int, list[Binding]] = {}
    for binding in bindings:
        by_scope.setdefault(id(binding.place.scope), []).append(binding)
    for group in by_scope.values():
        out += live(group, Place(group[0].place.scope, math.inf))
    return out

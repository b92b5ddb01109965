"""Optimizer construction sites: the calls of a module that build an optimizer, as facts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import libcst as cst

from wdlint.catalogue import Catalogue, Spec
from wdlint.extract.groups import GroupReader, Inherited, flagged, number_value
from wdlint.extract.parameters import Piece
from wdlint.extract.scopes import Binding, Place, Scopes, branches, dotted
from wdlint.extract.values import Const, Known, Partial, Ref, Table, Values, without_none
from wdlint.model import Argument, Band, CallSite, Coupling, Coverage, Group, Optimizer, Origin, Span, Value
from wdlint.source import Source

__all__ = ["SiteReader"]

LAZY_CALLS = ("LazyCall",)
INDEX = re.compile(r"\.param_groups\[(\d+)\]\['\w+'\]$")


@dataclass(frozen=True, slots=True)
class Given:
    """An argument as it reaches the constructor; `node` is None when only its values are known (from a ** dict)."""

    node: cst.BaseExpression | None
    place: Place
    values: tuple[Known, ...] = ()
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A construction: the class it builds and all its arguments, those of a partial included."""

    node: cst.Call
    place: Place
    specs: tuple[Spec, ...]
    arguments: dict[str | int, Given]
    hidden: bool  # a * or ** argument that cannot be followed
    hidden_class: str = ""


class SiteReader:
    """Finds and reads the optimizer constructions of one module."""

    def __init__(
        self, source: Source, scopes: Scopes, values: Values, groups: GroupReader, catalogue: Catalogue
    ) -> None:
        self.source, self.scopes, self.values, self.groups, self.catalogue = source, scopes, values, groups, catalogue
        self.targets = self._targets()
        self.read: list[cst.Call] = []
        self._assigned = self._decay_writes()
        classes = [s for s in scopes.of.values() if s.kind == "class"]
        self._attributes = frozenset(n for s in classes for n, b in s.bindings.items() if b[0].kind == "value")

    def sites(self) -> tuple[Optimizer, ...]:
        """Every site in source order."""
        found: list[Call] = []
        partials: set[cst.Call] = set()
        for node, place in self.scopes.calls:
            call = self._construction(node, place)
            if call is not None:
                found.append(call)
                partials |= self._partials(node, place)
        kept = [c for c in found if c.node not in partials]
        kept.sort(key=lambda c: self.source.offsets(c.node))
        self.read = [c.node for c in kept]
        self.targets = {n: t for n, t in self.targets.items() if n in set(self.read)}
        return tuple(self._optimizer(c) for c in kept)

    # -------------------------------------------------------------------------------- constructions

    def _construction(self, node: cst.Call, place: Place) -> Call | None:
        callees = self.values.classes(node.func, place) if self._plausible(node.func, place) else []
        hidden = ""
        if len(callees) == 1 and isinstance(callees[0], Ref):
            name = callees[0].qualified
            if name == "functools.partial" and node.args:
                inner = self._specs(self.values.classes(node.args[0].value, place))
                reason = "the class comes through functools.partial"
                return self._call(node, place, inner, node.args[1:], hidden=reason) if inner else None
        if isinstance(node.func, cst.Call) and (lazy := self._lazy(node.func, place)):
            return self._call(node, place, lazy, node.args, hidden="the class comes through LazyCall")
        if callees and all(isinstance(k, Partial) for k in callees):
            return self._through_partial(node, place, callees)
        specs = self._specs(callees)
        if not specs:
            return None
        if not self._class_name(node.func, place):
            hidden = self._why_hidden(node.func)
        return self._call(node, place, specs, node.args, hidden=hidden)

    def _plausible(self, func: cst.BaseExpression, place: Place) -> bool:
        """Whether a callee is worth a closer look: it names an optimizer, or something the file computes."""
        match func:
            case cst.Name():
                found, scope = self.scopes.reaching(func.value, place)
                return scope is None or any(b.kind not in ("function", "class") for b in found)
            case cst.Attribute():
                name = func.attr.value
                known = name in self.catalogue.short_names or name == "partial" or name in self._attributes
                return known or self.values.self_class(func.value, place) is not None
        return isinstance(func, (cst.Subscript, cst.Call, cst.IfExp))

    def _specs(self, callees: list[Known]) -> tuple[Spec, ...]:
        """The catalogue rows of all possible classes; none when one of them is not an optimizer we know."""
        out: list[Spec] = []
        for known in callees:
            spec = self.catalogue.find(known.qualified) if isinstance(known, Ref) else None
            if spec is None:
                return ()
            if spec not in out:
                out.append(spec)
        return tuple(out)

    def _lazy(self, func: cst.Call, place: Place) -> tuple[Spec, ...]:
        wrappers = self.values.classes(func.func, place)
        is_lazy = any(isinstance(k, Ref) and k.qualified.rpartition(".")[2] in LAZY_CALLS for k in wrappers)
        return self._specs(self.values.classes(func.args[0].value, place)) if is_lazy and func.args else ()

    def _partials(self, node: cst.Call, place: Place) -> set[cst.Call]:
        if not self._plausible(node.func, place):
            return set()
        return {k.call for k in self.values.classes(node.func, place) if isinstance(k, Partial)}

    def _through_partial(self, node: cst.Call, place: Place, callees: list[Known]) -> Call | None:
        if len(callees) != 1 or not isinstance(callees[0], Partial):
            return None
        partial = callees[0]
        specs = self._specs([partial.target])
        if not specs:
            return None
        first = self._call(partial.call, partial.place, specs, partial.call.args[1:])
        second = self._call(node, place, specs, node.args)
        if first is None or second is None:
            return None
        shift = sum(isinstance(k, int) for k in first.arguments)
        later = {k + shift if isinstance(k, int) else k: v for k, v in second.arguments.items()}
        return replace(
            second,
            arguments={**first.arguments, **later},
            hidden=first.hidden or second.hidden,
            hidden_class="the class comes through functools.partial",
        )

    def _call(
        self, node: cst.Call, place: Place, specs: tuple[Spec, ...], args: Sequence[cst.Arg], hidden: str = ""
    ) -> Call | None:
        arguments: dict[str | int, Given] = {}
        unknown = False
        position = 0
        for argument in args:
            if argument.star == "**":
                unknown |= not self._spread(argument.value, place, arguments)
            elif argument.star == "*":
                unknown = True
                position += 100
            elif argument.keyword is not None:
                arguments[argument.keyword.value] = Given(argument.value, place)
            else:
                arguments[position] = Given(argument.value, place)
                position += 1
        return Call(node, place, specs, arguments, unknown, hidden)

    def _spread(self, node: cst.BaseExpression, place: Place, arguments: dict[str | int, Given]) -> bool:
        """Merge `**node` into the arguments; False when it cannot be followed."""
        tables = without_none(self.values.of(node, place))
        if not all(isinstance(t, Table) for t in tables):
            return False
        keys = {k for t in tables if isinstance(t, Table) for k in t.entries}
        for key in keys:
            several = [t.entries.get(key) for t in tables if isinstance(t, Table)]
            known = tuple(k for s in several if s is not None for k in s)
            if None in several and key in ("weight_decay", "wd"):
                return False
            arguments[key] = Given(None, place, known, self.source.outer(node))
        return not any(t.open for t in tables if isinstance(t, Table))

    # ----------------------------------------------------------------------------------- optimizers

    def _optimizer(self, call: Call) -> Optimizer:
        spec = call.specs[0]
        same = len(call.specs) == 1
        coupling = self._coupling(call)
        decay = self._value(call, spec.decay_name, spec.decay_position, spec.default_decay if same else None)
        lr = self._value(call, spec.lr_name, spec.lr_position, spec.default_lr if same else None)
        inherited = Inherited(decay, lr, coupling, lambda c: self._band(call, c))
        groups, one, complete = self._groups(call, spec, inherited)
        adaptive = {s.adaptive for s in call.specs}
        site = Optimizer(
            name=" or ".join(dict.fromkeys(s.label for s in call.specs)),
            qualified=spec.name if same else "",
            span=self.source.span(call.node),
            coupling=coupling,
            adaptive=adaptive == {True},
            groups=tuple(groups),
            lr=lr,
            decay=decay,
            lr_scaled=all(s.lr_scaled for s in call.specs),
            functional=any(s.functional for s in call.specs),
            counterpart=spec.counterpart if same else "",
            flag=spec.flag if same else None,
            one_group=one,
            groups_complete=complete,
            call=self._call_site(call),
        )
        if len(adaptive) == 2:
            site = replace(site, coupling=Coupling.UNKNOWN)
        return self._with_later(site, call, spec, inherited)

    def _band(self, call: Call, coupling: Coupling) -> Band | None:
        bands = {self.catalogue.band(s, coupling) for s in call.specs}
        return bands.pop() if len(bands) == 1 else None

    def _coupling(self, call: Call) -> Coupling:
        answers = set()
        for spec in call.specs:
            flag = spec.flag
            if flag is None:
                answers.add(spec.coupling)
                continue
            given = call.arguments.get(flag.name) or (call.arguments.get(flag.position) if flag.position else None)
            if given is not None:
                answers.add(flagged(flag, given.values or self.values.of(given.node, given.place)))  # type: ignore[arg-type]
            elif call.hidden:
                answers.add(Coupling.UNKNOWN)
            else:
                answers.add(flag.when_true if flag.default else flag.when_false)
        return answers.pop() if len(answers) == 1 else Coupling.UNKNOWN

    def _value(self, call: Call, name: str, position: int | None, default: float | None) -> Value:
        given = call.arguments.get(name)
        if given is None and position is not None:
            given = call.arguments.get(position)
        if given is None:
            if call.hidden:
                return Value(origin=Origin.HIDDEN)
            return Value((float(default),) if default is not None else (), Origin.DEFAULT)
        if given.node is not None:
            return number_value(self.source, self.values, given.node, given.place)
        where = {k.where for k in given.values if isinstance(k, Const)}
        return Value(
            self.values.numbers(given.values), Origin.WRITTEN, given.span, name, where.pop() if len(where) == 1 else ""
        )

    def _groups(self, call: Call, spec: Spec, inherited: Inherited) -> tuple[list[Group], bool, bool]:
        given = call.arguments.get(spec.params_name) or call.arguments.get(0)
        span = self.source.span(call.node)
        if spec.functional or given is None or given.node is None:
            unknown = Group(
                span,
                inherited.decay,
                inherited.lr,
                Coverage.UNKNOWN,
                inherited.coupling,
                inherited.band(inherited.coupling),
            )
            return [unknown], True, False
        return self.groups.groups(given.node, given.place, spec, inherited)

    # --------------------------------------------------------------------------- after construction

    def _targets(self) -> dict[cst.Call, tuple[str, Place]]:
        """Construction calls and the names they are assigned to."""
        out: dict[cst.Call, tuple[str, Place]] = {}
        for statement, place in self.scopes.statements:
            if isinstance(statement, (cst.Assign, cst.AnnAssign)) and isinstance(statement.value, cst.Call):
                first = statement.targets[0].target if isinstance(statement, cst.Assign) else statement.target
                if name := dotted(first):
                    out[statement.value] = (name, place)
        return out

    def _decay_writes(self) -> list[tuple[str, cst.Assign, Place]]:
        """`group["weight_decay"] = value` in loops over X.param_groups: (X, statement, place)."""
        out = []
        for statement, place in self.scopes.statements:
            if not isinstance(statement, cst.Assign) or len(statement.targets) != 1:
                continue
            target = statement.targets[0].target
            if not isinstance(target, cst.Subscript) or not dotted(target).endswith("['weight_decay']"):
                continue
            owner = self._group_owner(target.value, place)
            if owner:
                out.append((owner, statement, place))
        return out

    def _group_owner(self, node: cst.BaseExpression, place: Place) -> str:
        """The optimizer whose param_groups a group expression belongs to."""
        text = dotted(node)
        if ".param_groups" in text:
            return text.split(".param_groups")[0]
        if isinstance(node, cst.Name):
            for binding in self.scopes.reaching(node.value, place)[0]:
                if binding.kind in ("loop", "value") and binding.node is not None:
                    code = self.source.code(binding.node)
                    if ".param_groups" in code:
                        return code.split(".param_groups")[0].split("(")[-1].strip()
        return ""

    def _with_later(self, site: Optimizer, call: Call, spec: Spec, inherited: Inherited) -> Optimizer:
        """The site with groups added and decay written after construction."""
        if call.node not in self.targets:
            return site
        name, _ = self.targets[call.node]
        for later, where in self.scopes.calls:
            if isinstance(later.func, cst.Attribute) and later.func.attr.value == "add_param_group" and later.args:
                if self._is_it(dotted(later.func.value), where, call.node, name):
                    display = self.groups.display(Piece(later.args[0].value, where))
                    if display is None:
                        site = replace(site, groups_complete=False)
                        continue
                    group = replace(self.groups.group(display, spec, inherited), added=True)
                    site = replace(site, groups=(*site.groups, group), one_group=False)
        for owner, statement, where in self._assigned:
            if self._is_it(owner, where, call.node, name):
                site = self._rewritten(site, statement, where)
        return site

    def _is_it(self, owner: str, place: Place, node: cst.Call, name: str) -> bool:
        """Whether what is called `owner` at a place may be the optimizer that was assigned to `name`."""
        if not _same_name(owner, name):
            return False
        made = [b.node for b in self._bound(owner, place) if b.node in self.targets]
        return not made or node in made  # a parameter, or what a function returns, may be any of that name

    def _bound(self, name: str, place: Place) -> list[Binding]:
        root, _, attribute = name.partition(".")
        owner = self.values.self_class(cst.Name(root), place) if attribute else None
        return (
            self.values.class_bindings(owner, attribute) if owner is not None else self.scopes.reaching(name, place)[0]
        )

    def _rewritten(self, site: Optimizer, statement: cst.Assign, place: Place) -> Optimizer:
        value = number_value(self.source, self.values, statement.value, place)
        conditional = any(True for _ in branches(place.path))
        groups = []
        written = INDEX.search(dotted(statement.targets[0].target))
        for number, group in enumerate(site.groups):
            if written is not None and int(written[1]) != number:
                groups.append(group)
                continue
            numbers = value.numbers
            if conditional and numbers:
                numbers = tuple(sorted({*numbers, *group.decay.numbers})) if group.decay.numbers else ()
            groups.append(replace(group, decay=replace(value, numbers=numbers, literal=False)))
        return replace(site, groups=tuple(groups), later_writes=True)

    # ------------------------------------------------------------------------------------- the call

    def _class_name(self, func: cst.BaseExpression, place: Place) -> cst.Name | None:
        """The node that names the class, when the class is imported by that name or reached through its module."""
        if isinstance(func, cst.Name):
            found, scope = self.scopes.reaching(func.value, place)
            if scope is None or all(b.kind == "import" or b.kind == "value" and _is_none(b.node) for b in found):
                return func
        if isinstance(func, cst.Attribute) and dotted(func):
            owners = without_none(self.values.of(func.value, place))
            if all(isinstance(k, Ref) for k in owners) and self.values.self_class(func.value, place) is None:
                root = func.value
                while isinstance(root, cst.Attribute):
                    root = root.value
                if isinstance(root, cst.Name):
                    found, scope = self.scopes.reaching(root.value, place)
                    if scope is None or all(
                        b.kind == "import" or b.kind == "value" and _is_none(b.node) for b in found
                    ):
                        return func.attr
        return None

    def _why_hidden(self, func: cst.BaseExpression) -> str:
        match func:
            case cst.Name():
                return f"the class comes through the name `{func.value}`"
            case cst.Call(func=cst.Name(value="getattr")):
                return "the class comes through getattr"
            case cst.Subscript():
                return "the class comes through a table of classes"
        return "the class is not named at the call"

    def _call_site(self, call: Call) -> CallSite:
        node, source = call.node, self.source
        name = self._class_name(node.func, call.place) if not call.hidden_class else None
        arguments = tuple(
            Argument(
                source.span(a),
                source.outer(a.value),
                a.keyword.value if a.keyword is not None else None,
                a.star,
                source.span(a.comma) if isinstance(a.comma, cst.Comma) else None,
            )
            for a in node.args
        )
        end = source.span(node)
        return CallSite(
            callee=source.outer(node.func),
            class_name=source.span(name) if name is not None else None,
            resolved=self._resolved(node.func, call.place),
            bound_name=name.value if isinstance(node.func, cst.Name) and name is not None else "",
            arguments=arguments,
            parameters=self._index(node, call.specs[0].params_name, 0),
            decay=self._index(node, call.specs[0].decay_name, call.specs[0].decay_position),
            compatible=call.specs[0].compatible,
            hidden_class=call.hidden_class,
            open=self._opening(node),
            close=Span(end.end_line, end.end_column - 1, end.end_line, end.end_column),
        )

    def _resolved(self, func: cst.BaseExpression, place: Place) -> str:
        known = self.values.classes(func, place)
        return known[0].qualified if len(known) == 1 and isinstance(known[0], Ref) else ""

    def _index(self, node: cst.Call, name: str, position: int | None) -> int | None:
        """Which argument of the call itself is given by this name or position."""
        for number, argument in enumerate(node.args):
            if argument.keyword is not None and argument.keyword.value == name:
                return number
        if position is None or position >= len(node.args):
            return None
        plain = all(a.keyword is None and not a.star for a in node.args[: position + 1])
        return position if plain else None

    def _opening(self, node: cst.Call) -> Span:
        _, end = self.source.offsets(node.func)
        start = self.source.text.index("(", end)
        return self.source.between(start, start + 1)


def _same_name(a: str, b: str) -> bool:
    """Whether two names mean the same optimizer: `self.optimizer` in one method is `optimizer` in another."""
    return a == b or bool(a and b) and a.rpartition(".")[2] == b.rpartition(".")[2]


def _is_none(node: cst.CSTNode | None) -> bool:
    return isinstance(node, cst.Name) and node.value == "None"

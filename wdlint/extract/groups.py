"""Parameter groups of one optimizer: dicts written inline, named, appended, added later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeGuard

import libcst as cst

from wdlint.catalogue import Spec
from wdlint.extract.parameters import ParameterReader, Piece
from wdlint.extract.scopes import Place, dotted
from wdlint.extract.values import Const, Known, Several, Values
from wdlint.model import Band, Coupling, Coverage, Flag, Form, Group, GroupKey, Origin, Span, Value
from wdlint.source import Source

__all__ = ["Entry", "GroupReader", "Inherited", "number_value"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One `key: value` of a group dict."""

    key: str
    key_node: cst.CSTNode
    value: cst.BaseExpression
    place: Place
    quote: str


@dataclass(frozen=True, slots=True)
class Display:
    """A group dict as displayed; an open one may hold further keys."""

    node: cst.CSTNode
    entries: tuple[Entry, ...]
    open: bool
    added: bool = False

    def value(self, key: str) -> Entry | None:
        return next((e for e in reversed(self.entries) if e.key == key), None)


@dataclass(frozen=True, slots=True)
class Inherited:
    """What a group gets when it says nothing itself."""

    decay: Value
    lr: Value
    coupling: Coupling
    band: Callable[[Coupling], Band | None]


def number_value(source: Source, values: Values, node: cst.BaseExpression, place: Place) -> Value:
    """The number an expression is, as far as the file tells."""
    several = values.of(node, place)
    rest = tuple(k for k in several if not (isinstance(k, Const) and k.value is None)) or several
    wheres = {k.where for k in rest if isinstance(k, Const)}
    string = rest[0].value if len(rest) == 1 and isinstance(rest[0], Const) and isinstance(rest[0].value, str) else None
    plain = node.expression if isinstance(node, cst.UnaryOperation) else node
    none = isinstance(node, cst.Name) and node.value == "None"
    return Value(
        (0.0,) if none else values.numbers(several),  # a None written in place is no decay
        Origin.WRITTEN,
        source.outer(node),
        source.code(node),
        wheres.pop() if len(wheres) == 1 else "",
        str(string) if string is not None else None,
        isinstance(plain, (cst.Float, cst.Integer)),
    )


class GroupReader:
    """Turns the first argument of an optimizer into groups."""

    def __init__(self, source: Source, values: Values, parameters: ParameterReader) -> None:
        self.source, self.values, self.parameters = source, values, parameters

    def groups(
        self, node: cst.BaseExpression, place: Place, spec: Spec, inherited: Inherited
    ) -> tuple[list[Group], bool, bool]:
        """The groups, whether they come as one plain list of parameters, and whether all are visible."""
        pieces = self.parameters.pieces(node, place)
        displays = [self.display(p) for p in pieces]
        complete = all(displays)
        displays = [d or self._comprehended(p) for p, d in zip(pieces, displays, strict=True)]
        if not any(displays):
            return [self._single(node, place, inherited)], True, True
        return [self.group(d, spec, inherited) for d in displays if d is not None], False, complete

    def _single(self, node: cst.BaseExpression, place: Place, inherited: Inherited) -> Group:
        draft = self.parameters.draft(node, place)
        if isinstance(node, cst.ListComp) and isinstance(node.elt, (cst.Dict, cst.Call)):
            draft = replace(draft, coverage=Coverage.HELPER, form=Form.OTHER)
        if isinstance(node, (cst.List, cst.Tuple)) and all(isinstance(e.value, cst.Name) for e in node.elements):
            draft = replace(draft, coverage=Coverage.TENSORS)  # one optimizer for each parameter of a loop, say
        return Group(
            self.source.outer(node),
            inherited.decay,
            inherited.lr,
            draft.coverage,
            inherited.coupling,
            inherited.band(inherited.coupling),
            self.parameters.fact(node, draft),
        )

    def _comprehended(self, piece: Piece) -> Display | None:
        """The dict a comprehension of group dicts makes."""
        if isinstance(piece.node, (cst.ListComp, cst.GeneratorExp)):
            scope = self.parameters.scopes.of[piece.node]
            return self.display(Piece(piece.node.elt, Place(scope, piece.place.order, piece.place.path)))
        return None

    # ---------------------------------------------------------------------------------------- dicts

    def display(self, piece: Piece) -> Display | None:
        """A group dict, displayed at the piece or bound to its name."""
        if piece.spread:
            return None
        node, place = piece.node, piece.place
        if isinstance(node, (cst.Name, cst.Attribute)):
            found = self.parameters.bindings(node, place)
            if len(found) != 1 or found[0].kind != "value" or not isinstance(found[0].node, (cst.Dict, cst.Call)):
                return None
            inner = self.display(Piece(found[0].node, found[0].place, False, piece.added))
            return self._with_writes(inner, dotted(node), place) if inner is not None else None
        if isinstance(node, cst.Dict):
            entries, is_open = self._dict_entries(node, place)
        elif is_dict_call(node):
            entries, is_open = self._call_entries(node, place)
        else:
            return None
        if not any(e.key == "params" for e in entries):
            return None
        return Display(node, tuple(entries), is_open, piece.added)

    def _dict_entries(self, node: cst.Dict, place: Place) -> tuple[list[Entry], bool]:
        entries: list[Entry] = []
        is_open = False
        for element in node.elements:
            if isinstance(element, cst.DictElement):
                key = element.key
                name = key.evaluated_value if isinstance(key, cst.SimpleString) else None
                if isinstance(key, cst.SimpleString) and isinstance(name, str):
                    entries.append(Entry(name, key, element.value, place, key.quote))
                else:
                    is_open = True
            else:
                inner, opened = self._spread_entries(element.value, place)
                entries += inner
                is_open = is_open or opened
        return entries, is_open

    def _spread_entries(self, node: cst.BaseExpression, place: Place) -> tuple[list[Entry], bool]:
        """The entries that `**node` brings into a dict."""
        if isinstance(node, cst.Name) and not self.values.changed(node.value, place):
            found = self.parameters.bindings(node, place)
            if len(found) == 1 and found[0].kind == "value" and isinstance(found[0].node, (cst.Dict, cst.Call)):
                node, place = found[0].node, found[0].place
        if isinstance(node, cst.Dict):
            return self._dict_entries(node, place)
        return self._call_entries(node, place) if is_dict_call(node) else ([], True)

    def _call_entries(self, node: cst.Call, place: Place) -> tuple[list[Entry], bool]:
        """The entries of `dict(key=value)`."""
        entries = [Entry(a.keyword.value, a.keyword, a.value, place, "") for a in node.args if a.keyword is not None]
        return entries, len(entries) < len(node.args)

    def _with_writes(self, display: Display, name: str, place: Place) -> Display:
        """`group["weight_decay"] = 0.1` on a named dict before the optimizer sees it."""
        if self.values.changed(name, place, calls_only=True):  # group.update(...), group.pop(...)
            return replace(display, entries=tuple(e for e in display.entries if e.key == "params"), open=True)
        extra = []
        for scope in (place.scope, self.parameters.scopes.module):
            for key in ("weight_decay", "lr"):
                for binding in scope.bindings.get(f"{name}['{key}']", ()):
                    if isinstance(binding.node, cst.BaseExpression) and binding.target is not None:
                        extra.append(Entry(key, binding.target, binding.node, binding.place, ""))
            if scope is self.parameters.scopes.module:
                break
        return replace(display, entries=(*display.entries, *extra)) if extra else display

    def group(self, display: Display, spec: Spec, inherited: Inherited) -> Group:
        """A group dict as a fact."""
        decay_entry, lr_entry = display.value(spec.decay_name), display.value(spec.lr_name)
        params = display.value("params")
        decay, lr = inherited.decay, inherited.lr
        if decay_entry is not None:
            decay = number_value(self.source, self.values, decay_entry.value, decay_entry.place)
        elif display.open:
            decay = Value(origin=Origin.HIDDEN)
        if lr_entry is not None:
            lr = number_value(self.source, self.values, lr_entry.value, lr_entry.place)
        coupling = self._coupling(display, spec, inherited)
        coverage, fact = Coverage.UNKNOWN, None
        if params is not None:
            draft = self.parameters.draft(params.value, params.place)
            coverage, fact = draft.coverage, self.parameters.fact(params.value, draft)
        return Group(
            self.source.outer(display.node),
            decay,
            lr,
            coverage,
            coupling,
            inherited.band(coupling),
            fact,
            sets_decay=decay_entry is not None or display.open,
            literal=True,
            keys=tuple(GroupKey(e.key, self.source.outer(e.key_node), e.quote) for e in display.entries),
            split_by_kind=coverage in (Coverage.MATRICES, Coverage.VECTORS),
            insertion=self._insertion(display.node),
            added=display.added,
        )

    def _coupling(self, display: Display, spec: Spec, inherited: Inherited) -> Coupling:
        flag = spec.flag
        if flag is None or not flag.per_group:
            return inherited.coupling
        entry = display.value(flag.name)
        return flagged(flag, self.values.of(entry.value, entry.place)) if entry is not None else inherited.coupling

    def _insertion(self, node: cst.CSTNode) -> Span | None:
        """The empty span behind the last entry of a displayed dict."""
        last: cst.CSTNode | None = None
        if isinstance(node, cst.Dict) and node.elements:
            last = node.elements[-1].value
        elif isinstance(node, cst.Call) and node.args:
            last = node.args[-1].value
        if last is None:
            return None
        end = self.source.outer(last)
        return Span(end.end_line, end.end_column, end.end_line, end.end_column)


def is_dict_call(node: cst.CSTNode) -> TypeGuard[cst.Call]:
    return isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == "dict"


def flagged(flag: Flag, several: Several) -> Coupling:
    """The coupling under a flag with these possible values."""
    answers = {_answer(flag, known) for known in several}
    return answers.pop() if len(answers) == 1 else Coupling.UNKNOWN


def _answer(flag: Flag, known: Known) -> Coupling:
    if isinstance(known, Const) and isinstance(known.value, (bool, int)):
        return flag.when_true if known.value else flag.when_false
    return Coupling.UNKNOWN

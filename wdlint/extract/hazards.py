"""What a file does elsewhere that limits a rewrite: uses of param_groups, list-valued schedules, loaded states."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from wdlint.extract.defaults import keyword, positional
from wdlint.extract.scopes import Place, Scopes, dotted
from wdlint.extract.values import Items, Ref, Values
from wdlint.model import Hazard
from wdlint.source import Source

__all__ = ["hazards"]

PER_GROUP = ("lr_lambda", "max_lr", "base_lr", "min_lr")
SCHEDULES = {  # where a list stands for one entry per group, the optimizer counted as 0
    "LambdaLR": (1,), "MultiplicativeLR": (1,), "OneCycleLR": (1,), "CyclicLR": (1, 2), "ReduceLROnPlateau": (6,),
}  # fmt: skip
SHARDING = re.compile(r"FSDP(Strategy)?|FullyShardedDataParallel(Plugin)?")
COUPLED = re.compile(r"\b\w*Adam\w*\b")
OPTIMIZER_NAME = re.compile(r"opt", re.I)
GROUP_NAMES = ("g", "group", "pg", "param_group", "param_groups")
UNDOES = "writes the weight_decay of its groups, which would undo the split"


def hazards(source: Source, scopes: Scopes, values: Values, optimizers: frozenset[str]) -> tuple[Hazard, ...]:
    """Everything in the file that a rewrite has to respect. `optimizers`: names that hold one."""
    reader = HazardReader(source, scopes, values, optimizers)
    found = [*reader.indexed(), *reader.writes(), *reader.calls(), *reader.sharding(), *reader.class_tests()]
    return tuple(sorted(set(found), key=lambda h: (h.span, h.kind)))


class HazardReader:
    """Collects hazards by kind."""

    def __init__(self, source: Source, scopes: Scopes, values: Values, optimizers: frozenset[str]) -> None:
        self.source, self.scopes, self.values, self.optimizers = source, scopes, values, optimizers

    def _hazard(self, kind: str, node: cst.CSTNode, text: str) -> Hazard:
        span = self.source.span(node)
        return Hazard(kind, f"line {span.line} {text}", span)

    def _is_groups(self, node: cst.CSTNode | None, place: Place) -> bool:
        """Whether an expression is `X.param_groups`, a name bound to it, or the same in a state dict."""
        match node:
            case cst.Attribute(attr=cst.Name(value="param_groups")):
                return True
            case cst.Subscript():
                return _key(node) == "param_groups"
            case cst.Name():
                found = self.scopes.reaching(node.value, place)[0]
                return any(
                    b.kind == "value" and isinstance(b.node, cst.Attribute) and self._is_groups(b.node, place)
                    for b in found
                )
        return False

    # ------------------------------------------------------------------------- uses of param_groups

    def indexed(self) -> Iterator[Hazard]:
        """`param_groups[k]` written, read whole, or read at another index than 0."""
        written = set(self._written())
        inside = {node.value: node for node, _ in self.scopes.subscripts}
        for node, place in self.scopes.subscripts:
            if not self._is_groups(node.value, place):
                continue
            index = self.source.code(node.slice[0].slice) if len(node.slice) == 1 else "..."
            shown = f"param_groups[{index}]"
            outer = inside.get(node)
            key = _key(outer)
            if node in written or (outer is not None and outer in written):
                yield self._hazard("groups", node, f"writes {shown}")
            elif index != "0":
                yield self._hazard("groups", node, f"reads {shown}")
            elif key in ("params", ""):
                what = f'{shown}["params"]' if key else shown
                yield self._hazard("groups", node, f"reads {what} as if it were all")

    def _written(self) -> Iterator[cst.CSTNode]:
        for statement, _ in self.scopes.statements:
            match statement:
                case cst.Assign():
                    targets: list[cst.CSTNode] = [t.target for t in statement.targets]
                case cst.AugAssign() | cst.AnnAssign() | cst.Del() | cst.For():
                    targets = [statement.target]
                case _:
                    continue
            for target in targets:
                yield target
                if isinstance(target, (cst.Tuple, cst.List)):
                    yield from (e.value for e in target.elements)

    def writes(self) -> Iterator[Hazard]:
        """`group["weight_decay"] = ...` in a loop over the groups, and groups taken apart by position."""
        for statement, place in self.scopes.statements:
            if not isinstance(statement, (cst.Assign, cst.AugAssign)):
                continue
            targets = [t.target for t in statement.targets] if isinstance(statement, cst.Assign) else [statement.target]
            for target in targets:
                if isinstance(target, cst.Subscript) and dotted(target).endswith("['weight_decay']"):
                    if "param_group" in self.source.code(statement) or self._is_group(target.value, place):
                        yield self._hazard("groups", target, UNDOES)
                if isinstance(target, (cst.Tuple, cst.List)) and self._is_groups(statement.value, place):
                    yield self._hazard("groups", target, "unpacks param_groups")

    def _is_group(self, node: cst.CSTNode, place: Place) -> bool:
        """Whether an expression is one group: by its name, or because a loop over the groups binds it."""
        name = dotted(node)
        if name in GROUP_NAMES or "group" in name:
            return True
        found = self.scopes.reaching(name, place)[0] if isinstance(node, cst.Name) else []
        return any(
            b.kind == "loop" and b.node is not None and ".param_groups" in self.source.code(b.node) for b in found
        )

    # ---------------------------------------------------------------------------------------- calls

    def calls(self) -> Iterator[Hazard]:
        for node, place in self.scopes.calls:
            name = node.func.attr.value if isinstance(node.func, cst.Attribute) else dotted(node.func)
            yield from self._counting(node, name, place)
            yield from self._updating(node, name, place)
            yield from self._scheduling(node, name, place)
            yield from self._loading(node, name, place)
            full = self._qualified(node.func, place)
            if re.search(r"\bamp\.initialize$", full):
                yield self._hazard("groups", node, "hands the optimizer to amp.initialize")
            if re.fullmatch(r"torch\.nn\.(.*\.)?Lazy\w+", full):
                what = f"builds {name}: its parameters have no dimensions before the first batch"
                yield self._hazard("groups", node, what)

    def _qualified(self, node: cst.CSTNode, place: Place) -> str:
        """The full name of an import, or what is written where nothing is known of the first name."""
        root, dot, rest = dotted(node).partition(".")
        found = self.scopes.reaching(root, place)[0] if root else []
        full = next((b.qualified for b in found if b.kind == "import"), root)
        return f"{full}{dot}{rest}"

    def _counting(self, node: cst.Call, name: str, place: Place) -> Iterator[Hazard]:
        """zip(...) and len(...) over param_groups, and `*param_groups`."""
        for argument in node.args:
            if self._is_groups(argument.value, place):
                if argument.star == "*":
                    yield self._hazard("groups", node, "unpacks param_groups")
                elif isinstance(node.func, cst.Name) and name in ("zip", "len"):
                    yield self._hazard("groups", node, f"calls {name} on param_groups")

    def _updating(self, node: cst.Call, name: str, place: Place) -> Iterator[Hazard]:
        """`group.update(weight_decay=...)`, and groups added later that get the constructor's decay."""
        if not isinstance(node.func, cst.Attribute):
            return
        if name in ("update", "setdefault") and self._is_group(node.func.value, place):
            if any("weight_decay" in self.source.code(argument) for argument in node.args):
                yield self._hazard("groups", node, UNDOES)
        if name == "add_param_group" and not any("weight_decay" in self.source.code(a) for a in node.args):
            yield self._hazard("groups", node, "adds a group that gets its weight_decay from the constructor")

    def _scheduling(self, node: cst.Call, name: str, place: Place) -> Iterator[Hazard]:
        for word in PER_GROUP:
            value = keyword(node, word)
            if value is not None and self._is_list(value, place):
                yield self._hazard("groups", value, f"gives {word} a list, one entry for each group")
        for position in SCHEDULES.get(name, ()):
            value = positional(node, position)
            if value is not None and self._is_list(value, place):
                yield self._hazard("groups", value, f"gives {name} a list, one entry for each group")

    def _is_list(self, node: cst.CSTNode, place: Place) -> bool:
        match node:
            case cst.ListComp() | cst.List() | cst.Tuple():
                return True
            case cst.BinaryOperation():
                return self._is_list(node.left, place) or self._is_list(node.right, place)
            case cst.Call(func=cst.Name(value="list" | "tuple")):
                return True
            case cst.Name():
                found = self.scopes.reaching(node.value, place)[0]
                if any(isinstance(b.node, (cst.ListComp, cst.List, cst.Tuple)) for b in found if b.kind == "value"):
                    return True
        return any(isinstance(k, Items) for k in self.values.of(node, place))

    def _loading(self, node: cst.Call, name: str, place: Place) -> Iterator[Hazard]:
        if (
            name == "load_state_dict"
            and isinstance(node.func, cst.Attribute)
            and self._is_optimizer(node.func.value, place)
        ):
            yield self._hazard("groups", node, "loads an optimizer state, saved with one group")
            yield self._hazard("flag", node, "loads an optimizer state, which resets the flag")

    def _is_optimizer(self, node: cst.CSTNode, place: Place) -> bool:
        """Whether an expression holds an optimizer, by its name or by what a loop takes it from."""
        match node:
            case cst.Subscript():
                return self._is_optimizer(node.value, place)
            case cst.Call():
                return self._is_optimizer(node.func, place)
            case cst.Attribute():
                return dotted(node) in self.optimizers or bool(OPTIMIZER_NAME.search(node.attr.value))
            case cst.Name():
                if node.value in self.optimizers or OPTIMIZER_NAME.search(node.value):
                    return True
                found = self.scopes.reaching(node.value, place)[0]
                return any(
                    b.kind == "loop" and b.node is not None and OPTIMIZER_NAME.search(self.source.code(b.node))
                    for b in found
                )
        return False

    def sharding(self) -> Iterator[Hazard]:
        """FSDP: named in an import, called, or asked for by a trainer's strategy."""
        what = "flattens parameters with FSDP: every one becomes one-dimensional"
        for scope in self.scopes.of.values():
            for bindings in scope.bindings.values():
                for b in bindings:
                    if (
                        b.kind == "import"
                        and b.target is not None
                        and SHARDING.fullmatch(b.qualified.rpartition(".")[2])
                    ):
                        yield self._hazard("groups", b.target, what)
        for node, _ in self.scopes.calls:
            name = node.func.attr.value if isinstance(node.func, cst.Attribute) else dotted(node.func)
            strategy = keyword(node, "strategy")
            asked = isinstance(strategy, cst.SimpleString) and str(strategy.evaluated_value).startswith("fsdp")
            if asked or SHARDING.fullmatch(name):
                yield self._hazard("groups", node, what)

    # ---------------------------------------------------------------------------------- class tests

    def class_tests(self) -> Iterator[Hazard]:
        """`type(optimizer) is Adam` and its kin."""
        for node, place in self.scopes.comparisons:
            sides = [node.left, *(c.comparator for c in node.comparisons)]
            code = [self.source.code(s) for s in sides]
            if not any(re.search(r"^type\(|\.__class__(\.__name__)?$|^type\(.*\)\.__name__$", c) for c in code):
                continue
            for side, text in zip(sides, code, strict=True):
                names = [text, *(k.qualified for k in self.values.of(side, place) if isinstance(k, Ref))]
                if any(map(COUPLED.search, names)):
                    yield self._hazard("class", node, "tests the exact class of an optimizer")
                    break


def _key(node: cst.Subscript | None) -> str:
    """The constant string that a subscript asks for."""
    match node:
        case cst.Subscript(slice=[cst.SubscriptElement(slice=cst.Index(value=cst.SimpleString() as key))]):
            return str(key.evaluated_value)
    return ""

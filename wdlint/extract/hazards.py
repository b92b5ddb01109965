"""What a file does elsewhere that limits a rewrite: uses of param_groups, list-valued schedules, loaded states."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from wdlint.extract.defaults import keyword, positional
from wdlint.extract.scopes import Place, Scopes, dotted
from wdlint.extract.values import Items, LocalClass, Ref, Values
from wdlint.model import Hazard
from wdlint.source import Source

__all__ = ["hazards"]

PER_GROUP = ("lr_lambda", "max_lr", "base_lr", "min_lr")
SCHEDULES = ("LambdaLR", "MultiplicativeLR", "OneCycleLR", "CyclicLR", "ReduceLROnPlateau")
SHARDING = ("FullyShardedDataParallel", "FSDP")
OPTIMIZER_NAME = re.compile(r"opt", re.I)


def hazards(source: Source, scopes: Scopes, values: Values, optimizers: frozenset[str]) -> tuple[Hazard, ...]:
    """Everything in the file that a rewrite has to respect. `optimizers`: names that hold one."""
    reader = HazardReader(source, scopes, values, optimizers)
    found = [*reader.indexed(), *reader.decay_writes(), *reader.counted(), *reader.calls(), *reader.class_tests()]
    return tuple(sorted(set(found), key=lambda h: (h.span, h.kind)))


class HazardReader:
    """Collects hazards by kind."""

    def __init__(self, source: Source, scopes: Scopes, values: Values, optimizers: frozenset[str]) -> None:
        self.source, self.scopes, self.values, self.optimizers = source, scopes, values, optimizers

    def _hazard(self, kind: str, node: cst.CSTNode, text: str) -> Hazard:
        span = self.source.span(node)
        return Hazard(kind, f"line {span.line} {text}", span)

    def indexed(self) -> Iterator[Hazard]:
        """`param_groups[k]` written, read whole, or read at another index than 0."""
        written = self._written()
        inside = {node.value: node for node, _ in self.scopes.subscripts}
        for node, _ in self.scopes.subscripts:
            if not (isinstance(node.value, cst.Attribute) and node.value.attr.value == "param_groups"):
                continue
            index = self.source.code(node.slice[0].slice) if len(node.slice) == 1 else "..."
            shown = f"param_groups[{index}]"
            outer = inside.get(node)
            key = dotted(outer).rpartition("[")[2] if outer is not None else ""
            if node in written or (outer is not None and outer in written):
                yield self._hazard("groups", node, f"writes {shown}")
            elif index != "0":
                yield self._hazard("groups", node, f"reads {shown}")
            elif key in ("'params']", ""):
                what = f'{shown}["params"]' if key else shown
                yield self._hazard("groups", node, f"reads {what} as if it were all")

    def _written(self) -> set[cst.CSTNode]:
        out: set[cst.CSTNode] = set()
        for statement, _ in self.scopes.statements:
            match statement:
                case cst.Assign():
                    targets: list[cst.CSTNode] = [t.target for t in statement.targets]
                case cst.AugAssign() | cst.AnnAssign() | cst.Del():
                    targets = [statement.target]
                case _:
                    continue
            for target in targets:
                out.add(target)
                if isinstance(target, (cst.Tuple, cst.List)):
                    out.update(e.value for e in target.elements)
        return out

    def decay_writes(self) -> Iterator[Hazard]:
        for statement, _ in self.scopes.statements:
            targets = [t.target for t in statement.targets] if isinstance(statement, cst.Assign) else []
            if isinstance(statement, cst.AugAssign):
                targets = [statement.target]
            for target in targets:
                if isinstance(target, cst.Subscript) and dotted(target).endswith("['weight_decay']"):
                    if "param_group" in self.source.code(statement) or self._is_group(target.value):
                        yield self._hazard("groups", target, "writes the weight_decay of its groups, which would undo the split")
                if isinstance(target, (cst.Tuple, cst.List)) and _ends_with_groups(getattr(statement, "value", None)):
                    yield self._hazard("groups", target, "unpacks param_groups")

    def _is_group(self, node: cst.CSTNode) -> bool:
        name = dotted(node)
        return name in ("g", "group", "pg", "param_group", "param_groups") or "group" in name

    def counted(self) -> Iterator[Hazard]:
        """zip(...) and len(...) over param_groups."""
        for node, _ in self.scopes.calls:
            if isinstance(node.func, cst.Name) and node.func.value in ("zip", "len", "enumerate"):
                if any(_ends_with_groups(a.value) for a in node.args) and node.func.value != "enumerate":
                    yield self._hazard("groups", node, f"calls {node.func.value} on param_groups")

    def calls(self) -> Iterator[Hazard]:
        for node, place in self.scopes.calls:
            name = node.func.attr.value if isinstance(node.func, cst.Attribute) else dotted(node.func)
            for word in PER_GROUP:
                value = keyword(node, word)
                if value is not None and self._is_list(value, place):
                    yield self._hazard("groups", value, f"gives {word} a list, one entry for each group")
            if name in SCHEDULES:
                value = positional(node, 1)
                if value is not None and self._is_list(value, place):
                    yield self._hazard("groups", value, f"gives {name} a list, one entry for each group")
            if name == "load_state_dict" and isinstance(node.func, cst.Attribute):
                owner = dotted(node.func.value)
                if owner in self.optimizers or OPTIMIZER_NAME.search(owner.rpartition(".")[2]):
                    yield self._hazard("groups", node, "loads an optimizer state, saved with one group")
                    yield self._hazard("flag", node, "loads an optimizer state, which resets the flag")
            if dotted(node.func).endswith("amp.initialize"):
                yield self._hazard("groups", node, "hands the optimizer to amp.initialize")
            if name in SHARDING:
                yield self._hazard("groups", node, "flattens parameters with FSDP: every one becomes one-dimensional")
            if name.startswith("Lazy") and self._is_torch(node, place):
                yield self._hazard("groups", node, f"builds {name}: its parameters have no dimensions before the first batch")

    def _is_torch(self, node: cst.Call, place: Place) -> bool:
        return any(isinstance(k, Ref) and k.qualified.startswith("torch.nn.") for k in self.values.of(node.func, place))

    def _is_list(self, node: cst.BaseExpression, place: Place) -> bool:
        if isinstance(node, (cst.ListComp, cst.List, cst.Tuple)):
            return True
        return any(isinstance(k, Items) for k in self.values.of(node, place))

    def class_tests(self) -> Iterator[Hazard]:
        """`type(optimizer) is Adam` and its kin."""
        for node, place in self.scopes.comparisons:
            sides = [node.left, *(c.comparator for c in node.comparisons)]
            code = [self.source.code(s) for s in sides]
            if not any(re.search(r"^type\(|\.__class__(\.__name__)?$|^type\(.*\)\.__name__$", c) for c in code):
                continue
            for side, text in zip(sides, code, strict=True):
                known = self.values.of(side, place)
                if any(isinstance(k, Ref) and ".optim" in k.qualified or isinstance(k, LocalClass) for k in known) or re.search(
                    r"Adam|RMSprop|Adagrad", text
                ):
                    yield self._hazard("class", node, "tests the exact class of an optimizer")
                    break


def _ends_with_groups(node: cst.CSTNode | None) -> bool:
    return isinstance(node, cst.Attribute) and node.attr.value == "param_groups"

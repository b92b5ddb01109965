"""The imports of optimizer classes: which names they bind, and who reads these."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

import libcst as cst

from wdlint.catalogue import Catalogue
from wdlint.extract.scopes import Binding, Place, Scopes, dotted
from wdlint.model import Import
from wdlint.source import Source, children

__all__ = ["imports"]

WORD = re.compile(r"[^\W\d]\w*")
BY_TEXT = frozenset(
    ("eval", "exec", "globals", "locals", "vars")
)  # a module that calls them looks names up by their text


def imports(source: Source, scopes: Scopes, catalogue: Catalogue) -> tuple[Import, ...]:
    """The imports of optimizer classes and star imports, as a rewrite needs them."""
    reader = ImportReader(source, scopes, catalogue)
    out = []
    for scope in scopes.of.values():
        for bindings in (*scope.bindings.values(), scope.stars):
            for binding in bindings:
                node = binding.node
                if isinstance(node, cst.ImportFrom) and node.module is not None and not node.relative:
                    if binding.kind in ("import", "star") and dotted(node.module) in catalogue.modules:
                        out.append(reader.read(binding, dotted(node.module)))
    return tuple(sorted(out, key=lambda i: i.span))


class ImportReader:
    """Finds out who needs an imported name."""

    def __init__(self, source: Source, scopes: Scopes, catalogue: Catalogue) -> None:
        self.source, self.scopes, self.catalogue = source, scopes, catalogue
        self.bound = {name for scope in scopes.of.values() for name in scope.bindings}
        self.callees = [(call.func, place) for call, place in scopes.calls if isinstance(call.func, cst.Name)]

    @cached_property
    def words(self) -> set[str]:
        return _quoted(self.source, self.scopes)

    def read(self, binding: Binding, module: str) -> Import:
        node, span = binding.node, self.source.span
        assert isinstance(node, cst.ImportFrom) and binding.target is not None
        if isinstance(node.names, cst.ImportStar):
            read = sorted(name for name in self.catalogue.members(module) - self.bound if name in self.scopes.names)
            return Import(
                module, "*", "*", span(node.names), span(node), tuple((n, n, span(node.names)) for n in read), 0
            )
        names = tuple((dotted(a.name), dotted((a.asname or a).name), span(a)) for a in node.names)
        bound = binding.name
        return Import(
            module,
            binding.qualified.rpartition(".")[2],
            bound,
            span(binding.target),
            span(node),
            names,
            self._uses(binding, node),
            tuple(
                span(name) for name, place in self.scopes.reads if name.value == bound and self._may_be(binding, place)
            ),
            tuple(span(callee) for callee, place in self.callees if self._surely_is(binding, place)),
            all(b.kind == "import" and b.qualified == binding.qualified for b in self._bindings(bound)),
        )

    def _bindings(self, name: str) -> Iterator[Binding]:
        for scope in self.scopes.of.values():
            yield from scope.bindings.get(name, ())

    def _uses(self, binding: Binding, node: cst.ImportFrom) -> int:
        explicit = any(
            a.asname is not None and dotted(a.asname.name) == dotted(a.name) == binding.name
            for a in node.names  # type: ignore[union-attr]
        )
        rebound = sum(b.kind != "import" for b in binding.place.scope.bindings.get(binding.name, ()))
        return (binding.name in self.words) + explicit + rebound

    def _may_be(self, binding: Binding, place: Place) -> bool:
        return binding in self.scopes.reaching(binding.name, place)[0]

    def _surely_is(self, binding: Binding, place: Place) -> bool:
        """Whether a name means the import whatever way the program took."""
        found = self.scopes.reaching(binding.name, place)[0]
        if binding not in found or any(b.kind != "import" or b.qualified != binding.qualified for b in found):
            return False
        while place.scope is not binding.place.scope and place.scope.place is not None:
            place = place.scope.place
        return binding.place.order < place.order and place.path[: len(binding.place.path)] == binding.place.path


def _quoted(source: Source, scopes: Scopes) -> set[str]:
    """The words that strings use as names: in __all__, in annotations, in modules that look names up by their text."""
    out = {
        word for comment in source.comments if comment.text.startswith("# type:") for word in WORD.findall(comment.text)
    }
    nodes: list[tuple[cst.CSTNode, bool]] = [(source.module, bool(BY_TEXT & set(scopes.names)))]
    while nodes:
        node, inside = nodes.pop()
        if inside and isinstance(node, cst.SimpleString):
            out.update(WORD.findall(node.value))
        inside = inside or isinstance(node, cst.Annotation) or _speaks_of_names(node)
        nodes += ((child, inside) for child in children(node))
    return out


def _speaks_of_names(node: cst.CSTNode) -> bool:
    """A statement about __all__, and calls like cast("Adam", x)."""
    match node:
        case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value="__all__")), *_]):
            return True
        case cst.AnnAssign(target=cst.Name(value="__all__")) | cst.AugAssign(target=cst.Name(value="__all__")):
            return True
        case cst.Call(func=cst.Attribute(value=cst.Name(value="__all__"))):
            return True
        case cst.Call(func=cst.Name(value=name) | cst.Attribute(attr=cst.Name(value=name))):
            return name in ("cast", "TypeVar", "NewType", "ForwardRef")
    return False

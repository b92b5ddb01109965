"""Syntax -> facts: the only place that knows both libcst and weight decay."""

from __future__ import annotations

from wdlint.catalogue import Catalogue
from wdlint.extract.conditions import Conditions
from wdlint.extract.groups import GroupReader
from wdlint.extract.hazards import hazards
from wdlint.extract.imports import imports
from wdlint.extract.parameters import ParameterReader
from wdlint.extract.scopes import Scopes
from wdlint.extract.sites import SiteReader
from wdlint.extract.surroundings import generators, memberships
from wdlint.extract.values import Values
from wdlint.model import Facts
from wdlint.source import Source

__all__ = ["extract"]


def extract(source: Source, catalogue: Catalogue, no_decay: tuple[str, ...] = ()) -> Facts:
    """Everything a parsed text says about optimizers and their weight decay. `no_decay`: further no-decay names."""
    scopes = Scopes(source.module)
    values = Values(source, scopes, catalogue)
    conditions = Conditions(values, no_decay)
    parameters = ParameterReader(source, scopes, values, conditions)
    reader = SiteReader(source, scopes, values, GroupReader(source, values, parameters), catalogue)
    optimizers = reader.sites()
    names = frozenset(name for name, _ in reader.targets.values())
    calls = frozenset(reader.read)
    return Facts(
        optimizers,
        memberships(source, scopes, parameters),
        generators(source, scopes, parameters, calls),
        hazards(source, scopes, values, names) if optimizers else (),
        imports(source, scopes, catalogue) if optimizers else (),
        frozenset(name for scope in scopes.of.values() for name in scope.bindings) | frozenset(scopes.names),
    )

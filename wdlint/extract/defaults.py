"""Command-line options a file declares: argparse, absl and click defaults by destination."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from wdlint.extract.scopes import Place, Scopes

__all__ = ["Option", "click_option", "keyword", "options", "positional"]

DEFINES = {"DEFINE_float": float, "DEFINE_integer": int, "DEFINE_string": str, "DEFINE_bool": bool}
DECLARING = ("add_argument", "add_arg", "add", "add_option")


@dataclass(frozen=True, slots=True)
class Option:
    """One declared option; `default` is None when it has none."""

    flag: str  # as written: "--weight-decay"
    default: cst.BaseExpression | None
    convert: str  # the name of its type, "float"
    place: Place
    call: cst.CSTNode


def options(scopes: Scopes) -> dict[str, list[Option]]:
    """Every option of argparse-like parsers and absl flags in a module, by destination."""
    out: dict[str, list[Option]] = {}
    for call, place in scopes.calls:
        name = call.func.attr.value if isinstance(call.func, cst.Attribute) else ""
        if name in DECLARING:
            _add(out, call, place)
        elif name == "set_defaults":
            for argument in call.args:
                if argument.keyword is not None:
                    key = argument.keyword.value
                    out[key] = [Option(key, argument.value, "", place, call)]
        elif name in DEFINES and call.args and (flag := _string(call.args[0].value)):
            default = positional(call, 1) or keyword(call, "default")
            out.setdefault(flag, []).append(Option(f"--{flag}", default, "", place, call))
    return out


def _add(out: dict[str, list[Option]], call: cst.Call, place: Place) -> None:
    flags = [f for a in call.args if a.keyword is None and not a.star and (f := _string(a.value))]
    if not flags:
        return
    long = [f for f in flags if f.startswith("--")]
    chosen = (long or flags)[0]
    target = keyword(call, "dest")
    dest = (_string(target) if target is not None else "") or chosen.lstrip("-").replace("-", "_")
    kind = keyword(call, "type")
    convert = kind.value if isinstance(kind, cst.Name) else ""
    out.setdefault(dest, []).append(Option(chosen, keyword(call, "default"), convert, place, call))


def click_option(function: cst.FunctionDef, parameter: str) -> Option | None:
    """The click (or typer-like) option decorator that feeds a parameter."""
    for decorator in function.decorators:
        call = decorator.decorator
        if not isinstance(call, cst.Call):
            continue
        func = call.func
        name = func.attr.value if isinstance(func, cst.Attribute) else func.value if isinstance(func, cst.Name) else ""
        if name not in ("option", "argument"):
            continue
        flags = [f for a in call.args if a.keyword is None and (f := _string(a.value))]
        plain = [f for f in flags if not f.startswith("-")]
        names = plain or [f.lstrip("-").replace("-", "_") for f in sorted(flags, key=lambda f: not f.startswith("--"))]
        if names and names[0] == parameter:
            flag = next((f for f in flags if f.startswith("--")), parameter)
            return Option(flag, keyword(call, "default"), "", Place(None, 0), call)  # type: ignore[arg-type]
    return None


def keyword(call: cst.Call, name: str) -> cst.BaseExpression | None:
    """The value of a keyword argument."""
    for argument in call.args:
        if argument.keyword is not None and argument.keyword.value == name:
            return argument.value
    return None


def positional(call: cst.Call, index: int) -> cst.BaseExpression | None:
    """The value of a positional argument; None behind a starred one."""
    for number, argument in enumerate(call.args):
        if argument.keyword is not None or argument.star:
            return None
        if number == index:
            return argument.value
    return None


def _string(node: cst.CSTNode) -> str:
    if isinstance(node, cst.SimpleString):
        value = node.evaluated_value
        return value if isinstance(value, str) else ""
    return ""

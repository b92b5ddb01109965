"""Calls laid out in every way: random ones keep all they must, and new lines look as the formatter would write them."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from repairs import repaired

from wdlint.config import Config
from wdlint.edits.listing import Listing
from wdlint.edits.page import Page, applied, disjoint
from wdlint.edits.wrap import flat, wrapped
from wdlint.engine import fix
from wdlint.model import Edit, Span

RUFF = Path(sys.executable).with_name("ruff")
MODEL = "torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.LayerNorm(4), torch.nn.Linear(4, 2))"
PLACES = (  # one statement around the call, and how it is indented
    "optimizer = {}",
    "holder = {{'one': {}, 'two': None}}",
    "several = [{}, None]",
    "optimizer = kept({}, 3)",
    "optimizer = kept(3,\n{indent}                 {})",
    "optimizer = {} if model else None",
    "made = (lambda: {})()",
    "if model: optimizer = {}",
    "first = 1; optimizer = {}; second = 2  # at once",
    "optimizer = (\n{indent}    {}\n{indent})  # behind",
    "{}.zero_grad()",
    "assert (optimizer := {}) is not None, 'none'",
    "several = [{} for model in (model,)]",
    "for optimizer in ({},): pass",
)
PARAMETERS = (
    "model.parameters()",
    "list(model.parameters())",
    "(model.parameters())",
    "filter(lambda p: p.requires_grad, model.parameters())",
    "[p for p in model.parameters() if p.requires_grad]",
    "[q for q in model.parameters() if q.requires_grad or q.ndim]",
    "(p for p in model.parameters())",
    "[p for _, p in model.named_parameters()]",
    "itertools.chain(model[0].parameters(), model[2].parameters())",
    "list(model[0].parameters()) + list(model[2].parameters())",
)
CLASSES = ("torch.optim.Adam", "optim.Adam", "Adam", "torch.optim.NAdam", "torch.optim.RAdam", "torch.optim.AdamW")
DECAYS = ("5e-4", "0.01", "(1e-3)", "DECAY", "DECAY * 2", "decay")
COMMENTS = ("# one", "# it's", '# "two"', "# a, b", "# (", "# \\", "#")


@dataclass
class Layout:
    """One way to lay out a call, drawn from a seed."""

    chance: random.Random
    indent: str

    def gap(self, broken: bool, ends: bool = False) -> str:
        """What stands between two tokens of an argument list."""
        chance, deeper = self.chance, self.indent + self.chance.choice(("    ", "  ", "\t", " " * 12))
        if not broken or chance.random() < 0.3:
            return chance.choice(("", " ", "  "))
        margin = self.indent if ends else deeper
        kind = chance.random()
        if kind < 0.6:
            return f"\n{margin}"
        if kind < 0.75:
            return f"  {chance.choice(COMMENTS)}\n{margin}"
        if kind < 0.9:
            return f"\n{deeper}{chance.choice(COMMENTS)}\n{margin}"
        return f" \\\n{margin}"

    def arguments(self, items: list[str]) -> str:
        chance = self.chance
        broken = chance.random() < 0.65
        out = [self.gap(broken)]
        for number, item in enumerate(items):
            last = number == len(items) - 1
            out.append(item)
            if not last or chance.random() < 0.4:
                out += [self.gap(broken and chance.random() < 0.1), ",", "" if last else self.gap(broken) or " "]
        return "".join((*out, self.gap(broken, ends=True)))


def arguments(chance: random.Random, name: str) -> list[str]:
    """The arguments of a construction: all by position, or by keyword in any order."""
    parameters, decay = chance.choice(PARAMETERS), chance.choice(DECAYS)
    if chance.random() < 0.25:
        positional = [parameters, "1e-3", "(0.9, 0.99)", "1e-8", decay]
        if chance.random() < 0.5:
            positional.append({"NAdam": "4e-3", "RAdam": "False"}.get(name.rpartition(".")[2], "True"))
        return positional
    equals = chance.choice(("=", " = ", "= "))
    more = [f"lr{equals}1e-3", f"eps{equals}1e-7", f"betas{equals}(0.8, 0.9)", "foreach=False", "**{'maximize': True}"]
    if name.rpartition(".")[2] in ("NAdam", "RAdam"):
        more.append(f"decoupled_weight_decay{equals}False")
    chosen = [f"weight_decay{equals}{decay}", *chance.sample(more, chance.randint(0, 4))]
    chance.shuffle(chosen)
    if chance.random() < 0.2:
        chosen.insert(chance.randrange(len(chosen) + 1), f"params{equals}{parameters}")
        return chosen
    return [parameters, *chosen]


def program(seed: int) -> str:
    """A program with one or two constructions."""
    chance = random.Random(seed)
    unit = chance.choice(("    ", "  ", "\t"))
    lines = [
        "import itertools",
        "import torch",
        "from torch import optim",
        "from torch.optim import Adam",
        "DECAY = 1e-3",
    ]
    lines.append(f"def kept(*values): return values\ndef build(model, decay=0.002):\n{unit}before = 'x'  # quoted")
    depth = chance.randint(1, 2)
    lines += [f"{unit}if before:"] * (depth - 1)
    for _ in range(chance.randint(1, 2)):
        name, indent = chance.choice(CLASSES), unit * depth
        call = f"{name}({Layout(chance, indent).arguments(arguments(chance, name))})"
        place = chance.choice(PLACES).replace("{indent}", indent)
        lines.append(indent + place.replace("{{", "{").replace("}}", "}").replace("{}", call))
    text = "\n".join([*lines, f"build({MODEL})", ""])
    return text.replace("\n", chance.choice(("\n", "\n", "\r\n", "\r")))


@pytest.mark.parametrize("start", range(0, 320, 20))
def test_random_layouts_keep_what_they_must(start: int) -> None:
    for seed in range(start, start + 20):
        text = program(seed)
        try:
            compile(text, "program.py", "exec")
            config = replace(Config(), fix_weight_decay=0.05) if seed % 3 == 0 else Config()
            report = repaired(text, config)
            assert report.changes
            assert not [r for r in report.refusals if "new findings" in r.reason], report.refusals
        except (AssertionError, SyntaxError) as error:
            raise AssertionError(f"seed {seed}: {error}\n{text}\n{fix(text, Config()).fixed}") from None


# --------------------------------------------------------------------------------------- as written


def formatted(text: str) -> str:
    command = [str(RUFF), "format", "--isolated", "--line-length", "88", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.skipif(not RUFF.exists(), reason="ruff is not installed")
def test_a_formatted_file_stays_formatted() -> None:
    chance = random.Random(7)
    words = ["m", "model", "encoder", "self.discriminator", "self.some_module_long_name", "self.trainer.module"]
    shapes = [
        "{a}.parameters()",
        "filter(lambda p: p.requires_grad, {a}.parameters())",
        "[p for p in {a}.parameters() if p.requires_grad]",
        "[p for p in {a}.parameters() if p.requires_grad or not self.frozen_until_later]",
        "[param for name, param in {a}.named_parameters() if param.requires_grad]",
        "list({a}.parameters()) + list({b}.parameters())",
        "itertools.chain({a}.parameters(), {b}.parameters())",
        "itertools.chain({a}.parameters(), {b}.parameters(), {a}.other_parts.parameters())",
    ]
    decays = [
        "1e-3",
        "5e-4",
        "wd",
        "args.weight_decay",
        'config["optimizer"]["decay"]',
        "wd if args.decay else 0.0",
        "2 * wd",
    ]
    lines = ["import itertools", "import torch", "wd = 1e-3", "class Trainer:"]
    for number in range(120):
        parameters = chance.choice(shapes).format(a=chance.choice(words), b=chance.choice(words))
        name = chance.choice(("Adam", "NAdam", "AdamW"))
        call = f"torch.optim.{name}({parameters}, lr=1e-3, weight_decay={chance.choice(decays)})"
        block = chance.choice(("return {}", "self.optimizer = {}", "return {{'optimizer': {}}}")).format(call)
        lines += [f"    def f{number}(self, m, model, encoder, args, config):", f"        {block}"]
    before = formatted("\n".join(lines))
    assert max(map(len, before.splitlines())) <= 88
    after = fix(before, Config()).fixed or ""
    assert after == formatted(after)
    assert after.count("ndim >= 2") > 90


def test_a_wrapped_entry() -> None:
    page = Page("")
    assert list(wrapped(page, "short(1, 2),", "    ")) == ["    short(1, 2),"]
    assert list(wrapped(page, "x" * 100 + ",", "")) == ["x" * 100 + ","]
    one, two = "a" * 50, "b" * 50
    assert list(wrapped(page, f"f({one}, {two}),", "")) == ["f(", f"    {one},", f"    {two},", "),"]
    assert list(wrapped(page, f"[{one}[0], {two}()],", "")) == ["[", f"    {one}[0],", f"    {two}(),", "],"]
    assert list(wrapped(page, f"k: {one} + {two},", "")) == [f"k: {one}", f"+ {two},"]


@pytest.mark.parametrize(
    ("text", "line", "comments"),
    [
        ("f(\n    a,\n    b,\n)", "f(a, b)", []),
        ("(\n    a,\n)", "(a,)", []),
        ("x[\n    a,\n]", "x[a,]", []),
        ("[\n    a,\n]", "[a]", []),
        ("in_(\n    a,\n)", "in_(a)", []),
        ("model \\\n    .parameters()", "model.parameters()", []),
        ("(model\n .encoder\n .parameters())", "(model.encoder.parameters())", []),
        ("f(a # one\n  , b) # two", "f(a, b)", ["# one", "# two"]),
        ("f('# no', \"a,\\\nb\")", "f('# no', \"a,\\\nb\")", []),
        ("{\r\n    'a': 1,\r\n}", "{'a': 1}", []),
        ("a  +  b", "a  +  b", []),
        ("f(*(\n    a,\n),)", "f(*(a,),)", []),
        ("lambda x, y: (\n    x\n)", "lambda x, y: (x)", []),
    ],
)
def test_an_expression_on_one_line(text: str, line: str, comments: list[str]) -> None:
    assert flat(text) == (line, comments)


# ----------------------------------------------------------------------------------------- listings


def listing(text: str) -> Listing:
    """The items `a`, `b`, ... of a text between its first and last bracket."""
    spots = [(text.index(letter), text.index(letter) + 1) for letter in "abcd" if letter in text]
    return Listing(Page(text), text.index("(") + 1, text.rindex(")"), spots)


def changed(text: str, change: Callable[[Listing], None]) -> str:
    items = listing(text)
    change(items)
    return applied(items.page, items.edits())


@pytest.mark.parametrize(
    ("text", "number", "after"),
    [
        ("(a, b, c)", 0, "(b, c)"),
        ("(a, b, c)", 1, "(a, c)"),
        ("(a, b, c)", 2, "(a, b)"),
        ("(a, b, c,)", 2, "(a, b,)"),
        ("( a,b,c )", 1, "( a,c )"),
        ("( a,b,c )", 2, "( a,b )"),
        ("( a,b,c )", 0, "( b,c )"),
        ("(\n  a,\n  b,\n  c,\n)", 1, "(\n  a,\n  c,\n)"),
        ("(\n  a,\n  b,\n  c\n)", 2, "(\n  a,\n  b\n)"),
        ("(\n  a,\n  b,\n  c)", 2, "(\n  a,\n  b)"),
        ("(\n  a, b,\n  c,\n)", 1, "(\n  a,\n  c,\n)"),
        ("(\n  a, b,\n  c,\n)", 0, "(\n  b,\n  c,\n)"),
        ("(a,\n b,\n c)", 0, "(b,\n c)"),
        ("(a,\n b,\n c)", 1, "(a,\n c)"),
        ("(a,\n b,\n c)", 2, "(a,\n b)"),
        ("(\n  a,  # 1\n  b,  # 2\n  c,  # 3\n)", 1, "(\n  a,  # 1\n  # 2\n  c,  # 3\n)"),
        ("(\n  a,  # 1\n  b  # 2\n)", 1, "(\n  a  # 1\n  # 2\n)"),
        ("(\n  a,  # 1\n  b)", 1, "(\n  a  # 1\n  )"),
        ("(\n  # 0\n  a,  # 1\n  b)", 0, "(\n  # 0\n  # 1\n  b)"),
        ("(\n  a\n  , b\n  , c\n)", 1, "(\n  a\n  , c\n)"),
        ("(\n  a\n  , b\n  , c\n)", 2, "(\n  a\n  , b\n)"),
        ("(a, \\\n b, \\\n c)", 1, "(a, \\\n c)"),
        ("(a, \\\n b)", 1, "(a)"),
        ("(\n  a,\n\n  b,\n\n  c,\n)", 1, "(\n  a,\n\n  c,\n)"),
        ("(\r\n  a,\r\n  b,\r\n  c,\r\n)", 1, "(\r\n  a,\r\n  c,\r\n)"),
        ("(a,  # 1, 2\n b)", 0, "(  # 1, 2\n b)"),
    ],
)
def test_an_item_goes(text: str, number: int, after: str) -> None:
    assert changed(text, lambda items: items.remove(number)) == after


def test_neighbours_go() -> None:
    def both(items: Listing) -> None:
        items.remove(1)
        items.remove(2)

    assert changed("(a, b, c, d)", both) == "(a, d)"
    assert changed("(a, b, c)", both) == "(a)"
    assert changed("(\n  a,\n  b,  # 2\n  c,  # 3\n  d,\n)", both) == "(\n  a,\n  # 2\n  # 3\n  d,\n)"


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("(a, b)", "(a, b, z)"),
        ("(a, b,)", "(a, b, z,)"),
        ("(\n  a,\n  b,\n)", "(\n  a,\n  b,\n  z,\n)"),
        ("(\n  a,\n  b\n)", "(\n  a,\n  b,\n  z\n)"),
        ("(\n  a,\n  b)", "(\n  a,\n  b,\n  z)"),
        ("(a,\n b)", "(a,\n b,\n z)"),
        ("(\n  a, b\n)", "(\n  a, b, z\n)"),
        ("(\n  a,\n  b,  # 2\n  # 3\n)", "(\n  a,\n  b,  # 2\n  z,\n  # 3\n)"),
        ("(\n  a,\n  b  # 2\n)", "(\n  a,\n  b,  # 2\n  z\n)"),
        ("(a, b  # 2\n)", "(a, b, z  # 2\n)"),
    ],
)
def test_an_item_comes(text: str, after: str) -> None:
    assert changed(text, lambda items: items.append("z")) == after


def edit(start: int, end: int, content: str) -> Edit:
    return Edit(Span(1, start, 1, end), content)


def test_rewrites_that_overlap_wait() -> None:
    first, second, third = [edit(0, 3, "x")], [edit(1, 1, "y"), edit(8, 9, "z")], [edit(8, 8, "w")]
    assert disjoint([first, second, third]) == [True, False, True]
    assert disjoint([first, first, [edit(3, 3, "y")], [edit(0, 0, "y")], [edit(0, 3, "other")]]) == [True] * 4 + [False]
    assert applied(Page("0123456789"), [*third, *first, *first]) == "x34567w89"

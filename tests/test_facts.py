"""What the extractor says about small texts: classes, coupling, arguments, values, groups, coverage."""

from __future__ import annotations

import math
import pickle
import re
import textwrap

import pytest

from wdlint.config import Config
from wdlint.engine import facts
from wdlint.model import Coupling, Coverage, Facts, Form, Group, Optimizer, Origin, Value
from wdlint.source import Unparsable

L2, DECOUPLED, LR_FREE, NONE, UNKNOWN = (
    Coupling.L2, Coupling.DECOUPLED, Coupling.LR_FREE, Coupling.NONE, Coupling.UNKNOWN,
)  # fmt: skip


def known(text: str) -> Facts:
    return facts(textwrap.dedent(text), Config())


def sites(text: str) -> tuple[Optimizer, ...]:
    """The sites of a text that has torch."""
    return known("import torch\n" + textwrap.dedent(text)).optimizers


def site(text: str) -> Optimizer:
    (only,) = sites(text)
    return only


def decay(setup: str, expression: str) -> Value:
    """lambda as Adam gets it behind some setup that starts on line 2."""
    return site(
        f"{textwrap.dedent(setup).strip()}\nopt = torch.optim.Adam([w], lr=1e-3, weight_decay={expression})\n"
    ).decay


def group(parameters: str, setup: str = "") -> Group:
    """The one group of an optimizer with these parameters."""
    (only,) = site(
        f"import itertools\n{textwrap.dedent(setup)}\nopt = torch.optim.AdamW({parameters}, lr=1e-3)\n"
    ).groups
    return only


# ------------------------------------------------------------------------------------------------------------- classes


@pytest.mark.parametrize(
    ("text", "qualified"),
    [
        ("torch.optim.Adam(ps)", "torch.optim.Adam"),
        ("torch.optim.adam.Adam(ps)", "torch.optim.Adam"),
        ("import torch as th\nth.optim.Adam(ps)", "torch.optim.Adam"),
        ("import torch.optim as optim\noptim.Adam(ps)", "torch.optim.Adam"),
        ("from torch import optim\noptim.Adam(ps)", "torch.optim.Adam"),
        ("from torch.optim import Adam\nAdam(ps)", "torch.optim.Adam"),
        ("from torch.optim import Adam as A\nA(ps)", "torch.optim.Adam"),
        ("from torch.optim import AdamW as Adam\nAdam(ps)", "torch.optim.AdamW"),
        ("from torch.optim import *\nAdam(ps)", "torch.optim.Adam"),
        ("from torch import *\noptim.Adam(ps)", "torch.optim.Adam"),
        ("def f():\n    from torch.optim import Adam\n    return Adam(ps)", "torch.optim.Adam"),
        ("try:\n    from torch.optim import Adam\nexcept ImportError:\n    Adam = None\nAdam(ps)", "torch.optim.Adam"),
        ("try:\n    import torch\nexcept ImportError:\n    torch = None\ntorch.optim.Adam(ps)", "torch.optim.Adam"),
        ("Opt = torch.optim.Adam\nOpt(ps)", "torch.optim.Adam"),
        ("O = torch.optim\nO.Adam(ps)", "torch.optim.Adam"),
        ("A, B = torch.optim.Adam, torch.optim.SGD\nB(ps)", "torch.optim.SGD"),
        ("getattr(torch.optim, 'Adam')(ps)", "torch.optim.Adam"),
        ("name = 'Adam'\ngetattr(torch.optim, name)(ps)", "torch.optim.Adam"),
        ("{'a': torch.optim.Adam, 'b': torch.optim.SGD}['a'](ps)", "torch.optim.Adam"),
        ("T = {'a': torch.optim.Adam}\nT[name](ps)", "torch.optim.Adam"),
        ("T = dict(a=torch.optim.Adam)\nT.get('a')(ps)", "torch.optim.Adam"),
        ("from functools import partial\npartial(torch.optim.Adam, lr=1)(ps)", "torch.optim.Adam"),
        ("import functools\nmake = functools.partial(torch.optim.Adam, lr=1)\nmake(ps)", "torch.optim.Adam"),
        ("def pick():\n    return torch.optim.Adam\npick()(ps)", "torch.optim.Adam"),
        ("class T:\n    cls = torch.optim.Adam\n    def f(self):\n        self.cls(ps)", "torch.optim.Adam"),
        ("def f(cls=torch.optim.Adam):\n    cls(ps)", "torch.optim.Adam"),
        ("for cls in (torch.optim.Adam,):\n    cls(ps)", "torch.optim.Adam"),
        ("(torch.optim.Adam if x else torch.optim.Adam)(ps)", "torch.optim.Adam"),
        ("(Opt := torch.optim.Adam)\nOpt(ps)", "torch.optim.Adam"),
        ("from detectron2.config import LazyCall as L\nL(torch.optim.Adam)(params=ps)", "torch.optim.Adam"),
        ("import apex\napex.optimizers.FusedAdam(ps)", "apex.optimizers.FusedAdam"),
        ("import tensorflow as tf\ntf.keras.optimizers.Adam(1e-3)", "keras.optimizers.Adam"),
    ],
)
def test_the_class_is_resolved(text: str, qualified: str) -> None:
    (found,) = sites(text)
    assert found.qualified == qualified


@pytest.mark.parametrize(
    "text",
    [
        "Adam(ps)",
        "optim.Adam(ps)",
        "from .optim import Adam\nAdam(ps)",
        "from optim import Adam\nAdam(ps)",
        "from .optim import *\nAdam(ps)",
        "from torch.optim import Adam\nAdam = wrap(Adam)\nAdam(ps)",
        "from torch.optim import Adam\ndef Adam(ps): ...\nAdam(ps)",
        "from torch.optim import Adam\nclass Adam(Adam): ...\nAdam(ps)",
        "from torch.optim import Adam\nfor Adam in classes:\n    Adam(ps)",
        "from torch.optim import Adam\nwith x as Adam:\n    Adam(ps)",
        "from torch.optim import Adam\ntry: ...\nexcept E as Adam:\n    Adam(ps)",
        "from torch.optim import Adam\ndel Adam\nAdam(ps)",
        "from torch.optim import Adam\nmatch x:\n    case [Adam]:\n        Adam(ps)",
        "from torch.optim import Adam\ndef f(Adam): Adam(ps)",
        "from torch.optim import Adam\nlambda Adam: Adam(ps)",
        "from torch.optim import Adam\n[Adam(ps) for Adam in classes]",
        "from torch.optim import Adam\ndef f():\n    global Adam\n    Adam = other\nAdam(ps)",
        "def f(torch): torch.optim.Adam(ps)",
        "torch = load()\ntorch.optim.Adam(ps)",
        "getattr(torch.optim, name)(ps)",
        "torch.optim.__dict__['Adam'](ps)",
        "cls = torch.optim.Adam if x else Mine\ncls(ps)",
        "T = {'a': torch.optim.Adam}\nT.update(more)\nT['a'](ps)",
        "class A:\n    def f(self, cls):\n        self.cls = cls\n    def g(self):\n        self.cls(ps)",
        "isinstance(x, torch.optim.Adam)",
        "x = [torch.optim.Adam]",
        "torch.optim.Adam.step(x)",
    ],
)
def test_what_is_no_site(text: str) -> None:
    assert sites(text) == ()


def test_names_of_one_scope_do_not_reach_another() -> None:
    found = sites("""
        from torch.optim import Adam
        class T:
            Adam = None
            def f(self):
                Adam(ps)
            [Adam for Adam in x]
        def g():
            Adam = None
        Adam(ps)
    """)
    assert [f.span.line for f in found] == [7, 11]


def test_several_classes_are_one_site() -> None:
    both = site("cls = torch.optim.Adam if x else torch.optim.RAdam\ncls(ps, weight_decay=1)")
    assert (both.name, both.qualified, both.coupling, both.adaptive) == ("Adam or RAdam", "", L2, True)
    mixed = site("cls = torch.optim.Adam if x else torch.optim.AdamW\ncls(ps, weight_decay=1)")
    assert (mixed.name, mixed.coupling, mixed.adaptive) == ("Adam or AdamW", UNKNOWN, True)
    other = site("cls = torch.optim.Adam if x else torch.optim.SGD\ncls(ps, weight_decay=1)")
    assert (other.coupling, other.adaptive) == (UNKNOWN, False)


# ------------------------------------------------------------------------------------------------------------ coupling


@pytest.mark.parametrize(
    ("call", "coupling"),
    [
        ("torch.optim.Adam(ps)", L2),
        ("torch.optim.Adam(ps, decoupled_weight_decay=True)", DECOUPLED),
        ("torch.optim.Adam(ps, decoupled_weight_decay=False)", L2),
        ("torch.optim.Adam(ps, decoupled_weight_decay=flag)", UNKNOWN),
        ("torch.optim.Adam(ps, decoupled_weight_decay=True if x else False)", UNKNOWN),
        ("torch.optim.Adam(ps, decoupled_weight_decay=not True)", L2),
        ("torch.optim.Adam(ps, **{'decoupled_weight_decay': True})", DECOUPLED),
        ("torch.optim.Adam(ps, **kw)", UNKNOWN),
        ("torch.optim.Adam(*args)", UNKNOWN),
        ("torch.optim.AdamW(ps)", DECOUPLED),
        ("torch.optim.AdamW(ps, **kw)", DECOUPLED),
        ("torch.optim.NAdam(ps, 1e-3, (0.9, 0.999), 1e-8, 0, 4e-3, True)", DECOUPLED),
        ("torch.optim.NAdam(ps, 1e-3, (0.9, 0.999), 1e-8, 0, 4e-3)", L2),
        ("torch.optim.RAdam(ps, 1e-3, (0.9, 0.999), 1e-8, 0, True)", DECOUPLED),
        ("torch.optim.RAdam(ps, decoupled_weight_decay=True)", DECOUPLED),
        ("torch.optim.SGD(ps, 0.1)", L2),
        ("torch.optim.RMSprop(ps)", L2),
        ("torch.optim.LBFGS(ps)", NONE),
        ("torch.optim.Adafactor(ps)", DECOUPLED),
        ("apex.optimizers.FusedAdam(ps)", DECOUPLED),
        ("apex.optimizers.FusedAdam(ps, adam_w_mode=False)", L2),
        ("deepspeed.ops.adam.DeepSpeedCPUAdam(ps)", DECOUPLED),
        ("deepspeed.ops.adam.DeepSpeedCPUAdam(ps, adamw_mode=False)", L2),
        ("deepspeed.ops.adam.DeepSpeedCPUAdam(ps, adam_w_mode=False)", DECOUPLED),
        ("bitsandbytes.optim.Adam(ps, weight_decay=1)", DECOUPLED),
        ("bitsandbytes.optim.Adam8bit(ps)", DECOUPLED),
        ("bitsandbytes.optim.RMSprop(ps)", L2),
        ("pytorch_optimizer.AdaBelief(ps)", DECOUPLED),
        ("torch_optimizer.AdaBelief(ps)", L2),
        ("keras.optimizers.Adam(1e-3)", DECOUPLED),
        ("composer.optim.DecoupledAdamW(ps)", LR_FREE),
    ],
)
def test_coupling(call: str, coupling: Coupling) -> None:
    imports = "import apex, bitsandbytes, composer, deepspeed, keras, pytorch_optimizer, torch_optimizer\n"
    assert site(imports + call).coupling is coupling


def test_coupling_by_group() -> None:
    found = site("""
        opt = torch.optim.Adam(
            [
                {"params": a},
                {"params": b, "decoupled_weight_decay": True},
                {"params": c, "decoupled_weight_decay": False},
                {"params": d, "decoupled_weight_decay": flag},
            ],
            weight_decay=1e-4,
        )
    """)
    assert [g.coupling for g in found.groups] == [L2, DECOUPLED, L2, UNKNOWN]
    assert [g.band and g.band.family for g in found.groups] == ["coupled", "decoupled", "coupled", None]


# ----------------------------------------------------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("call", "lr", "wd"),
    [
        ("Adam(ps, 0.5, (0.9, 0.999), 1e-8, 0.25)", 0.5, 0.25),
        ("Adam(ps, lr=0.5, weight_decay=0.25)", 0.5, 0.25),
        ("Adam(weight_decay=0.25, params=ps, lr=0.5)", 0.5, 0.25),
        ("AdamW(ps, 0.5, (0.9, 0.999), 1e-8, 0.25, True)", 0.5, 0.25),
        ("SGD(ps, 0.5, 0.9, 0, 0.25)", 0.5, 0.25),
        ("Adagrad(ps, 0.5, 0, 0.25)", 0.5, 0.25),
        ("ASGD(ps, 0.5, 1e-4, 0.75, 1e6, 0.25)", 0.5, 0.25),
        ("RMSprop(ps, 0.5, 0.99, 1e-8, 0.25)", 0.5, 0.25),
        ("Adadelta(ps, 0.5, 0.9, 1e-6, 0.25)", 0.5, 0.25),
        ("Muon(ps, 0.5, 0.25)", 0.5, 0.25),
        ("Adam(ps)", 1e-3, 0.0),
        ("AdamW(ps)", 1e-3, 0.01),
        ("Muon(ps)", 1e-3, 0.1),
    ],
)
def test_positions_and_defaults(call: str, lr: float, wd: float) -> None:
    found = site(f"torch.optim.{call}")
    assert (found.lr.number, found.decay.number) == (lr, wd)
    assert found.groups[0].parameters is not None and found.groups[0].parameters.text == "ps"


def test_a_default_is_not_written() -> None:
    assert site("torch.optim.AdamW(ps)").decay.origin is Origin.DEFAULT
    assert site("torch.optim.AdamW(ps, weight_decay=0.01)").decay.origin is Origin.WRITTEN
    assert site("torch.optim.AdamW(ps, **kw)").decay.origin is Origin.HIDDEN
    assert site("torch.optim.AdamW(*args)").decay.origin is Origin.HIDDEN
    assert site("torch.optim.AdamW(ps, *args)").lr.origin is Origin.HIDDEN
    assert site("torch.optim.AdamW(ps, **kw, weight_decay=0.5)").decay.number == 0.5
    assert site("torch.optim.AdamW(ps, *args, weight_decay=0.5)").decay.number == 0.5


@pytest.mark.parametrize(
    ("setup", "keywords", "wd"),
    [
        ("", "**{'weight_decay': 0.5}", 0.5),
        ("", "**dict(lr=1, weight_decay=0.5)", 0.5),
        ("kw = {'weight_decay': 0.5}", "**kw", 0.5),
        ("kw = dict(weight_decay=0.5)", "**kw", 0.5),
        ("kw = {'lr': 1}", "**kw", 0.01),
        ("kw = {}", "**kw", 0.01),
        ("kw = {}\nkw['weight_decay'] = 0.5", "**kw", 0.5),
        ("kw = {'weight_decay': 0.25}\nkw['weight_decay'] = 0.5", "**kw", 0.5),
        ("kw = {'lr': 1}\nkw.update(weight_decay=0.5)", "**kw", 0.5),
        ("kw = {'lr': 1}\nkw.update({'weight_decay': 0.5})", "**kw", 0.5),
        ("kw = {'weight_decay': 0.5}\nkw.pop('weight_decay')", "**kw", 0.01),
        ("kw = {'weight_decay': 0.5}\ndel kw['weight_decay']", "**kw", 0.01),
        ("kw = {'weight_decay': 0.5, 'lr': 1}\nkw.pop('lr')", "**kw", 0.5),
        ("a = {'weight_decay': 0.25}\nkw = {**a, 'weight_decay': 0.5}", "**kw", 0.5),
        ("a = {'weight_decay': 0.5}\nkw = dict(a, lr=1)", "**kw", 0.5),
        ("a = {'weight_decay': 0.5}\nkw = a | {'lr': 1}", "**kw", 0.5),
        ("a = {'weight_decay': 0.5}\nkw = a.copy()", "**kw", 0.5),
        ("cfg = {'optim': {'weight_decay': 0.5}}", "**cfg['optim']", 0.5),
        ("kw = {'weight_decay': 0.5} if x else {'weight_decay': 0.5}", "**kw", 0.5),
        ("kw = {'weight_decay': 0.25}\nkw = {'weight_decay': 0.5}", "**kw", 0.5),
        ("kw = None\nif kw is None:\n    kw = {'weight_decay': 0.5}", "**kw", 0.5),
        ("kw = {'weight_decay': 0.5}\nkw.update(more)", "**kw", None),
        ("kw = {'weight_decay': 0.5, **more}", "**kw", None),
        ("kw = {'weight_decay': 0.5}\nfor k in x:\n    kw[k] = 1", "**kw", None),
        ("kw = {'weight_decay': 0.5}\nkw.pop(name)", "**kw", None),
        ("kw = {'lr': 1}\nif x:\n    kw['weight_decay'] = 0.5", "**kw", None),
        ("kw = {'weight_decay': 0.5}\nif x:\n    kw.pop('weight_decay')", "**kw", None),
        ("kw = vars(x)", "**kw", None),
        ("kw = {k: v for k, v in x}", "**kw", None),
    ],
)
def test_keyword_dicts(setup: str, keywords: str, wd: float | None) -> None:
    found = site(f"{setup}\ntorch.optim.AdamW(ps, {keywords})").decay
    assert found.number == wd
    assert (found.origin is Origin.HIDDEN) == (wd is None)


def test_arguments_of_a_partial() -> None:
    found = site("""
        from functools import partial
        make = partial(torch.optim.Adam, lr=0.5, weight_decay=0.25)
        opt = make(net.parameters(), lr=1)
    """)
    assert (found.lr.number, found.decay.number, found.groups[0].coverage) == (1, 0.25, Coverage.WHOLE)
    assert found.span.line == 5
    alone = site("import functools\nmake = functools.partial(torch.optim.Adam, weight_decay=0.25)")
    assert (alone.decay.number, alone.groups[0].coverage) == (0.25, Coverage.UNKNOWN)


# -------------------------------------------------------------------------------------------------------------- values


ARGPARSE = """
import argparse
p = argparse.ArgumentParser()
p.add_argument("-w", "--weight-decay", type=float, default=0.5)
p.add_argument("--l2", dest="other", type=float, default="0.25")
p.add_argument("--none", type=float)
args = p.parse_args()
"""


@pytest.mark.parametrize(
    ("setup", "expression", "numbers", "provenance"),
    [
        # literals and arithmetic
        ("", "0.5", [0.5], ""),
        ("", "5e-1", [0.5], ""),
        ("", "1", [1], ""),
        ("", "-0.5", [-0.5], ""),
        ("", "(0.5)", [0.5], ""),
        ("", "1 - 0.5", [0.5], ""),
        ("", "2 * 0.25", [0.5], ""),
        ("", "1 / 2", [0.5], ""),
        ("", "2**-1", [0.5], ""),
        ("", "float('0.5')", [0.5], ""),
        ("", "float('nan')", [math.nan], ""),
        ("", "1 / 0", [], ""),
        ("", "None", [0], ""),
        ("", "True", [1], ""),
        ("", "x", [], ""),
        ("", "f(x)", [], ""),
        ("", "0.5 * x", [], ""),
        # names
        ("WD = 0.5", "WD", [0.5], "WD on line 2"),
        ("WD: float = 0.5", "WD", [0.5], "WD on line 2"),
        ("a = WD = 0.5", "WD", [0.5], "WD on line 2"),
        ("a = 0.5\nWD = a", "WD", [0.5], "a on line 2"),
        ("lr, WD = 1, 0.5", "WD", [0.5], "WD on line 2"),
        ("(a, WD), c = (1, 0.5), 2", "WD", [0.5], "WD on line 2"),
        ("WD = 0.25\nWD = 0.5", "WD", [0.5], "WD on line 3"),
        ("WD = 1\nWD /= 2", "WD", [0.5], "WD on line 2"),
        ("WD = 1", "WD / 2", [0.5], "WD on line 2"),
        ("if (WD := 0.5): pass", "WD", [0.5], "WD on line 2"),
        ("for WD in (0.25, 0.5): pass", "WD", [0.25, 0.5], "WD on line 2"),
        ("for i, WD in enumerate([0.25, 0.5]): pass", "WD", [0.25, 0.5], "WD on line 2"),
        ("for a, WD in [(1, 0.25), (2, 0.5)]: pass", "WD", [0.25, 0.5], "WD on line 2"),
        ("for a, WD in zip(x, [0.25, 0.5]): pass", "WD", [0.25, 0.5], "WD on line 2"),
        ("for WD in x: pass", "WD", [], ""),
        ("l = [0.5]\nl.append(0)\nfor WD in l: pass", "WD", [], ""),
        ("del WD", "WD", [], ""),
        ("with x as WD: pass", "WD", [], ""),
        ("import WD", "WD", [], ""),
        # branches
        ("if x:\n    WD = 0.25\nelse:\n    WD = 0.5", "WD", [0.25, 0.5], ""),
        ("WD = 0\nif x:\n    WD = 0.5", "WD", [0, 0.5], ""),
        ("WD = None\nif x:\n    WD = 0.5", "WD", [0.5], "WD on line 4"),
        ("WD = 0.25\ntry:\n    WD = 0.5\nexcept E:\n    pass", "WD", [0.25, 0.5], ""),
        ("", "0.5 if x else 0", [0, 0.5], ""),
        ("", "0.5 if x else 0.5", [0.5], ""),
        ("", "0.5 if x else y", [], ""),
        ("WD = None", "WD or 0.5", [0.5], ""),
        ("WD = 0", "WD or 0.5", [0.5], ""),
        ("WD = 0.25", "WD or 0.5", [0.25], "WD on line 2"),
        ("WD = 0.25", "x or WD", [], ""),
        # tables
        ("cfg = {'wd': 0.5}", "cfg['wd']", [0.5], "line 2"),
        ("cfg = dict(wd=0.5)", "cfg['wd']", [0.5], "line 2"),
        ("cfg = {'wd': 0.5}", "cfg.get('wd', 1)", [0.5], "line 2"),
        ("cfg = {}", "cfg.get('wd', 0.5)", [0.5], ""),
        ("cfg = {'wd': 0.5}", "cfg.pop('wd')", [0.5], "line 2"),
        ("cfg = {'a': {'wd': 0.5}}", "cfg['a']['wd']", [0.5], "line 2"),
        ("cfg = {'a': 0.25, 'b': 0.5}", "cfg[x]", [0.25, 0.5], ""),
        ("cfg = {'wd': 1}\ncfg['wd'] = 0.5", "cfg['wd']", [0.5], "cfg['wd'] on line 3"),
        ("cfg = {'wd': 1}\ncfg.update({'wd': 0.5})", "cfg['wd']", [0.5], "line 3"),
        ("cfg = [0.25, 0.5]", "cfg[-1]", [0.5], "line 2"),
        ("cfg = [0.25, 0.5]", "cfg[2]", [], ""),
        ("cfg = [0.25, 0.5]", "cfg[1]", [0.5], "line 2"),
        ("cfg = json.load(f)", "cfg['wd']", [], ""),
        ("def make():\n    return {'wd': 0.5}\ncfg = make()", "cfg['wd']", [0.5], "line 3"),
        ("import types\ns = types.SimpleNamespace(wd=0.5)", "s.wd", [0.5], "line 3"),
        ("from easydict import EasyDict\ns = EasyDict({'wd': 0.5})", "s.wd", [0.5], "line 3"),
        ("s = x\ns.wd = 0.5", "s.wd", [0.5], "s.wd on line 3"),
        # options
        (ARGPARSE, "args.weight_decay", [0.5], "the default of --weight-decay on line 4"),
        (ARGPARSE, "args.other", [0.25], "the default of --l2 on line 5"),
        (ARGPARSE, "vars(args)['weight_decay']", [0.5], "the default of --weight-decay on line 4"),
        (ARGPARSE, "getattr(args, 'weight_decay')", [0.5], "the default of --weight-decay on line 4"),
        (ARGPARSE, "args.none", [], ""),
        (ARGPARSE, "args.missing", [], ""),
        (ARGPARSE + "args.weight_decay = 0", "args.weight_decay", [0], "args.weight_decay on line 8"),
        (ARGPARSE + "p.set_defaults(none=0.5)", "args.none", [0.5], "the default of none on line 8"),
        (
            "from absl import flags\nflags.DEFINE_float('wd', 0.5, 'x')\nFLAGS = flags.FLAGS",
            "FLAGS.wd", [0.5], "the default of --wd on line 3",
        ),
        # classes
        ("class C:\n    wd = 0.5", "C.wd", [0.5], "the default of C.wd on line 3"),
        ("class C:\n    wd = 0.5", "C().wd", [0.5], "the default of C.wd on line 3"),
        ("class C:\n    wd = 0.5\nclass D(C): pass", "D.wd", [0.5], "the default of C.wd on line 3"),
        ("class C:\n    class D:\n        wd = 0.5", "C.D.wd", [0.5], "the default of D.wd on line 4"),
        ("class C:\n    wd: float = 0.5\nc = C(wd=0.25)", "c.wd", [0.25], ""),
        ("class C:\n    wd: float", "C(0.5).wd", [0.5], ""),
        ("class C:\n    wd: float = field(default=0.5)", "C().wd", [0.5], "the default of C.wd on line 3"),
        ("class C:\n    wd = attr.ib(default=0.5)", "C().wd", [0.5], "the default of C.wd on line 3"),
        ("class C:\n    wd: float = Field(0.5, ge=0)", "C().wd", [0.5], "the default of C.wd on line 3"),
        ("class C:\n    wd: float = field()", "C().wd", [], ""),
        (
            "class D:\n    wd = 0.5\nclass C:\n    d: D = field(default_factory=D)",
            "C().d.wd", [0.5], "the default of D.wd on line 3",
        ),
        ("class C:\n    d: dict = field(default_factory=lambda: {'wd': 0.5})", "C().d['wd']", [0.5], "line 3"),
        ("import tyro\nclass C:\n    wd = 0.5\nc = tyro.cli(C)", "c.wd", [0.5], "the default of C.wd on line 4"),
        ("class C:\n    wd = 0.5\nc = C()\nc.wd = 0", "c.wd", [0], "c.wd on line 5"),
        # functions
        ("def f():\n    return 0.5", "f()", [0.5], "f() on line 3"),
        ("def f(a=0.5):\n    return a", "f()", [0.5], "the default of `a` on line 2"),
        ("def f(a):\n    return a", "f(0.5)", [0.5], "f() on line 3"),
        ("def f(x):\n    if x:\n        return 0\n    return 0.5", "f(1)", [0, 0.5], ""),
    ],
)  # fmt: skip
def test_values(setup: str, expression: str, numbers: list[float], provenance: str) -> None:
    found = decay(setup, expression)
    assert found.numbers == tuple(numbers) or all(math.isnan(n) for n in (*found.numbers, *numbers))
    assert found.text == expression
    assert found.origin is Origin.WRITTEN
    if provenance or not setup:
        assert found.provenance == provenance


@pytest.mark.parametrize(
    ("text", "number", "provenance"),
    [
        ("def f(net, wd=0.5):\n    ADAM(wd)", 0.5, "the default of `wd` on line 2"),
        ("def f(net, *, wd=0.5):\n    ADAM(wd)", 0.5, "the default of `wd` on line 2"),
        ("def f(net, wd):\n    ADAM(wd)", None, ""),
        ("wd = 0.5\ndef f(net, wd):\n    ADAM(wd)", None, ""),
        ("def f(net, wd=0.5):\n    wd = 0\n    ADAM(wd)", 0, "wd on line 3"),
        ("def f(net, wd=None):\n    wd = wd or 0.5\n    ADAM(wd)", 0.5, "wd on line 3"),
        ("def f(net, *wd):\n    ADAM(wd)", None, ""),
        ("def f():\n    wd = 0.5\n    def g():\n        ADAM(wd)", 0.5, "wd on line 3"),
        ("lambda wd=0.5: ADAM(wd)", 0.5, "the default of `wd` on line 2"),
        ("@click.option('--wd', default=0.5)\ndef f(wd):\n    ADAM(wd)", 0.5, "the default of --wd on line 2"),
        ("@click.option('--l2', 'wd', default=0.5)\ndef f(wd):\n    ADAM(wd)", 0.5, "the default of --l2 on line 2"),
        ("@click.option('--wd', required=True)\ndef f(wd):\n    ADAM(wd)", None, ""),
        ("def f(wd: float = typer.Option(0.5)):\n    ADAM(wd)", 0.5, "the default of `wd` on line 2"),
        ("def f(wd: float = typer.Option(...)):\n    ADAM(wd)", None, ""),
        ("class C:\n    wd = 0.5\ndef f(c: C):\n    ADAM(c.wd)", 0.5, "the default of C.wd on line 3"),
        ("class T:\n    wd = 0.5\n    def f(self):\n        ADAM(self.wd)", 0.5, "the default of T.wd on line 3"),
        (
            "class T:\n    def __init__(self, wd=0.5):\n        self.wd = wd\n    def f(self):\n        ADAM(self.wd)",
            0.5, "the default of `wd` on line 3",
        ),
        (
            "class T:\n    def __init__(self, wd):\n        self.wd = wd\n    def f(self):\n        ADAM(self.wd)",
            None, "",
        ),
        (
            "class T(L):\n    def __init__(self, wd=0.5): ...\n    def f(self):\n        ADAM(self.hparams.wd)",
            0.5, "the default of `wd` on line 3",
        ),
        (
            "class T(L):\n    def __init__(self, wd=0.5): ...\n    def f(self):\n        ADAM(self.hparams['wd'])",
            0.5, "the default of `wd` on line 3",
        ),
        (
            "class B:\n    def __init__(self, wd=0.5):\n        self.wd = wd\n"
            "class T(B):\n    def f(self):\n        ADAM(self.wd)",
            0.5, "the default of `wd` on line 3",
        ),
        (
            "class T:\n    @property\n    def wd(self):\n        return 0.5\n    def f(self):\n        ADAM(self.wd)",
            0.5, "wd() on line 5",
        ),
        (
            "class T:\n    def __init__(self):\n        self.wd = 0.5\n    def off(self):\n        self.wd = 0\n"
            "    def f(self):\n        ADAM(self.wd)",
            None, "",
        ),
        ("for i in x:\n    ADAM(wd)\n    wd = 0.5", 0.5, "wd on line 4"),
        ("def f():\n    ADAM(WD)\nWD = 0.5", 0.5, "WD on line 4"),
        ("WD = 0\ndef g():\n    global WD\n    WD = 0.5\ndef f():\n    ADAM(WD)", None, ""),
    ],
)  # fmt: skip
def test_values_of_functions_and_classes(text: str, number: float | None, provenance: str) -> None:
    found = site(text.replace("ADAM(", "torch.optim.Adam([w], weight_decay=")).decay
    assert found.number == number
    assert not provenance or found.provenance == provenance


def test_two_options_of_one_name() -> None:
    both = ARGPARSE + "q = argparse.ArgumentParser()\nq.add_argument('--weight-decay', default=0)\n"
    assert decay(both, "args.weight_decay").numbers == (0, 0.5)


def test_strings() -> None:
    assert decay("", "'1e-4'").string == "1e-4"
    assert decay("T = '1e-4'", "T").string == "1e-4"
    assert decay("", "float('1e-4')").string is None
    assert decay("", "'a' if x else 1").string is None


def test_literals() -> None:
    assert decay("", "0.5").literal and decay("", "-0.5").literal and decay("", "(0.5)").literal
    assert not decay("a = 0.5", "a").literal
    assert not decay("", "2 * 0.25").literal
    assert not decay("", "float('1')").literal


def test_how_values_print() -> None:
    assert str(decay("", "5e-4")) == "5e-4"
    assert str(decay("WD = 5e-4", "WD")) == "0.0005 (WD on line 2)"
    assert str(decay("", "0.5 if x else 0")) == "0 or 0.5"
    assert str(decay("", "f(x)")) == "f(x)"


def test_cycles_and_depth_end() -> None:
    assert decay("a = a", "a").numbers == ()
    assert decay("a = b\nb = a", "a").numbers == ()
    assert decay("def f(n):\n    return f(n)", "f(1)").numbers == ()
    assert decay("def f(n):\n    return g(n)\ndef g(n):\n    return f(n)", "f(1)").numbers == ()
    assert decay("class A(A): pass", "A.wd").numbers == ()
    assert decay("class A:\n    def __init__(self):\n        self.a = self.a", "A().a").numbers == ()
    chain = "a0 = 0.5\n" + "".join(f"a{n} = a{n - 1} * 1\n" for n in range(1, 200))
    assert decay(chain, "a199").numbers == ()  # too far to follow
    assert decay(chain, "a9").numbers == (0.5,)


# ------------------------------------------------------------------------------------------------------------ coverage


@pytest.mark.parametrize(
    ("parameters", "coverage"),
    [
        ("net.parameters()", "whole"),
        ("self.net.parameters()", "whole"),
        ("nets[0].parameters()", "whole"),
        ("Net().parameters()", "whole"),
        ("net.cuda().parameters()", "whole"),
        ("list(net.parameters())", "whole"),
        ("tuple(net.parameters())", "whole"),
        ("net.named_parameters()", "whole"),
        ("dict(net.named_parameters()).values()", "whole"),
        ("[p for p in net.parameters()]", "whole"),
        ("(p for p in net.parameters())", "whole"),
        ("[p for n, p in net.named_parameters()]", "whole"),
        ("[p for p in net.parameters() if p.requires_grad]", "whole"),
        ("[p for p in net.parameters() if p.requires_grad is True]", "whole"),
        ("[p for p in net.parameters() if p.requires_grad == True]", "whole"),
        ("filter(lambda p: p.requires_grad, net.parameters())", "whole"),
        ("list(filter(lambda p: p.requires_grad, net.parameters()))", "whole"),
        ("[*a.parameters(), *b.parameters()]", "whole"),
        ("list(a.parameters()) + list(b.parameters())", "whole"),
        ("list(a.parameters()) + [t]", "whole"),
        ("itertools.chain(a.parameters(), b.parameters())", "whole"),
        ("itertools.chain(*[m.parameters() for m in ms])", "whole"),
        ("itertools.chain.from_iterable(m.parameters() for m in ms)", "whole"),
        ("sum([list(m.parameters()) for m in ms], [])", "whole"),
        ("[p for m in ms for p in m.parameters()]", "whole"),
        ("a.parameters() if x else b.parameters()", "whole"),
        ("[p for p in net.parameters() if p.ndim >= 2]", "matrices"),
        ("[p for p in net.parameters() if p.ndim > 1]", "matrices"),
        ("[p for p in net.parameters() if p.dim() != 1]", "matrices"),
        ("[p for p in net.parameters() if len(p.shape) > 1]", "matrices"),
        ("[p for p in net.parameters() if not p.ndim < 2]", "matrices"),
        ("[p for p in net.parameters() if p.requires_grad and p.ndim >= 2]", "matrices"),
        ("filter(lambda p: p.ndim == 2, net.parameters())", "matrices"),
        ("[p for n, p in net.named_parameters() if 'bias' not in n]", "matrices"),
        ("[p for n, p in net.named_parameters() if not n.endswith('bias')]", "matrices"),
        ("[p for n, p in net.named_parameters() if not any(x in n for x in ['bias', 'norm'])]", "matrices"),
        ("[p for n, p in net.named_parameters() if n not in no_decay]", "matrices"),
        ("[p for n, p in net.named_parameters() if 'head' in n and p.ndim > 1]", "matrices"),
        ("[p for p in net.parameters() if p.ndim < 2]", "vectors"),
        ("[p for p in net.parameters() if p.ndim <= 1]", "vectors"),
        ("[p for p in net.parameters() if p.ndim == 1]", "vectors"),
        ("[p for p in net.parameters() if len(p.size()) == 1]", "vectors"),
        ("[p for n, p in net.named_parameters() if 'bias' in n]", "vectors"),
        ("[p for n, p in net.named_parameters() if n.endswith(('.bias', '.norm'))]", "vectors"),
        ("[p for n, p in net.named_parameters() if 'bias' in n or 'norm' in n]", "vectors"),
        ("[p for n, p in net.named_parameters() if n.split('.')[-1] == 'bias']", "vectors"),
        ("[p for n, p in net.named_parameters() if any(x in n for x in no_decay)]", "vectors"),
        ("[p for n, p in net.named_parameters() if p.ndim == 1 or n in skip]", "vectors"),
        ("[a.bias, b.bias]", "vectors"),
        ("[p for n, p in net.named_parameters() if 'head' in n]", "subset"),
        ("[p for n, p in net.named_parameters() if n.startswith('head')]", "subset"),
        ("[p for p in net.parameters() if p.ndim == 4]", "subset"),
        ("[p for n, p in net.named_parameters() if 'head' not in n]", "part"),
        ("[t]", "tensors"),
        ("[self.t]", "tensors"),
        ("[a.weight, b.weight]", "tensors"),
        ("[a.weight, a.bias]", "tensors"),
        ("groups(net)", "helper"),
        ("net.groups()", "unknown"),
        ("[p for n, p in net.named_parameters() if n in names]", "unknown"),
        ("[p for n, p in net.named_parameters() if n in skip]", "unknown"),
        ("[p for p in net.parameters() if f(p)]", "unknown"),
        ("filter(f, net.parameters())", "unknown"),
        ("net.parameters(recurse=False)", "unknown"),
        ("x", "unknown"),
        ("a.parameters() if x else [t]", "unknown"),
    ],
)
def test_coverage(parameters: str, coverage: str) -> None:
    assert group(parameters).coverage.value == coverage


@pytest.mark.parametrize(
    ("setup", "coverage"),
    [
        ("ps = net.parameters()", "whole"),
        ("ps = list(net.parameters())", "whole"),
        ("a = net.parameters()\nps = list(a)", "whole"),
        ("ps = filter(lambda p: p.requires_grad, net.parameters())", "whole"),
        ("ps = list(a.parameters())\nps += list(b.parameters())", "whole"),
        ("ps = []\nfor m in ms:\n    ps += list(m.parameters())", "whole"),
        ("ps = []\nfor m in ms:\n    ps.extend(m.parameters())", "whole"),
        ("ps = []\nfor p in net.parameters():\n    ps.append(p)", "whole"),
        ("ps = []\nfor p in net.parameters():\n    if p.requires_grad:\n        ps.append(p)", "whole"),
        ("ps = []\nfor p in net.parameters():\n    if not p.requires_grad: continue\n    ps.append(p)", "whole"),
        ("ps = []\nfor p in net.parameters():\n    if p.ndim > 1:\n        ps.append(p)", "matrices"),
        ("ps = []\nfor p in net.parameters():\n    if p.ndim > 1: pass\n    else: ps.append(p)", "vectors"),
        ("ps = []\nfor n, p in net.named_parameters():\n    if 'head' in n:\n        ps += [p]", "subset"),
        ("ps = []\nfor m in ms:\n    if isinstance(m, torch.nn.LayerNorm):\n        ps.append(m.weight)", "vectors"),
        ("named = [(n, p) for n, p in net.named_parameters() if p.requires_grad]\nps = [p for n, p in named]", "whole"),
        ("d = {n: p for n, p in net.named_parameters()}\nps = [p for n, p in d.items() if p.dim() < 2]", "vectors"),
        ("def ok(p):\n    return p.requires_grad\nps = list(filter(ok, net.parameters()))", "whole"),
        ("def ok(p):\n    return p.ndim > 1\nps = list(filter(ok, net.parameters()))", "matrices"),
        ("def ok(p):\n    if x: return p\n    return 0\nps = list(filter(ok, net.parameters()))", "unknown"),
        ("if x:\n    ps = a.parameters()\nelse:\n    ps = list(b.parameters())", "whole"),
        ("ps = split(net)", "helper"),
        ("ps, qs = split(net)", "unknown"),
        ("def f(ps): pass", "unknown"),
    ],
)  # fmt: skip
def test_coverage_of_names(setup: str, coverage: str) -> None:
    assert group("ps", setup).coverage.value == coverage


@pytest.mark.parametrize(
    ("setup", "form"),
    [
        ("ps = net.parameters()", Form.GENERATOR),
        ("ps = filter(lambda p: p.requires_grad, net.parameters())", Form.GENERATOR),
        ("ps = (p for p in net.parameters())", Form.GENERATOR),
        ("ps = list(net.parameters())", Form.NAME),
        ("ps = [p for p in net.parameters()]", Form.NAME),
        ("ps = []\nps += list(net.parameters())", Form.NAME),
        ("if x:\n    ps = a.parameters()\nelse:\n    ps = list(b.parameters())", Form.GENERATOR),
    ],
)
def test_names_of_lists_and_generators(setup: str, form: Form) -> None:
    parameters = group("ps", setup).parameters
    assert parameters is not None and parameters.form is form


@pytest.mark.parametrize(
    ("made", "coverage"),
    [
        ("torch.nn.Embedding(3, 4)", "matrices"),
        ("torch.nn.Linear(3, 4)", "whole"),
        ("torch.nn.Linear(3, 4, bias=False)", "matrices"),
        ("torch.nn.Conv2d(3, 4, 1, bias=False)", "matrices"),
        ("torch.nn.Sequential(a, b)", "whole"),
        ("Mine(bias=False)", "whole"),
    ],
)
def test_coverage_by_what_a_module_was_made_of(made: str, coverage: str) -> None:
    assert group("net.parameters()", f"net = {made}").coverage.value == coverage


@pytest.mark.parametrize(
    ("parameters", "form", "repeatable"),
    [
        ("net.parameters()", Form.CALL, True),
        ("self.a.net.parameters()", Form.CALL, True),
        ("make().parameters()", Form.CALL, False),
        ("nets[i].parameters()", Form.CALL, False),
        ("list(net.parameters())", Form.LIST, True),
        ("filter(lambda p: p.requires_grad, net.parameters())", Form.FILTER, True),
        ("filter(lambda p: log(p), net.parameters())", Form.FILTER, False),
        ("[p for p in net.parameters() if p.requires_grad]", Form.COMPREHENSION, True),
        ("[p for n, p in net.named_parameters()]", Form.COMPREHENSION, True),
        ("[p for p in net.parameters() if log(p)]", Form.COMPREHENSION, False),
    ],
)
def test_what_can_be_split_in_place(parameters: str, form: Form, repeatable: bool) -> None:
    found = group(parameters).parameters
    assert found is not None
    assert (found.form, found.repeatable, found.text) == (form, repeatable, parameters)


# -------------------------------------------------------------------------------------------------------------- groups


def summary(text: str) -> list[tuple[str, tuple[float, ...], bool]]:
    """Coverage, numbers and `sets_decay` of each group."""
    return [(g.coverage.value, g.decay.numbers, g.sets_decay) for g in site(text).groups]


SPLIT = """
decay = [p for p in net.parameters() if p.ndim > 1]
rest = [p for p in net.parameters() if p.ndim < 2]
"""
RIGHT = [("matrices", (0.5,), True), ("vectors", (0.0,), True)]


@pytest.mark.parametrize(
    "text",
    [
        "OPT([{'params': decay, 'wd': 0.5}, {'params': rest, 'wd': 0.0}])",
        "OPT([dict(params=decay, wd=0.5), dict(params=rest, wd=0)])",
        "OPT(({'params': decay, 'wd': 0.5}, {'params': rest, 'wd': 0.0}))",
        "g = [{'params': decay, 'wd': 0.5}, {'params': rest, 'wd': 0.0}]\nOPT(g)",
        "a = {'params': decay, 'wd': 0.5}\nb = {'params': rest, 'wd': 0.0}\nOPT([a, b])",
        "a = {'params': decay}\na['wd'] = 0.5\nOPT([a, {'params': rest, 'wd': 0}])",
        "g = []\ng.append({'params': decay, 'wd': 0.5})\ng.append({'params': rest, 'wd': 0})\nOPT(g)",
        "g = [{'params': decay, 'wd': 0.5}]\ng += [{'params': rest, 'wd': 0}]\nOPT(g)",
        "g = [{'params': decay, 'wd': 0.5}]\ng.extend([{'params': rest, 'wd': 0}])\nOPT(g)",
        "OPT([{'params': decay, 'wd': 0.5}] + [{'params': rest, 'wd': 0}])",
        "base = {'lr': 1}\nOPT([{**base, 'params': decay, 'wd': 0.5}, {**base, 'params': rest, 'wd': 0}])",
        "base = dict(wd=0.5)\nOPT([{'params': decay, **base}, {'params': rest, 'wd': 0}])",
        "OPT([{'params': decay, 'wd': 0.5}])\nopt.add_param_group({'params': rest, 'wd': 0.0})",
        "OPT(params=[{'params': decay, 'wd': 0.5}, {'params': rest, 'wd': 0.0}])",
    ],
)
def test_two_groups_however_they_are_written(text: str) -> None:
    text = re.sub(r"\bwd\b", "weight_decay", text.replace("OPT(", "opt = torch.optim.AdamW("))
    assert summary(SPLIT + text) == RIGHT
    assert not site(SPLIT + text).one_group
    assert site(SPLIT + text).groups_complete


def test_groups_inherit() -> None:
    found = site(
        SPLIT
        + "torch.optim.AdamW([{'params': decay, 'lr': 2}, {'params': rest, 'weight_decay': 0.5}], 1, weight_decay=0.25)"
    )
    first, second = found.groups
    assert (first.decay.number, first.lr.number, first.sets_decay) == (0.25, 2, False)
    assert (second.decay.number, second.lr.number, second.sets_decay) == (0.5, 1, True)
    assert [k.name for k in first.keys] == ["params", "lr"]
    implicit = site("torch.optim.AdamW([{'params': net.parameters()}])").groups[0]
    assert (implicit.decay.number, implicit.decay.origin, implicit.coverage) == (0.01, Origin.DEFAULT, Coverage.WHOLE)


def test_groups_of_unknown_dicts_hide_their_decay() -> None:
    for entry in ("{'params': ps, **x}", "{'params': ps, name: 1}", "dict(x, params=ps)"):
        (found,) = site(f"torch.optim.AdamW([{entry}])").groups
        assert found.decay.origin is Origin.HIDDEN, entry
    (changed,) = site("g = {'params': ps, 'weight_decay': 1}\ng.update(x)\ntorch.optim.AdamW([g])").groups
    assert changed.decay.origin is Origin.HIDDEN


def test_groups_that_cannot_all_be_seen() -> None:
    assert not site("torch.optim.AdamW([*more, {'params': ps, 'weight_decay': 1}])").groups_complete
    assert not site("g = [{'params': ps}]\ng += make()\ntorch.optim.AdamW(g)").groups_complete
    comprehension = site("torch.optim.Adam([{'params': m.parameters(), 'weight_decay': 0.5} for m in ms])")
    assert [(g.coverage.value, g.decay.number) for g in comprehension.groups] == [("whole", 0.5)]
    assert not comprehension.groups_complete and not comprehension.one_group
    filtered = site("torch.optim.Adam([{'params': [p]} for p in net.parameters() if p.ndim > 1])")
    assert filtered.groups[0].coverage is Coverage.MATRICES


def test_groups_in_a_loop() -> None:
    assert summary("""
        g = []
        for n, p in net.named_parameters():
            wd = 0.5
            if "bias" in n:
                wd = 0.0
            g += [{"params": [p], "weight_decay": wd}]
        opt = torch.optim.AdamW(g)
    """) == [("whole", (0.0, 0.5), True)]
    assert summary("""
        g = []
        for n, p in net.named_parameters():
            if "bias" in n:
                g.append({"params": [p], "weight_decay": 0.0})
            else:
                g.append({"params": [p], "weight_decay": 0.5})
        opt = torch.optim.AdamW(g)
    """) == [("vectors", (0.0,), True), ("matrices", (0.5,), True)]


def test_groups_of_the_other_branch_are_not_mixed_in_one_optimizer() -> None:
    first, second = sites(
        SPLIT
        + """
if x:
    g = [{'params': decay, 'weight_decay': 0.5}]
    a = torch.optim.AdamW(g)
else:
    g = [{'params': rest, 'weight_decay': 0.0}]
    b = torch.optim.AdamW(g)
"""
    )
    assert [g.coverage.value for g in first.groups] == ["matrices"]
    assert [g.coverage.value for g in second.groups] == ["vectors"]


@pytest.mark.parametrize(
    ("after", "numbers"),
    [
        ("for g in opt.param_groups:\n    g['weight_decay'] = 0.5", [(0.5,), (0.5,)]),
        ("for i, g in enumerate(opt.param_groups):\n    g['weight_decay'] = 0.5", [(0.5,), (0.5,)]),
        ("for g in opt.param_groups:\n    if x:\n        g['weight_decay'] = 0.5", [(0.25, 0.5), (0.0, 0.5)]),
        ("for g in opt.param_groups:\n    g['weight_decay'] = x", [(), ()]),
        ("opt.param_groups[0]['weight_decay'] = 0.5", [(0.5,), (0.0,)]),
        ("opt.param_groups[1]['weight_decay'] = 0.5", [(0.25,), (0.5,)]),
        ("g = opt.param_groups[0]\ng['weight_decay'] = 0.5", [(0.5,), (0.5,)]),
        ("for g in other.param_groups:\n    g['weight_decay'] = 0.5", [(0.25,), (0.0,)]),
        ("for g in opt.param_groups:\n    g['lr'] = 0.5", [(0.25,), (0.0,)]),
    ],
)
def test_later_writes(after: str, numbers: list[tuple[float, ...]]) -> None:
    groups = "[{'params': a, 'weight_decay': 0.25}, {'params': b, 'weight_decay': 0}]"
    found = site(f"opt = torch.optim.AdamW({groups})\n{after}\n")
    assert [g.decay.numbers for g in found.groups] == numbers
    assert found.later_writes == (numbers != [(0.25,), (0.0,)])


def test_a_later_write_belongs_to_its_own_optimizer() -> None:
    first, second, third = sites("""
        def f():
            opt = torch.optim.Adam(ps)
        def g():
            opt = torch.optim.Adam(ps)
            opt.add_param_group({"params": qs, "weight_decay": 0.25})
            for group in opt.param_groups:
                group["weight_decay"] = 0.5
        class T:
            def f(self):
                self.opt = torch.optim.Adam(ps)
            def g(self):
                for group in self.opt.param_groups:
                    group["weight_decay"] = 0.75
    """)
    assert [[g.decay.number for g in s.groups] for s in (first, second, third)] == [[0.0], [0.5, 0.5], [0.75]]
    (one, other) = sites("""
        def build():
            opt = torch.optim.Adam(ps)
            return opt
        def schedule(opt):
            for group in opt.param_groups:
                group["weight_decay"] = 0.5
        optimizer = torch.optim.Adam(ps)
    """)
    assert (one.groups[0].decay.number, other.groups[0].decay.number) == (0.5, 0.0)


def test_added_groups() -> None:
    found = site("opt = torch.optim.Adam(net.parameters())\nopt.add_param_group({'params': x, 'weight_decay': 0.5})\n")
    assert [(g.decay.number, g.added) for g in found.groups] == [(0.0, False), (0.5, True)]
    assert found.groups[1].decay.span is not None and found.groups[1].decay.span.line == 3
    unknown = site("opt = torch.optim.Adam(net.parameters())\nopt.add_param_group(x)\n")
    assert len(unknown.groups) == 1 and not unknown.groups_complete


def test_functional_optimizers_have_no_parameters() -> None:
    (found,) = known("import optax\ntx = optax.adamw(1e-3, weight_decay=0.5)\n").optimizers
    assert found.functional and len(found.groups) == 1
    assert found.groups[0].coverage is Coverage.UNKNOWN and found.groups[0].decay.number == 0.5


def test_groups_are_never_empty() -> None:
    for call in ("Adam()", "Adam([])", "Adam(*a)", "Adam(**kw)", "Adam(params=[])", "Adam([[]])", "Adam({})"):
        assert len(site(f"torch.optim.{call}").groups) == 1, call


# ------------------------------------------------------------------------------------------------------------ the rest


def test_places() -> None:
    found = site("x = [torch.optim.Adam(\n    net.parameters(),\n    weight_decay=(0.5),\n)]\n")
    assert (found.span.line, found.span.column, found.span.end_line, found.span.end_column) == (2, 5, 5, 1)
    assert found.decay.span is not None and (found.decay.span.line, found.decay.span.column) == (4, 17)
    assert found.groups[0].place == found.decay.span
    bare = site("torch.optim.AdamW(net.parameters())")
    assert bare.groups[0].place == bare.groups[0].span and bare.groups[0].span.column == 18


def test_sites_are_in_the_order_of_the_text() -> None:
    found = sites("a = torch.optim.Adam(f(torch.optim.SGD(ps)))\nb = torch.optim.RMSprop(ps)\n")
    assert [f.name for f in found] == ["Adam", "SGD", "RMSprop"]


@pytest.mark.parametrize(
    ("text", "class_name", "reason"),
    [
        ("torch.optim.Adam(ps)", True, ""),
        ("from torch.optim import Adam\nAdam(ps)", True, ""),
        ("from torch.optim import Adam as A\nA(ps)", True, ""),
        ("Opt = torch.optim.Adam\nOpt(ps)", False, "the name `Opt`"),
        ("getattr(torch.optim, 'Adam')(ps)", False, "getattr"),
        ("{'a': torch.optim.Adam}['a'](ps)", False, "table"),
        ("from functools import partial\npartial(torch.optim.Adam)(ps)", False, "partial"),
        ("def f(cls=torch.optim.Adam):\n    cls(ps)", False, "the name `cls`"),
    ],
)
def test_whether_the_class_is_visible_at_the_call(text: str, class_name: bool, reason: str) -> None:
    call = site(text).call
    assert call is not None
    assert (call.class_name is not None) == class_name
    assert reason in call.hidden_class and bool(reason) == bool(call.hidden_class)


def test_memberships() -> None:
    (found,) = known("""
        no_decay = ["bias", "norm"]
        a = [p for n, p in net.named_parameters() if n not in no_decay]
    """).memberships
    assert (found.variable, found.collection, found.names, found.negated) == ("n", "no_decay", ("bias", "norm"), True)
    for silent in (
        "for n, m in net.named_modules():\n    n in ['bias']",
        "for n in names:\n    n in ['bias']",
        "for n, p in net.named_parameters():\n    n in ['a.bias']",
        "for n, p in net.named_parameters():\n    n in 'bias'",
        "for n, p in net.named_parameters(recurse=False):\n    n in ['bias']",
        "for m in net.modules():\n    for n, p in m.named_parameters():\n        n in ['bias']",
        "import torch\nlin = torch.nn.Linear(1, 1)\nfor n, p in lin.named_parameters():\n    n in ['bias']",
        "for n, p in self.rnn.named_parameters():\n    n in ['bias_ih_l0', 'bias_hh_l0']",
        "l = ['bias']\nl.append(x)\nfor n, p in net.named_parameters():\n    n in l",
    ):
        assert known(silent).memberships == (), silent


def test_generators() -> None:
    (found,) = known("ps = net.parameters()\na = list(ps)\nb = [p for p in ps]\n").generators
    assert (found.name, found.span.line, [r.line for r in found.reads]) == ("ps", 1, [2, 3])
    (pairs,) = known(
        "ps = ((n, p) for n, p in net.named_parameters())\nfor n, p in ps:\n    pass\nlist(ps)\n"
    ).generators
    assert [r.line for r in pairs.reads] == [2, 4]
    for silent in (
        "ps = list(net.parameters())\nlist(ps)\nlist(ps)",
        "ps = net.parameters()\nlist(ps)",
        "ps = net.parameters()\nlist(ps)\nps = net.parameters()\nlist(ps)",
        "ps = net.parameters()\nif x:\n    list(ps)\nelse:\n    list(ps)",
        "ps = net.parameters()\na = list(ps) if x else tuple(ps)",
        "ps = net.parameters()\nnext(p for p in ps)\nlist(ps)",
        "ps = net.parameters()\nfor p in ps:\n    break\nlist(ps)",
        "def f():\n    ps = net.parameters()\n    if x:\n        return list(ps)\n    return list(ps)",
    ):
        assert known(silent).generators == (), silent


def test_facts_are_plain_data() -> None:
    found = known("import torch\nopt = torch.optim.Adam(net.parameters(), weight_decay=1e-4)\n")
    assert pickle.loads(pickle.dumps(found)) == found
    assert hash(found)


def test_a_text_without_optimizers_has_no_facts() -> None:
    for text in ("", "\n", "# nothing", "import torch\n", "x = 1\r\n", "\ufeffx = 1"):
        assert known(text).optimizers == ()
    with pytest.raises(Unparsable):
        known("x = (")

"""Imports follow the class: the old name goes when nothing needs it, the new one comes where the call sees it."""

from __future__ import annotations

import pytest
from repairs import repaired

from wdlint.config import Config
from wdlint.engine import fix

SITE = "optimizer = Adam([torch.zeros(2)], weight_decay=5e-4)\n"
HEAD = "import torch\n"
BOTH, ALONE = "from torch.optim import Adam, AdamW\n", "from torch.optim import AdamW\n"


def fixed(text: str, path: str = "train.py") -> str:
    new = repaired(text, path=path).fixed
    assert new is not None
    return new


@pytest.mark.parametrize(
    "use",
    [
        "other = Adam([torch.zeros(2)])",
        "__all__ = ['Adam']",
        "__all__ = ('optimizer', 'Adam')",
        "__all__ = ['optimizer'] + ['Adam']",
        "__all__: list[str] = ['Adam']",
        "__all__ = []\n__all__ += ['Adam']",
        "__all__ = []\n__all__.extend(['Adam'])",
        "def f(x: Adam): ...",
        "def f(*x: Adam): ...",
        "def f(**x: Adam): ...",
        "def f(x) -> 'Adam': ...",
        "def f(x: 'list[Adam | None]'): ...",
        "from typing import Optional\ndef f(x: Optional['Adam']): ...",
        "def f(x):\n    # type: (Adam) -> None\n    pass",
        "x: Adam",
        "from typing import cast\ncast('Adam', optimizer)",
        "isinstance(optimizer, Adam)",
        "isinstance(optimizer, (Adam, torch.optim.SGD))",
        "match optimizer:\n    case Adam(): pass",
        "match optimizer:\n    case {'one': Adam(lr=0) | None}: pass",
        "class Mine(Adam): ...",
        "class Mine(metaclass=Adam): ...",
        "def f(kind=Adam): ...",
        "f = lambda kind=Adam: kind",
        "f = lambda: Adam",
        "kinds = {'adam': Adam}",
        "kinds = [Adam for _ in (1,)]",
        "@Adam\ndef f(): ...",
        "print(f'{Adam}')",
        "Adam.step",
        "del Adam",
        "Adam = None",
        "def f():\n    global Adam\n    Adam = None",
        "def f():\n    return Adam",
        "try: pass\nexcept Adam: pass",
        "with Adam: pass",
        "eval('Adam')",
        "globals()['Adam']",
    ],
)
def test_a_name_that_is_used_stays(use: str) -> None:
    new = fixed(f"{HEAD}from torch.optim import Adam\n{SITE}{use}\n")
    assert BOTH in new


@pytest.mark.parametrize(
    "use",
    [
        "name = 'Adam'",
        "# Adam",
        "'''Adam'''",
        "torch.optim.Adam",
        "optimizer.Adam",
        "dict(Adam=1)",
        "def f(Adam): return Adam",
        "def f():\n    from torch.optim import Adam\n    return Adam([torch.zeros(2)])",
        "class Mine:\n    Adam = 1",
        "[Adam for Adam in (1, 2)]",
        "import torch.optim.adam as adam",
    ],
)
def test_a_name_that_is_only_spelt_goes(use: str) -> None:
    new = fixed(f"{HEAD}from torch.optim import Adam\n{SITE}{use}\n")
    assert ALONE in new.splitlines(keepends=True)
    assert BOTH not in new


@pytest.mark.parametrize("path", ["package/__init__.py", "__init__.py"])
def test_an_init_file_may_be_imported_from(path: str) -> None:
    text = f"{HEAD}from torch.optim import Adam\n{SITE}"
    assert BOTH in fixed(text, path)
    assert ALONE in fixed(text, "package/init.py")


@pytest.mark.parametrize(
    ("statement", "after", "name"),
    [
        ("from torch.optim import Adam", "from torch.optim import AdamW", "AdamW"),
        ("from torch.optim import Adam as A", "from torch.optim import AdamW", "AdamW"),
        ("from torch.optim import (Adam)", "from torch.optim import (AdamW)", "AdamW"),
        ("from torch.optim import (Adam,)", "from torch.optim import (AdamW,)", "AdamW"),
        ("from torch.optim import  SGD ,Adam", "from torch.optim import  SGD ,AdamW", "AdamW"),
        ("from torch.optim import Adam, AdamW", "from torch.optim import AdamW", "AdamW"),
        ("from torch.optim import AdamW, Adam", "from torch.optim import AdamW", "AdamW"),
        ("from torch.optim import SGD, Adam, AdamW", "from torch.optim import SGD, AdamW", "AdamW"),
        ("from torch.optim import (AdamW, Adam,)", "from torch.optim import (AdamW,)", "AdamW"),
        ("from torch.optim import (AdamW as W, Adam)", "from torch.optim import (AdamW as W)", "W"),
        ("from torch.optim import AdamW; from torch.optim import Adam", "from torch.optim import AdamW; from", "AdamW"),
        ("from torch.optim.adam import Adam", "from torch.optim import AdamW", "AdamW"),
        (
            "from torch.optim.adam import Adam, adam",
            "from torch.optim.adam import adam\nfrom torch.optim import",
            "AdamW",
        ),
        (
            "from torch.optim.adam import Adam as A, adam; 1",
            "from torch.optim.adam import adam; from torch.optim import",
            "A",
        ),
        ("import torch.optim as O", "import torch.optim as O", "O.AdamW"),
        ("from torch import optim", "from torch import optim", "optim.AdamW"),
        ("from torch.optim import *", "from torch.optim import *", "AdamW"),
        (
            "from torch.optim import Adam\nfrom x import AdamW",
            "from torch.optim import AdamW as TorchAdamW",
            "TorchAdamW",
        ),
        ("from torch.optim import Adam\nAdamW = TorchAdamW = 1", "import AdamW as DecoupledAdam", "DecoupledAdam"),
    ],
)
def test_every_form_of_import(statement: str, after: str, name: str) -> None:
    bound = name.replace("W", "") if "." in name else "A" if " as A" in statement else "Adam"
    new = fixed(f"{HEAD}{statement}\n{SITE.replace('Adam', bound)}")
    assert after in new
    assert f"optimizer = {name if name != 'A' else 'AdamW'}([" in new


@pytest.mark.parametrize(
    "lines",
    [
        "if torch:\n    from torch.optim import AdamW",
        "try:\n    from torch.optim import AdamW\nexcept ImportError:\n    raise",
        "def f():\n    from torch.optim import AdamW\n    return AdamW",
        "class C:\n    from torch.optim import AdamW",
    ],
)
def test_a_counterpart_that_may_not_be_there_is_imported(lines: str) -> None:
    new = fixed(f"{HEAD}from torch.optim import Adam\n{lines}\n{SITE}")
    assert new.startswith(HEAD + ALONE)


def test_a_counterpart_imported_below_is_imported_above() -> None:
    new = fixed(f"{HEAD}from torch.optim import Adam\n{SITE}from torch.optim import AdamW\n")
    assert new.startswith(HEAD + ALONE)


def test_a_function_sees_the_imports_of_its_module() -> None:
    text = f"{HEAD}from torch.optim import AdamW\n\ndef f():\n    from torch.optim import Adam\n    return {SITE[12:]}"
    assert "    from torch.optim import Adam\n" not in fixed(text)


@pytest.mark.parametrize("code", ["WD101", "WD101, WD201"])
def test_a_suppressed_site_keeps_the_import(code: str) -> None:
    text = f"{HEAD}from torch.optim import Adam\n{SITE}{SITE.rstrip()}  # wdlint: ignore[{code}]\n"
    assert BOTH in fixed(text)


def test_a_repair_for_one_site_alone_keeps_the_name_for_the_others() -> None:
    """What an editor offers as a quick fix."""
    from wdlint.edits import Page, applied
    from wdlint.engine import lint

    text = f"{HEAD}from torch.optim import Adam\n{SITE}{SITE}"
    first, *_ = lint(text, Config()).diagnostics
    alone = applied(Page(text), first.edits)
    assert BOTH in alone
    assert ALONE in (fix(text, Config()).fixed or "")

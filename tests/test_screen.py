"""The byte screen never rules out a file that can have a finding, and imports next to nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from wdlint.catalogue import Catalogue
from wdlint.config import Config
from wdlint.engine import CODES, lint
from wdlint.screen import may_matter

HERE = Path(__file__).parent.parent
NAMES = sorted({name for spec in Catalogue.load() for name in (spec.name,)} | {"torch.optim.adam.Adam"})


@pytest.mark.parametrize("name", NAMES)
def test_every_catalogued_class_passes_however_it_is_imported(name: str) -> None:
    module, _, cls = name.rpartition(".")
    for text in (
        f"from {module} import {cls}\n{cls}(p)\n",
        f"import {module} as m\nm.{cls}(p)\n",
        f"from {module} import *\n{cls}(p)\n",
    ):
        assert may_matter(text.encode(), CODES), text


@pytest.mark.parametrize("path", sorted((HERE / "fixtures").rglob("*.py")), ids=lambda p: p.stem)
def test_what_the_screen_rules_out_has_no_finding(path: Path) -> None:
    data = path.read_bytes()
    if not may_matter(data, CODES):
        assert lint(data.decode("utf-8", "replace"), Config(), codes=frozenset(CODES)).diagnostics == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "import os\n",
        "import numpy as np\nx = np.zeros(3)\n",
        "import torch\nx = torch.zeros(3)\n",
        "weight_decay = 0.1\n",
        "# Adam\n",
    ],
)
def test_a_file_that_cannot_matter_is_ruled_out(text: str) -> None:
    assert not may_matter(text.encode(), CODES)


@pytest.mark.parametrize(
    "data",
    [
        b"x = 1  # noqa: WD101\n",
        b"x = 1  # wdlint: ignore[WD101]\n",
        b"# coding: utf-7\n",
        "import torch.optim".encode("utf-16"),
        b"for n, p in m.named_parameters(): pass\n",
        b"params = m.parameters()\n",
    ],
)
def test_what_may_matter_passes(data: bytes) -> None:
    assert may_matter(data, CODES)


def test_the_users_own_optimizers_pass() -> None:
    assert may_matter(b"from lab import Descent\nDescent(p)\n", CODES, ["Descent"])


def test_a_file_that_cannot_matter_imports_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import os\n")
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "wdlint", "--isolated", str(tmp_path / "a.py")],
        capture_output=True, text=True, cwd=HERE, check=True,
    )  # fmt: skip
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in run.stderr.splitlines()}
    assert not loaded & {"libcst", "torch", "rich", "flake8", "tomllib"}

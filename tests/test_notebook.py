"""Notebooks as one text: what becomes of magics, and that every place leads back to its cell."""

from __future__ import annotations

import ast
import json
import pickle
import random

import pytest

from wdlint.model import Span
from wdlint.notebook import Cell, Joined, Malformed, Rejection, Skipped, join, python_of

Source = str | list[str]


def code(source: Source) -> dict[str, object]:
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source}


def markdown(source: Source) -> dict[str, object]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def data(*cells: object, **metadata: object) -> bytes:
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}).encode()


def joined(*sources: Source) -> Joined:
    return join(data(*map(code, sources)))


def masked(source: str) -> str:
    return python_of(source)[0]


# ----------------------------------------------------------------------------------------------------- cells and places


def test_cells_are_numbered_over_all_and_lead_back() -> None:
    found = join(
        data(
            markdown("# title"),
            code(["import torch\n", "\n", "x = 1"]),
            {"cell_type": "raw", "metadata": {}, "source": "raw"},
            code(""),
            code("y = 2\n"),
            code("z = 3\n\n"),
        )
    )
    assert found.text == "import torch\n\nx = 1\ny = 2\nz = 3\n\n"
    assert [(cell.number, cell.line) for cell in found.cells] == [(2, 1), (5, 4), (6, 5)]
    assert [found.place(line) for line in range(1, 8)] == [(2, 1), (2, 2), (2, 3), (5, 1), (6, 1), (6, 2), (6, 3)]
    assert found.span(Span(3, 4, 3, 5)) == (2, Span(3, 4, 3, 5))
    assert found.span(Span(4, 0, 4, 5)) == (5, Span(1, 0, 1, 5))
    assert found.span(Span(5, 0, 6, 0)) == (6, Span(1, 0, 2, 0))
    assert found.source(2) == "import torch\n\nx = 1"
    assert found.skipped == ()
    with pytest.raises(StopIteration):
        found.source(1)


def test_no_cell_runs_into_the_next() -> None:
    unfinished = ["x = 1 \\", "'", "(", '"""open', "if x:", "a = '''", "@d"]
    found = joined(*unfinished[:3], "y = 2", "# comment \\", "z = 3", *unfinished[3:6], "w = 4", unfinished[6], "v")
    assert found.text == "y = 2\n# comment \\\nz = 3\nw = 4\nv\n"
    assert [skipped.cell for skipped in found.skipped] == [1, 2, 3, 7, 8, 9, 11]
    assert all(skipped.reason and "\n" not in skipped.reason for skipped in found.skipped)
    ast.parse(found.text)


def test_lines_are_counted_as_python_counts_them() -> None:
    found = joined("a = 1\r\nb = 2\rc = 3", "s = '\u2028\x0c\x0b\x85'\nd = 4", "e = 5")
    names = {node.id: node.lineno for node in ast.walk(ast.parse(found.text)) if isinstance(node, ast.Name)}
    assert {name: found.place(line) for name, line in names.items()} == {
        "a": (1, 1), "b": (1, 2), "c": (1, 3), "s": (2, 1), "d": (2, 2), "e": (3, 1),
    }  # fmt: skip


def test_an_empty_notebook_has_no_places() -> None:
    found = join(data(markdown("x"), code("  \n ")))
    assert (found.text, found.cells, found.skipped) == ("", (), ())
    with pytest.raises(ValueError, match="no places"):
        found.place(1)


def test_comments_stay_also_alone() -> None:
    """A suppression of the whole file may stand in a cell of its own."""
    assert joined("# wdlint: ignore-file", "x = 1").text == "# wdlint: ignore-file\nx = 1\n"


def test_an_indented_cell_is_moved_to_the_left_as_ipython_does() -> None:
    found = joined("x = 0", "\n    if x:\n        y = 1\n\nz = 2", "\tw = 3")
    assert found.text == "x = 0\n\nif x:\n    y = 1\n\nz = 2\nw = 3\n"
    assert found.span(Span(4, 4, 4, 5)) == (2, Span(3, 8, 3, 9))
    assert found.span(Span(3, 0, 4, 9)) == (2, Span(2, 4, 3, 13))
    assert found.span(Span(6, 0, 6, 1)) == (2, Span(5, 0, 5, 1))  # a line that had no indentation
    assert found.span(Span(7, 0, 8, 0)) == (3, Span(1, 1, 2, 0))
    assert found.span(Span(3, 0, 4, 0)) == (2, Span(2, 4, 3, 0))
    assert found.span(Span(4, 0, 4, 0)) == (2, Span(3, 4, 3, 4))


def test_random_cells_lead_back_line_by_line() -> None:
    atoms = ["x = {0}", "!ls {0}", "files = !ls", "# {0}", "", "%%time", "    !ls \\\n  more", "(\n% {0}"]
    atoms += ["s = '''\n%x\n'''", "if x:\n    %cd\n"]
    for seed in range(300):
        chance = random.Random(seed)
        sources = ["\n".join(chance.choices(atoms, k=chance.randint(0, 5))).format(n) for n in range(6)]
        found = joined(*sources)
        lines = found.text.split("\n")[:-1]
        for number, line in enumerate(lines, 1):
            cell, inside = found.place(number)
            original = sources[cell - 1].split("\n")[inside - 1]
            assert line.strip() in (original.strip(), "pass", "", "files = None"), (seed, number)
        assert {cell.number for cell in found.cells}.isdisjoint(skipped.cell for skipped in found.skipped)
        if lines:
            ast.parse(found.text)


# --------------------------------------------------------------------------------------------------------------- magics


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("%matplotlib inline", "pass"),
        ("% cd x", "pass"),
        ("!pip install 'x", "pass"),
        ("!!ls", "pass"),
        ("?x", "pass"),
        ("x?", "pass"),
        ("x.y?? ", "pass"),
        ("x?  # what", "pass"),
        (",f a b", "pass"),
        (";f a b", "pass"),
        ("/f a", "pass"),
        ("if x:\n    !ls\n    %cd ..\nelse:\n\ty?", "if x:\n    pass\n    pass\nelse:\n\tpass"),
        ("!echo a \\\n  b \\\n  c\nx = 1", "pass\n\n\nx = 1"),
        ("%run x.py \\\r\n  --a\r\ny = 1\r\n", "pass\r\n\r\ny = 1\r\n"),
        ("files = !ls *.py", "files = None"),
        ("files = !l", "files = None"),
        ("a, b.c[0] =  !ls", "a, b.c[0] =  None"),
        ("n: int = %who_ls \\\n  int\nx = 1", "n: int = None\n\nx = 1"),
        ("t = %timeit -o f(x == 3)", "t = None"),
        ("(a,\n b) = !ls", "(a,\n b) = None"),
        ("x = 1\ny = !ls", "x = 1\ny = None"),
        ("x = a \\\n  % b\n!ls", "x = a \\\n  % b\npass"),
        ("x = !ls\n!ls", "x = None\npass"),
        ("x = !ls (\n!ls", "x = None\npass"),
        ("x = 1\n%time y = 2\nz = 3", "x = 1\npass\nz = 3"),
        ("!echo (\nx = [\n  1,\n]\n!ls", "pass\nx = [\n  1,\n]\npass"),
        ("!echo '''\nx = 1", "pass\nx = 1"),
        ("s = '''a''' # '\n!ls", "s = '''a''' # '\npass"),
        ("x = 'it\\'s'\n!ls", "x = 'it\\'s'\npass"),
        ("r'\\\\'\n!ls", "r'\\\\'\npass"),
        ("x = ')'\n!ls", "x = ')'\npass"),
        ("# (\n!ls", "# (\npass"),
        ("x = '''\n'''; y = (1,\n2)\n!ls", "x = '''\n'''; y = (1,\n2)\npass"),
        ("\ufeff", "\ufeff"),
    ],
)
def test_magics_become_python(source: str, expected: str) -> None:
    found = masked(source)
    assert [line.rstrip(" ") for line in found.split("\n")] == expected.split("\n")
    assert expected.count("\n") == source.count("\n")
    if found.startswith(("files = ", "t = ")):
        assert len(found) == max(len(source), len(expected))  # what followed the magic keeps its place


@pytest.mark.parametrize(
    "source",
    [
        's = """\n%not magic\n!not shell\nx?\n"""',
        "s = '''\n% x\n''' % 3",
        "f(1,\n  % 3)",
        "x = (a\n     % b,\n     c)",
        "x = a \\\n  % b",
        "x = [\n# comment (\n% 3\n]",
        "s = 'a\\\n% b'",
        "x = {'a': '''\n!ls\n''',\n  'b':\n  % 3}",
        "x = y != z",
        "x == !y",
        "x += !ls",
        "f(x=!ls)",
        "f(x=%ls)",
        "x = y % z",
        "x = a = !ls",
        "x = (!ls)",
        "x = (\n1) = !ls",
        "x = '= !ls'",
        "x = 1  # = !ls",
        "x = '?'",
        "# what?",
        "x = 1  # what?",
        "print('%d' % 3); y = f'{x!r}'",
        "x = 1\n# %%bash",
        'f"""\n{x}\n%s ?\n"""',
        "lambda a=1: a",
        "def f(a='?'):\n    return a",
        "assert x, 'really?'",
        "x = rb'\\'\n",
        "",
    ],
)
def test_python_stays_untouched(source: str) -> None:
    assert masked(source) == source


def test_cell_magics() -> None:
    for name in ("capture out", "time", "timeit -n 3", "prun", "python", "python3", "debug", "capture --no-stderr x"):
        assert masked(f"%%{name}\nx = 1") == "pass\nx = 1"
        assert masked(f"\n# why\n  %%{name}\nx = !ls") == "\n# why\npass\nx = None"
    for name in ("bash", "writefile x.py", "html", "javascript", "", "sql", "pythonic", "time_it", "%time"):
        assert masked(f"%%{name}\nx = 1") == ""
    assert masked("%%time\n%%capture\nx = 1") == "pass\npass\nx = 1"
    assert masked("%%time\n\n%%bash\nls") == ""
    assert masked("%%time") == "pass"
    assert masked("x = 1\n%%time\ny = 2") == "x = 1\npass\ny = 2"  # no cell magic there, and an error in IPython
    assert joined("%%bash\nls") == joined("") == Joined()  # it says what it is
    assert joined("%%time\nx = 1\n", "y = 1").place(3) == (2, 1)


def test_a_cell_that_python_rejects_is_left_out_and_listed() -> None:
    found = joined("x = 1", "y = \n", "pip install x", "z = 3")
    assert found.text == "x = 1\nz = 3\n"
    assert found.skipped == (Skipped(2, 1, "invalid syntax"), Skipped(3, 1, "invalid syntax"))
    assert found.place(2) == (4, 1)


def test_top_level_await_is_python() -> None:
    source = "async with a as b:\n    await b\nx = await f()\nasync for i in g():\n    pass"
    assert joined(source, "from __future__ import annotations", "return 1").skipped == ()


@pytest.mark.parametrize(
    "source",
    ["x = 1\0", "'\ud800'", "# \ud800", "(" * 5000, "-" * 100_000 + "1", "9" * 5000, "if x:\n y\n\tz", "\ufeffx"],
)
def test_hostile_cells_cost_only_themselves(source: str) -> None:
    found = joined("x = 1", source, "y = 2")
    assert "x = 1\n" in found.text and "y = 2\n" in found.text
    assert [skipped.cell for skipped in found.skipped] == [2]
    assert all(skipped.line in (1, 3) and skipped.reason for skipped in found.skipped)


def test_no_warning_about_the_code_of_others(recwarn: pytest.WarningsRecorder) -> None:
    assert joined("x = '\\d'\nx is 'a'\n1()").skipped == ()
    assert not recwarn.list


def test_the_judgement_can_be_given() -> None:
    asked: list[str] = []

    def lenient(text: str) -> Rejection | None:
        asked.append(text)
        return (7, "no good") if "bad" in text else None

    found = join(data(code("type X[T = int] = int\n!ls"), code("bad = 1"), code("%%bash")), lenient)
    assert asked == ["type X[T = int] = int\npass", "bad = 1"]
    assert found.text == "type X[T = int] = int\npass\n"
    assert found.skipped == (Skipped(2, 7, "no good"),)


# ------------------------------------------------------------------------------------------------------------ documents


@pytest.mark.parametrize(
    ("metadata", "python"),
    [
        ({}, True),
        ({"language_info": {"name": "python"}}, True),
        ({"language_info": {"name": "Python"}, "kernelspec": {"language": "R"}}, True),
        ({"kernelspec": {"language": "python", "name": "x"}}, True),
        ({"kernelspec": {"name": "conda"}}, True),
        ({"language_info": {"name": "ipython", "version": 3}}, True),
        ({"language_info": {"name": "R"}}, False),
        ({"language_info": {"name": "julia"}, "kernelspec": {"language": "python"}}, False),
        ({"kernelspec": {"language": "C++17"}}, False),
        ({"language_info": 3, "kernelspec": []}, True),
    ],
)
def test_the_language_of_the_kernel_decides(metadata: dict[str, object], python: bool) -> None:
    found = join(data(code("x = 1"), **metadata))
    assert found.text == ("x = 1\n" if python else "")
    assert bool(found.cells) is python
    assert not found.skipped


def test_cells_of_editors_with_mixed_languages() -> None:
    shell = {**code("ls -l"), "metadata": {"vscode": {"languageId": "shellscript"}}}
    python = {**code("x = 1"), "metadata": {"vscode": {"languageId": "python"}}}
    found = join(data(shell, python))
    assert (found.text, found.skipped, found.place(1)) == ("x = 1\n", (), (2, 1))


def test_old_notebooks_with_worksheets() -> None:
    cells = [
        {"cell_type": "heading", "level": 1, "source": "t"},
        {"cell_type": "code", "language": "python", "input": ["x = 1\n", "y = 2"]},
        {"cell_type": "code", "language": "r", "input": "z <- 3"},
    ]
    document = {"nbformat": 3, "metadata": {"name": ""}, "worksheets": [{"cells": cells}, {}, 3, {"cells": cells[1:2]}]}
    found = join(json.dumps(document).encode())
    assert found.text == "x = 1\ny = 2\nx = 1\ny = 2\n"
    assert found.place(4) == (4, 2)


def test_odd_cells_are_listed_or_passed_over() -> None:
    sourceless: list[object] = [{"cell_type": "code"}]
    sourceless += [{"cell_type": "code", "source": source} for source in (3, ["x", 3], None)]
    odd = [3, None, [], {}, *sourceless, {"cell_type": ["code"], "source": "y = 1"}]
    found = join(data(*odd, code("x = 1")))
    assert found.text == "x = 1\n"
    assert found.skipped == tuple(Skipped(number, 1, "its source is not text") for number in (5, 6, 7, 8))
    assert found.place(1) == (10, 1)


@pytest.mark.parametrize(
    ("raw", "reason", "line", "column"),
    [
        (b"", "empty file", 1, 0),
        (b" \n", "empty file", 2, 0),
        (b'{"cells": [\n  {"a": }\n]}', "not JSON: expecting value", 2, 8),
        (b"version https://git-lfs.github.com/spec/v1\n", "not JSON: expecting value", 1, 0),
        (b'{"cells": []\n<<<<<<< HEAD\n', "not JSON: expecting ',' delimiter", 2, 0),
        (b'{"cells":\n"\xff"}', "byte 0xff is not utf-8", 2, 1),
        (b"[" * 200_000, "not JSON", None, 0),
        (b'{"cells": [' + b"9" * 5000 + b"]}", "not JSON", None, 0),
        (b"[]", "not a notebook: it has no list of cells", None, 0),
        (b"{}", "not a notebook: it has no list of cells", None, 0),
        (b'{"cells": {}}', "not a notebook: it has no list of cells", None, 0),
        (b'{"worksheets": 3}', "not a notebook: it has no list of cells", None, 0),
        (b'"cells"', "not a notebook: it has no list of cells", None, 0),
    ],
)
def test_what_is_no_notebook(raw: bytes, reason: str, line: int | None, column: int) -> None:
    with pytest.raises(Malformed) as caught:
        join(raw)
    assert caught.value.reason.startswith(reason)
    assert (caught.value.line, caught.value.column) == (line, column)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.reason, again.line, again.column) == (caught.value.reason, line, column)


def test_a_byte_order_mark_is_no_harm() -> None:
    assert join(b"\xef\xbb\xbf" + data(code("x = 1"))).text == "x = 1\n"


def test_random_damage_never_escapes() -> None:
    """Cut, changed and repeated bytes: Malformed or an answer that holds together."""
    whole = data(markdown("# t"), code("x = 1\n!ls"), code("%%time\ny = '''\n%'''"), language_info={"name": "python"})
    for seed in range(2000):
        chance = random.Random(seed)
        raw = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(raw))
            put = bytes(chance.choices(b'{}[]",:\\n\x00\xff1u%!', k=chance.randint(0, 3)))
            raw[at : at + chance.randint(0, 3)] = put
        try:
            found = join(bytes(raw))
        except Malformed:
            continue
        assert all(found.place(cell.line) == (cell.number, 1) for cell in found.cells)


def test_cells_are_plain_data() -> None:
    found = joined("%time x = 1")
    assert found.cells == (Cell(1, "%time x = 1", 1),)
    assert pickle.loads(pickle.dumps(found)) == found

"""Walking: what is taken, what is left out, what is reported, and that it always ends."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from wdlint import discovery
from wdlint.config import DEFAULT_EXCLUDE
from wdlint.discovery import Missing, discover
from wdlint.globs import Globs, literally

GIT = shutil.which("git")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def plant(*names: str) -> None:
    for name in names:
        if name.endswith("/"):
            os.makedirs(name, exist_ok=True)
            continue
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        Path(name).write_text("")


def found(
    *paths: str | Path,
    exclude: Sequence[str] = (),
    respect_gitignore: bool = True,
    force_exclude: bool = False,
    root: Path | None = None,
) -> list[str]:
    """Paths as they come, `path: reason` for what is missing."""
    items = discover(
        paths, exclude=exclude, respect_gitignore=respect_gitignore, force_exclude=force_exclude, root=root
    )
    return [f"{item.path}: {item.reason}" if isinstance(item, Missing) else str(item) for item in items]


# -------------------------------------------------------------------------------------------------------- what is taken


def test_python_and_notebooks_in_sorted_order(tree: Path) -> None:
    plant("b.py", "a/z.py", "a/b/c.ipynb", "a.py", "stub.pyi", "x.txt", "a/b.pyc", "py", "a-b/x.py", "B.py")
    expected = ["B.py", "a/b/c.ipynb", "a/z.py", "a-b/x.py", "a.py", "b.py"]
    assert found(".") == expected
    assert found(tree) == [str(tree / name) for name in expected]
    assert found("a", ".") == ["a/b/c.ipynb", "a/z.py", "B.py", "a-b/x.py", "a.py", "b.py"]


def test_order_does_not_depend_on_the_file_system(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant("b/1.py", "b/2.py", "a.py", "c.py", "a/1.py")
    straight = found(".")
    monkeypatch.setattr(discovery, "list", lambda entries: [*entries][::-1], raising=False)
    assert found(".") == straight


def test_a_named_file_is_taken_whatever_it_is_called(tree: Path) -> None:
    plant("train", "stub.pyi", ".venv/a.py", ".gitignore", "ignored.py")
    Path(".gitignore").write_text("ignored.py")
    names = ["train", "stub.pyi", ".venv/a.py", "ignored.py"]
    assert found(*names, exclude=[".venv"]) == names


def test_no_file_twice(tree: Path) -> None:
    plant("src/a.py", "src/b.py")
    assert found("src/b.py", "src", "./src", "src/../src", tree / "src", "src/a.py") == ["src/b.py", "src/a.py"]
    assert found("src/a.py", "src/./a.py") == ["src/a.py"]


def test_a_folder_called_like_a_file_is_walked(tree: Path) -> None:
    plant("x.py/inside.py", "x.py/y.ipynb/")
    assert found(".") == found("x.py") == ["x.py/inside.py"]


def test_nothing_else_is_imported_for_a_tree_without_patterns(tree: Path) -> None:
    plant("a.py", "sub/b.py")
    Path(".gitignore").write_text("# nothing yet\n\n")
    code = (
        "import sys; from wdlint.discovery import discover\n"
        "n = len(list(discover(['.'], exclude=['x*'], respect_gitignore=True)))\n"
        "print(n, *[m for m in ('pathspec', 'libcst', 'json', 'tomllib', 'subprocess') if m in sys.modules])"
    )
    run = [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    assert subprocess.run(run, capture_output=True, text=True, env=environment, check=True).stdout == "2\n"


# ------------------------------------------------------------------------------------------------------ what is missing


def test_missing_paths_are_items_and_the_rest_goes_on(tree: Path) -> None:
    plant("a.py")
    os.symlink("nowhere", "dangling.py")
    os.symlink("loop.py", "loop.py")
    assert found("gone.py", "gone/", "a.py", "dangling.py", "loop.py", "a\0b", "", "n" * 300, "a.py/b.py") == [
        "gone.py: no such file or folder",
        "gone/: no such file or folder",
        "a.py",
        "dangling.py: dangling link",
        "loop.py: link loop",
        "a\0b: not a valid path",
        ": no such file or folder",
        f"{'n' * 300}: name too long",
        "a.py/b.py: no such file or folder",
    ]


def test_a_folder_that_cannot_be_listed_is_reported(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant("a.py", "closed/x.py", "gone/y.py", "z.py")
    scandir = os.scandir

    def guarded(path: str) -> Iterator[os.DirEntry[str]]:
        if path.endswith("closed"):
            raise PermissionError(13, "Permission denied")
        if path.endswith("gone"):
            raise FileNotFoundError(2, "No such file or directory")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    assert found(".") == ["a.py", "closed: permission denied", "gone: folder vanished", "z.py"]
    assert found("closed", "z.py") == ["closed: permission denied", "z.py"]


def test_a_folder_without_permission_is_reported(tree: Path) -> None:
    plant("a.py", "closed/x.py")
    os.chmod("closed", 0)
    try:
        if os.access("closed", os.R_OK):
            pytest.skip("permissions do not count for this user")
        assert found(".") == ["a.py", "closed: permission denied"]
    finally:
        os.chmod("closed", 0o755)


def test_a_link_that_may_not_be_followed_is_reported(tree: Path) -> None:
    plant("a.py", "closed/x.py")
    os.symlink("closed/x.py", "b.py")
    os.chmod("closed", 0)
    try:
        if os.access("closed", os.R_OK):
            pytest.skip("permissions do not count for this user")
        assert found(".", exclude=["closed"]) == ["a.py", "b.py: permission denied"]
    finally:
        os.chmod("closed", 0o755)


def test_odd_files_and_dead_links_are_passed_over_in_folders(tree: Path) -> None:
    plant("a.py")
    os.mkfifo("fifo.py")
    os.symlink("nowhere", ".#a.py")  # the lock that emacs puts beside a file
    os.symlink("loop.py", "loop.py")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.py")
        assert found(".") == ["a.py"]
    assert found("fifo.py") == ["fifo.py"]  # named: reading it says what is wrong


# ---------------------------------------------------------------------------------------------------------------- links


def test_link_loops_end(tree: Path) -> None:
    plant("pkg/a.py", "pkg/sub/b.py")
    os.symlink("..", "pkg/sub/up")
    os.symlink(".", "pkg/self")
    os.symlink(tree, "pkg/sub/top")
    os.symlink("two", "one")
    os.symlink("one", "two")
    assert found(".") == ["pkg/a.py", "pkg/sub/b.py"]
    assert found("pkg") == ["pkg/a.py", "pkg/sub/b.py"]


def test_a_linked_folder_is_walked_once_and_gives_way_to_the_real_one(tree: Path) -> None:
    plant("work/z/real.py", "elsewhere/far.py", "elsewhere/deep/far.py")
    os.symlink("z", "work/a")  # sorts before the folder itself
    os.symlink("../elsewhere", "work/b")
    os.symlink("../elsewhere/deep", "work/c")
    assert found("work") == ["work/b/deep/far.py", "work/b/far.py", "work/z/real.py"]
    assert found("work", "elsewhere") == ["work/z/real.py", "elsewhere/deep/far.py", "elsewhere/far.py"]
    assert found("work/a") == ["work/a/real.py"]


def test_a_linked_file_gives_way_to_the_file_itself(tree: Path) -> None:
    plant("b.py", "elsewhere/c.py")
    os.makedirs("work")
    os.symlink("b.py", "a.py")
    os.symlink("../elsewhere/c.py", "work/d.py")
    assert found(".") == ["b.py", "elsewhere/c.py"]
    assert found("work") == ["work/d.py"]
    assert found("a.py", ".") == ["a.py", "elsewhere/c.py"]  # named comes first


def test_a_link_to_an_excluded_or_ignored_folder_stays_closed(tree: Path) -> None:
    plant(".git/", "venv/a.py", "out/b.py", "c.py")
    Path(".gitignore").write_text("/out/\n")
    os.symlink("venv", "v")
    os.symlink("out", "o")
    assert found(".", exclude=[".git", "venv"]) == ["c.py"]


# -------------------------------------------------------------------------------------------------------------- exclude


def test_excludes_are_names_or_paths_below_root(tree: Path) -> None:
    plant("a.py", "build/a.py", "src/build/b.py", "src/gen/a_pb2.py", "src/gen/deep/c.py")
    plant("tests/x.py", "src/tests/y.py")
    everything = found(".")
    assert len(everything) == 7
    cases: list[tuple[list[str], set[str]]] = [
        (["build"], {"build/a.py", "src/build/b.py"}),
        (["build/"], {"build/a.py", "src/build/b.py"}),
        (["./build"], {"build/a.py", "src/build/b.py"}),
        (["src/build"], {"src/build/b.py"}),
        (["*_pb2.py"], {"src/gen/a_pb2.py"}),
        (["src/gen/*"], {"src/gen/a_pb2.py", "src/gen/deep/c.py"}),
        (["**/tests"], {"tests/x.py", "src/tests/y.py"}),
        (["*/tests"], {"src/tests/y.py"}),
        (["{build,tests}"], {"build/a.py", "src/build/b.py", "tests/x.py", "src/tests/y.py"}),
        ([f"{literally(str(tree))}/src"], {name for name in everything if name.startswith("src/")}),
        (["a.p[xyz]"], {"a.py", "build/a.py"}),
        (["nothing", "", "/"], set()),
    ]
    for patterns, out in cases:
        assert set(everything) - set(found(".", exclude=patterns)) == out, patterns


def test_exclude_is_relative_to_root_and_not_to_the_working_folder(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant("src/gen/a.py", "src/b.py")
    monkeypatch.chdir("src")
    assert found(".", exclude=["src/gen"], root=tree) == ["b.py"]
    assert found(".", exclude=["gen"], root=tree) == ["b.py"]
    assert found(".", exclude=["src/gen"]) == ["b.py", "gen/a.py"]


def test_a_root_inside_an_excluded_name_is_no_reason(tmp_path: Path) -> None:
    (tmp_path / "build" / "pkg").mkdir(parents=True)
    (tmp_path / "build" / "pkg" / "a.py").write_text("")
    root = tmp_path / "build"
    assert found(root, exclude=["build"], root=root) == [str(root / "pkg/a.py")]
    assert found(root / "pkg/a.py", exclude=["build"], root=root, force_exclude=True) == [str(root / "pkg/a.py")]


def test_named_paths_are_excluded_only_by_force(tree: Path) -> None:
    plant(".venv/lib/a.py", "b.py")
    assert found(".venv/lib/a.py", "b.py", exclude=[".venv"]) == [".venv/lib/a.py", "b.py"]
    assert found(".venv", exclude=[".venv"]) == [".venv/lib/a.py"]
    assert found(".venv/lib/a.py", "b.py", ".venv", ".venv/lib", exclude=[".venv"], force_exclude=True) == ["b.py"]
    assert found("gone.py", exclude=["gone.py"], force_exclude=True) == ["gone.py: no such file or folder"]


def test_the_usual_folders_are_left_out(tree: Path) -> None:
    usual = [".git", ".venv", "venv", "__pycache__", "node_modules", "build", "dist", ".tox", ".mypy_cache"]
    usual += ["site-packages", ".ipynb_checkpoints", ".eggs", ".nox", ".hg"]
    plant("a.py", *(f"sub/{name}/x.py" for name in usual))
    assert found(".", exclude=DEFAULT_EXCLUDE) == ["a.py"]


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("*.py", ["a.py", "d/a.py"], ["a.pyi"]),
        ("d/?.py", ["d/a.py"], ["d/ab.py", "a.py"]),
        ("**/x", ["x", "a/x", "a/b/x"], ["ax", "a/bx", "x/a"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["ab", "x/a/b"]),
        ("a/**", ["a/b", "a/b/c"], ["a", "ba/b"]),
        ("[!a-c]x", ["dx"], ["ax", "cx", "x"]),
        ("[]]x", ["]x"], ["x"]),
        ("[z-a]", ["[z-a]"], ["z"]),
        ("[abc", ["[abc"], ["a"]),
        ("{a,b{c,d}}.py", ["a.py", "bc.py", "bd.py"], ["b.py", "ac.py"]),
        ("{a", ["{a"], ["a"]),
        (r"\*", ["*"], ["a", r"\*"]),
        ("a+(b)|c.", ["a+(b)|c."], ["aab", "c"]),
        (r"[\w]", ["w", "\\"], ["a"]),
        ("*" * 40 + "x", ["abcx"], ["abc"]),
    ],
)
def test_globs(pattern: str, yes: list[str], no: list[str]) -> None:
    globs = Globs([pattern], "/top")
    assert [name for name in [*yes, *no] if f"/top/{name}" in globs] == yes


def test_a_relative_pattern_does_not_reach_above_root() -> None:
    globs = Globs(["*/gen/*", "/other/*"], "/home/gen/top")
    assert "/home/gen/top/a.py" not in globs
    assert "/home/gen/top/x/gen/a.py" in globs
    assert "/other/a.py" in globs
    assert "/x/gen/a.py" not in globs
    assert "/elsewhere/x/a.py" not in Globs(["[x]/*"], "/elsewher")
    assert "/x/src/a.py" not in Globs(["src/a.*"], "/r")
    assert f"/top/{literally('[a]*{b}?')}" == r"/top/\[a\]\*\{b\}\?"
    assert "/r/[a]*{b}?" in Globs([literally("[a]*{b}?")], "/r")


# ------------------------------------------------------------------------------------------------------------ gitignore


def test_gitignore_of_every_folder_counts_and_the_nearest_wins(tree: Path) -> None:
    plant(".git/", "a.py", "gen/b.py", "src/c_pb2.py", "src/keep_pb2.py", "src/sub/d_pb2.py")
    plant("src/sub/local.py", "x/y/gen/e.py")
    Path(".gitignore").write_text("# comment\n\ngen/\n*_pb2.py\n!keep_pb2.py\n")
    Path("src/sub/.gitignore").write_text("!*_pb2.py\r\n/local.py\r\n")
    expected = ["a.py", "src/keep_pb2.py", "src/sub/d_pb2.py"]
    assert found(".", exclude=[".git"]) == expected
    assert found("src") == expected[1:]
    assert found("src/sub") == expected[2:]  # parents up to the root of the repository count
    assert len(found(".", exclude=[".git"], respect_gitignore=False)) == 7


def test_an_ignored_folder_is_not_entered(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(".git/", "data/deep/a.py", "data/.gitignore", "b.py")
    Path(".gitignore").write_text("data/\n")
    Path("data/.gitignore").write_text("!*.py\n!deep/\n")  # too late
    entered: list[str] = []
    scandir = os.scandir

    def watched(path: str) -> Iterator[os.DirEntry[str]]:
        entered.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", watched)
    assert found(".", exclude=[".git"]) == ["b.py"]
    assert entered == ["."]


def test_a_named_folder_is_entered_even_when_it_is_ignored(tree: Path) -> None:
    plant(".git/", "data/a.py", "data/sub/b.py", "data/sub/c.py")
    Path(".gitignore").write_text("data/\n")
    Path("data/sub/.gitignore").write_text("c.py\n")
    assert found("data") == ["data/a.py", "data/sub/b.py"]
    assert found("data/sub") == ["data/sub/b.py"]


def test_nothing_above_the_repository_counts(tree: Path) -> None:
    plant("repo/.git/", "repo/a.py", "repo/nested/.git/", "repo/nested/b.py", "plain/c.py")
    Path(".gitignore").write_text("*.py\n")
    Path("repo/.gitignore").write_text("b.py\n")
    assert found("repo", exclude=[".git"]) == ["repo/a.py", "repo/nested/b.py"]
    assert found("plain") == ["plain/c.py"]  # not in a repository: only what lies below counts
    Path("plain/.gitignore").write_text("c.py\n")
    assert found("plain") == []


def test_info_exclude_counts_less_than_gitignore(tree: Path) -> None:
    plant(".git/info/exclude", "a.py", "b.py")
    Path(".git/info/exclude").write_text("a.py\nb.py\n")
    Path(".gitignore").write_text("!b.py\n")
    assert found(".", exclude=[".git"]) == ["b.py"]


def test_submodules_find_their_exclude_file(tree: Path) -> None:
    plant(".git/modules/sub/info/exclude", "sub/a.py", "sub/b.py")
    Path(".git/modules/sub/info/exclude").write_text("a.py\n")
    Path("sub/.git").write_text("gitdir: ../.git/modules/sub\n")
    assert found("sub") == found(".", exclude=[".git"]) == ["sub/b.py"]


def test_worktrees_find_their_exclude_file(tree: Path) -> None:
    plant("main/.git/info/exclude", "main/.git/worktrees/w/", "w/a.py", "w/b.py")
    Path("main/.git/info/exclude").write_text("a.py\n")
    Path("main/.git/worktrees/w/commondir").write_text("../..\n")
    Path("w/.git").write_text(f"gitdir: {tree}/main/.git/worktrees/w\n")
    assert found("w") == ["w/b.py"]


def test_hostile_gitignores_do_no_harm(tree: Path, recwarn: pytest.WarningsRecorder) -> None:
    plant("a/x.py", "b/x.py", "c/x.py", "d/x.py", "e/x.py", "f/x.py", "f/y.py")
    os.mkfifo("a/.gitignore")
    plant("b/.gitignore/")
    os.symlink("nowhere", "c/.gitignore")
    Path("d/.gitignore").write_bytes(b"\xef\xbb\xbf\xff\xfe\n!\n/\n///\n[a-\n**/\\\n[[:alpha:]]y\n\0\n")
    Path("e/.gitignore").write_bytes(b"\xef\xbb\xbfx.py\r")
    Path("f/.gitignore").write_bytes(b"!\nx.py\n/\ny.py/\n")
    plant(".git")  # an empty file
    assert found(".") == ["a/x.py", "b/x.py", "c/x.py", "d/x.py", "f/y.py"]
    assert not recwarn.list


def test_names_that_are_not_utf_8(tree: Path) -> None:
    name = os.fsdecode(b"\xff.py")
    try:
        plant(name, "a.py")
    except OSError:
        pytest.skip("the file system refuses such names")
    Path(".gitignore").write_bytes(b"\xfe.py\na.py\n")
    assert found(".") == [name]


NAMES = ["a", "b", "build", "x.py", "y.py", "data", "foo.py", "sp ace.py", "[q].py"]
PATTERNS = [
    "a", "a/", "/a", "*.py", "!x.py", "*", "/*", "!/a", "a/b", "a/**", "**/b", "**/x.py", "!a/x.py", "build/", "b/*.py",
    "foo*", "x?py", "[!x].py", "data", "/data/*", "!/data/y.py", "sp\\ ace.py", "#c", "", " ", "\\!x.py", "a/*/x.py",
    "!**/y.py", "\\[q\\].py", "[a-", "a//b", "trailing.py   ",
]  # fmt: skip


@pytest.mark.skipif(GIT is None, reason="needs git")
def test_random_trees_agree_with_git(tmp_path: Path) -> None:
    """But for `!folder/`, which pathspec lets take back the files in it: then we look at more than git does."""
    for seed in range(30):
        chance = random.Random(seed)
        top = tmp_path / str(seed)
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        environment["GIT_DIR"] = str(top / ".git")
        subprocess.run([str(GIT), "init", "-q", str(top)], check=True, env={**environment, "GIT_TEMPLATE_DIR": ""})
        folders = [top]
        for _ in range(chance.randint(1, 6)):
            folder = chance.choice(folders) / chance.choice(["a", "b", "build", "data", "x.py", "c"])
            if not folder.exists():
                folder.mkdir()
                folders.append(folder)
        for folder in folders:
            for name in chance.sample(NAMES, 4):
                if name.endswith(".py") and not (folder / name).exists():
                    (folder / name).write_text("")
            if chance.random() < 0.5:
                (folder / ".gitignore").write_text("\n".join(chance.choices(PATTERNS, k=chance.randint(1, 5))))
        listing = [str(GIT), "--work-tree", str(top), "ls-files", "--others", "--exclude-standard", "-z"]
        shown = subprocess.run(listing, capture_output=True, text=True, check=True, env=environment, cwd=top).stdout
        expected = {name for name in shown.split("\0") if name.endswith(".py")}
        ours = {os.path.relpath(name, top) for name in found(top, exclude=[".git"])}
        assert ours == expected, (seed, [(path, path.read_text()) for path in top.rglob(".gitignore")])

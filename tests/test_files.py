"""Reading, decoding, encoding and writing files, hostile ones included."""

from __future__ import annotations

import codecs
import errno
import os
import pickle
import signal
import stat
import tokenize
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from wdlint.files import Changed, Text, Unreadable, Unwritable, decode, encode, lines, read, write_atomically


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """Fail instead of hanging."""

    def late(signum: int, frame: object) -> None:
        raise AssertionError(f"still not done after {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def permissions_count(folder: Path) -> bool:
    probe = folder / "probe"
    probe.write_text("")
    probe.chmod(0)
    refused = not os.access(probe, os.R_OK)
    probe.unlink()
    return refused


@pytest.fixture
def guarded(tmp_path: Path) -> Path:
    if not permissions_count(tmp_path):
        pytest.skip("permissions do not count for this user")
    return tmp_path


def reason(path: str | Path) -> str:
    with pytest.raises(Unreadable) as caught:
        read(path)
    assert caught.value.line is None
    assert "\n" not in caught.value.reason
    return caught.value.reason


# ------------------------------------------------------------------------------------------------------------- reading


def test_read_gives_the_bytes_untouched(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbfx = 1\r\n\x00\xff"
    (tmp_path / "a.py").write_bytes(data)
    assert read(tmp_path / "a.py") == data
    assert read(str(tmp_path / "a.py")) == data


def test_a_fifo_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    with at_most(5):
        assert reason(tmp_path / "pipe.py") == "not a regular file"


def test_a_fifo_that_takes_the_place_of_a_file_is_refused_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    regular = os.stat(__file__)
    with at_most(5), monkeypatch.context() as patch:
        patch.setattr(os, "stat", lambda *args, **kwargs: regular)  # what stat saw a moment before
        assert reason(tmp_path / "pipe.py") == "not a regular file"


def test_a_device_and_a_folder_are_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.py").mkdir()
    assert reason(tmp_path / "x.py") == "a folder, not a file"
    with at_most(5), monkeypatch.context() as patch:
        patch.setattr(os, "open", lambda *args: pytest.fail("opening a device can do things"))
        assert reason("/dev/zero") == "not a regular file"


def test_links_and_missing_files(tmp_path: Path) -> None:
    (tmp_path / "dangling.py").symlink_to("nowhere.py")
    (tmp_path / "loop.py").symlink_to("loop.py")
    (tmp_path / "real.py").write_bytes(b"x")
    (tmp_path / "link.py").symlink_to("real.py")
    assert reason(tmp_path / "dangling.py") == "dangling link"
    assert reason(tmp_path / "loop.py") == "link loop"
    assert reason(tmp_path / "gone.py") == "file vanished"
    assert reason(tmp_path / "real.py" / "below.py") == "file vanished"
    assert reason(tmp_path / ("n" * 300)) == "name too long"
    assert reason(str(tmp_path) + "/a\0b.py") == "not a valid path"
    assert read(tmp_path / "link.py") == b"x"


def test_permission_denied(guarded: Path) -> None:
    (guarded / "a.py").write_text("")
    (guarded / "a.py").chmod(0)
    assert reason(guarded / "a.py") == "permission denied"


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EIO, "input/output error"),
        (errno.EACCES, "permission denied"),
        (errno.EPERM, "permission denied"),
        (errno.ENOENT, "file vanished"),  # between stat and open
        (errno.EROFS, "read-only file system"),
    ],
)
def test_every_refusal_of_the_system_becomes_unreadable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    (tmp_path / "a.py").write_text("")

    def refuse(*args: object) -> int:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        assert reason(tmp_path / "a.py") == said


def test_errors_travel_between_processes() -> None:
    error = pickle.loads(pickle.dumps(Unreadable("why", 3, 4)))
    assert (type(error), error.reason, error.line, error.column) == (Unreadable, "why", 3, 4)
    changed = pickle.loads(pickle.dumps(Changed("why")))
    assert (type(changed), changed.reason) == (Changed, "why")


# ------------------------------------------------------------------------------------------------------------ decoding


@pytest.mark.parametrize(
    ("data", "text", "encoding", "bom"),
    [
        (b"", "", "utf-8", False),
        (b"\xef\xbb\xbf", "", "utf-8", True),
        (b"a\r\nb\rc\n", "a\r\nb\rc\n", "utf-8", False),
        ("é = 'ü'\n".encode(), "é = 'ü'\n", "utf-8", False),
        (b"\xef\xbb\xbfx = 1\r\n", "x = 1\r\n", "utf-8", True),
        (b"\xef\xbb\xbf\xef\xbb\xbfx", "\ufeffx", "utf-8", True),
        (b"\xef\xbb\xbf# coding: utf8\n", "# coding: utf8\n", "utf-8", True),
        (b"# -*- coding: latin-1 -*-\nx = '\xe9'\n", "# -*- coding: latin-1 -*-\nx = 'é'\n", "iso8859-1", False),
        (b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n'\x80'", None, "cp1252", False),
        (b"\n# coding: latin-1\n'\xe9'", None, "iso8859-1", False),
        (b"# one\r# coding: latin-1\r'\xe9'", None, "iso8859-1", False),  # lone CR ends a line
        (b" \t\f# coding: latin-1\n'\xe9'", None, "iso8859-1", False),
        (b"# coding=utf-8-unix\n", None, "utf-8", False),
        (b"# coding: latin-1-dos\n'\xe9'", None, "iso8859-1", False),
        (b"# coding: UTF_8\n", None, "utf-8", False),
        ("# coding: euc-jp\n'日本'".encode("euc-jp"), "# coding: euc-jp\n'日本'", "euc_jp", False),
        (b"x = 1\n# coding: latin-1\n", None, "utf-8", False),  # too late: the first line is code
        (b"#\n#\n# coding: nonsense\n", None, "utf-8", False),  # too late: the third line
        (b"x = '# coding: nonsense'\n", None, "utf-8", False),
        (b"a\x00b\n", "a\x00b\n", "utf-8", False),  # the parser decides
        (b"\x0cx\x0b = '\xc2\x85\xe2\x80\xa8'", "\x0cx\x0b = '\x85\u2028'", "utf-8", False),
    ],
)
def test_decode_and_encode_are_inverse(data: bytes, text: str | None, encoding: str, bom: bool) -> None:
    decoded = decode(data)
    assert (decoded.encoding, decoded.bom, decoded.exact) == (encoding, bom, True)
    if text is not None:
        assert decoded.text == text
    assert encode(decoded) == data


@pytest.mark.parametrize(
    ("data", "said", "line", "column"),
    [
        (b"x = 1\r\ny = '\xff'\n", "byte 0xff is not utf-8", 2, 5),
        (b"a\rb\r\xe9\n", "byte 0xe9 is not utf-8", 3, 0),
        ("é\n'éé".encode() + b"\x80", "byte 0x80 is not utf-8", 2, 3),
        (b"\xef\xbb\xbfa\n\xff", "byte 0xff is not utf-8", 2, 0),
        (b"\n\xed\xa0\x80", "byte 0xed is not utf-8", 2, 0),  # a lone surrogate
        (b"# coding: ascii\n\n'\xe9'", "byte 0xe9 is not ascii", 3, 1),
        (b"#\n# coding: nonsense\n", 'unknown encoding "nonsense"', 2, 0),
        (b"# coding: rot13\n", 'unknown encoding "rot13"', 1, 0),
        (b"# coding: hex\n", 'unknown encoding "hex"', 1, 0),
        (b"# coding: undefined\n", '"undefined"', 1, 0),
        (b"# coding: unicode_escape\nx = 1\\u000a\n", '"unicode_escape" is not a character set', 1, 0),
        (b"# coding: idna\n", '"idna" is not a character set', 1, 0),
        (b"\xef\xbb\xbf# coding: latin-1\n", 'byte order mark of utf-8 but says "latin-1"', 1, 0),
        (b"# coding: utf-16\n\n", '"utf-16"', 1, 0),
        (b"# coding: cp037\n", '"cp037"', 1, 0),
        ("x = 1\n".encode("utf-16"), "utf-16 text, which Python does not read", 1, 0),
        ("x = 1\n".encode("utf-32"), "utf-32 text, which Python does not read", 1, 0),
        (b"\xfe\xff\x00x", "utf-16 text, which Python does not read", 1, 0),
    ],
)
def test_undecodable_bytes_name_cause_and_place(data: bytes, said: str, line: int, column: int) -> None:
    with pytest.raises(Unreadable) as caught:
        decode(data)
    assert said in caught.value.reason
    assert (caught.value.line, caught.value.column) == (line, column)


def test_utf_16_without_a_mark_is_text_with_nul() -> None:
    assert decode("x = 1".encode("utf-16-le")).text == "x\0 \0=\0 \0001\0"


def test_what_cannot_be_written_back_exactly_is_marked() -> None:
    data = b"# coding: utf-7\nx = '+AGE-'\n"  # +AGE- is a long way to write a
    assert decode(data).text.endswith("x = 'a'\n")
    assert not decode(data).exact
    assert decode(b"# coding: utf-7\nx = 1\n").exact


def test_encode_refuses_what_the_encoding_does_not_have() -> None:
    text = decode(b"# coding: latin-1\n'\xe9'")
    assert encode(replace(text, text=text.text + "ü")).endswith(b"\xfc")
    with pytest.raises(Unwritable, match=r"^a character '日' does not exist in iso8859-1$"):
        encode(replace(text, text="日"))
    with pytest.raises(Unwritable):
        encode(Text("\ud800"))


def test_decode_agrees_with_tokenize_about_cookies() -> None:
    """The reference is tokenize.detect_encoding, but for lone CR, which it does not take for the end of a line."""
    firsts = [b"", b"#", b"# coding: cp1252", b"#coding=latin-1", b"x # coding: cp1252"]
    firsts += [b"\x0c", b"'''", b"# \xc3\xa9"]
    seconds = [*firsts, b"# -*- encoding: koi8-r -*-", b"# vim:fileencoding=cp1251", b"  # coding:utf-8", b"#coding :x"]
    for bom in (b"", b"\xef\xbb\xbf"):
        for first in firsts:
            for second in seconds:
                for end in (b"\n", b"\r\n"):
                    data = bom + first + end + second + end
                    try:
                        expected = tokenize.detect_encoding(BytesIO(data).readline)[0].removesuffix("-sig")
                    except SyntaxError:
                        with pytest.raises(Unreadable):
                            decode(data)
                        continue
                    found = decode(data).encoding
                    assert codecs.lookup(found) == codecs.lookup(expected), data


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("a", ["a"]),
        ("a\n", ["a\n"]),
        ("a\r\nb\rc\n\nd", ["a\r\n", "b\r", "c\n", "\n", "d"]),
        ("\r\r\n\n", ["\r", "\r\n", "\n"]),
        ("a\fb\vc\x1cd\x85e\u2028f\u2029g", ["a\fb\vc\x1cd\x85e\u2028f\u2029g"]),
    ],
)
def test_lines_are_those_of_python(text: str, expected: list[str]) -> None:
    assert lines(text) == expected
    assert "".join(lines(text)) == text


# ------------------------------------------------------------------------------------------------------------- writing


def leftovers(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.startswith(".wdlint")]


def test_write_replaces_and_keeps_the_mode(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"old")
    path.chmod(0o751)
    before = path.stat()
    write_atomically(path, b"old", b"new\r\n\xff")
    assert path.read_bytes() == b"new\r\n\xff"
    assert stat.S_IMODE(path.stat().st_mode) == 0o751
    assert (path.stat().st_uid, path.stat().st_gid) == (before.st_uid, before.st_gid)
    assert path.stat().st_ino != before.st_ino  # a reader sees the old file or the new one, never half
    assert os.listdir(tmp_path) == ["a.py"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
def test_write_keeps_the_owner(tmp_path: Path) -> None:
    if permissions_count(tmp_path):
        pytest.skip("this root may not write what is not its own")
    path = tmp_path / "a.py"
    path.write_bytes(b"old")
    os.chown(path, 1234, 2345)
    path.chmod(0o640)
    write_atomically(path, b"old", b"new")
    found = path.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (1234, 2345, 0o640)


def test_an_owner_that_cannot_be_kept_is_no_reason_to_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    path = tmp_path / "a.py"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fchown", refuse)
    write_atomically(path, b"old", b"new")
    assert path.read_bytes() == b"new"


def test_write_follows_links_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    real = tmp_path / "far" / "real.py"
    real.write_bytes(b"old")
    (tmp_path / "one.py").symlink_to("far/real.py")
    (tmp_path / "two.py").symlink_to("one.py")
    write_atomically(tmp_path / "two.py", b"old", b"new")
    assert real.read_bytes() == b"new"
    assert not real.is_symlink()
    assert (tmp_path / "two.py").is_symlink() and (tmp_path / "one.py").is_symlink()
    assert not leftovers(tmp_path / "far") and not leftovers(tmp_path)


def test_a_file_that_changed_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"edited meanwhile")
    with pytest.raises(Changed, match="the file changed since it was read"):
        write_atomically(path, b"old", b"new")
    assert path.read_bytes() == b"edited meanwhile"
    path.unlink()
    with pytest.raises(Changed, match="file vanished"):
        write_atomically(path, b"old", b"new")
    assert not path.exists()
    path.mkdir()
    with pytest.raises(Changed, match="folder"):
        write_atomically(path, b"old", b"new")


def test_a_change_at_the_last_moment_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", lambda descriptor: path.write_bytes(b"edited meanwhile"))
    with pytest.raises(Changed):
        write_atomically(path, b"old", b"new")
    assert path.read_bytes() == b"edited meanwhile"
    assert os.listdir(tmp_path) == ["a.py"]


@pytest.mark.parametrize("step", ["fsync", "replace", "fchmod"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException
) -> None:
    def fail(*args: object) -> None:
        raise error

    path = tmp_path / "a.py"
    path.write_bytes(b"old")
    path.chmod(0o755)
    monkeypatch.setattr(os, step, fail)
    with pytest.raises(Unwritable if isinstance(error, OSError) else KeyboardInterrupt) as caught:
        write_atomically(path, b"old", b"new")
    if isinstance(error, OSError):
        assert "no space left" in str(caught.value)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.py"]


def test_a_read_only_folder_is_named(guarded: Path) -> None:
    path = guarded / "a.py"
    path.write_bytes(b"old")
    guarded.chmod(0o555)
    try:
        with pytest.raises(Unwritable, match=f"permission denied in {guarded}"):
            write_atomically(path, b"old", b"new")
    finally:
        guarded.chmod(0o755)
    assert path.read_bytes() == b"old"


def test_a_read_only_file_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(Unwritable, match="read-only"):
        write_atomically(path, b"old", b"new")
    assert path.read_bytes() == b"old"


def test_writing_the_same_bytes_touches_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"old")
    before = path.stat()
    write_atomically(path, b"old", b"old")
    assert path.stat().st_ino == before.st_ino


def test_a_long_name_and_an_impossible_one(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 252 + ".py")  # no room for a longer temporary name
    path.write_bytes(b"old")
    write_atomically(path, b"old", b"new")
    assert path.read_bytes() == b"new"
    with pytest.raises(Unwritable, match="not a valid path"):
        write_atomically(str(tmp_path) + "/a\0b.py", b"old", b"new")

"""Bytes and text of a file: regular files only, encodings as PEP 263 has them, writing all or nothing."""

from __future__ import annotations

import codecs
import errno
import io
import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass

__all__ = [
    "AnyPath",
    "Changed",
    "Text",
    "Unreadable",
    "Unwritable",
    "cause",
    "decode",
    "encode",
    "lines",
    "read",
    "write_atomically",
]

AnyPath = str | os.PathLike[str]

COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
BLANK = re.compile(rb"^[ \t\f]*(?:#.*)?$", re.DOTALL)
NO_CHARACTER_SETS = {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}
WIDE_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before utf-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Unreadable(Exception):
    """A file that gives no text, why in one line, and where when there is a place (line from 1, column from 0)."""

    def __init__(self, reason: str, line: int | None = None, column: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.column = column

    def __reduce__(self) -> tuple[type[Unreadable], tuple[str, int | None, int]]:
        return type(self), (self.reason, self.line, self.column)


class Unwritable(Exception):
    """A file that was not written, why in one line; what was there before is still there."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Changed(Unwritable):
    """The file no longer holds the bytes that the new ones were made from."""


@dataclass(frozen=True, slots=True)
class Text:
    """Decoded text with its newlines as they are, and what is needed to write it back."""

    text: str
    encoding: str = "utf-8"
    bom: bool = False
    exact: bool = True  # encode gives the very bytes it came from; utf-7 and the like may not


# ------------------------------------------------------------------------------------------ reading


def read(path: AnyPath) -> bytes:
    """The bytes of a regular file; a FIFO or a device is refused, never waited for.

    Raises Unreadable.
    """
    try:
        if (odd := irregular(os.stat(path).st_mode)) is not None:  # before open: opening a device can do things
            raise Unreadable(odd)
        opened = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            if (odd := irregular(os.fstat(opened).st_mode)) is not None:  # it was swapped in between
                raise Unreadable(odd)
            with open(opened, "rb", buffering=0, closefd=False) as file:
                return file.read()
        finally:
            os.close(opened)
    except (OSError, ValueError) as error:
        raise Unreadable(cause(error, path)) from None


def irregular(mode: int) -> str | None:
    if stat.S_ISREG(mode):
        return None
    return "a folder, not a file" if stat.S_ISDIR(mode) else "not a regular file"


def cause(error: OSError | ValueError, path: AnyPath, missing: str = "file vanished") -> str:
    """Why the operating system refused, in a few words; `missing` is said when there is nothing of that name."""
    if not isinstance(error, OSError):  # a NUL in it
        return "not a valid path"
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return "dangling link" if os.path.islink(path) else missing
        case errno.EACCES | errno.EPERM:
            return "permission denied"
        case errno.ELOOP:
            return "link loop"
        case errno.ENAMETOOLONG:
            return "name too long"
        case errno.EROFS:
            return "read-only file system"
        case errno.ENOSPC | errno.EDQUOT:
            return "no space left"
        case _:
            return (error.strerror or type(error).__name__).lower()


# ----------------------------------------------------------------------------------- text and bytes


def decode(data: bytes) -> Text:
    """The text of Python source: utf-8 unless a byte order mark or a coding cookie says otherwise (PEP 263).

    Raises Unreadable with the line of the cause.
    """
    bom = data.startswith(codecs.BOM_UTF8)
    if bom:
        data = data[len(codecs.BOM_UTF8) :]
    for mark, name in WIDE_MARKS:
        if not bom and data.startswith(mark):
            raise Unreadable(f"{name} text, which Python does not read", 1)
    said = cookie(data)
    encoding = "utf-8"
    if said is not None:
        name, line = said
        try:
            encoding = codecs.lookup(usual(name)).name
            "".encode(encoding)  # hex and rot13 are codecs too, but not of text
        except (LookupError, ImportError, ValueError):
            raise Unreadable(f'unknown encoding "{name}"', line) from None
        if encoding.replace("_", "-") in NO_CHARACTER_SETS:
            raise Unreadable(f'"{name}" is not a character set', line)
        if bom and encoding != "utf-8":
            raise Unreadable(f'the file begins with the byte order mark of utf-8 but says "{name}"', line)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line, column = place(data, error.start, encoding)
        raise Unreadable(f"byte 0x{data[error.start]:02x} is not {encoding}", line, column) from None
    if said is not None and encoding != "utf-8" and cookie(text.encode("utf-8", "replace")) != said:
        raise Unreadable(f'the line that says "{said[0]}" is not written in it', said[1])  # utf-16, ebcdic
    return Text(text, encoding, bom, encoding in ("utf-8", "ascii", "iso8859-1") or survives(text, encoding, data))


def encode(text: Text) -> bytes:
    """The bytes of a text, exactly those it was decoded from when nothing changed and `exact` holds.

    Raises Unwritable when a character does not exist in the encoding.
    """
    try:
        data = text.text.encode(text.encoding)
    except UnicodeError as error:
        character = f" {error.object[error.start]!r}" if isinstance(error, UnicodeEncodeError) else ""
        raise Unwritable(f"a character{character} does not exist in {text.encoding}") from None
    return codecs.BOM_UTF8 + data if text.bom else data


def lines(text: str) -> list[str]:
    """The lines as Python counts them, ends kept: at \\n, \\r\\n and lone \\r, never at a form feed or U+2028."""
    return list(io.StringIO(text, newline=""))


def cookie(data: bytes) -> tuple[str, int] | None:
    """The encoding named in one of the first two lines, and that line's number."""
    for number, line in enumerate(re.split(rb"\r\n|\r|\n", data, maxsplit=2)[:2], 1):
        if found := COOKIE.match(line):
            return found[1].decode("ascii"), number
        if not BLANK.match(line):
            return None
    return None


def usual(name: str) -> str:
    """The name that CPython takes it for: emacs writes `utf-8-unix` and `latin-1-dos`."""
    plain = name[:12].lower().replace("_", "-")
    if plain == "utf-8" or plain.startswith("utf-8-"):
        return "utf-8"
    if re.match(r"(latin-1|iso-8859-1|iso-latin-1)(-|$)", plain):
        return "iso-8859-1"
    return name


def place(data: bytes, at: int, encoding: str) -> tuple[int, int]:
    """Line (from 1) and column (from 0, code points) of a byte."""
    before = data[:at]
    ends = before.count(b"\n") + before.count(b"\r") - before.count(b"\r\n")
    start = max(before.rfind(b"\n"), before.rfind(b"\r")) + 1
    return 1 + ends, len(before[start:].decode(encoding, "replace"))


def survives(text: str, encoding: str, data: bytes) -> bool:
    try:
        return text.encode(encoding) == data
    except UnicodeError:
        return False


# ------------------------------------------------------------------------------------------ writing


def write_atomically(path: AnyPath, old: bytes, new: bytes) -> None:
    """Replace the bytes `old` of a file by `new`: all or nothing, same mode, links followed to their file.

    The owner is kept where the system allows it; hard links to the file keep the old bytes.
    Raises Changed when the file no longer holds `old`, Unwritable when it cannot be written.
    """
    try:
        real = os.path.realpath(path)
    except (OSError, ValueError) as error:
        raise Unwritable(cause(error, path)) from None
    unchanged(real, old)
    if new == old:
        return
    if not os.access(real, os.W_OK):
        raise Unwritable("the file is read-only")
    temporary = os.path.join(os.path.dirname(real), f".wdlint-{os.getpid()}-{os.urandom(4).hex()}.tmp")
    try:
        before = os.stat(real)
        opened = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        try:
            with open(opened, "wb") as file:
                file.write(new)
                file.flush()
                dress(file.fileno(), before)
                os.fsync(file.fileno())
            unchanged(real, old)  # once more, as late as possible
            os.replace(temporary, real)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise Unwritable(f"{cause(error, real)} in {os.path.dirname(real)}") from None
    settle(os.path.dirname(real))


def unchanged(path: str, old: bytes) -> None:
    try:
        now = read(path)
    except Unreadable as error:
        raise Changed(error.reason) from None
    if now != old:
        raise Changed("the file changed since it was read")


def dress(descriptor: int, like: os.stat_result) -> None:
    """Give an open file the owner and mode of another; the owner only where the system allows it."""
    if hasattr(os, "fchown"):
        for user, group in ((like.st_uid, -1), (-1, like.st_gid)):  # one may be allowed where the other is not
            with suppress(OSError):
                os.fchown(descriptor, user, group)
    if hasattr(os, "fchmod") and os.fstat(descriptor).st_mode != like.st_mode:
        os.fchmod(descriptor, stat.S_IMODE(like.st_mode))  # last: chown takes bits away


def settle(folder: str) -> None:
    """Ask the system to put the new name on disk too; not every system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

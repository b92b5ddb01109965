"""Expressions as text: on one line, and wrapped as black wraps them."""

from __future__ import annotations

import ast
import io
import keyword
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wdlint.edits.page import LONE_RETURN, Page

__all__ = ["flat", "parsed", "renumbered", "same_number", "short", "wrapped"]

OPEN, CLOSE = ("(", "[", "{"), (")", "]", "}")
SKIPPED = (tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER, tokenize.INDENT, tokenize.DEDENT)
COMPREHENSION, COMMA, TERNARY, LOGIC, ARITHMETIC = 5, 4, 3, 2, 1
PRIORITIES = {"if": TERNARY, "else": TERNARY, "and": LOGIC, "or": LOGIC, "+": ARITHMETIC, "-": ARITHMETIC}


@dataclass(frozen=True, slots=True)
class Atom:
    """A token, or a whole formatted string, at its offsets in the text."""

    text: str
    start: int
    end: int
    comment: bool = False


def atoms(text: str) -> list[Atom]:
    """The tokens of an expression or of a list of them. Raises SyntaxError or TokenError for what is neither."""
    inside = LONE_RETURN.sub("\n", f"({text}\n)")  # in brackets newlines mean nothing
    starts = [0]
    for line in inside.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    out: list[Atom] = []
    depth = 0
    for token in tokenize.generate_tokens(io.StringIO(inside).readline):
        start, end = (starts[row - 1] + column - 1 for row, column in (token.start, token.end))
        kind = tokenize.tok_name[token.type]
        if kind.endswith("STRING_START"):
            depth += 1
            if depth == 1:
                out.append(Atom("", start, end))
        elif kind.endswith("STRING_END"):
            depth -= 1
            if not depth:
                out[-1] = Atom(text[out[-1].start : end], out[-1].start, end)
        elif not depth and token.type not in SKIPPED:
            out.append(Atom(token.string, start, end, token.type == tokenize.COMMENT))
    return out[1:-1]


# ----------------------------------------------------------------------------------------- one line


def flat(text: str) -> tuple[str, list[str]]:
    """An expression on one line, and the comments that stood in it."""
    if "\n" not in text and "\r" not in text:
        return text, []
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    found = atoms(text)
    kept = [atom for atom in found if not atom.comment]
    out: list[str] = []
    for number, atom in enumerate(kept):
        before = kept[number - 1] if number else None
        after = kept[number + 1] if number + 1 < len(kept) else None
        broken = before is not None and ("\n" in text[before.end : atom.start])
        if atom.text == "," and after is not None and after.text in CLOSE and "\n" in text[atom.end : after.start]:
            if _needless(kept, number):
                continue
        if before is not None:
            out.append(_joint(before, atom) if broken else text[before.end : atom.start])
        out.append(atom.text)
    return "".join(out), [atom.text for atom in found if atom.comment]


def _joint(before: Atom, atom: Atom) -> str:
    tight = before.text in (*OPEN, ".") or atom.text in (*CLOSE, ",", ".") or before.text == "," and atom.text in CLOSE
    return "" if tight else " "


def _needless(kept: Sequence[Atom], comma: int) -> bool:
    """Whether a trailing comma may go: not that of a tuple with one element, nor one in a subscript."""
    depth = 0
    others = False
    for number in range(comma - 1, -1, -1):
        text = kept[number].text
        if text in CLOSE:
            depth += 1
        elif text in OPEN:
            if not depth:
                called = number > 0 and _callable(kept[number - 1].text)
                return text == "{" or (text == "[" and not called) or (text == "(" and (called or others))
            depth -= 1
        elif text == "," and not depth:
            others = True
    return False


def renumbered(text: str, number: str) -> str:
    """Another number in place of a literal one; comments inside its brackets stay."""
    if "#" not in text:
        return number
    digits = [atom for atom in atoms(text) if not atom.comment and atom.text not in (*OPEN, *CLOSE)]
    return text[: digits[0].start] + number + text[digits[-1].end :]


def same_number(a: str, b: str) -> bool:
    try:
        return float(a) == float(b)
    except ValueError:
        return False


def short(text: str) -> str:
    """An expression as a message shows it."""
    try:
        line = flat(text)[0]
    except (SyntaxError, tokenize.TokenError):
        line = " ".join(text.split())
    return line if len(line) <= 40 else line[:37] + "..."


def parsed(text: str) -> ast.expr | None:
    """The tree of an expression, None when this Python cannot read it."""
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


# ------------------------------------------------------------------------------------------ wrapped


def wrapped(page: Page, text: str, margin: str) -> Iterator[str]:
    """The lines of one entry inside brackets, wrapped as black would."""
    if page.fits(margin + text):
        yield margin + text
        return
    found = atoms(text)
    parts = list(_parts(text, found))
    pair = _last_bracket(found)
    if len(parts) > 1:
        for part in parts:
            yield from wrapped(page, part, margin)
    elif pair is None:
        yield margin + text
    else:
        start, end = found[pair[0]].end, found[pair[1]].start
        yield margin + text[:start]
        yield from _body(page, text[start:end].strip(), margin + page.indent, _displays(found, pair[0]))
        yield margin + text[end:]


def _body(page: Page, text: str, margin: str, display: bool) -> Iterator[str]:
    """What stands between two brackets: on one line where it fits, else one line per part."""
    parts = list(_parts(text, atoms(text)))
    listed = any(part.endswith(",") for part in parts)
    if page.fits(margin + text) and not (display and listed):
        yield margin + text
        return
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        yield from wrapped(page, part + "," if last and listed and not part.endswith(",") else part, margin)


def _displays(found: Sequence[Atom], bracket: int) -> bool:
    """Whether a bracket opens a list, dict or tuple rather than a call or a subscript."""
    return not (bracket and _callable(found[bracket - 1].text))


def _callable(text: str) -> bool:
    """Whether a bracket behind this token calls or indexes."""
    return text in CLOSE or (text.isidentifier() and not keyword.iskeyword(text))


def _last_bracket(found: Sequence[Atom]) -> tuple[int, int] | None:
    """The last pair of brackets outside all others that holds something."""
    pairs: list[tuple[int, int]] = []
    stack: list[int] = []
    for number, atom in enumerate(found):
        if atom.text in OPEN:
            stack.append(number)
        elif atom.text in CLOSE:
            start = stack.pop()
            if not stack and number > start + 1:
                pairs.append((start, number))
    return pairs[-1] if pairs else None


def _parts(text: str, found: Sequence[Atom]) -> Iterator[str]:
    """The text cut at its strongest delimiters: behind commas, before words and signs."""
    marks = list(_delimiters(found))
    strongest = max((priority for _, priority in marks), default=0)
    start = 0
    for number, priority in marks:
        cut = found[number].end if priority == COMMA else found[number].start
        if priority == strongest and text[start:cut].strip():
            yield text[start:cut].strip()
            start = cut
    if text[start:].strip():
        yield text[start:].strip()


def _delimiters(found: Sequence[Atom]) -> Iterator[tuple[int, int]]:
    """(number of the token, priority) of all delimiters outside brackets, loop targets and lambda parameters."""
    depth = 0
    looping = comprehended = False
    for number, atom in enumerate(found):
        depth += (atom.text in OPEN) - (atom.text in CLOSE)
        if depth or atom.text in CLOSE:
            continue
        if atom.text in ("for", "lambda"):
            looping = True
            comprehended = comprehended or atom.text == "for"
            if atom.text == "for" and number:
                yield number, COMPREHENSION
        elif looping:
            looping = atom.text not in ("in", ":")
        elif atom.text == "," and number < len(found) - 1:
            yield number, COMMA
        elif atom.text in PRIORITIES and number:
            unary = atom.text in "+-" and not (found[number - 1].text in CLOSE or found[number - 1].text[-1:].isalnum())
            if not unary:
                yield number, COMPREHENSION if comprehended and atom.text == "if" else PRIORITIES[atom.text]

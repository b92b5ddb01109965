"""Intents -> text: all repairs of one construction call become one rewrite, as edits on the original text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from wdlint.model import (
    Argument, CallSite, Change, Coupling, Coverage, Edit, Facts, Finding, Fix, Form, Hazard, Import, Optimizer,
    Parameters, RenameKey, ReplaceText, SetDecay, Span, SplitGroups, SwapClass, WrapInList,
)  # fmt: skip

__all__ = ["Choice", "Page", "Rewrite", "applied", "rewrite"]

WIDTH = 88  # black's: the width that new lines keep unless the file has longer ones
SPLITTABLE = (Form.CALL, Form.FILTER, Form.COMPREHENSION, Form.LIST, Form.NAME)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the user decided about lambda: nothing yet, "keep", or a number as written."""

    decay: str | None = None

    @property
    def literal(self) -> str:
        return self.decay if self.decay not in (None, "keep") else ""  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What becomes of one site: edits, or the reason why there are none."""

    edits: tuple[Edit, ...] = ()
    message: str = ""  # "Use AdamW with two parameter groups"
    change: Change | None = None
    refusals: tuple[str, ...] = ()


class Page:
    """The original text with its line table, and the style of its author."""

    def __init__(self, text: str, indent: str = "    ") -> None:
        self.text, self.indent = text, indent
        self.starts = [0, *(m.end() for m in re.finditer(r"\r\n|\r|\n", text))]
        found = re.search(r"\r\n|\r|\n", text)
        self.newline = found.group() if found else "\n"
        self.width = max(WIDTH, max((len(line) for line in re.split(r"\r\n|\r|\n", text)), default=0))
        self.quote = "'" if text.count("'") > text.count('"') else '"'

    def offset(self, line: int, column: int) -> int:
        return self.starts[line - 1] + column

    def slice(self, span: Span) -> str:
        return self.text[self.offset(span.line, span.column) : self.offset(span.end_line, span.end_column)]

    def between(self, a: Span, b: Span) -> str:
        """The text from the end of one span to the start of another."""
        return self.text[self.offset(a.end_line, a.end_column) : self.offset(b.line, b.column)]

    def margin(self, line: int) -> str:
        """The white space a line begins with."""
        start = self.starts[line - 1]
        found = re.compile(r"[ \t\f]*").match(self.text, start)
        return found.group() if found else ""

    def line(self, number: int) -> str:
        end = self.starts[number] if number < len(self.starts) else len(self.text)
        return self.text[self.starts[number - 1] : end].rstrip("\r\n")


def applied(page: Page, edits: Iterable[Edit]) -> str:
    """The text after edits. Overlapping ones: the first in the text wins, identical ones count once."""
    out: list[str] = []
    position = 0
    for edit in sorted(dict.fromkeys(edits), key=lambda e: (e.span, e.content)):
        start, end = page.offset(edit.span.line, edit.span.column), page.offset(edit.span.end_line, edit.span.end_column)
        if start < position:
            continue
        out += (page.text[position:start], edit.content)
        position = end
    return "".join((*out, page.text[position:]))


def rewrite(
    page: Page,
    facts: Facts,
    site: Optimizer | None,
    findings: Sequence[tuple[str, Finding]],
    choice: Choice,
    together: Sequence[Optimizer] = (),
) -> Rewrite:
    """The one rewrite for all findings of a site. `together`: the sites whose class is swapped in the same run."""
    fixes = [f.fix for _, f in findings if f.fix is not None]
    if site is None or site.call is None:
        return _loose(page, fixes, findings)
    return Writer(page, facts, site, site.call, choice, tuple(together) or (site,)).rewrite(findings, fixes)


def _loose(page: Page, fixes: Sequence[Fix], findings: Sequence[tuple[str, Finding]]) -> Rewrite:
    """Repairs that need nothing but their own place."""
    edits: list[Edit] = []
    words: list[str] = []
    for fix in fixes:
        match fix:
            case ReplaceText(span, text, what):
                edits.append(_removal(page, span) if not text else Edit(span, text))
                words.append(what)
            case WrapInList(span):
                edits.append(Edit(span, f"list({page.slice(span)})"))
                words.append("list(...) around the generator")
    if not edits:
        return Rewrite()
    codes = tuple(dict.fromkeys(code for code, _ in findings))
    text = ", ".join(dict.fromkeys(words))
    return Rewrite(tuple(edits), f"Write {text}", Change(findings[0][1].span, codes, text))


def _removal(page: Page, span: Span) -> Edit:
    """Take a comment away with the white space before it, or with its line."""
    line = page.line(span.line)
    before, after = line[: span.column], line[span.end_column :]
    if not before.strip() and not after.strip() and span.line < len(page.starts):
        return Edit(Span(span.line, 0, span.line + 1, 0), "")
    column = len(before.rstrip()) if not after.strip() else span.column
    return Edit(Span(span.line, column, span.end_line, span.end_column), "")


@dataclass
class Writer:
    """Builds the rewrite of one construction call."""

    page: Page
    facts: Facts
    site: Optimizer
    call: CallSite
    choice: Choice
    together: tuple[Optimizer, ...]
    edits: list[Edit] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    appended: list[str] = field(default_factory=list)  # new keyword arguments
    dropped: set[int] = field(default_factory=set)  # arguments that go
    replaced: dict[int, str] = field(default_factory=dict)  # values of arguments that change

    def rewrite(self, findings: Sequence[tuple[str, Finding]], fixes: Sequence[Fix]) -> Rewrite:
        swap = next((f for f in fixes if isinstance(f, SwapClass)), None)
        wants_split = any(isinstance(f, SplitGroups) or isinstance(f, SwapClass) and f.split for f in fixes)
        swapped = swap is not None and self._swap()
        if swap is None and any(code in ("WD101", "WD102") for code, _ in findings) and not self.site.counterpart:
            self.refusals.append(f"{self.site.name} has no decoupled counterpart")
        split = wants_split and self._may_split() and self._split(swapped)
        for fix in fixes:
            self._apply(fix, split)
        if swapped and not split:
            self._keep_default()
        self._arguments(split)
        codes = tuple(dict.fromkeys(code for code, f in findings if f.fix is not None))
        if not self.edits:
            return Rewrite(refusals=tuple(dict.fromkeys(self.refusals)))
        change = Change(self.site.span, codes, ", ".join(self.said), self._decision() if swapped else "", split)
        return Rewrite(tuple(self.edits), self._message(swapped, split), change, tuple(dict.fromkeys(self.refusals)))

    def _message(self, swapped: bool, split: bool) -> str:
        target = self._target_name() if swapped else ""
        if target and split:
            return f"Use {target} with two parameter groups"
        if target:
            return f"Use {target}"
        return "Use two parameter groups" if split else "Write " + ", ".join(self.said)

    def _apply(self, fix: Fix, split: bool) -> None:
        match fix:
            case RenameKey(key, to):
                self.edits.append(Edit(key.span, f"{key.quote}{to}{key.quote}"))
                self.said.append(f"{key.name} -> {to}")
            case ReplaceText(span, text, what):
                self.edits.append(Edit(span, text))
                self.said.append(what)
            case WrapInList(span):
                self.edits.append(Edit(span, f"list({self.page.slice(span)})"))
                self.said.append("list(...) around the generator")
            case SetDecay(span) if self.choice.literal and not split:
                self.edits.append(Edit(span, self.choice.literal))
                self.said.append(f"weight_decay={self.choice.literal}")

    # ------------------------------------------------------------------------------------------------------------ class

    def _target_name(self) -> str:
        if self.site.counterpart == self.site.qualified and self.site.flag is not None:
            return f"{self.site.flag.name}=True"
        return self.site.counterpart.rpartition(".")[2]

    def _hazards(self, kind: str) -> list[Hazard]:
        return [h for h in self.facts.hazards if h.kind == kind]

    def _swap(self) -> bool:
        if self.site.counterpart == self.site.qualified:
            return self._set_flag()
        reason = self._why_no_swap()
        if reason:
            self.refusals.append(f"the class stays: {reason}")
            return False
        name = self._imported() if self.call.bound_name else self._target_name()
        if not name or self.call.class_name is None:
            self.refusals.append(f"the class stays: the name {self._target_name()} is taken in this file")
            return False
        self.edits.append(Edit(self.call.class_name, name))
        if self.site.flag is not None:
            for number, argument in enumerate(self.call.arguments):
                if argument.keyword == self.site.flag.name:
                    self.dropped.add(number)
        self.said.append(f"{self.site.name} -> {self._target_name()}")
        return True

    def _why_no_swap(self) -> str:
        call, site = self.call, self.site
        if call.hidden_class or call.class_name is None:
            return call.hidden_class or "the class is not named at the call"
        if not call.compatible:
            return f"{self._target_name()} takes other arguments"
        if call.resolved.rpartition(".")[0] != site.counterpart.rpartition(".")[0]:
            return f"{call.resolved.rpartition('.')[0]} has no {self._target_name()}"
        tests = self._hazards("class")
        return tests[0].text if tests else ""

    def _set_flag(self) -> bool:
        flag = self.site.flag
        if flag is None:
            return False
        loads = self._hazards("flag")
        if loads or self.call.hidden_class:
            self.refusals.append(f"{flag.name} stays: {loads[0].text if loads else self.call.hidden_class}")
            return False
        for number, argument in enumerate(self.call.arguments):
            at = flag.position == number and all(a.keyword is None and not a.star for a in self.call.arguments[: number + 1])
            if argument.keyword == flag.name or at:
                self.replaced[number] = "True"
                break
        else:
            self.appended.append(f"{flag.name}=True")
        self.said.append(f"{flag.name}=True")
        return True

    def _keep_default(self) -> None:
        """Groups that set no decay inherited 0 from the old class; the new one has another default."""
        if self.call.decay is None and self.site.decay.known and not self.site.decay.written:
            if not self.site.groups_complete or not all(g.sets_decay for g in self.site.groups):
                self.appended.append(f"weight_decay={self.site.decay.number or 0.0!r}")

    def _imported(self) -> str:
        """The local name of the counterpart, importing it where the old class is imported; "" when it is taken."""
        wanted, module = self._target_name(), self.site.counterpart.rpartition(".")[0]
        for known in self.facts.imports:
            if known.module == module and known.name == wanted:
                self._drop_import(known.statement)
                return known.bound
        own = [i for i in self.facts.imports if i.bound == self.call.bound_name and i.name == self.site.name and i.module == module]
        taken = wanted in self.facts.bound_names
        if not own:
            starred = any(i.name == "*" and i.module == module for i in self.facts.imports)
            return wanted if starred and not taken else ""
        bound = f"Decoupled{self.site.name}" if taken else wanted
        if taken and bound in self.facts.bound_names:
            return ""
        alias = f"{wanted} as {bound}" if taken else wanted
        for statement in own:
            if self._remaining(statement) > 0:
                end = Span(statement.span.end_line, statement.span.end_column, statement.span.end_line, statement.span.end_column)
                self.edits.append(Edit(end, f", {alias}"))
            else:
                self.edits.append(Edit(statement.span, alias))
        return bound

    def _remaining(self, statement: Import) -> int:
        """How often the old name is still used once all sites of the run are rewritten."""
        gone = sum(s.call is not None and s.call.bound_name == statement.bound for s in self.together)
        return statement.uses - gone

    def _drop_import(self, new: Span) -> None:
        """Remove the old class from its import when nothing else uses it."""
        for statement in self.facts.imports:
            if statement.bound != self.call.bound_name or statement.name != self.site.name or self._remaining(statement) > 0:
                continue
            if len(statement.names) < 2:
                continue  # removing the whole statement would take its comments along
            spans = [span for _, _, span in statement.names]
            number = spans.index(statement.span)
            if number + 1 < len(spans):
                gap = self.page.between(statement.span, spans[number + 1])
                end = spans[number + 1]
                if "#" not in gap:
                    self.edits.append(Edit(Span(statement.span.line, statement.span.column, end.line, end.column), ""))
            elif "#" not in self.page.between(spans[number - 1], statement.span):
                start = spans[number - 1]
                self.edits.append(
                    Edit(Span(start.end_line, start.end_column, statement.span.end_line, statement.span.end_column), "")
                )

    # ----------------------------------------------------------------------------------------------------------- groups

    def _may_split(self) -> bool:
        reason = self._why_no_split()
        if reason:
            self.refusals.append(f"the groups stay: {reason}")
        return not reason

    def _why_no_split(self) -> str:
        site, group = self.site, self.site.groups[0]
        parameters = group.parameters
        if not site.one_group:
            return "they are listed by hand"
        if group.coverage is not Coverage.WHOLE or parameters is None or self.call.parameters is None:
            return "the parameters are not visibly a whole model"
        if site.later_writes:
            return "the file writes weight_decay to its groups"
        hazards = self._hazards("groups")
        if hazards:
            return hazards[0].text
        if parameters.form is Form.GENERATOR:
            return f"`{parameters.text}` is a one-pass generator: reading it twice empties the second group"
        if parameters.form not in SPLITTABLE or not parameters.repeatable:
            return f"`{_short(parameters.text)}` cannot be evaluated twice"
        if "#" in parameters.text:
            return "the parameters expression holds a comment"
        if self.call.decay is None and group.decay.written:
            return "weight_decay comes through **"
        return ""

    def _split(self, swapped: bool) -> bool:
        group = self.site.groups[0]
        parameters = group.parameters
        assert parameters is not None and self.call.parameters is not None
        decay = self._decay_text(swapped)
        variable, matrices, vectors = _halves(parameters, self.page)
        del variable
        quote = self.page.quote
        rows = [f"{quote}params{quote}: {matrices}", f"{quote}weight_decay{quote}: {decay}"], [
            f"{quote}params{quote}: {vectors}",
            f"{quote}weight_decay{quote}: 0.0",
        ]
        self._rows = rows
        if self.call.decay is not None and self._last_positional(self.call.decay):
            self.dropped.add(self.call.decay)
        shown = self.choice.literal if decay == self.choice.literal else _short(decay)
        self.said.append(f"2 parameter groups (matrices decay at {shown}, vectors do not)")
        return True

    _rows: tuple[list[str], list[str]] | None = None

    def _decay_text(self, swapped: bool) -> str:
        decay = self.site.groups[0].decay
        if self.choice.literal and decay.literal and swapped:
            return self.choice.literal
        if self.call.decay is not None:
            return _one_line(self.page.slice(self.call.arguments[self.call.decay].value))
        return repr(decay.number or 0.0)

    def _last_positional(self, number: int) -> bool:
        """Whether an argument can go: by keyword, or positional with nothing positional behind it."""
        arguments = self.call.arguments
        if arguments[number].keyword is not None:
            return True
        return not any(a.keyword is None and not a.star for a in arguments[number + 1 :])

    # -------------------------------------------------------------------------------------------------------- arguments

    def _arguments(self, split: bool) -> None:
        """Write the changed argument list: exploded when it stood on one line, in place otherwise."""
        call = self.call
        assert call.open is not None and call.close is not None
        if split and call.open.line == call.close.line:
            self._explode()
            return
        for number, text in self.replaced.items():
            self.edits.append(Edit(call.arguments[number].value, text))
        if split and call.parameters is not None:
            self._replace_parameters(call.arguments[call.parameters])
        if self.choice.literal and not split and self.said and self.site.counterpart:
            self._set_literal()
        for number in sorted(self.dropped):
            self._drop(number)
        if self.appended:
            self._append()

    def _set_literal(self) -> None:
        """The user's lambda at the constructor, when only the class was swapped."""
        group = self.site.groups[0]
        if group.decay.literal and group.decay.span is not None and any("->" in s or "=True" in s for s in self.said):
            edit = Edit(group.decay.span, self.choice.literal)
            if edit not in self.edits:
                self.edits.append(edit)

    def _explode(self) -> None:
        call, page = self.call, self.page
        assert call.open is not None and call.close is not None
        margin = page.margin(call.open.line)
        inner = margin + page.indent
        lines = []
        for number, argument in enumerate(call.arguments):
            if number == call.parameters:
                lines.append(self._list(argument, inner, inner))
            elif number not in self.dropped:
                prefix = page.slice(Span(argument.span.line, argument.span.column, argument.value.line, argument.value.column))
                lines.append(f"{inner}{prefix}{self.replaced.get(number, page.slice(argument.value))},")
        lines += [f"{inner}{text}," for text in self.appended]
        body = page.newline.join(lines)
        span = Span(call.open.end_line, call.open.end_column, call.close.line, call.close.column)
        self.edits.append(Edit(span, f"{page.newline}{body}{page.newline}{margin}"))

    def _list(self, argument: Argument, margin: str, first: str) -> str:
        """The two groups as a displayed list, its first line indented by `first`, the others by `margin`."""
        page = self.page
        assert self._rows is not None
        prefix = page.slice(Span(argument.span.line, argument.span.column, argument.value.line, argument.value.column))
        inner = margin + page.indent
        lines = [f"{first}{prefix}["]
        for row in self._rows:
            flat = f"{inner}{{{', '.join(row)}}},"
            if len(flat.expandtabs(4)) <= page.width:
                lines.append(flat)
            else:
                lines += [f"{inner}{{", *(f"{inner}{page.indent}{entry}," for entry in row), f"{inner}}},"]
        lines.append(f"{margin}],")
        return page.newline.join(lines)

    def _replace_parameters(self, argument: Argument) -> None:
        page = self.page
        text = self._list(argument, page.margin(argument.span.line), "").removesuffix(",")
        self.edits.append(Edit(argument.span, text))

    def _drop(self, number: int) -> None:
        """Take an argument away; comments stay, and a line that becomes empty goes."""
        page, arguments = self.page, self.call.arguments
        argument = arguments[number]
        if argument.comma is not None:
            start, end = argument.span, argument.comma
            rest = page.line(end.end_line)[end.end_column :]
            blank = len(rest) - len(rest.lstrip())
            before = page.line(start.line)[: start.column]
            if not before.strip() and not rest.strip() and end.end_line < len(page.starts):
                self.edits.append(Edit(Span(start.line, 0, end.end_line + 1, 0), ""))
            elif rest.strip():
                self.edits.append(Edit(Span(start.line, start.column, end.end_line, end.end_column + blank), ""))
            else:
                column = len(before.rstrip()) if before.strip() else start.column
                self.edits.append(Edit(Span(start.line, column, end.end_line, end.end_column), ""))
            return
        kept = [n for n in range(number) if n not in self.dropped]
        if kept:
            previous = arguments[kept[-1]]
            gap = page.between(previous.span, argument.span)
            if not gap.replace(",", "").replace("\\", "").strip():
                span = Span(previous.span.end_line, previous.span.end_column, argument.span.end_line, argument.span.end_column)
                self.edits.append(Edit(span, ""))
                return
        self.edits.append(Edit(argument.span, ""))

    def _append(self) -> None:
        """New keyword arguments behind the last one."""
        call, page = self.call, self.page
        assert call.close is not None
        last = call.arguments[-1]
        text = ", ".join(self.appended)
        end = last.comma or last.span
        here = Span(end.end_line, end.end_column, end.end_line, end.end_column)
        if last.span.line == call.close.line or last.comma is None:
            self.edits.append(Edit(here, f"{' ' if last.comma else ', '}{text}"))
        else:
            margin = page.margin(last.span.line)
            line = page.line(end.end_line)
            at = Span(end.end_line, len(line), end.end_line, len(line))
            self.edits.append(Edit(at, f"{page.newline}{margin}{text},"))

    # --------------------------------------------------------------------------------------------------------- decision

    def _decision(self) -> str:
        """What the carried-over lambda now means, when the user has not decided."""
        decays = [g for g in self.site.groups if g.decay.written and not g.decay.surely(lambda wd: wd == 0)]
        if not decays or self.choice.decay == "keep":
            return ""
        group = decays[0]
        if self.choice.literal and group.decay.literal:
            return ""
        written = f"weight_decay={_short(group.decay.text)}"
        lr, decay = group.lr.number, group.decay.number
        scaled = self.site.lr_scaled or self.site.coupling is Coupling.L2
        if lr is None or decay is None or not scaled or lr <= 0:
            return f"{written} now shrinks weights by lr*lambda a step, whatever the gradient is"
        product = lr * decay
        return f"{written} now shrinks weights by lr*lambda = {product:.0e} a step (half-life {math.log(2) / product:.1e} steps)"


def _halves(parameters: Parameters, page: Page) -> tuple[str, str, str]:
    """The comprehension variable and the two comprehensions: two or more dimensions, and fewer."""
    text = _one_line(parameters.text)
    if parameters.form is Form.COMPREHENSION and parameters.element:
        inner = text[1:-1].strip() if text[:1] in "[(" else text
        joint = " if "
        if parameters.condition is not None:
            condition = _one_line(page.slice(parameters.condition))
            joint = " and "
            if re.search(r"\bor\b|\blambda\b|\belse\b|:=", condition) and not _enclosed(condition):
                head = inner[: inner.rindex(condition)]
                inner = f"{head}({condition})"
        name = parameters.element
        return name, f"[{inner}{joint}{name}.ndim >= 2]", f"[{inner}{joint}{name}.ndim < 2]"
    source = _one_line(page.slice(parameters.inner)) if parameters.inner is not None else text
    name = "param" if re.search(r"(?<!lambda )\bp\b(?!\s*[:.])", source) else "p"
    return name, f"[{name} for {name} in {source} if {name}.ndim >= 2]", f"[{name} for {name} in {source} if {name}.ndim < 2]"


def _enclosed(text: str) -> bool:
    """Whether one pair of parentheses holds the whole text."""
    depth = 0
    for position, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0 and position < len(text) - 1:
            return False
    return text.startswith("(")


def _one_line(text: str) -> str:
    """An expression without line breaks."""
    if "\n" not in text and "\r" not in text:
        return text
    flat = re.sub(r"[ \t]*\\?(\r\n|\r|\n)[ \t]*", " ", text)
    return re.sub(r",\s*([])}])", r"\1", re.sub(r"([\[({]) | ([])}])", r"\1\2", flat))


def _short(text: str) -> str:
    flat = _one_line(text)
    return flat if len(flat) <= 40 else flat[:37] + "..."

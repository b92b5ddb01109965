"""All repairs of one construction call, as one rewrite."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from wdlint.edits.arguments import Arguments
from wdlint.edits.decision import Choice, carried, due
from wdlint.edits.groups import halves, rows, why_no_split
from wdlint.edits.imports import naming
from wdlint.edits.page import Page
from wdlint.edits.places import in_list, inserted
from wdlint.edits.swap import decouples_in_place, inherits, target_name, why_no_swap
from wdlint.edits.wrap import flat, renumbered, same_number, short
from wdlint.model import (
    CallSite,
    Change,
    Coverage,
    Edit,
    Facts,
    Finding,
    Fix,
    Flag,
    Optimizer,
    RenameKey,
    ReplaceText,
    SetDecay,
    Span,
    SplitGroups,
    SwapClass,
    WrapInList,
)  # fmt: skip

__all__ = ["Rewrite", "Writer"]


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What becomes of one site: edits, or the reason why there are none."""

    edits: tuple[Edit, ...] = ()
    message: str = ""  # "Use AdamW with two parameter groups"
    change: Change | None = None
    refusals: tuple[str, ...] = ()


@dataclass
class Writer:
    """Builds the rewrite of one construction call."""

    page: Page
    facts: Facts
    site: Optimizer
    call: CallSite
    choice: Choice
    gone: frozenset[Span]  # the class names that disappear from calls in the same run
    arguments: Arguments = field(init=False)
    refusals: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    names: list[Edit] = field(default_factory=list)  # of the class and of imports
    places: list[Edit] = field(default_factory=list)  # keys, entries and decays of groups, wherever they stand

    def __post_init__(self) -> None:
        self.arguments = Arguments(self.page, self.call)

    def rewrite(self, findings: Sequence[tuple[str, Finding]]) -> Rewrite:
        """The edits for all findings of the site, and what they do."""
        fixes = [finding.fix for _, finding in findings if finding.fix is not None]
        if self.call.hidden_class and any(isinstance(fix, SwapClass | SplitGroups) for fix in fixes):
            self.refusals.append(self.call.hidden_class)
            fixes = [fix for fix in fixes if not isinstance(fix, SwapClass | SplitGroups)]
        swapped = any(isinstance(fix, SwapClass) for fix in fixes) and self._swap()
        if not self.site.counterpart and any(code in ("WD101", "WD102") for code, _ in findings):
            self.refusals.append(f"{self.site.name} has no decoupled counterpart")
        renewed = swapped or any(isinstance(fix, SetDecay) for fix in fixes)
        split = any(self._asks_for_split(fix, swapped) for fix in fixes) and self._split(renewed)
        done = [code for code, finding in findings if finding.fix and self._done(finding.fix, swapped, split)]
        if swapped and not split:
            self._keep_default()
            self._set_decays(value.span for value in carried(self.site) if value.literal)
        edits = tuple(dict.fromkeys(self.arguments.edits([*self.names, *self.places])))
        refusals = tuple(dict.fromkeys(self.refusals))
        if not edits:
            return Rewrite(refusals=refusals)
        decision = due(self.site, self.choice) if swapped else ""
        change = Change(self.site.span, tuple(dict.fromkeys(done)), ", ".join(self.said), decision, split)
        return Rewrite(edits, self._message(swapped, split), change, refusals)

    def _message(self, swapped: bool, split: bool) -> str:
        groups = "two parameter groups"
        if swapped:
            return f"Use {target_name(self.site)} with {groups}" if split else f"Use {target_name(self.site)}"
        return f"Use {groups}" if split else "Write " + ", ".join(self.said)

    def _done(self, fix: Fix, swapped: bool, split: bool) -> bool:
        """Carry out a fix that needs no more than its own place; whether the fix is done."""
        match fix:
            case SwapClass():
                return swapped
            case SplitGroups():
                return split
            case RenameKey(key, to):
                self._write(Edit(key.span, f"{key.quote}{to}{key.quote}"), f"{key.name} -> {to}")
            case ReplaceText(span, text, what):
                group = next((group for group in self.site.groups if group.insertion == span), None)
                self._write(inserted(self.page, span, text, group) if group else Edit(span, text), what)
            case WrapInList(span):
                self._write(in_list(self.page, span), "list(...) around the generator")
            case SetDecay(span):
                return split or self._set_decays([span])
        return True

    def _write(self, edit: Edit, what: str) -> None:
        if edit not in self.places:
            self.places.append(edit)
            self.said.append(what)

    def _set_decays(self, spans: Iterable[Span | None]) -> bool:
        """The user's lambda in place of literals; whether there is one to write."""
        literal, at = self.choice.literal, self.call.decay
        for span in spans:
            text = self.page.slice(span) if span is not None and literal else ""
            if span is None or not literal or same_number(text, literal):
                continue
            if at is not None and self.call.arguments[at].value == span:
                self.arguments.values[at] = renumbered(text, literal)
                self.said.append(f"weight_decay={literal}")
            else:
                self._write(Edit(span, renumbered(text, literal)), f"weight_decay={literal}")
        return bool(literal)

    # ---------------------------------------------------------------------------------------- class

    def _swap(self) -> bool:
        site, flag = self.site, self.site.flag
        reason = why_no_swap(self.page, self.facts, site)
        if reason:
            kept = flag.name if decouples_in_place(site) and flag is not None else "the class"
            self.refusals.append(f"{kept} stays: {reason}")
            return False
        if decouples_in_place(site) and flag is not None:
            self._set_flag(flag)
            return True
        name = naming(self.page, self.facts, site, self.gone)
        assert name is not None
        self.names += [Edit(name.place, name.name), *name.edits]
        if flag is not None:
            dropped = {n for n, argument in enumerate(self.call.arguments) if argument.keyword == flag.name}
            self.arguments.dropped |= dropped
        self.said.append(f"{site.name} -> {target_name(site)}")
        return True

    def _set_flag(self, flag: Flag) -> None:
        for number, argument in enumerate(self.call.arguments):
            plain = all(a.keyword is None and not a.star for a in self.call.arguments[: number + 1])
            if argument.keyword == flag.name or (flag.position == number and plain):
                self.arguments.values[number] = "True"
                break
        else:
            self.arguments.appended.append(f"{flag.name}=True")
        self.said.append(f"{flag.name}=True")

    def _keep_default(self) -> None:
        """Groups that set no decay inherited the default of the old class; the new one has another."""
        default = self.site.decay.number
        if self.call.decay is None and not self.site.decay.written and not decouples_in_place(self.site):
            if default is not None and inherits(self.site):
                self.arguments.appended.append(f"weight_decay={default!r}")

    # --------------------------------------------------------------------------------------- groups

    def _asks_for_split(self, fix: Fix, swapped: bool) -> bool:
        whole = self.site.one_group and self.site.groups[0].coverage is Coverage.WHOLE
        return isinstance(fix, SplitGroups) or (isinstance(fix, SwapClass) and fix.split and swapped and whole)

    def _split(self, renewed: bool) -> bool:
        """Plan the two groups. `renewed`: the user's lambda takes the place of a literal one."""
        reason = why_no_split(self.page, self.facts, self.site)
        if reason:
            self.refusals.append(f"the groups stay: {reason}")
            return False
        page, call, group = self.page, self.call, self.site.groups[0]
        assert group.parameters is not None
        pair = halves(page, group.parameters)
        decay, comments = repr(group.decay.number or 0.0), list[str]()
        if call.decay is not None:
            decay, comments = flat(page.slice(call.arguments[call.decay].value))
            if renewed and group.decay.literal and self.choice.literal:
                decay = self.arguments.values[call.decay] = self.choice.literal
            if self._can_go(call.decay):
                self.arguments.dropped.add(call.decay)
        above = [*pair.comments, *comments]
        self.arguments.groups = lambda prefix, margin: rows(page, pair, decay, above, prefix, margin)
        self.said.append(f"2 parameter groups (matrices decay at {short(decay)}, vectors do not)")
        return True

    def _can_go(self, number: int) -> bool:
        """Whether an argument can be left out: given by keyword, or nothing positional stands behind it."""
        arguments = self.call.arguments
        behind = arguments[number + 1 :]
        return arguments[number].keyword is not None or not any(a.keyword is None and a.star != "**" for a in behind)

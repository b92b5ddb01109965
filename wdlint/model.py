"""The words of wdlint: spans, values, groups, optimizers, findings, intents, reports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum

__all__ = [
    "Band",
    "CallSite",
    "Change",
    "Coupling",
    "Coverage",
    "Diagnostic",
    "Edit",
    "Facts",
    "Failure",
    "Finding",
    "Fix",
    "Flag",
    "Form",
    "Generator",
    "Group",
    "GroupKey",
    "Hazard",
    "Import",
    "Membership",
    "Optimizer",
    "Origin",
    "Parameters",
    "Refusal",
    "RenameKey",
    "ReplaceText",
    "Report",
    "Rule",
    "SetDecay",
    "Severity",
    "Span",
    "SplitGroups",
    "Suppression",
    "SwapClass",
    "Value",
    "WrapInList",
]


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of text: lines from 1, columns from 0 in code points, the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int

    def shifted(self, lines: int) -> Span:
        return Span(self.line + lines, self.column, self.end_line + lines, self.end_column)

    def covers(self, other: Span) -> bool:
        return (self.line, self.column) <= (other.line, other.column) and (other.end_line, other.end_column) <= (
            self.end_line,
            self.end_column,
        )


class Severity(Enum):
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        return ("note", "warning", "error").index(self.value)


# ------------------------------------------------------------------------------------------- values


class Origin(Enum):
    """Where a value comes from, seen from the optimizer call."""

    WRITTEN = "written"  # the call or the group says it
    DEFAULT = "default"  # nobody says it: the optimizer's own default
    HIDDEN = "hidden"  # a * or ** argument, or code elsewhere, may say it


@dataclass(frozen=True, slots=True)
class Value:
    """A number as far as this file knows it: `numbers` holds every possible one, none when it is not knowable."""

    numbers: tuple[float, ...] = ()
    origin: Origin = Origin.WRITTEN
    span: Span | None = None  # the expression as written at the call, group or later write
    text: str = ""  # that expression
    provenance: str = ""  # "the default of --weight-decay on line 12"; empty for a value written in place
    string: str | None = None  # a str constant where a number belongs
    literal: bool = False  # the expression is a plain number

    @property
    def number(self) -> float | None:
        """The one value it has, None when several are possible or none is known."""
        return self.numbers[0] if len(self.numbers) == 1 else None

    @property
    def known(self) -> bool:
        return bool(self.numbers)

    @property
    def written(self) -> bool:
        return self.origin is Origin.WRITTEN

    def surely(self, question: Callable[[float], bool]) -> bool:
        """Whether every possible value answers yes; False when nothing is known."""
        return bool(self.numbers) and all(question(n) for n in self.numbers)

    def __str__(self) -> str:
        shown = " or ".join(f"{n:g}" for n in self.numbers) or self.text or "an unknown value"
        if self.literal:
            shown = self.text
        return f"{shown} ({self.provenance})" if self.provenance else shown


# ---------------------------------------------------------------------------------------- catalogue


class Coupling(Enum):
    """What weight_decay does to a weight w with gradient g (optimizers: knowledge of `wdlint.catalogue`)."""

    L2 = "coupled"  # lambda*w is added to g, so an adaptive step rescales it
    DECOUPLED = "decoupled"  # w -= lr*lambda*w, outside the adaptive step
    LR_FREE = "decoupled-lr-free"  # w -= lambda*w, the learning rate is not multiplied in
    OTHER = "other"  # trust ratios, self-scaled or broken decay: neither word fits
    NONE = "none"  # the optimizer has no weight decay
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Band:
    """The usual range of lambda in one family; edges are inside."""

    family: str  # "decoupled", "lion", "coupled", "sgd", "lr-free": the keys of [tool.wdlint.range]
    low: float
    high: float

    def __contains__(self, number: float) -> bool:
        return number == 0 or self.low <= number <= self.high


@dataclass(frozen=True, slots=True)
class Flag:
    """A keyword that switches the coupling of an optimizer, `decoupled_weight_decay` for one."""

    name: str
    default: bool
    when_true: Coupling
    when_false: Coupling
    position: int | None = None  # positional index, params counted as 0
    per_group: bool = False  # a parameter group may set it too


# -------------------------------------------------------------------------------------------- facts


class Coverage(Enum):
    """Which parameters of a model a group holds."""

    WHOLE = "whole"  # everything a module has: matrices, biases, norm gains
    PART = "part"  # a part of a model, picked by something else than their kind: biases and norms among them
    MATRICES = "matrices"  # weights only: two or more dimensions, or all but the no-decay names
    VECTORS = "vectors"  # biases, norm gains, one-dimensional parameters: what should not decay
    SUBSET = "subset"  # picked by name, what kind is not visible
    TENSORS = "tensors"  # tensors listed by hand
    HELPER = "helper"  # built by a function whose groups are not visible
    UNKNOWN = "unknown"


class Form(Enum):
    """How the parameters of a group are written, which decides whether they can be split in place."""

    CALL = "call"  # model.parameters()
    FILTER = "filter"  # filter(lambda p: p.requires_grad, model.parameters())
    COMPREHENSION = "comprehension"  # [p for p in model.parameters() if p.requires_grad]
    LIST = "list"  # list(model.parameters()), sums and chains of such
    NAME = "name"  # a name bound to a list
    GENERATOR = "generator"  # a name bound to a one-pass generator
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Parameters:
    """The expression that gives a group its parameters."""

    span: Span
    text: str
    form: Form
    repeatable: bool = False  # evaluating it twice gives the same parameters and does nothing else
    element: str = ""  # COMPREHENSION: the element, `p`
    condition: Span | None = None  # COMPREHENSION: its condition, if it has one
    inner: Span | None = None  # `X` of list(X), which needs no list() when it is filtered again


@dataclass(frozen=True, slots=True)
class GroupKey:
    """One key of a parameter group dict."""

    name: str
    span: Span  # the key as written, quotes included (the bare name in dict(key=...))
    quote: str = '"'  # "" in dict(key=...)


@dataclass(frozen=True, slots=True)
class Group:
    """One parameter group, with the constructor's values and the optimizer's defaults already merged in."""

    span: Span  # the group dict, or the parameters where there is only one group
    decay: Value
    lr: Value
    coverage: Coverage
    coupling: Coupling
    band: Band | None = None
    parameters: Parameters | None = None
    sets_decay: bool = False  # the group itself says weight_decay
    literal: bool = False  # a dict displayed in this file
    keys: tuple[GroupKey, ...] = ()
    split_by_kind: bool = False  # its filter asks for names, ndim or module types
    insertion: Span | None = None  # empty span behind the last entry of the dict, where a key can be added
    added: bool = False  # came by add_param_group, append or a later write

    @property
    def place(self) -> Span:
        """Where its decay is written, else the group."""
        return self.decay.span or self.span


@dataclass(frozen=True, slots=True)
class CallSite:
    """What a rewrite needs to know about the construction call. Opaque to rules."""

    callee: Span  # the whole callee expression
    class_name: Span | None  # the last name of the callee, when the class is visible there
    resolved: str = ""  # the full name the callee resolves to: "torch.optim.adam.Adam"
    bound_name: str = ""  # the local name the class was imported as ("" when reached through a module)
    arguments: tuple[Argument, ...] = ()
    parameters: int | None = None  # which argument gives the parameters
    decay: int | None = None  # which argument gives lambda
    compatible: bool = True  # the counterpart takes the same arguments
    hidden_class: str = ""  # why the class cannot be swapped here ("the class comes through functools.partial")
    open: Span | None = None  # "("
    close: Span | None = None  # ")"


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a call: `span` covers keyword and value, `value` the value with its own parentheses."""

    span: Span
    value: Span
    keyword: str | None = None
    star: str = ""
    comma: Span | None = None


@dataclass(frozen=True, slots=True)
class Optimizer:
    """An optimizer construction site: which optimizer, which parameters, which lambda, known how."""

    name: str  # as people call it: "Adam"
    qualified: str  # "torch.optim.Adam"
    span: Span  # the call
    coupling: Coupling
    adaptive: bool  # the step is rescaled per weight
    groups: tuple[Group, ...]  # never empty
    lr: Value
    decay: Value  # of the constructor, or its default
    lr_scaled: bool = True  # decoupled decay is multiplied by lr
    functional: bool = False  # no parameter list: keras, optax
    counterpart: str = ""  # qualified name of the decoupled counterpart, "" if there is none
    flag: Flag | None = None  # the flag that decouples it in place
    one_group: bool = True  # the parameters come as one group, not as a list of groups
    groups_complete: bool = True  # every group is visible
    later_writes: bool = False  # the file writes group["weight_decay"] afterwards
    call: CallSite | None = None


@dataclass(frozen=True, slots=True)
class Membership:
    """A test `name in collection` that picks parameters by exact name from short literal names (WD205)."""

    span: Span  # the test: `n in no_decay`
    variable: str  # "n"
    collection: str  # "no_decay", or the literal as written
    names: tuple[str, ...]
    negated: bool  # `not in`
    collection_span: Span


@dataclass(frozen=True, slots=True)
class Generator:
    """A name bound to a one-pass iterator over parameters, and where it is read (WD206)."""

    name: str
    span: Span  # the expression that makes it
    reads: tuple[Span, ...]  # in order; each exhausts it


@dataclass(frozen=True, slots=True)
class Hazard:
    """Something in the file that limits what a rewrite may do.

    kind: "groups" (two groups would change what the file does), "class" (swapping the class would), "flag" (a loaded
    state resets it). The text names cause and line: "line 40 writes optimizer.param_groups[0]".
    """

    kind: str
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Import:
    """One imported optimizer class or star import, as a rewrite needs it."""

    module: str  # "torch.optim"; "" for `import x`
    name: str  # "Adam", or "*"
    bound: str  # the local name
    span: Span  # the alias inside the statement: `Adam as Opt`
    statement: Span
    names: tuple[tuple[str, str, Span], ...]  # all (name, bound, span) of the statement; of a star those the file reads
    uses: int  # uses that are no reads: __all__, an annotation in quotes, a re-export, another binding
    readers: tuple[Span, ...] = ()  # the names that may mean it
    holds: tuple[Span, ...] = ()  # the callees at which its bound name surely means it
    sole: bool = False  # the file binds the name to nothing else


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything wdlint knows about one text."""

    optimizers: tuple[Optimizer, ...] = ()
    memberships: tuple[Membership, ...] = ()
    generators: tuple[Generator, ...] = ()
    hazards: tuple[Hazard, ...] = ()
    imports: tuple[Import, ...] = ()
    bound_names: frozenset[str] = frozenset()  # every name the file binds anywhere


@dataclass(frozen=True, slots=True)
class Suppression:
    """A comment that silences findings. `codes` is empty for all codes; `unused` is known once all rules have run."""

    span: Span  # the part of the comment that is the suppression
    text: str
    codes: tuple[str, ...]
    lines: tuple[int, int]  # the lines it speaks of; a whole file is (0, 0)
    reason: str = ""
    ours: bool = True  # `# wdlint: ...`; False for a `noqa`
    unused: tuple[str, ...] = ()  # codes of it that silenced nothing ("all" for a blanket one)
    comment: Span | None = None  # the whole comment


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a file could not be read or parsed, and where."""

    span: Span
    reason: str


# ------------------------------------------------------------------------------- findings and fixes


@dataclass(frozen=True, slots=True)
class SwapClass:
    """Use the decoupled counterpart, or set the flag that decouples the class in place."""

    split: bool = False  # and split the groups where the whole model is given


@dataclass(frozen=True, slots=True)
class SplitGroups:
    """Two groups: matrices decay, vectors do not."""


@dataclass(frozen=True, slots=True)
class RenameKey:
    """Write another key in a group dict."""

    key: GroupKey
    to: str


@dataclass(frozen=True, slots=True)
class ReplaceText:
    """Write something else at a place that the rule already knows exactly."""

    span: Span
    text: str
    what: str  # for the summary: "weight_decay=0.0 in the no-decay group"


@dataclass(frozen=True, slots=True)
class WrapInList:
    """list(...) around an expression."""

    span: Span


@dataclass(frozen=True, slots=True)
class SetDecay:
    """The user's lambda in place of a literal one; only when the user gives one."""

    span: Span


Fix = SwapClass | SplitGroups | RenameKey | ReplaceText | WrapInList | SetDecay


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule knows: where, why, and which intent would repair it."""

    span: Span
    message: str
    fix: Fix | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A code, a name that reads after "allow", and a predicate over one kind of fact."""

    code: str
    name: str
    check: Callable[..., Iterator[Finding]]
    severity: Severity = Severity.WARNING
    fix_by_name: bool = False  # repaired only when the code is selected by name


# ------------------------------------------------------------------------------------------ reports


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace a span of the original text."""

    span: Span
    content: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """What a user sees: one finding with its code, place and repair."""

    code: str
    name: str
    severity: Severity
    message: str
    path: str
    span: Span
    site: Span | None = None  # the construction call it belongs to
    cell: int | None = None  # notebooks: the cell, counted from 1 over all cells; spans are inside it
    edits: tuple[Edit, ...] = ()  # the one rewrite of the site; several diagnostics of a site share it
    fix_message: str = ""  # "Use AdamW with two parameter groups"
    refusal: str = ""  # why there is no repair, or only a part of it
    safe: bool = False  # the repair changes no behaviour (WD901)
    suppressed: bool = False
    reason: str = ""  # of the suppression: `# wdlint: ignore[WD101] -- reason`

    def at(self, path: str) -> Diagnostic:
        return replace(self, path=path)


@dataclass(frozen=True, slots=True)
class Change:
    """What --fix did at one site, in words of training."""

    span: Span
    codes: tuple[str, ...]
    summary: str  # "Adam -> AdamW, 2 parameter groups (matrices decay at 5e-4, vectors do not)"
    decision: str = ""  # "weight_decay=5e-4 now shrinks weights by lr*lambda = 5e-07 a step (half-life 1.4e+06 steps)"
    splits: bool = False  # the number of parameter groups changed: saved optimizer states no longer fit


@dataclass(frozen=True, slots=True)
class Refusal:
    """What --fix left undone at one site, and why."""

    span: Span
    codes: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """One file: what was found, and after a fix run the new text and what was done."""

    path: str
    diagnostics: tuple[Diagnostic, ...] = ()
    suppressed: tuple[Diagnostic, ...] = ()
    text: str | None = None  # before a fix; None unless the run may change it
    fixed: str | None = None  # after; None when nothing changed
    changes: tuple[Change, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    lines: tuple[str, ...] = field(default=(), repr=False)  # the source lines that diagnostics need for a code frame

"""The command line: options and commands."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Any

import click

from wdlint import __version__
from wdlint.terminal import colorful, deafen, painter, progress

if TYPE_CHECKING:
    from wdlint.console import Options, Streams
    from wdlint.runner import Configs, Run

__all__ = ["commands", "main"]

FORMATS = ["concise", "full", "json", "github"]
INTERRUPTED = 130  # 128 + SIGINT


class Trouble(click.ClickException):
    """wdlint cannot do its work: exit status 2."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        for line in self.message.splitlines():
            click.echo(f"wdlint: {line}", file=file, err=True)


def say(text: str, *, err: bool = False) -> None:
    """Print; when nobody reads any more, go on without it: the exit status still tells the truth."""
    stream = sys.stderr if err else sys.stdout
    try:
        click.echo(text, file=stream, color=True)  # whether it is colored was decided before
    except BrokenPipeError:
        deafen(stream)


def note(text: str) -> None:
    say(text, err=True)


# ------------------------------------------------------------------------------------------ options


def listed(context: click.Context, parameter: click.Parameter, values: Sequence[str]) -> tuple[str, ...] | None:
    """Codes, comma separated and repeatable; None when the option was not given."""
    codes = tuple(code.strip() for value in values for code in value.split(",") if code.strip())
    if codes:
        from wdlint.config import unknown_codes

        if problems := unknown_codes(codes, known_codes()):
            raise click.BadParameter("; ".join(problems))
    return codes if values else None


def known_codes() -> tuple[str, ...]:
    from wdlint.checks import RULES

    return tuple(rule.code for rule in RULES)


def decay(context: click.Context, parameter: click.Parameter, value: str | None) -> str | float | None:
    if value is None:
        return None
    from wdlint.config import decay_choice

    try:
        choice = decay_choice(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    if str(choice).startswith("from:"):
        raise click.BadParameter("from:CHECKPOINT comes with the runtime, which is not part of this version")
    return choice


class CheckByDefault(click.Group):
    """A group whose `check` may be left out: what is no command is a path or an option of check."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing and (not args or args[0] not in {*self.commands, "-h", "--help", "--version"}):
            args = ["check", *args]
        return super().parse_args(ctx, args)


colors = click.option("--color/--no-color", default=None, help="Color or not; NO_COLOR and FORCE_COLOR are respected.")


@click.group(cls=CheckByDefault, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def commands() -> None:
    """Find weight decay that does not do what its author meant, and repair it.

    `wdlint [OPTIONS] [PATHS]` is short for `wdlint check [OPTIONS] [PATHS]`, see `wdlint check --help`. A path that
    bears a command's name is reached as `./rules`.
    """


# -------------------------------------------------------------------------------------------- check


@commands.command()
@click.argument("paths", nargs=-1)
@click.option("--select", multiple=True, callback=listed, metavar="CODES", help="Codes or prefixes to look for.")
@click.option("--extend-select", multiple=True, callback=listed, metavar="CODES", help="Codes to look for besides.")
@click.option("--ignore", multiple=True, callback=listed, metavar="CODES", help="Codes or prefixes to leave out.")
@click.option("--fix", is_flag=True, help="Repair. This changes training: read the summary.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, write nothing.")
@click.option("--weight-decay", callback=decay, metavar="keep|VALUE", help="What --fix does with a lambda.")
@click.option("--output-format", type=click.Choice(FORMATS), default="full", show_default=True)
@click.option("--statistics", is_flag=True, help="Count per code.")
@click.option("--show-notes", is_flag=True, help="Show notes, which are only counted otherwise.")
@click.option("--show-suppressed", is_flag=True, help="Show suppressed findings with their reasons.")
@click.option("--fail-on", type=click.Choice(["note", "warning", "error"]), help="The lowest severity that fails.")
@click.option("--exit-zero", is_flag=True, help="Exit with 0 even when something is found.")
@click.option("--config", metavar="FILE", help="Use this configuration for every file.")
@click.option("--isolated", is_flag=True, help="Use no configuration file.")
@click.option("--force-exclude", is_flag=True, help="Exclude files given by name too.")
@click.option("--stdin-filename", metavar="PATH", help="The name of what is read from standard input.")
@click.option("-j", "--jobs", type=click.IntRange(min=1), help="Processes to use at most.")
@click.option("-q", "--quiet", is_flag=True, help="Show findings only.")
@click.option("-v", "--verbose", is_flag=True, help="Say how many files were found, read and analysed.")
@colors
@click.pass_context
def check(ctx: click.Context, /, paths: tuple[str, ...], **given: Any) -> None:
    """Lint files and folders, by default the working folder. `-` is standard input.

    Exit status: 0 nothing found; 1 findings, or after --fix a decision about lambda is due; 2 wdlint could not work.
    """
    from wdlint.config import ConfigError
    from wdlint.console import Options, exit_status, show

    stdin = "-" in paths or given["stdin_filename"]
    if stdin and set(paths) - {"-"}:
        raise click.UsageError("standard input and paths exclude each other")
    if given["config"] and given["isolated"]:
        raise click.UsageError("--config and --isolated exclude each other")
    options = Options(**{name: given[name] for name in Options.__slots__})
    try:
        result = piped(given, options) if stdin else walked(paths, given, options)
    except ConfigError as error:
        raise Trouble("\n".join(error.problems)) from None
    show(result, options, streams(given["color"], source_on_stdout=stdin and options.fix and not options.diff))
    ctx.exit(exit_status(result, options))


def walked(paths: tuple[str, ...], given: dict[str, Any], options: Options) -> Run:
    from wdlint.analysis import Mode
    from wdlint.runner import run

    mode = Mode.TRIAL if options.diff else Mode.FIX if options.fix else Mode.CHECK
    with progress(sys.stderr.isatty() and not options.quiet) as watch:
        return run(
            paths or (".",), configs(given), mode, jobs=given["jobs"], force_exclude=given["force_exclude"], watch=watch
        )


def piped(given: dict[str, Any], options: Options) -> Run:
    """The run over standard input; with --fix the repaired source goes to standard output."""
    from wdlint.analysis import Mode
    from wdlint.runner import run_stdin

    mode = Mode.TRIAL if options.fix or options.diff else Mode.CHECK
    data = sys.stdin.buffer.read()
    result, source = run_stdin(data, given["stdin_filename"], configs(given), mode, given["force_exclude"])
    if options.fix and not options.diff:
        try:
            sys.stdout.buffer.write(source)
            sys.stdout.flush()
        except BrokenPipeError:
            deafen(sys.stdout)
    return result


def configs(given: dict[str, Any]) -> Configs:
    """What the command line and the configuration files say. Raises ConfigError."""
    from pathlib import Path

    from wdlint.config import Config, Overrides, load
    from wdlint.model import Severity
    from wdlint.runner import Configs

    overrides = Overrides(
        select=given["select"],
        extend_select=given["extend_select"] or (),
        ignore=given["ignore"] or (),
        fix_weight_decay=given["weight_decay"],
        fail_on=Severity(given["fail_on"]) if given["fail_on"] else None,
    )
    known = known_codes()
    only = load(given["config"], known, root=Path.cwd()) if given["config"] else Config() if given["isolated"] else None
    return Configs(known, overrides, only)


def streams(color: bool | None, source_on_stdout: bool = False) -> Streams:
    from wdlint.console import Streams

    err = painter(sys.stderr, color)
    if source_on_stdout:
        return Streams(note, note, err, err)
    return Streams(say, note, painter(sys.stdout, color), err)


# ----------------------------------------------------------------------------------- other commands


@commands.command()
@click.argument("code")
@colors
def explain(code: str, color: bool | None) -> None:
    """Print the page of a rule, by its code or its name."""
    from wdlint.pages import NoPage, page

    try:
        text = page(code).text
    except NoPage as error:
        raise Trouble(f"{error}; `wdlint rules` lists them") from None
    if not colorful(sys.stdout, color):
        say(text.rstrip())
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console(force_terminal=True)
    with console.capture() as captured:
        console.print(Markdown(text))
    say(captured.get().rstrip())


@commands.command()
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def rules(output_format: str) -> None:
    """List the rules: code, name, severity, and whether --fix repairs them."""
    from wdlint.checks import RULES
    from wdlint.pages import fixable
    from wdlint.reports.listing import as_json, table

    rows = [(r.code, r.name, r.severity.value, "fixable" if fixable(r.code) else "") for r in RULES]
    if output_format == "text":
        say("\n".join(table(rows)))
        return
    say(as_json([{"code": c, "name": n, "severity": s, "fixable": bool(f)} for c, n, s, f in rows]))


@commands.command()
@click.argument("file")
@click.option("--json", "as_data", is_flag=True, help="Everything, as JSON.")
@click.option("--config", metavar="FILE", help="Use this configuration.")
@click.option("--isolated", is_flag=True, help="Use no configuration file.")
def facts(file: str, as_data: bool, config: str | None, isolated: bool) -> None:
    """Show what wdlint knows about each optimizer construction site of a file."""
    from wdlint.analysis import known_facts
    from wdlint.config import ConfigError
    from wdlint.files import Unreadable
    from wdlint.reports.listing import as_json, sites

    options: dict[str, Any] = dict.fromkeys(("select", "extend_select", "ignore", "weight_decay", "fail_on"))
    try:
        found, place = known_facts(file, configs({**options, "config": config, "isolated": isolated}).of(file))
    except ConfigError as error:
        raise Trouble("\n".join(error.problems)) from None
    except Unreadable as error:
        raise Trouble(f"{file}: {error.reason}") from None
    say(as_json(found) if as_data else "\n".join(sites(found, place)))


@commands.command()
@click.argument("codes", nargs=-1, metavar="[CODE]...")
@click.option("--quick", is_flag=True, help="Judge laws, signs and controls only, on few seeds.")
@click.option("--device", type=click.Choice(["auto", "cuda", "cpu"]), default="auto", show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Where the seeds begin.")
@click.option("--json", "as_data", is_flag=True, help="Everything, as JSON.")
@colors
@click.pass_context
def demo(
    ctx: click.Context,
    /,
    codes: tuple[str, ...],
    quick: bool,
    device: str,
    seed: int,
    as_data: bool,
    color: bool | None,
) -> None:
    """Train tiny models with the bad and the good code of each rule, and measure the difference.

    CODE is a code or a prefix, by default all. Exit status: 0 every claim and control holds; 1 one does not; 2 it could
    not run. Needs the extra `wdlint[demo]`.
    """
    import shutil
    from importlib.util import find_spec

    for name in ("torch", "numpy", "scipy"):
        if find_spec(name) is None:
            raise Trouble(f"demo needs {name}, which is not installed: pip install 'wdlint[demo]'")
    from wdlint.runtime import demo, demo_report

    try:
        with progress(sys.stderr.isatty()) as watch:
            result = demo.run(codes, quick=quick, on=device, seed=seed, watch=watch)
    except demo.DemoError as error:
        raise Trouble(str(error)) from None
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else demo_report.WIDE
    colored = colorful(sys.stdout, color)
    say(demo_report.json(result) if as_data else demo_report.text(result, width=width, color=colored))
    ctx.exit(1 if result.failures else 0)


def settings(context: click.Context, parameter: click.Parameter, values: Sequence[str]) -> dict[str, Any]:
    """KEY=VALUE pairs; a value that is no Python literal is a string."""
    import ast

    found: dict[str, Any] = {}
    for pair in values:
        key, equals, text = pair.partition("=")
        if not equals or not key.isidentifier():
            raise click.BadParameter(f"{pair!r} is not KEY=VALUE")
        try:
            found[key] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            found[key] = text
    return found


@commands.command()
@click.argument("optimizer")
@click.option("-o", "--option", multiple=True, callback=settings, metavar="KEY=VALUE", help="A constructor argument.")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def probe(optimizer: str, option: dict[str, Any], output_format: str) -> None:
    """Measure what weight_decay does in an optimizer class, and print its row for [tool.wdlint.optimizers].

    OPTIMIZER is an import path: torch.optim.Adam. Importing it runs its code. Needs torch.
    """
    try:
        from wdlint.runtime.probe import ProbeError
        from wdlint.runtime.probe import probe as measurement
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "torch":
            raise
        raise Trouble("probe needs torch: pip install torch") from None
    from wdlint.reports.listing import as_json

    try:
        measured = measurement(optimizer, option)
    except ProbeError as error:
        raise Trouble(str(error)) from None
    say(str(measured) if output_format == "text" else as_json(measured))


def main() -> None:
    """The console script: exit statuses 0, 1, 2, and 130 when interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a message must not die of the terminal's encoding
    try:
        status = commands.main(standalone_mode=False, prog_name="wdlint")
    except click.Abort:
        status = INTERRUPTED
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except Exception as error:  # one line for the user, the rest for the bug report
        if {"-v", "--verbose"} & set(sys.argv):
            raise
        note(f"wdlint: internal error: {type(error).__name__}: {error}; --verbose tells where")
        status = Trouble.exit_code
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        deafen(sys.stdout)
    sys.exit(status)

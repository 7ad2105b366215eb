"""The command ``aggregator``: finds its commands by name and ends the process with a documented exit code."""

from __future__ import annotations

import errno
import gc
import os
import sys
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NoReturn

import click

from aggregator.cli.terminal import show_problems
from aggregator.errors import AggregatorError, ConfigError, shortage_behind

COMMANDS = {
    "init": "aggregator.cli.commands.init:init",
    "check": "aggregator.cli.commands.check:check",
    "run": "aggregator.cli.commands.serving.run:run",
    "mock": "aggregator.cli.commands.serving.mock:mock",
    "get": "aggregator.cli.commands.get:get",
    "routes": "aggregator.cli.commands.routes:routes",
    "explain": "aggregator.cli.commands.explain:explain",
    "keys": "aggregator.cli.commands.keys:keys",
    "tokens": "aggregator.cli.commands.keys:tokens",
    "status": "aggregator.cli.commands.status:status",
    "reload": "aggregator.cli.commands.reload:reload",
    "monitoring": "aggregator.cli.commands.monitoring:monitoring",
    "switch": "aggregator.cli.commands.acting.switch:switch",
    "breaker": "aggregator.cli.commands.acting.breaker:breaker",
    "cache": "aggregator.cli.commands.acting.cache:cache",
    "quota": "aggregator.cli.commands.acting.quota:quota",
    "effects": "aggregator.cli.commands.acting.effects:effects",
    "log": "aggregator.cli.commands.acting.log:log",
    "top": "aggregator.cli.commands.acting.top:top",
    "tail": "aggregator.cli.commands.acting.tail:tail",
    "schema": "aggregator.cli.commands.schema:schema",
    "reference": "aggregator.cli.commands.reference:reference",
}
"""Where each command lives, in the order in which the help lists them."""

GREETING = """\
aggregator turns a YAML file into an API: routes.yaml in, FastAPI application out.
  aggregator init     writes a first routes.yaml that runs offline
  aggregator check    finds every mistake in it, all at once
  aggregator run      serves it; saving the file changes the running API
All commands: aggregator --help. Every setting: aggregator reference."""

EPILOG = """\b
Exit codes:
  0  fine
  1  findings: the file has problems, or an answer of `get` is not 2xx
  2  wrong usage, or a fault of the program
  3  `run` could not start serving

Set AGGREGATOR_DEBUG=1 to see the traceback of a fault."""


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""What a write to stdout fails with when there is no room, or no terminal, any more."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are named."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Return the command *cmd_name*, or None when there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that *args* begin with; a mistaken one is told what it was meant to be."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            raise click.UsageError(f"There is no command {name!r}.{_meant(name)}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what is wrong with a file or its surroundings is told, and ends it with 1."""
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            show_problems(error.diagnostics, error.sources)
        except AggregatorError as error:
            click.echo(f"error: {error}", err=True)
        return ctx.exit(1)


def _meant(name: str) -> str:
    if name.endswith((".yaml", ".yml")) or Path(name).is_file():
        return f" Did you mean `aggregator run {name}`?"
    from aggregator.diagnostics import suggest

    near = suggest(name, COMMANDS)
    return f" Did you mean `{near}`?" if near else ""


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"aggregator {version('aggregator-server')}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Show the version.")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Publish aggregate API endpoints by editing routes.yaml."""
    if ctx.invoked_subcommand is None:
        click.echo(GREETING)


def main() -> None:
    """Run the command and end the process; what cannot be shown in the terminal's encoding is replaced."""
    _ready_streams()
    _forgo_httpx_command()
    is_check = sys.argv[1:2] == ["check"]
    if is_check:
        gc.disable()  # a twentieth of its time would go into looking for garbage
    try:
        cli(prog_name="aggregator")
    except SystemExit as end:
        if is_check and isinstance(end.code, int):
            _leave(end.code)
        raise
    except Exception as error:
        if os.environ.get("AGGREGATOR_DEBUG"):
            raise
        if isinstance(error, OSError) and error.errno in _FULL and error.filename is None:
            _drop_stdout()
            click.echo(f"error: The output cannot be written: {error.strerror}.", err=True)
            sys.exit(2)
        if (shortage := shortage_behind(error)) is not None:
            click.echo(f"error: {shortage}", err=True)
            sys.exit(2)
        click.echo(f"fault: {type(error).__name__}: {error}", err=True)
        click.echo("This is a mistake of the program, not of your file; AGGREGATOR_DEBUG=1 shows where.", err=True)
        sys.exit(2)


def _ready_streams() -> None:
    """Open closed standard streams on the null device, so that no socket gets their number."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - open as long as the process
        stream = getattr(sys, name)
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def _forgo_httpx_command() -> None:
    """Keep httpx from importing its own command, with rich and Pygments: a tenth of a server's start.

    None makes an import fail as if there were no such module (Python's reference on sys.modules); httpx allows for it.
    """
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]


def _drop_stdout() -> None:
    """Send what stdout still holds nowhere: the interpreter would try once more and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _leave(code: int) -> NoReturn:
    """Exit at once: freeing what a check has loaded is a sixth of its time, and the kernel does it anyway."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)

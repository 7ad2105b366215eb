"""Which file a command is about: every command takes ``-c FILE``, whatever else it calls it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

_DEFAULT = "routes.yaml"
_NAMES = ("--config", "-c")
_GIVEN = "aggregator.config"

F = TypeVar("F", bound=Callable[..., Any])


def file_option(help: str = "File whose `server.admin` is meant.") -> Callable[[F], F]:
    """Return the option ``--file`` of a command that talks to a running process."""
    kind = click.Path(readable=False)
    return click.option("--file", *_NAMES, "file", default=_DEFAULT, show_default=True, type=kind, help=help)


def json_option() -> Callable[[F], F]:
    """Return the option ``--json`` of a command that asks a running process."""
    return click.option("--json", "as_json", is_flag=True, help="Print what the process answers as it is, as JSON.")


def path_argument(name: str = "path") -> Callable[[F], F]:
    """Return the argument *name* of a command that reads a file, which may be named by an option as well.

    Who names two files is told so: one of them would not be read.
    """
    argument = click.argument(name, default=_DEFAULT, type=click.Path(readable=False), callback=_chosen)
    option = click.option(*_NAMES, "named_file", type=click.Path(readable=False), expose_value=False, is_eager=True,
                          callback=_noted, metavar="FILE", help=f"The same as {name.upper()}.")  # fmt: skip
    return lambda function: argument(option(function))


def _noted(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    ctx.meta[_GIVEN] = value


def _chosen(ctx: click.Context, param: click.Parameter, value: str) -> str:
    given: str | None = ctx.meta.get(_GIVEN)
    if given is None:
        return value
    is_default = ctx.get_parameter_source(param.name or "") is click.core.ParameterSource.DEFAULT
    if not is_default and value != given:
        raise click.UsageError(f"Two files are named: {given} and {value}.", ctx)
    return given

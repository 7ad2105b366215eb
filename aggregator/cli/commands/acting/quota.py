"""``aggregator quota``: what callers of a running process have used of their quotas, and letting one begin anew."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import click

from aggregator.cli.choosing import file_option, json_option
from aggregator.cli.helping import ExampleCommand


@click.command(
    "quota",
    cls=ExampleCommand,
    short_help="Show what is used of quotas; let a caller begin anew.",
    examples=(
        ("aggregator quota show", "print each quota, when it ends, and how many have used it up"),
        ("aggregator quota show acme", "print what `acme` has used, too"),
        ("aggregator quota reset acme --endpoint 'GET /search' --why 'ticket 7'", "let `acme` begin anew there"),
    ),
)
@click.argument("order", type=click.Choice(["show", "reset"]))
@click.argument("key", required=False)
@click.option("--endpoint", default=None, help="Quotas that count this endpoint alone, such as 'GET /search'.")
@click.option("--by", default="", help="Who asks; the log of the process says it.")
@click.option("--why", default="", help="Why; the log of the process says it.")
@click.option("--url", default=None, help="Address of administration, if it is not that of FILE.")
@json_option()
@file_option()
def quota(
    order: str, key: str | None, endpoint: str | None, by: str, why: str, url: str | None, as_json: bool, file: str
) -> None:
    """Show what is used of the quotas of a running process, or let the caller KEY begin anew.

    KEY is the value of the quota's `by`: the name of a key, a subject, an address. Values are kept as hashes, so that
    they can be asked for and not listed.

    Exit codes: 0 fine, 1 refused or not reached, 2 wrong usage.
    """
    from aggregator.cli.administration import admin_target
    from aggregator.cli.answers import conclude

    if order == "reset" and key is None:
        raise click.UsageError("`reset` needs the KEY that begins anew.")
    given = {name: value for name, value in (("key", key), ("endpoint", endpoint)) if value is not None}
    target = admin_target(url, file)
    if order == "show":
        answer = target.ask("GET", f"/-/quotas?{urlencode(given)}" if given else "/-/quotas")
        conclude(answer, lambda quotas: _tell(quotas, endpoint), as_json=as_json)
    answer = target.ask("POST", "/-/quota_reset", given | {"reason": why, "by": by})
    conclude(answer, lambda done: _tell_reset(done, str(key)), as_json=as_json)


def _tell(quotas: list[dict[str, Any]], endpoint: str | None) -> None:
    """Print a line for each of *quotas*, and for each use of it where a key is asked for."""
    from aggregator.cli.following import printable
    from aggregator.cli.terminal import show_table

    if not quotas:
        click.echo("No quota is declared." if endpoint is None else f"No quota counts {endpoint}.")
        return
    worker = ("WORKER",) if any("worker" in quota for quota in quotas) else ()
    rows = [tuple(map(printable, (*_row(quota), use))) for quota in quotas for use in _uses(quota)]
    show_table(("QUOTA", *worker, "BY", "ENDS", "CALLERS", "USED UP", "ENDPOINTS", "USED"), rows)


def _row(quota: dict[str, Any]) -> tuple[Any, ...]:
    """Return the cells of *quota*; beside its name the worker that has heard of it, where each tells by itself."""
    worker = (quota["worker"],) if "worker" in quota else ()
    counts = quota["callers"], quota["used_up"]
    return quota["quota"], *worker, quota["by"] or "all together", quota["ends"], *counts, ", ".join(quota["endpoints"])


def _uses(quota: dict[str, Any]) -> list[str]:
    """Return what is used of *quota* by who was asked for, or by all: a text a line, empty where nobody is meant."""
    if "uses" not in quota:
        return [""]
    return [f"{use['used']}, {use['left']} left" for use in quota["uses"]] or ["nothing"]


def _tell_reset(done: dict[str, Any], key: str) -> None:
    from aggregator.cli.answers import counted
    from aggregator.cli.following import printable

    click.echo(f"{printable(key)} begins anew with {counted(done['reset'], 'quota', 'quotas')}.")

"""``aggregator quota``: what callers of a running process have used of their quotas, and letting one begin anew."""

from __future__ import annotations

import sys
from urllib.parse import urlencode

import click

from aggregator.cli.choosing import file_option
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
@file_option()
def quota(order: str, key: str | None, endpoint: str | None, by: str, why: str, url: str | None, file: str) -> None:
    """Show what is used of the quotas of a running process, or let the caller KEY begin anew.

    KEY is the value of the quota's `by`: the name of a key, a subject, an address. Values are kept as hashes, so that
    they can be asked for and not listed.

    Exit codes: 0 fine, 1 refused or not reached, 2 wrong usage.
    """
    from aggregator.cli.administration import admin_target, show

    if order == "reset" and key is None:
        raise click.UsageError("`reset` needs the KEY that begins anew.")
    given = {name: value for name, value in (("key", key), ("endpoint", endpoint)) if value is not None}
    target = admin_target(url, file)
    if order == "show":
        answer = target.ask("GET", f"/-/quotas?{urlencode(given)}" if given else "/-/quotas")
    else:
        answer = target.ask("POST", "/-/quota_reset", given | {"reason": why, "by": by})
    show(answer)
    sys.exit(0 if answer.is_success else 1)

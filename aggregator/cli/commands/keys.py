"""``aggregator keys`` and ``tokens``: keys of callers are made, and their tokens taken back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from aggregator.cli.choosing import file_option, json_option
from aggregator.cli.helping import ExampleCommand
from aggregator.errors import AggregatorError


@click.command(
    "keys",
    cls=ExampleCommand,
    short_help="Make API keys for callers.",
    examples=(
        ("aggregator keys new acme >> partners.yaml", "make a key; its entry goes into the file, the key is shown"),
        ("aggregator keys new acme --scope orders.read --for 90d", "one that may do little, and ends"),
    ),
)
@click.argument("action", type=click.Choice(["new"]), metavar="new")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, metavar="TEXT", help="What it may do; may be repeated.")
@click.option("--for", "life", metavar="DURATION", help="How long it is good: 90d, 12h. Without it, for ever.")
def keys(action: str, name: str, scopes: tuple[str, ...], life: str | None) -> None:  # noqa: ARG001 - there is one
    """Make a random key for NAME, as `api_key` under `auth` takes it.

    The entry for the file of keys goes to stdout: it has the hash of the key. The key itself goes to stderr. It is
    shown this once and stored nowhere; hand it to the caller on a safe way.

    Exit codes: 0 fine, 2 wrong usage.
    """
    from aggregator.identity.keys import new_key

    if not name.strip() or not name.isprintable():
        raise click.UsageError("NAME is what logs and `auth.key` call the key; it cannot be empty.")
    text, entry = new_key(name, scopes, None if life is None else _end(life))
    click.echo(f"The key of {name}, shown this once:\n\n  {text}\n", err=True)
    click.echo(entry)


def _end(life: str) -> datetime:
    from aggregator.durations import duration_of

    seconds = duration_of(life)
    if not seconds:
        raise click.UsageError("--for takes a duration such as 90d or 12h.")
    try:
        return datetime.now(UTC) + timedelta(seconds=seconds)
    except OverflowError:
        raise AggregatorError("--for is longer than calendars reach.") from None


@click.command(
    "tokens",
    cls=ExampleCommand,
    short_help="Take back tokens of callers.",
    examples=(
        ("aggregator tokens revoke customers --sub ada --why 'laptop stolen'", "all that Ada has now"),
        ("aggregator tokens revoke customers --jti 7f3a", "one token, by its id"),
    ),
)
@click.argument("action", type=click.Choice(["revoke"]), metavar="revoke")
@click.argument("scheme")
@click.argument("url", required=False)
@click.option("--jti", metavar="ID", help="The token with this id.")
@click.option("--sub", metavar="SUBJECT", help="All tokens of this subject that were made before now, or --before.")
@click.option("--before", metavar="MOMENT", help="Those of the subject that are older: 2027-01-31T12:00:00Z.")
@json_option()
@file_option()
@click.option("--why", "--reason", "reason", default="", help="Why; the log of the process says it.")
def tokens(
    action: str, scheme: str, url: str | None, jti: str | None, sub: str | None, before: str | None, as_json: bool,
    file: str, reason: str,
) -> None:  # fmt: skip
    """Revoke tokens that SCHEME takes, in the process at URL, until it ends.

    What has to last longer stands in the file that `revoked` of the scheme names. Without URL the process is the one
    that FILE declares under `server.admin`, with its secret. The secret of AGGREGATOR_ADMIN_SECRET comes first.

    Exit codes: 0 fine, 1 refused or not reached, 2 wrong usage.
    """
    from aggregator.cli.administration import admin_target
    from aggregator.cli.answers import conclude
    from aggregator.cli.following import printable

    if (jti is None) == (sub is None) or (before is not None and sub is None):
        raise click.UsageError("Name one token by --jti, or a subject by --sub, with --before if it is not now.")
    given = {"scheme": scheme, "jti": jti, "sub": sub, "before": before, "reason": reason}
    answer = admin_target(url, file).ask(
        "POST", f"/-/{action}", {name: value for name, value in given.items() if value is not None}
    )
    conclude(answer, lambda done: click.echo(f"{scheme} takes no more: {printable(done['revoked'])}."), as_json=as_json)

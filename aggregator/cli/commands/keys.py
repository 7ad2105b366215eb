"""``aggregator keys``: API keys for callers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

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

"""``aggregator cache``: have a running process forget what it keeps."""

from __future__ import annotations

import click

from aggregator.cli.choosing import file_option, json_option
from aggregator.cli.helping import ExampleCommand


@click.command(
    "cache",
    cls=ExampleCommand,
    short_help="Purge what a running process keeps.",
    examples=(
        ("aggregator cache purge --tag user:7", "forget what has the tag `user:7`"),
        ("aggregator cache purge --prefix http://users.test/users/7", "forget replies to calls of such URLs"),
        ("aggregator cache purge --upstream users --why 'import of users'", "forget the replies of `users`"),
        ("aggregator cache purge --all", "forget everything"),
    ),
)
@click.argument("order", type=click.Choice(["purge"]))
@click.option("--tag", default=None, help="What has this tag.")
@click.option("--key", default=None, help="Replies to calls of this URL, such as 'http://users.test/users/7?full=1'.")
@click.option("--prefix", default=None, help="Replies to calls of URLs that begin so.")
@click.option("--upstream", default=None, help="What this upstream replied.")
@click.option("--endpoint", default=None, help="The answers of this endpoint, such as 'GET /users/{id}'.")
@click.option("--all", "everything", is_flag=True, help="Everything.")
@click.option("--by", default="", help="Who asks; the log of the process says it.")
@click.option("--why", default="", help="Why; the log of the process says it.")
@click.option("--url", default=None, help="Address of administration, if it is not that of FILE.")
@json_option()
@file_option()
def cache(
    order: str, tag: str | None, key: str | None, prefix: str | None, upstream: str | None, endpoint: str | None,
    everything: bool, by: str, why: str, url: str | None, as_json: bool, file: str,
) -> None:  # fmt: skip
    """Make a running process purge what it keeps and is fetching: by tag, key, upstream, endpoint, or all.

    Exit codes: 0 fine, 1 refused or not reached, 2 wrong usage.
    """
    from aggregator.cli.administration import admin_target
    from aggregator.cli.answers import conclude, counted

    given = {"tag": tag, "key": key, "prefix": prefix, "upstream": upstream, "endpoint": endpoint,
             "all": everything or None}  # fmt: skip
    if sum(value is not None for value in given.values()) != 1:
        raise click.UsageError(f"`{order}` takes one of --tag, --key, --prefix, --upstream, --endpoint and --all.")
    answer = admin_target(url, file).ask("POST", "/-/cache_purge", given | {"reason": why, "by": by})
    conclude(answer, lambda done: click.echo(f"{counted(done['purged'], 'entry', 'entries')} purged."), as_json=as_json)

"""``aggregator schema``: the JSON Schema of routes.yaml, for completion and hover in editors."""

from __future__ import annotations

from pathlib import Path

import click

from aggregator.cli.helping import ExampleCommand
from aggregator.errors import AggregatorError


@click.command(
    "schema",
    cls=ExampleCommand,
    short_help="Print the JSON Schema for editors.",
    examples=(
        ("aggregator schema -o routes.schema.json", "write the schema that editors use"),
        ("aggregator schema --names-of routes.yaml -o routes.schema.json", "offer the names of this file, too"),
    ),
)
@click.option(
    "--names-of",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Offer the upstreams, groups and schemes of `auth` that FILE and what it includes declare.",
)
@click.option("--output", "-o", type=click.Path(dir_okay=False, writable=True), help="Write to this file.")
def schema(names_of: Path | None, output: str | None) -> None:
    """Print the JSON Schema (2020-12) of routes.yaml.

    Put this line on top of routes.yaml, and editors complete and explain every key:

    \b
      # yaml-language-server: $schema=./routes.schema.json

    With --names-of, `call: ` offers the upstreams of that file. Write the schema again when names come or go; the file
    may have mistakes, and its variables need not be set.

    Exit codes: 0 fine, 1 FILE cannot be read, 2 wrong usage.
    """  # noqa: D301 - click wants the character itself
    from aggregator.config.reference.naming import names_in
    from aggregator.config.reference.schema import schema_text

    text = schema_text(None if names_of is None else names_in(names_of))
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise AggregatorError(f"{output} cannot be written: {error.strerror}.") from None
    click.echo(f"wrote {output}", err=True)

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
    examples=(("aggregator schema -o routes.schema.json", "write the schema that editors use"),),
)
@click.option("--output", "-o", type=click.Path(dir_okay=False, writable=True), help="Write to this file.")
def schema(output: str | None) -> None:
    """Print the JSON Schema (2020-12) of routes.yaml.

    Put this line on top of routes.yaml, and editors complete and explain every key:

    \b
      # yaml-language-server: $schema=./routes.schema.json

    Exit codes: 0 fine, 2 wrong usage.
    """  # noqa: D301 - click wants the character itself
    from aggregator.config.reference.schema import schema_text

    if output is None:
        click.echo(schema_text(), nl=False)
        return
    try:
        Path(output).write_text(schema_text(), encoding="utf-8")
    except OSError as error:
        raise AggregatorError(f"{output} cannot be written: {error.strerror}.") from None
    click.echo(f"wrote {output}", err=True)

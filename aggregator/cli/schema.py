"""``aggregator schema``: the JSON Schema of routes.yaml, for completion and hover in editors."""

from __future__ import annotations

import click


@click.command("schema")
@click.option("--output", "-o", type=click.Path(dir_okay=False, writable=True), help="Write to this file.")
def schema(output: str | None) -> None:
    r"""Print the JSON Schema (2020-12) of routes.yaml.

    Put this line on top of routes.yaml, and editors complete and explain every key:

    \b
      # yaml-language-server: $schema=./routes.schema.json

    Exit codes: 0 fine, 2 wrong usage.
    """
    from aggregator.config.schema import schema_text

    if output is None:
        click.echo(schema_text(), nl=False)
        return
    with click.open_file(output, "w", encoding="utf-8") as file:
        file.write(schema_text())
    click.echo(f"wrote {output}", err=True)

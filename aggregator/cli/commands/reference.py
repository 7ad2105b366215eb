"""``aggregator reference``: every setting, filter, cause and problem, as Markdown."""

from __future__ import annotations

import click

from aggregator.cli.helping import ExampleCommand


@click.command(
    "reference",
    cls=ExampleCommand,
    short_help="Print the reference of every setting.",
    examples=(("aggregator reference | less", "read about every setting"),),
)
def reference() -> None:
    """Print the reference of every setting, as Markdown.

    Exit codes: 0 fine, 2 wrong usage.
    """
    from aggregator.config.reference.markdown import reference_text

    click.echo(reference_text(), nl=False)

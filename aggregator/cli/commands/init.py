"""``aggregator init``: a first routes.yaml, and the schema that lets an editor help with it."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("init", short_help="Write a first routes.yaml that runs offline.")
@click.argument("path", default="routes.yaml", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace what is there.")
def init(path: Path, force: bool) -> None:
    """Write a small commented PATH (routes.yaml) that runs offline, and routes.schema.json beside it.

    Exit codes: 0 written, 1 not written (a file is in the way), 2 wrong usage.
    """
    from aggregator.config.reference.starter import write_starter

    target, schema = write_starter(path, force=force)
    file = "" if target == Path("routes.yaml") else f" {target}"
    click.echo(f"created {target}")
    click.echo(f"created {schema}   completion and hover in editors")
    config = f" --config{file}" if file else ""
    click.echo(f"next: aggregator check{file} · aggregator get /dashboard/1{config} · aggregator run{file}")

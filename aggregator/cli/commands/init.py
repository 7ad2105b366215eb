"""``aggregator init``: a first routes.yaml, and the schema that lets an editor help with it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aggregator.cli.helping import ExampleCommand

if TYPE_CHECKING:
    from aggregator.config.drafting.draft import Draft


@click.command(
    "init",
    cls=ExampleCommand,
    short_help="Write a first routes.yaml that runs offline.",
    examples=(
        ("aggregator init", "write a routes.yaml that runs offline"),
        ('aggregator init --from-curl "curl https://api.example.com/users/42"', "draft it for a service of your own"),
        ("aggregator init --from-openapi openapi.json --operation getUser", "draft it from the document of a service"),
    ),
)
@click.argument("path", default="routes.yaml", type=click.Path(path_type=Path))
@click.option("--from-curl", "curl", metavar="COMMAND", help="Draft it from a curl command in quotes; `-` reads stdin.")
@click.option(
    "--from-openapi", "openapi", metavar="FILE", type=click.Path(path_type=Path, readable=False),
    help="Draft it from the OpenAPI document of a service.",
)  # fmt: skip
@click.option(
    "--operation", "operations", multiple=True, metavar="NAME",
    help="Only this operation of the document, by operationId or 'GET /path'; may be repeated.",
)  # fmt: skip
@click.option("--ask", is_flag=True, help="Draft it from answers to a few questions.")
@click.option("--force", is_flag=True, help="Replace what is there.")
def init(
    path: Path, curl: str | None, openapi: Path | None, operations: tuple[str, ...], ask: bool, force: bool
) -> None:
    """Write a small commented PATH (routes.yaml) that runs offline, and routes.schema.json beside it.

    Credentials in a curl command become variables; the file never holds them.

    Exit codes: 0 written, 1 not written (a file is in the way), 2 wrong usage.
    """
    from aggregator.config.drafting.draft import settings_lines
    from aggregator.config.reference.starter import write_starter

    draft = _draft(curl, openapi, operations, ask)
    target, schema = write_starter(path, None if draft is None else draft.text(), force=force)
    file = "" if target == Path("routes.yaml") else f" {target}"
    click.echo(f"created {target}")
    click.echo(f"created {schema}   completion and hover in editors")
    for note in draft.notes if draft is not None else ():
        click.echo(f"note: {note}")
    for line in settings_lines(draft) if draft is not None else ():
        click.echo(f"first: {line}")
    config = f" --config{file}" if file else ""
    sample = f"aggregator get /dashboard/1{config}" if draft is None else f"aggregator routes{file}"
    click.echo(f"next: aggregator check{file} · {sample} · aggregator run{file}")


def _draft(curl: str | None, openapi: Path | None, operations: tuple[str, ...], ask: bool) -> Draft | None:
    if sum((curl is not None, openapi is not None, ask)) > 1:
        raise click.UsageError("--from-curl, --from-openapi and --ask exclude each other.")
    if operations and openapi is None:
        raise click.UsageError("--operation chooses from a document: add --from-openapi FILE.")
    if curl is not None:
        from aggregator.config.drafting.curl import draft_from_curl

        return draft_from_curl(sys.stdin.read() if curl == "-" else curl)
    if openapi is not None:
        from aggregator.config.drafting.openapi import draft_from_openapi

        return draft_from_openapi(openapi, operations)
    return _asked() if ask else None


def _asked() -> Draft:
    from shlex import quote

    from aggregator.config.drafting.curl import draft_from_curl

    url = click.prompt("URL of one call to your service, as in https://api.example.com/users/42", err=True)
    method = click.prompt("Method", default="GET", err=True)
    header = _optional("Header with its credential, by name (empty for none)")
    body = _optional("JSON body that it takes (empty for none)")
    words = ["curl", "-X", method, quote(url)]
    words += ["-H", quote(f"{header}: …")] if header else []
    words += ["--json", quote(body)] if body else []
    return draft_from_curl(" ".join(words))


def _optional(question: str) -> str:
    answer: str = click.prompt(question, default="", show_default=False, err=True)
    return answer

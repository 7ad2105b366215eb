"""``aggregator explain``: what an endpoint would do, without calling anybody."""

from __future__ import annotations

import json
from pathlib import Path

import click

from aggregator.cli.choosing import path_argument
from aggregator.cli.helping import ExampleCommand, complete_endpoint
from aggregator.cli.terminal import show_sections


@click.command(
    "explain",
    cls=ExampleCommand,
    short_help="Show what an endpoint would do, without doing it.",
    examples=(
        ("aggregator explain 'GET /orders/{order_id}'", "show its calls and what each failure becomes"),
        ("aggregator explain /orders/7 --format svg > orders.svg", "draw it for a pull request"),
        ("aggregator explain --all --format svg > map.svg", "draw the whole file"),
    ),
)
@click.argument("endpoint", required=False, shell_complete=complete_endpoint)
@path_argument()
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "mermaid", "svg"]), default="text", show_default=True
)
@click.option("--all", "whole", is_flag=True, help="Draw the whole file: endpoints, upstreams, who calls whom (svg).")
@click.option("--param", "-p", "params", multiple=True, metavar="NAME=VALUE", help="A path parameter; may be repeated.")
def explain(endpoint: str | None, path: str, form: str, whole: bool, params: tuple[str, ...]) -> None:
    """Show what ENDPOINT ('GET /orders/{order_id}', or 'GET /orders/7') would do, without calling anybody.

    The order of its calls, their requests with secrets masked, their deadlines, and a table of what the
    client gets when each part fails. `--format svg` and `mermaid` draw it for a pull request; `--all --format svg`
    draws the whole file (then the only argument is its PATH).

    Exit codes: 0 fine, 1 no such endpoint, or the file has problems, 2 wrong usage.
    """
    from aggregator.plan.explaining.explain import explain as explanation_of
    from aggregator.plan.explaining.finding import find_endpoint
    from aggregator.plan.explaining.sharing import sharing_words
    from aggregator.plan.explaining.text import explanation_text
    from aggregator.server.generations.plan_source import PlanFiles

    if whole:
        _draw_all(endpoint or path, form)
        return
    if endpoint is None:
        raise click.UsageError("Name an endpoint, as in `aggregator explain 'GET /users/{id}'`, or use --all.")
    if endpoint.endswith((".yaml", ".yml")) and Path(endpoint).is_file():
        raise click.UsageError(f"{endpoint} is a file, which is named behind the endpoint, or by `-c {endpoint}`.")
    plan = PlanFiles(Path(path)).load()
    found, given = find_endpoint(plan, endpoint)
    given |= dict(map(_pair, params))
    shared = sharing_words(found, plan)
    explanation = explanation_of(found, plan.secrets, given, plan.server.degrade, shared, plan.maintenance)
    if form == "json":
        click.echo(json.dumps(explanation.as_dict(), ensure_ascii=False, indent=2))
    elif form == "mermaid":
        click.echo(explanation.diagram, nl=False)
    elif form == "svg":
        from aggregator.plan.explaining.drawing.pictures import endpoint_picture

        click.echo(endpoint_picture(explanation), nl=False)
    else:
        show_sections(explanation_text(explanation))


def _draw_all(path: str, form: str) -> None:
    from aggregator.plan.explaining.drawing.pictures import file_picture
    from aggregator.plan.explaining.sending.preview import Veil
    from aggregator.server.generations.plan_source import PlanFiles

    if form != "svg":
        raise click.UsageError("`--all` draws: add --format svg. `aggregator routes` lists a file as text.")
    plan = PlanFiles(Path(path)).load()
    click.echo(file_picture(plan, Veil(plan.secrets)), nl=False)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"{text!r} is no parameter; write name=value.", param_hint="--param")
    return name, value

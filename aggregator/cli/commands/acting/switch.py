"""``aggregator switch``: take something of a running process out of service, and into it again."""

from __future__ import annotations

import time
from typing import Any

import click

from aggregator.cli.choosing import file_option, json_option
from aggregator.cli.helping import ExampleCommand, complete_switched

_PLACES: dict[str, tuple[tuple[str, ...], ...]] = {
    "endpoint": (("KEY",),),
    "part": (("KEY", "NAME"),),
    "effect": (("NAME",), ("KEY", "NAME")),
    "upstream": (("NAME",),),
}
"""What each kind is named by, in one of these ways."""


@click.command(
    "switch",
    cls=ExampleCommand,
    short_help="Take something of a running process out of service.",
    examples=(
        ("aggregator switch off endpoint 'GET /quote/{id}' --for 10m --why wrong", "answer it with 503"),
        ("aggregator switch off part 'GET /home' ads", "go without one part"),
        ("aggregator switch off part 'GET /home' page.ads", "go without one that is inside of another"),
        ("aggregator switch off effect mail", "hold back what has this name, in whatever endpoint"),
        ("aggregator switch on upstream users", "call it again"),
        ("aggregator switch list", "print what is out of service"),
    ),
)
@click.argument("turn", type=click.Choice(["off", "on", "list"]))
@click.argument("kind", required=False, type=click.Choice(list(_PLACES)))
@click.argument("names", nargs=-1, shell_complete=complete_switched)
@click.option("--for", "duration", default=None, help="How long, such as 10m; until `on` unless said.")
@click.option("--by", default="", help="Who asks; the log of the process says it.")
@click.option("--why", default="", help="Why; the log of the process says it.")
@click.option("--url", default=None, help="Address of administration, if it is not that of FILE.")
@json_option()
@file_option()
def switch(
    turn: str, kind: str | None, names: tuple[str, ...], duration: str | None, by: str, why: str, url: str | None,
    as_json: bool, file: str,
) -> None:  # fmt: skip
    """Take an endpoint KEY, a part or an effect NAME of one, or an upstream NAME `off`, or `on` again.

    An effect NAME without a KEY is that of every endpoint that has one of this name.

    `list` prints what is out of service, by whom, why and until when. A switch goes on over a reload, and
    over a restart where the file declares `state`.

    Exit codes: 0 fine, 1 refused or not reached, 2 wrong usage.
    """
    from aggregator.cli.administration import admin_target
    from aggregator.cli.answers import conclude

    target = admin_target(url, file)
    if turn == "list":
        conclude(target.ask("GET", "/-/switches"), _tell, as_json=as_json)
    else:
        if kind is None or len(names) not in map(len, _PLACES[kind]):
            raise click.UsageError(f"`{turn}` needs {_usage(kind)}.")
        given = {"turn": turn, "kind": kind, **_named(kind, names), "by": by, "why": why, "reason": why}
        answer = target.ask("POST", "/-/switch", given | ({} if duration is None else {"for": duration}))
    conclude(answer, lambda offs: _tell_change(offs, turn, str(kind), names), as_json=as_json)


def _named(kind: str, names: tuple[str, ...]) -> dict[str, str]:
    """Return what *names* are to an order: an effect alone is named as a part of no endpoint."""
    if kind == "effect" and len(names) == 1:
        return {"name": "", "part": names[0]}
    return dict(zip(("name", "part"), names, strict=False))


def _tell(offs: list[dict[str, Any]]) -> None:
    """Print what is out of service."""
    from aggregator.cli.following import printable
    from aggregator.cli.terminal import show_table

    if not offs:
        click.echo("Nothing is out of service.")
        return
    rows = [(off["kind"], _name(off), _until(off), off["by"], off.get("why", "")) for off in offs]
    show_table(("KIND", "NAME", "UNTIL", "BY", "WHY"), [tuple(map(printable, row)) for row in rows])


def _tell_change(offs: list[dict[str, Any]], turn: str, kind: str, names: tuple[str, ...]) -> None:
    """Print what became of the switch of *names*, of all that is out of service."""
    from aggregator.cli.following import printable

    what = printable(" ".join((kind, *names)))
    off = next((one for one in offs if f"{one['kind']} {_name(one)}" == " ".join((kind, *names))), None)
    if off is None:
        click.echo(f"{what} is in service.")
    elif turn == "on":
        click.echo(f"{what} is switched on, and out of service by {printable(off['by'])} until {_until(off)}.")
    else:
        click.echo(f"{what} is out of service until {'it is ' if off['until'] is None else ''}{_until(off)}.")


def _name(off: dict[str, Any]) -> str:
    return " ".join(filter(None, (off["name"], off["part"])))


def _until(off: dict[str, Any]) -> str:
    from aggregator.cli.answers import lasting, moment

    if off["until"] is None:
        return "switched on"
    left = round(off["until"] - time.time())  # the moment was rounded, too: it may be a little more than was asked for
    return f"{moment(off['until'])} ({lasting(max(0, left))})"


def _usage(kind: str | None) -> str:
    kinds = _PLACES if kind is None else {kind: _PLACES[kind]}
    return ", or ".join(f"`{name} {' '.join(places)}`" for name, ways in kinds.items() for places in ways)

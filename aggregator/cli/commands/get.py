"""``aggregator get``: one request, answered without a server, and a picture of the calls behind it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from aggregator.cli.helping import ExampleCommand, complete_endpoint
from aggregator.edge.hosts import is_hostname
from aggregator.http import METHODS, is_token

_FILE = click.Path(readable=False)  # the loader says better why it cannot be read


@click.command(
    "get",
    cls=ExampleCommand,
    short_help="Answer one request here and draw its calls.",
    examples=(
        ("aggregator get /dashboard/1", "answer GET /dashboard/1 here and draw its calls"),
        ("aggregator get admin.example.com/stats", "ask as a client of a virtual host"),
        ("aggregator get --replay failed.har -H 'authorization: Bearer …'", "send a request again that was kept"),
        ("aggregator get 'POST /signup' -d '{\"email\": \"a@example.com\"}'", "send a body"),
    ),
)
@click.argument("target", required=False, shell_complete=complete_endpoint)
@click.option("--config", "-c", default="routes.yaml", show_default=True, type=_FILE, help="The file to serve.")
@click.option("--method", "-X", help="Method; GET, or POST when there is a body.")
@click.option("--header", "-H", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header; may be repeated.")
@click.option("--data", "-d", help="Body; @FILE reads a file, @- stdin. JSON unless a header says otherwise.")
@click.option("--replay", metavar="FILE", help="Send the request of this archive again (HAR), as `/-/requests` has it.")
@click.option("--json", "as_json", is_flag=True, help="Print status, headers, body and calls as one JSON document.")
@click.option("--trace/--no-trace", default=True, help="Draw the calls.  [default: trace]")
def get(
    target: str | None, config: str, method: str | None, headers: tuple[str, ...], data: str | None,
    replay: str | None, as_json: bool, trace: bool,
) -> None:  # fmt: skip
    """Answer one request for TARGET (/dashboard/1) in this process and draw its calls.

    With --replay it is the one that a recorder has kept; values that were masked have to be given.

    No server has to run. The body goes to stdout, everything else to stderr, so that
    `aggregator get /dashboard/1 | jq` works.

    Exit codes: 0 the answer is 2xx, 1 it is not, or the file has problems, 2 wrong usage.
    """
    from aggregator.cli.reply_text import Printer
    from aggregator.server.once.asking import ask
    from aggregator.server.once.conversation import Question
    from aggregator.telemetry.logging import configure_logging

    question = Question(*_asked(target, method, headers, data, replay))
    configure_logging(level="error")
    printer = Printer(as_json=as_json, trace=trace)
    reply = ask(config, question, printer.begin)
    printer.end(reply)
    sys.exit(0 if 200 <= reply.status < 300 else 1)


_Asked = tuple[str, str, list[tuple[str, str]], bytes]


def _asked(
    target: str | None, method: str | None, headers: tuple[str, ...], data: str | None, replay: str | None
) -> _Asked:
    """Return method, target, headers and body: what is said, beside what the archive *replay* holds."""
    if replay is not None:
        return _again(target, method, headers, data, replay)
    if target is None:
        raise click.UsageError("Name a TARGET such as /dashboard/1, or a file with --replay.")
    method, host, target = _target(target, method or ("GET" if data is None else "POST"))
    return method, target, *_sent([*([("host", host)] if host else []), *map(_header, headers)], _body(data))


def _again(target: str | None, method: str | None, headers: tuple[str, ...], data: str | None, replay: str) -> _Asked:
    from aggregator.cli.replaying import read_replay

    kept, given = read_replay(replay), [_header(header) for header in headers]
    missing = kept.missing(given, has_target=target is not None, has_body=data is not None)
    if missing:
        named = next((place for place in missing if place.startswith("headers.")), None)
        hint = f"; give it with -H '{named.partition('.')[2]}: …'" if named else "; give a TARGET, or a body with -d"
        raise click.UsageError(f"The archive does not hold {', '.join(missing)}{hint}.")
    named_again = {name.lower() for name, _ in given}
    pairs = [*(pair for pair in kept.headers if pair[0].lower() not in named_again), *given]
    method, host, path = _target(target or kept.target, method or kept.method)
    body = kept.body if data is None else _body(data)
    return method, path, *_sent([*([("host", host)] if host else []), *pairs], body)


def _sent(pairs: list[tuple[str, str]], body: bytes) -> tuple[list[tuple[str, str]], bytes]:
    if body and not any(name.lower() == "content-type" for name, _ in pairs):
        pairs.append(("content-type", "application/json"))
    return pairs, body


def _target(text: str, method: str) -> tuple[str, str, str]:
    """Return method, host and target of ``/path``, or of ``POST a.example.com/path`` as ``routes`` writes it."""
    first, _, rest = text.partition(" ")
    if rest and first.upper() in METHODS:
        method, text = first, rest.strip()
    host, _, _ = text.partition("/")
    text = text[len(host) :]
    if not text.startswith("/") or " " in text or not text.isascii() or not (host == "" or _is_host(host)):
        raise click.BadParameter(
            f"{host + text!r} is no path; write /dashboard/1, percent-encoded.", param_hint="TARGET"
        )
    if not is_token(method):
        raise click.BadParameter(f"{method!r} is no method; write GET or another one.", param_hint="--method")
    return method.upper(), host, text


def _is_host(text: str) -> bool:
    """Return whether *text* is a host, and not the beginning of a path whose slash was forgotten."""
    return is_hostname(text) and ("." in text or text.startswith("["))


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not is_token(name.strip()) or not text.isprintable() or not text.isascii():
        raise click.BadParameter(f"{text!r} is no header; write 'name: value'.", param_hint="--header")
    return name.strip(), value.strip()


def _body(data: str | None) -> bytes:
    if data is None:
        return b""
    if data == "@-":
        return sys.stdin.buffer.read()
    if not data.startswith("@"):
        return data.encode()
    try:
        return Path(data[1:]).read_bytes()
    except OSError as error:
        raise click.BadParameter(f"{data[1:]!r} cannot be read: {error.strerror}.", param_hint="--data") from None

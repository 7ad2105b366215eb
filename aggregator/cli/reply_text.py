"""A reply on a terminal: status and headers, the body so that people can read it, the calls as bars."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

import click

from aggregator.cli.terminal import has_color, width_of
from aggregator.cli.waterfall import LEGEND, draw
from aggregator.http import essence, is_json, phrase
from aggregator.runtime.bars import bar_member
from aggregator.server.once.conversation import Headers, Reply

_QUIET = frozenset({"content-length", "content-type", "x-request-id", "aggregator-parts"})


class Printer:
    """Prints one reply: only the body goes to stdout, as it came unless a terminal shows it."""

    def __init__(self, *, as_json: bool, trace: bool) -> None:
        self._as_json = as_json
        self._trace = trace
        self._bold = has_color(sys.stderr)
        self._pretty = sys.stdout.isatty()
        self._ends_line = self._pretty or _are_one(sys.stdout, sys.stderr)
        self._last = b"\n"
        self._size = 0

    def begin(self, _: int, headers: Headers) -> Callable[[bytes], object] | None:
        """Choose how the body is printed: at once, piece by piece, or as a whole when it is JSON."""
        return None if self._as_json or _is_json(headers) else self._piece

    def end(self, reply: Reply) -> None:
        """Print what is left once the reply is complete."""
        if self._as_json:
            click.echo(_document(reply))
            return
        if _is_json(reply.headers):
            self._body(reply)
        if self._ends_line and not self._last.endswith(b"\n"):
            _write(b"\n")
        self._head(reply)
        if self._trace:
            self._calls(reply)

    def _piece(self, piece: bytes) -> None:
        self._last, self._size = piece or self._last, self._size + len(piece)
        _write(piece)

    def _head(self, reply: Reply) -> None:
        color = "green" if reply.status < 400 else "red"
        first = click.style(f"{reply.status} {phrase(reply.status)}", fg=color, bold=True)
        kind = dict(reply.headers).get("content-type", "")
        known = [f"{reply.seconds * 1000:.0f} ms", _size(len(reply.body) or self._size)]
        self._say("  ".join(filter(None, [first, *known, kind])))
        for name, value in reply.headers:
            if name not in _QUIET:
                self._say(f"{name}: {value}")
        if reply.hint is not None:
            self._say(f"hint: {reply.hint}")

    def _body(self, reply: Reply) -> None:
        text = reply.body
        if self._pretty:
            with suppress(ValueError):
                text = json.dumps(json.loads(text), ensure_ascii=False, indent=2).encode()
        self._last = text[-1:] or self._last
        _write(text)

    def _calls(self, reply: Reply) -> None:
        if reply.bars:
            self._say("")
            for line in draw(reply.bars, width_of(sys.stderr), color=self._bold):
                self._say(line)
            self._say(click.style(LEGEND, dim=True))
        counts = [f"{reply.background[name]} {name}" for name in ("done", "failed", "skipped", "dropped")
                  if reply.background.get(name)]  # fmt: skip
        if counts:
            self._say(f"background: {', '.join(counts)}")
        if reply.shadows:
            self._say("shadows: " + ", ".join(f"{number} {_SHADOWS[name]}" for name, number in reply.shadows.items()))

    def _say(self, line: str) -> None:
        click.echo(line if self._bold else click.unstyle(line), err=True)


def _are_one(first: TextIO, second: TextIO) -> bool:
    """Return whether what is written to the two ends in one file or pipe, as after ``2>&1``."""
    try:
        return os.path.sameopenfile(first.fileno(), second.fileno())
    except (OSError, ValueError):  # one that has no file, or is closed
        return False


def _is_json(headers: Headers) -> bool:
    return is_json(essence(dict(headers).get("content-type", "")))


def _write(piece: bytes) -> None:
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # whoever reads has had enough; what follows goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


_SHADOWS = {
    "sent": "sent", "failed": "failed", "dropped": "not sent, the queue is full",
    "share": "not sent, the request is not in the share", "pressure": "not sent under pressure",
}  # fmt: skip


def _size(size: int) -> str:
    return f"{size} B" if size < 1000 else f"{size / 1000:.1f} kB"


def _document(reply: Reply) -> str:
    try:
        body = json.loads(reply.body) if reply.body else None
    except ValueError:
        body = reply.body.decode("utf-8", "replace")
    document = {
        "status": reply.status,
        "ms": round(reply.seconds * 1000, 1),
        "headers": reply.headers,
        "body": body,
        "calls": [bar_member(bar) for bar in reply.bars],
        "background": reply.background,
        "shadows": reply.shadows,
    }
    return json.dumps(document, ensure_ascii=False, indent=2)

"""A call that is written and not sent: the log says what would be."""

from __future__ import annotations

import logging

import msgspec

from aggregator.errors import AggregatorError
from aggregator.parts.frame import Done, Frame
from aggregator.parts.result import Result
from aggregator.runtime.calls.delivering import Added
from aggregator.runtime.calls.sending import Sender
from aggregator.runtime.calls.writing.rendering import Rendered
from aggregator.runtime.coding import LARGE
from aggregator.runtime.parts.blame import blame
from aggregator.telemetry.logging import log
from aggregator.telemetry.redaction import MASK, redact_text, redact_value

_MOST_BODY = 1024
"""Bytes of a body that are told."""
_log = logging.getLogger("aggregator.background")


class DryRun:
    """The call of *sender*, of which nothing is sent; it is a success without a status, after no attempt.

    Headers are not told: what a client or an upstream has there may be a secret. Nor are target and body of a call
    that reads a place which `telemetry.hide` names. Secrets of the file are masked by the log itself.
    """

    __slots__ = ("_added", "_sender", "name")

    def __init__(self, sender: Sender) -> None:
        self.name = sender.name
        self._sender = sender
        self._added = Added.of(sender.plan.upstream)

    def start(self, frame: Frame, done: Done) -> None:
        """Write it, or what was written before; *done* gets the success, or why it cannot be written."""
        now, sender = frame.loop.time(), self._sender
        try:
            request = self._written(frame)
        except AggregatorError as error:
            done(sender.refused(blame(error, frame.names), now))
            return
        body, is_hidden = request.body or b"", sender.plan.dry_run == "hidden"
        log(_log, logging.INFO, "A dry run: this would be sent.", call=sender.plan.name,
            upstream=sender.plan.upstream.label, method=self._method(frame),
            target=MASK if is_hidden else request.target.decode("latin-1"), size=len(body),
            body=MASK if is_hidden and body else _shown(body), request_id=frame.exchange.id)  # fmt: skip
        result = Result(self.name, now, frame.loop.time())
        result.attempts = 0
        done(result)

    def _written(self, frame: Frame) -> Rendered:
        kept = None if frame.written is None else frame.written.request
        return self._sender.render(frame) if kept is None else self._added.to(kept)

    def _method(self, frame: Frame) -> str:
        kept = None if frame.written is None else frame.written.request
        return (self._sender.plan.request.method if kept is None else kept.request.method).decode()


def _shown(body: bytes) -> str:
    """Return the beginning of *body* without what has the name of a secret, as JSON or as a form.

    One that is too long or too deep to be looked through is masked as a whole.
    """
    if len(body) > LARGE:
        return MASK
    try:
        body = msgspec.json.encode(redact_value(msgspec.json.decode(body)))
    except (msgspec.DecodeError, UnicodeDecodeError):
        body = redact_text("?" + body.decode("utf-8", "replace"))[1:].encode()
    except RecursionError:
        return MASK
    return body[:_MOST_BODY].decode("utf-8", "replace")

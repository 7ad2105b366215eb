"""A call that is written and not sent: the log says what would be."""

from __future__ import annotations

import logging

from aggregator.errors import AggregatorError
from aggregator.parts.frame import Done, Frame
from aggregator.parts.result import Result
from aggregator.runtime.calls.delivering import Added
from aggregator.runtime.calls.sending import Sender
from aggregator.runtime.calls.writing.rendering import Rendered
from aggregator.runtime.parts.blame import blame
from aggregator.telemetry.logging import log

_MOST_BODY = 1024
"""Bytes of a body that are told."""
_log = logging.getLogger("aggregator.background")


class DryRun:
    """The call of *sender*, of which nothing is sent; it is a success without a status, after no attempt.

    Headers are not told: what a client or an upstream has there may be a secret. Secrets of the file are masked by the
    log itself.
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
        body = (request.body or b"")[:_MOST_BODY].decode("utf-8", "replace")
        log(_log, logging.INFO, "A dry run: this would be sent.", call=sender.plan.name,
            upstream=sender.plan.upstream.label, method=self._method(frame), target=request.target.decode("latin-1"),
            body=body, request_id=frame.exchange.id)  # fmt: skip
        result = Result(self.name, now, frame.loop.time())
        result.attempts = 0
        done(result)

    def _written(self, frame: Frame) -> Rendered:
        kept = None if frame.written is None else frame.written.request
        return self._sender.render(frame) if kept is None else self._added.to(kept)

    def _method(self, frame: Frame) -> str:
        kept = None if frame.written is None else frame.written.request
        return (self._sender.plan.request.method if kept is None else kept.request.method).decode()

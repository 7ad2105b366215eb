"""The leaf of a call that may be sent more than once: it is written once, so that all attempts are the same request."""

from __future__ import annotations

from aggregator.errors import AggregatorError
from aggregator.parts.frame import AttemptFrame, Done, Frame
from aggregator.runtime.calls.sending import Sender
from aggregator.runtime.parts.blame import blame
from aggregator.transport.door import Cancelable


class Resender:
    """Sends a call through *sender* as it was written for the first attempt."""

    __slots__ = ("_sender", "name")

    def __init__(self, sender: Sender) -> None:
        self.name = sender.name
        self._sender = sender

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Send it; *done* gets the result of this attempt."""
        assert isinstance(frame, AttemptFrame)
        if frame.written.request is None:
            try:
                frame.written.request = self._sender.render(frame)
            except AggregatorError as error:
                done(self._sender.refused(blame(error, frame.names), frame.loop.time()))
                return None
        return self._sender.send_again(frame, frame.written.request, done)

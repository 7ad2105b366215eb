"""The leaf of a call that may be sent more than once: it is written once, so that all attempts are the same request."""

from __future__ import annotations

from aggregator.errors import AggregatorError
from aggregator.parts.frame import AttemptFrame, Done, Frame
from aggregator.runtime.calls.rendering import Rendered
from aggregator.runtime.calls.sending import Sender
from aggregator.runtime.parts.blame import blame
from aggregator.transport.door import Cancelable


def conditional(rendered: Rendered, frame: Frame) -> Rendered:
    """Return the request with the conditions of *frame*, if it has any."""
    return rendered._replace(headers=rendered.headers + frame.conditions) if frame.conditions else rendered


class Conditional:
    """The leaf of a call that may be a conditional one."""

    __slots__ = ("_sender", "name")

    def __init__(self, sender: Sender) -> None:
        self.name = sender.name
        self._sender = sender

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Send the call through its sender; *done* gets its result."""
        if not frame.conditions:
            return self._sender.start(frame, done)
        try:
            rendered = self._sender.render(frame)
        except AggregatorError as error:
            done(self._sender.refused(blame(error, frame.names), frame.loop.time()))
            return None
        return self._sender.send_again(frame, conditional(rendered, frame), done)


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
                frame.written.request = conditional(self._sender.render(frame), frame)
            except AggregatorError as error:
                done(self._sender.refused(blame(error, frame.names), frame.loop.time()))
                return None
        return self._sender.send_again(frame, frame.written.request, done)

"""A call by what it would send, for whoever keeps its replies or lets others wait for them."""

from __future__ import annotations

from aggregator.errors import CallError
from aggregator.parts.frame import Frame
from aggregator.parts.result import Result
from aggregator.policies.cache.keys import key_of
from aggregator.policies.credentials.plan import identity_of
from aggregator.runtime.calls.sending import Sender
from aggregator.transport import Reply


class Keyed:
    """The call that *sender* makes."""

    __slots__ = ("_origin", "_sender", "label", "timeout")

    def __init__(self, sender: Sender) -> None:
        upstream = sender.plan.upstream
        self._sender = sender
        where = (upstream.name, upstream.pool.origin, upstream.demo, identity_of(upstream.credentials))
        self._origin = repr(where).encode("utf-8", "surrogateescape")
        self.label = upstream.label
        self.timeout = sender.plan.timeout

    def key(self, frame: Frame) -> bytes:
        """Return the key of the request: whom it goes to in whose name, method, target, header block and body."""
        target, headers, body = self._sender.render(frame)
        identity = self._sender.identity(frame.exchange)
        return key_of((self._origin, identity, self._sender.plan.request.method, target, headers, body or b""))

    def judge(self, frame: Frame, outcome: Reply | CallError, started: float) -> Result:
        """Return the result that *outcome* means for this call, which *started* then (loop time)."""
        return self._sender.judge(frame, outcome, started)

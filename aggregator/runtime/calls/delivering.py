"""The leaf of a durable call: what it sends was fixed when its request ended; its upstream adds what it adds today."""

from __future__ import annotations

from functools import partial

from msgspec import Struct

from aggregator.errors import CallError
from aggregator.parts.frame import Done, Frame
from aggregator.plan.upstreams import UpstreamPlan
from aggregator.runtime.calls.sending import Sender
from aggregator.runtime.calls.writing.rendering import Rendered
from aggregator.stores.effects.records import EffectRecord
from aggregator.transport import Reply
from aggregator.transport.door import Cancelable

_KEY = b"idempotency-key"


class Delivering:
    """Sends the record that the frame of an attempt holds, through the door of *sender*, and judges as that does."""

    __slots__ = ("_added", "_sender", "name")

    def __init__(self, sender: Sender) -> None:
        self.name = sender.name
        self._sender = sender
        self._added = Added.of(sender.plan.upstream)

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Send it; *done* gets the result of this attempt."""
        assert frame.written is not None
        now, sender, record = frame.loop.time(), self._sender, frame.written.request
        try:
            door = sender.door(frame)
        except CallError as error:
            done(sender.refused(error, now))
            return None
        rendered = self._added.to(record)
        return door.start(
            record.request.method, rendered.target, rendered.headers, rendered.body,
            deadline=min(now + sender.plan.timeout, frame.deadline), done=partial(self._ended, frame, done, now),
        )  # fmt: skip

    def _ended(self, frame: Frame, done: Done, started: float, outcome: Reply | CallError) -> None:
        done(self._sender.judge(frame, outcome, started))


class Added(Struct, frozen=True):
    """The additions of an upstream to each request: its *prefix*, its *headers*, and the pairs of its query."""

    prefix: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    query: tuple[tuple[bytes, bytes], ...]

    @classmethod
    def of(cls, upstream: UpstreamPlan) -> Added:
        """Return what *upstream* adds, its host first."""
        pairs = tuple((pair.partition(b"=")[0], pair) for pair in upstream.query.split(b"&") if pair)
        return cls(upstream.prefix, ((b"host", upstream.host_header), *upstream.headers), pairs)

    def to(self, record: EffectRecord) -> Rendered:
        """Return the request of *record* with what is added; what the request says itself stays."""
        request = record.request
        names = {line.partition(b":")[0] for line in request.headers.split(b"\r\n")}
        own = [(_KEY, record.id.encode())] if _KEY not in names else []
        own.append((b"aggregator-attempt", b"%d" % record.attempts))
        fields = [*(field for field in self.headers if field[0] not in names), *own]
        lines = b"".join(b"%b: %b\r\n" % field for field in fields)
        return Rendered(self.prefix + self._target(request.target), lines + request.headers, request.body)

    def _target(self, target: bytes) -> bytes:
        if not self.query:
            return target
        path, mark, query = target.partition(b"?")
        names = {pair.partition(b"=")[0] for pair in query.split(b"&")}
        added = [pair for name, pair in self.query if name not in names]
        return path + b"?" + b"&".join([*added, *([query] if mark else [])]) if added else target

"""A call by what it would send, for whoever keeps its replies or lets others wait for them."""

from __future__ import annotations

from urllib.parse import urljoin

from aggregator.errors import CallError
from aggregator.parts.frame import Done, Frame
from aggregator.parts.names import FINISHING
from aggregator.parts.result import Result
from aggregator.plan.analysis.roots import roots_in
from aggregator.policies.cache.flights import SameBody
from aggregator.policies.cache.keys import key_of
from aggregator.policies.cache.plan import of_place
from aggregator.policies.cache.standard.asked import Asked
from aggregator.policies.credentials.plan import identity_of
from aggregator.policies.mock.choosing import is_mocked
from aggregator.runtime.calls.rereading import judge_again
from aggregator.runtime.calls.sending import Sender
from aggregator.runtime.calls.writing.rendering import Rendered
from aggregator.transport import Reply
from aggregator.transport.door import Cancelable

_CREDENTIAL = b"\r\nauthorization:"
_CONDITIONS = tuple(
    b"\r\n%b:" % name
    for name in (b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since", b"if-range", b"range")
)


class Keyed:
    """The call that *sender* makes."""

    __slots__ = ("_base", "_constant", "_is_for_any", "_mocked", "_origin", "_sender", "label", "may_take_long",
                 "timeout")  # fmt: skip

    def __init__(self, sender: Sender) -> None:
        upstream = sender.plan.upstream
        self._sender = sender
        where = (upstream.name, upstream.pool.origin, upstream.demo, identity_of(upstream.credentials))
        self._origin = repr(where).encode("utf-8", "surrogateescape")
        self._mocked = None if upstream.mock is None else upstream.mock.when
        origin = upstream.pool.origin
        self._base = f"{origin.scheme}://{origin.authority.decode()}"
        self._constant = b"\r\n" + sender.plan.request.constant_headers.lower()
        self._is_for_any = "keys" not in roots_in(sender.plan.request.body)
        self.may_take_long = sender.routine.judge.may_take_long
        self.label = upstream.label
        self.timeout = sender.plan.timeout

    def key(self, frame: Frame) -> bytes:
        """Return the key of the request: whom it goes to in whose name, method, target, header block and body."""
        identity = self._sender.identity(frame.exchange)
        return self._key(frame, identity, self._sender.render(frame))

    def _key(self, frame: Frame, identity: bytes, rendered: Rendered) -> bytes:
        method, body = self._sender.plan.request.method, rendered.body or b""
        return key_of((self._whom(frame), identity, method, rendered.target, rendered.headers, body))

    def body(self, frame: Frame) -> SameBody | None:
        """Return the body that it sends for any keys; None where that depends on them, or there is none."""
        write = self._sender.routine.body
        if write is None or not self._is_for_any:
            return None
        body, lines = write(frame)
        return SameBody(key_of((body or b"",)), lines)

    def key_beside(self, frame: Frame, body: SameBody | None) -> bytes:
        """Return a key as ``key`` does, of a request whose *body* was written before, where it is for any keys."""
        if body is None:
            return self.key(frame)
        identity, method = self._sender.identity(frame.exchange), self._sender.plan.request.method
        head = self._sender.write_target(frame), self._sender.write_headers(frame) + body.lines
        return key_of((b"beside", self._whom(frame), identity, method, *head, body.digest))

    def _whom(self, frame: Frame) -> bytes:
        """Return what tells whom the call goes to: its upstream, or the mock that some requests meet in its place."""
        is_real = self._mocked is None or not is_mocked(self._mocked, frame.names)
        return self._origin if is_real else b"mock " + self._origin

    def asked(self, frame: Frame) -> Asked:
        """Return what the call would send; raises ``AggregatorError`` when it cannot be written."""
        rendered = self._sender.render(frame)
        identity = self._sender.identity(frame.exchange)
        lines = b"\r\n" + rendered.headers.lower()
        return Asked(
            self._key(frame, identity, rendered),
            self._tag(rendered.target),
            self._sender.plan.request.method,
            bool(identity) or (_CREDENTIAL in lines and _CREDENTIAL not in self._constant),
            any(name in lines for name in _CONDITIONS),
        )

    def place(self, frame: Frame) -> str:
        """Return the tag of the place that the call asks for; raises ``AggregatorError``."""
        return self._tag(self._sender.write_target(frame))

    def place_of(self, frame: Frame, reference: bytes) -> str | None:
        """Return the tag of the place that *reference* leads to from there, None when it is of another origin."""
        base = f"{self._base}{self._sender.write_target(frame).decode('latin-1')}"
        url = urljoin(base, reference.decode("latin-1").strip())
        inside = url.startswith(f"{self._base}/")
        return self._tag(url.removeprefix(self._base).partition("#")[0].encode("latin-1")) if inside else None

    def _tag(self, target: bytes) -> str:
        return of_place(f"{self._base}{target.decode('latin-1')}")

    def judge(self, frame: Frame, outcome: Reply | CallError, started: float) -> Result:
        """Return the result that *outcome* means for this call, which *started* then (loop time)."""
        return self._sender.judge(frame, outcome, started)

    def judge_soon(
        self, frame: Frame, outcome: Reply | CallError, started: float, done: Done
    ) -> Cancelable | None:  # fmt: skip
        """Pass what ``judge`` returns to *done*: once a thread has read or judged it, where that takes long."""
        if not self.may_take_long or isinstance(outcome, CallError):
            done(self._sender.judge(frame, outcome, started))
            return None
        # An upstream that has used up the time of the request leaves that in which its answer is finished.
        return judge_again(self._sender, frame, outcome, started, frame.deadline + FINISHING, done)

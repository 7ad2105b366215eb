"""One streamed answer on its way: the request body up, the response body down, each at the pace of who takes it.

    opening    `_open`: the call is rendered, waits for its place and for the first byte, while the request body goes up
    refused    no head was sent, and the call has failed: `run` returns an answer that says so
    flowing    `_pass_on`: the head is out and `status` is set; pieces go down, and an end of the request is not awaited
    broken     `run` raises after the head: there is nothing left to say but to cut the connection
    ended      the last piece is out

A client that hangs up cancels `run`, in whatever state it is.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterable, AsyncIterator
from functools import partial
from typing import Any

from aggregator.errors import AggregatorError, CallError, Cause
from aggregator.http import first, has_body
from aggregator.parts.frame import Frame, Written
from aggregator.parts.result import Result, as_call_error, failed
from aggregator.plan.types import RowPlan
from aggregator.policies.retry.retrying import Course
from aggregator.runtime.answers.answer import Answer, problem
from aggregator.runtime.answers.compressing import StreamCoder
from aggregator.runtime.answers.failure import failure_answer
from aggregator.runtime.answers.outcome import HEADER, is_told, parts_header
from aggregator.runtime.answers.replying import CLOSE, Receive, Send
from aggregator.runtime.calls.judging import is_verdict
from aggregator.runtime.calls.telling import CallTeller
from aggregator.runtime.calls.writing.rendering import Rendered
from aggregator.runtime.observing.following import begun, followed
from aggregator.runtime.parts.blame import blame
from aggregator.runtime.request.body import body_stream
from aggregator.runtime.request.identity import HEADER as REQUEST_ID
from aggregator.runtime.request.inputs import Refusal
from aggregator.runtime.streams.repeating import as_whole, repeated
from aggregator.runtime.streams.stream import Stream
from aggregator.runtime.streams.uploads import announces_body, asking_coding, length_of
from aggregator.transport import Reply, StreamReply

CLOSE_DELIMITED = "aggregator.close_delimited"
"""The name in the scope of whether the server ends an answer of unknown length with the connection (HTTP/1.0)."""
_MOST_OF_A_FAILURE = 64 * 1024
_CALL = {"call": 0}


class Transit:
    """The way of one request. ``read`` is set once nobody takes the request body any more, ``whole`` if it was all.

    ``status`` is that of an answer whose head has been sent, 0 before; ``results`` tell of the call.
    """

    __slots__ = (
        "_course", "_frame", "_hears", "_opened", "_receive", "_send", "_silence", "_stream", "_wants_length",
        "closing", "read", "results", "size", "status", "whole",
    )  # fmt: skip

    def __init__(self, stream: Stream, frame: Frame, receive: Receive, send: Send, scope: Any) -> None:
        self._stream = stream
        self._frame = frame
        self._receive = receive
        self._send = send
        self._silence: asyncio.Timeout | None = None
        self._hears = False
        self._wants_length = scope.get("http_version") == "1.0" and not scope.get(CLOSE_DELIMITED)
        self.closing: bool = scope.get("aggregator.draining", False)
        self.read = asyncio.Event()
        self.whole = stream.sender.plan.request.body_kind != "forward" or not announces_body(
            frame.exchange, scope.get("http_version", "1.1")
        )
        self.status = 0
        self.size = 0
        self._opened: float | None = None
        self._course: Course | None = None
        self.results: tuple[Result, ...] = ()
        if self.whole:
            self.read.set()

    async def run(self) -> Answer:
        """Return the answer, to be sent unless ``status`` is set. Raises ``CallError`` when it broke off."""
        started = self._opened = self._frame.loop.time()
        try:
            self._stream = self._stream.chosen(self._frame)
            reply = await self._open()
        except CallError as error:
            if self._hears and error.cause is Cause.DEADLINE:
                raise _slow_client() from None
            return self._failed(error, started)
        async with reply:
            if self._is_failure(reply):
                return self._failed(await _whole(reply), started)
            now = self._frame.loop.time()
            result = Result(self._stream.sender.name, started, now, status=reply.status)
            result.headers = reply.headers
            self._take(result)
            try:
                answer = self._stream.head(result, self._frame.names)
            except AggregatorError as error:
                return self._answer_to(
                    failed("response", blame(error, self._frame.names), now, now), self._stream.plan.rows
                )
            return await self._pass_on(reply, self._telling(answer))

    def _take(self, result: Result) -> None:
        """Keep what became of the call, also for the expressions that come after it."""
        if self._course is not None:
            self._course.conclude(result)
        if self._stream.way.chosen:
            result.chosen = self._stream.way.chosen
        self.results = (result,)
        self._frame.names.see(_CALL, self.results)

    def _is_failure(self, reply: StreamReply) -> bool:
        success, status = self._stream.sender.plan.success, reply.status
        return status not in success.statuses and not is_verdict(success, status, self._frame.exchange)

    async def _open(self) -> StreamReply:
        try:
            rendered = self._stream.sender.render(self._frame)
        except CallError:
            raise
        except AggregatorError as error:
            raise as_call_error(blame(error, self._frame.names)) from None
        seconds, retrying = self._stream.sender.plan.timeout, self._stream.around.retrying
        if retrying is None or not self.whole:
            return await self._ask(rendered, seconds)
        now = self._frame.loop.time()
        retrying.budget.called(now)
        deadline = min(self._frame.deadline, now + seconds)
        course = self._course = Course(*retrying, now, deadline, written=Written(rendered))
        return await repeated(course, partial(self._ask, rendered), self._judge)

    def _judge(self, outcome: StreamReply | CallError, started: float) -> Result | None:
        """Return the failure that *outcome* of an attempt is, None for a reply to hand on."""
        if isinstance(outcome, StreamReply) and not self._is_failure(outcome):
            return None
        return self._stream.sender.judge(self._frame, as_whole(outcome), started)

    async def _ask(self, rendered: Rendered, seconds: float) -> StreamReply:
        """Return the reply to one attempt, whose head comes within *seconds*. Raises CallError."""
        return await self._stream.around.reply(self._frame, partial(self._send_on, rendered), seconds)

    async def _send_on(self, rendered: Rendered, seconds: float) -> StreamReply:
        exchange, idle, plan = self._frame.exchange, self._stream.plan.idle_timeout, self._stream.sender.plan
        headers = asking_coding(rendered.headers, exchange)
        tracing, call = self._stream.sender.tracing, None
        if tracing is not None and exchange.trace is not None:
            headers, call = tracing.streamed(self._frame, plan, rendered.target, headers)
        source: bytes | AsyncIterable[bytes] | None = rendered.body
        if not self.whole:
            headers += length_of(exchange)
            source = self._body()
        deadline = self._frame.deadline
        headers += self._stream.sender.time_left(min(seconds, deadline - self._frame.loop.time()))
        written = None if self._course is None else self._course.written
        sender = self._stream.sender
        way = None if call is None else followed(call, sender.routine.pool, self._frame, written)
        asked = self._stream.around.door(self._frame, way or sender.door(self._frame, written)).stream(
            plan.request.method, rendered.target, headers, source, answer_timeout=seconds,
            deadline=None if deadline == math.inf else deadline, idle_timeout=idle,
        )  # fmt: skip
        return await (asked if call is None else begun(call, asked, self._is_failure, self._frame.loop.time))

    async def _body(self) -> AsyncIterator[bytes]:
        try:
            async for piece in body_stream(self._hear, self._stream.plan.inputs.max_body):
                yield piece
            self.whole = True
        finally:
            self.read.set()

    async def _hear(self) -> Any:
        """Return what the client sends next; raises ``Refusal`` (408) when nothing moves for ``idle_timeout``.

        When it is cancelled, the client stays the one that was waited for.
        """
        self._hears = True
        try:
            async with asyncio.timeout(self._stream.plan.idle_timeout) as self._silence:
                message = await self._receive()
        except TimeoutError:
            raise _slow_client() from None
        finally:
            self._silence = None
        self._hears = False
        return message

    def _moved(self) -> None:
        """Restart the idle timeout of the request body: while the answer flows, the client may be silent."""
        idle = self._stream.plan.idle_timeout
        if self._silence is not None and idle is not None and not self._silence.expired():
            self._silence.reschedule(self._frame.loop.time() + idle)

    def _failed(self, outcome: Reply | CallError, started: float) -> Answer:
        result = self._stream.sender.judge(self._frame, outcome, started)
        self._take(result)
        return self._answer_to(result, self._stream.sender.plan.rows)

    def _answer_to(self, failure: Result, rows: tuple[RowPlan, ...]) -> Answer:
        frame = self._frame
        debug = self._stream.discloses(frame.exchange)
        passed = self._stream.plan.response.pass_headers
        answer = failure_answer(failure, rows, frame.names, frame.exchange, (), debug=debug, pass_headers=passed)
        return self._telling(answer)

    def _telling(self, answer: Answer) -> Answer:
        """Return *answer*, which tells of attempts if there was more than one."""
        if is_told(self.results):
            answer.headers.append((HEADER, parts_header(self.results)))
        return answer

    def tell(self, teller: CallTeller, broke: BaseException | None) -> None:
        """Tell *teller* of the call, if one was made; *broke* is what ended it before its body was through."""
        request, now = self._frame.exchange.id, self._frame.loop.time()
        result = self.results[0] if self.results else None
        if self._opened is None:
            return
        started, status = (self._opened, 0) if result is None else (result.started, result.status)
        if broke is None and result is not None:
            teller.ended(request, result, self.size if self.status else None)
        elif isinstance(broke, CallError):
            teller.broken(request, broke.cause, status, self.size, started, now)
        else:
            teller.cancelled(request, started, now, status, self.size)

    async def _pass_on(self, reply: StreamReply, answer: Answer) -> Answer:
        """Send *answer* with the body of *reply*."""
        exchange = self._frame.exchange
        head_only = exchange.method == "HEAD" or not has_body(answer.status)
        sized = first(answer.headers, b"content-length") is not None
        if self._wants_length and not head_only and not sized:
            return problem(505, "The length of this stream is not known, so it needs HTTP/1.1.", request_id=exchange.id)
        if self._stream.finish is not None:
            self._stream.finish(exchange, answer)
        coder = None if head_only or self._wants_length else self._coder(answer)
        headers = [*answer.headers, (REQUEST_ID, exchange.id.encode("ascii")), *((CLOSE,) if self.closing else ())]
        self.status = answer.status
        await self._give({"type": "http.response.start", "status": answer.status, "headers": headers})
        if not head_only:
            async for piece in reply:
                self.size += len(piece)
                sent = piece if coder is None else await coder.feed(piece)
                if sent:
                    await self._give({"type": "http.response.body", "body": sent, "more_body": True})
                self._moved()
        await self._give({"type": "http.response.body", "body": b"" if coder is None else coder.finish()})
        self.results[0].ended = self._frame.loop.time()
        return answer

    async def _give(self, message: dict[str, Any]) -> None:
        """Send *message* at the pace of the client; raises ``Refusal`` (408) when the deadline ends meanwhile."""
        deadline = self._frame.deadline
        if deadline == math.inf:
            await self._send(message)
            return
        try:
            async with asyncio.timeout_at(deadline):
                await self._send(message)
        except TimeoutError:
            raise Refusal(408, "The client took the answer too slowly.") from None

    def _coder(self, answer: Answer) -> StreamCoder | None:
        compressing = self._stream.compressing
        return None if compressing is None else compressing.stream(self._frame.exchange, answer)


def _slow_client() -> Refusal:
    return Refusal(408, "The request body took too long to arrive.")


async def _whole(reply: StreamReply) -> Reply:
    """Return an answer that is not handed on, with as much of its body as a status map may want."""
    body = b""
    try:
        async for piece in reply:
            body += piece
            if len(body) > _MOST_OF_A_FAILURE:
                break
    except CallError:
        body = b""
    return Reply(reply.status, reply.headers, body)

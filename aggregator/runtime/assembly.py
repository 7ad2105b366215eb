"""The results of parts become one answer: passed through, spliced into an object, templated, or merged.

``compile_assembly`` chooses the way once. The common ways only copy bytes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aggregator.codecs import json as json_codec
from aggregator.errors import ExpressionError
from aggregator.exchange import State
from aggregator.plan.types import EndpointPlan, ResponsePlan
from aggregator.runtime.answer import Answer, has_body
from aggregator.runtime.fanout import Run
from aggregator.runtime.finishing import Finish, compile_finish
from aggregator.runtime.names import Names
from aggregator.runtime.outcome import HEADER, is_partial, parts_header
from aggregator.runtime.result import Result
from aggregator.runtime.splicing import compile_json
from aggregator.shaping.merge import compile_merge
from aggregator.templates import header_value

Function = Callable[[Any], Awaitable[Any]]
JSON_TYPE = b"application/json"
Body = Callable[[Run], bytes | list[bytes]]
_LARGE = 64 * 1024


class Assembly:
    """Makes the answer of an endpoint from an ended run that did not fail."""

    __slots__ = ("_body", "_finish", "_headers", "_pass_through", "_status", "_status_of")

    def __init__(self, plan: EndpointPlan, transform: Function | None) -> None:
        response = plan.response
        shaped = plan.fan is not None and any(
            call.shape or call.transform or call.graphql != "no" for part in plan.fan.parts for call in part.calls
        )
        special = shaped or (plan.fan is not None and any(p.each or p.race or p.group or p.optional or p.when or p.shape
                                                         or p.transform or len(p.calls) > 1 for p in plan.fan.parts))  # fmt: skip
        self._pass_through = plan.kind == "call" and response.body is None
        self._body: Body = _first_raw if self._pass_through and not special else _compile_body(plan)
        self._finish: Finish | None = compile_finish(plan, transform)
        self._status = response.status
        self._status_of = response.status_expression
        self._headers = response.headers

    async def answer(self, run: Run) -> Answer:
        """Give the answer; raises ``ExpressionError`` or ``CallError`` when the parts cannot become one."""
        answer = self.plain(run)
        return answer if self._finish is None else await self._finish(answer, run)

    @property
    def is_plain(self) -> bool:
        """Whether ``plain`` is the whole of it."""
        return self._finish is None

    def plain(self, run: Run) -> Answer:
        """Give the answer before anything that needs the body as data."""
        names = run.frame.names
        status = self._status or 200
        if self._pass_through:
            answer = self._passed(run, status)
        else:
            answer = Answer(status, [(b"content-type", JSON_TYPE)], self._body(run))
        if self._status_of is not None:
            answer.status = _status(self._status_of.evaluate(names))
        if self._headers:
            _add_headers(answer, self._headers, names)
        results = run.results
        if is_partial(results):  # type: ignore[arg-type]
            mark_partial(answer, results)  # type: ignore[arg-type]
        return answer

    def _passed(self, run: Run, status: int) -> Answer:
        result = run.results[0]
        assert result is not None
        stands_in = result.state is State.DEFAULT  # then the status is that of the failure
        status = self._status or (not stands_in and result.status) or 200
        if self._body is not _first_raw:
            return Answer(status, [(b"content-type", JSON_TYPE)], self._body(run))
        kind = [(name, value) for name, value in result.headers if name == b"content-type"]
        return Answer(status, kind, result.raw if has_body(status) else b"")


def mark_partial(answer: Answer, results: list[Result]) -> None:
    """Say in the headers of *answer* which parts are missing and why; such an answer is never cacheable."""
    answer.headers = [(n, v) for n, v in answer.headers if n != b"cache-control"]
    answer.headers.append((b"cache-control", b"no-store"))
    answer.headers.append((HEADER, parts_header(results)))


def _status(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 200 <= value <= 599:
        return value
    raise ExpressionError("The expression for the status of the answer did not give a status.")


def _add_headers(answer: Answer, headers: tuple[tuple[bytes, Any], ...], names: Names) -> None:
    for name, template in headers:
        value = template.render(names, missing="null")
        if value is None:
            continue
        text = value if isinstance(value, str) else json_codec.encode(value).decode()
        answer.headers = [(n, v) for n, v in answer.headers if n != name]
        answer.headers.append((name, header_value(text)))


def _first_raw(run: Run) -> bytes:
    return run.results[0].raw  # type: ignore[union-attr]


def _first_json(run: Run) -> bytes:
    return run.results[0].json  # type: ignore[union-attr]


def _compile_body(plan: EndpointPlan) -> Body:
    if plan.response.body is not None:
        write = compile_json(plan.response.body)
        return lambda run: write(run.frame.names)
    if plan.kind == "call":
        return _first_json
    if plan.fan is None:
        return lambda _: b"null"
    if plan.response.merge != "object":
        return _merged(plan.response, tuple(part.name for part in plan.fan.parts))
    return object_body(tuple(part.name for part in plan.fan.parts))


def object_body(names: tuple[str, ...]) -> Body:
    """Give the function that splices results into an object under *names*, in that order."""
    keys = [(b"," if number else b"{") + json_codec.encode(name) + b":" for number, name in enumerate(names)]

    def body(run: Run) -> bytes | list[bytes]:
        pieces: list[bytes] = []
        add = pieces.append
        large = False
        for key, result in zip(keys, run.results, strict=True):
            text = result._json or result.json  # type: ignore[union-attr]  # noqa: SLF001  # the hottest line: no property call
            add(key)
            add(text)
            large = large or len(text) > _LARGE
        add(b"}")
        return pieces if large else b"".join(pieces)

    return body if names else lambda _: b"{}"


def _merged(response: ResponsePlan, names: tuple[str, ...]) -> Body:
    merge = compile_merge(response.merge)

    def body(run: Run) -> bytes:
        values = [(name, result.value) for name, result in zip(names, run.results, strict=True) if result is not None]
        return json_codec.encode(merge([(name, value) for name, value in values if value is not None]))

    return body

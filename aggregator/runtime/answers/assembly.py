"""The results of parts become one answer: passed through, spliced into an object, templated, or merged.

``Assembly`` chooses the way once. The common ways only copy bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from aggregator.edge.cookies import set_cookie
from aggregator.errors import ExpressionError
from aggregator.exchange import Exchange
from aggregator.http import HeaderList, first, has_body, without
from aggregator.parts.names import Names
from aggregator.parts.result import Result
from aggregator.plan.analysis.walking import calls_in, parts_in
from aggregator.plan.types import CookiePlan, EndpointPlan
from aggregator.runtime.answers.answer import Answer, Tail, forbid_storing
from aggregator.runtime.answers.bodies import (
    JSON_TYPE,
    Function,
    body_of,
    compile_steps,
    may_be_text,
    worked,
)
from aggregator.runtime.answers.disclosure import Discloses
from aggregator.runtime.answers.finishing import Finish, compile_check, compile_finish
from aggregator.runtime.answers.narrowing import Narrowing
from aggregator.runtime.answers.outcome import HEADER, is_partial, is_smooth, is_told, parts_header
from aggregator.runtime.answers.passing import all_fields, needed_fields, standing_statuses
from aggregator.runtime.foresight.answers import answer_reads
from aggregator.runtime.parts.blame import told
from aggregator.runtime.parts.fanout import Run
from aggregator.templates import MISSING, Expression, Template, header_value, text_of
from aggregator.transport import codings_named

Begin = Callable[[Run], Answer]


class Assembly:
    """Makes the answer of an endpoint from an ended run that did not fail; a whole one with *tail*."""

    __slots__ = (
        "_begin", "_check", "_chooses", "_cookies", "_finish", "_headers", "_is_short", "_narrowing",
        "_reads", "_standing", "_status_of", "_tail", "reads",
    )  # fmt: skip

    def __init__(
        self, plan: EndpointPlan, transform: Function | None, discloses: Discloses, tail: Tail | None = None
    ) -> None:
        steps = compile_steps(plan, transform, discloses)
        self._begin = _compile_begin(plan, tail, has_steps=bool(steps))
        self._finish: Finish | None = compile_finish(plan, steps, discloses)
        self._check = compile_check(plan.response)
        self._narrowing = Narrowing.of(plan)
        self._status_of = plan.response.status_expression
        self._headers = plan.response.headers
        self._tail = constant_tail(plan.response.headers)
        self._cookies = plan.response.cookies
        self._standing = standing_statuses(plan)
        self._chooses = chooses(plan)
        self._is_short = not (self._status_of or self._tail or self._headers or self._cookies or self._chooses)
        self._reads = answer_reads(plan, has_steps=bool(steps), is_text=may_be_text(plan.response))
        self.reads = self._reads is not None
        """Whether it needs results, or the body of the request, as data, other than to copy results."""

    def accept(self, exchange: Exchange) -> None:
        """Read what form of answer the client accepts, before any call is made. Raises ``Refusal`` (406, 422)."""
        if self._check is not None:
            self._check(exchange)
        if self._narrowing is not None:
            exchange.asked = self._narrowing.asked(exchange)

    async def answer(self, run: Run) -> Answer:
        """Return the answer; raises ``ExpressionError`` or ``CallError`` when the parts cannot become one."""
        reads = self._reads
        if reads is not None and reads.works:
            answer = await worked(partial(self.plain, run), run)
        else:
            if reads is not None:
                await reads.ready(run)
            answer = self.plain(run)
        return answer if self._finish is None else await self._finish(answer, run)

    @property
    def is_plain(self) -> bool:
        """Whether ``plain`` is the whole of it."""
        return self._finish is None

    def is_prompt(self, run: Run) -> bool:
        """Return whether ``plain`` is the whole of it, and takes no more than a few milliseconds."""
        return self._finish is None and (self._reads is None or not self._reads.takes_long(run))

    def plain(self, run: Run) -> Answer:
        """Return the answer before anything that needs the body as data, or that more than one part has a say in."""
        answer = self._begin(run)
        results: Any = run.results
        if self._is_short and is_smooth(results):
            return answer
        names = run.frame.names
        if self._status_of is not None and answer.status not in self._standing:
            answer.status = status_from(self._status_of, names)
        if self._tail is not None:
            self._tail.add(answer)
        elif self._headers:
            add_headers(answer, self._headers, names)
        if self._cookies:
            add_cookies(answer, self._cookies, names)
        if self._status_of is not None and not has_body(answer.status):
            empty(answer)
        if is_smooth(results) and not self._chooses:
            return answer
        if is_partial(results):
            mark_partial(answer, results)
        elif is_told(results):
            answer.headers.append((HEADER, parts_header(results)))
        return answer


def _compile_begin(plan: EndpointPlan, tail: Tail | None, *, has_steps: bool) -> Begin:
    """Return the function that makes an answer with status, content type and body; with steps the body comes later."""
    if plan.raw:
        whole = plan.response.pass_all
        return _passing(
            plan.response.status, standing_statuses(plan), None if whole else tail, is_head_of_head(plan),
            whole=whole, varies=plan.response.varies,
        )  # fmt: skip
    begin = _making(plan, tail, has_steps=has_steps)
    verdicts = standing_statuses(plan)
    if not verdicts:
        return begin
    passed = _passing(None, verdicts, None)
    return lambda run: passed(run) if is_standing(run, verdicts) else begin(run)


def is_standing(run: Run, standing: frozenset[int]) -> bool:
    """Return whether the one call of *run* was answered with a status of *standing*, so that its answer is not made."""
    result = run.results[0]
    return result is not None and result.status in standing and result.is_there


def _making(plan: EndpointPlan, tail: Tail | None, *, has_steps: bool) -> Begin:
    status = plan.response.status
    fixed = status or 200
    if not has_body(fixed) or (plan.kind == "respond" and plan.response.body is None):
        return lambda _: Answer(fixed, [], b"")
    body = _nothing if has_steps else body_of(plan)
    if plan.kind == "call" and status is None:
        return lambda run: Answer(_status_of_call(run.results[0]), [(b"content-type", JSON_TYPE)], body(run), tail)
    return lambda run: Answer(fixed, [(b"content-type", JSON_TYPE)], body(run), tail)


def _nothing(_: Run) -> bytes:
    return b""


@cache
def _passing(
    fixed: int | None, standing: frozenset[int], tail: Tail | None, head_only: bool = False, *, whole: bool = False,
    varies: tuple[bytes, ...] = (),
) -> Begin:  # fmt: skip
    """Return the function that lets body and content type of the call through, with what its status needs.

    With *whole* all fields pass, and ``Vary`` names *varies* besides; otherwise an answer with status 200 has *tail*.
    Its status passes too, unless one is *fixed* and that of the call is none of those *standing*.
    """

    def passed(run: Run) -> Answer:
        result = run.results[0]
        assert result is not None
        if not result.is_there:
            return Answer(fixed or 200, [(b"content-type", JSON_TYPE)], result.json)
        status = result.status if fixed is None or result.status in standing else fixed
        if whole:
            headers = all_fields(result.headers, varies)
        else:
            headers = needed_fields(status, result.headers) if status != 200 else []
        if not has_body(status):
            return Answer(status, headers, b"")
        kind = result.content_type
        if kind is not None:
            headers.append((b"content-type", kind))
        answer = Answer(status, headers, result.raw, tail if status == 200 else None)
        if head_only:
            _keep_length(answer, result)
        return answer

    return passed


def chooses(plan: EndpointPlan) -> bool:
    """Return whether a call of the endpoint is one of several, which its answers name."""
    return any(call.choice is not None for part in parts_in(plan.fan) for call in part.calls)


def is_head_of_head(plan: EndpointPlan) -> bool:
    """Return whether the endpoint and its calls are HEAD."""
    return plan.method == "HEAD" and all(call.request.method == b"HEAD" for call in calls_in(plan.fan))


def _keep_length(answer: Answer, result: Result) -> None:
    """Set the length of *answer*, to HEAD, to the one that the upstream sent, if any: there was no body to measure.

    A coded one is none of the body that a GET would get from us, which is decoded (RFC 9110 §8.6).
    """
    answer.head_only = True
    length = first(result.headers, b"content-length")
    codings = codings_named(value for name, value in result.headers if name == b"content-encoding")
    if length is not None and length.isdigit() and not codings:
        answer.headers.append((b"content-length", length))


def _status_of_call(result: Result | None) -> int:
    """Return the status of an answer that is made from one call: the upstream's, unless it goes without a body."""
    if result is None or not result.is_there or not has_body(result.status):
        return 200
    return result.status


def empty(answer: Answer) -> None:
    """Remove the body of an answer whose status has none."""
    answer.body = b""
    answer.headers = without(answer.headers, b"content-type")


def mark_partial(answer: Answer, results: list[Result]) -> None:
    """Add to *answer* the headers that name missing parts and why they are; no cache may keep such an answer."""
    forbid_storing(answer)
    answer.headers.append((HEADER, parts_header(results)))


def status_from(expression: Expression, names: Names) -> int:
    """Return the status that *expression* computes; raises ``ExpressionError`` when it is none."""
    value = expression.evaluate(names)
    if isinstance(value, int) and not isinstance(value, bool) and 200 <= value <= 599:
        return value
    error = ExpressionError("The expression for the status of the answer did not give a status.")
    raise error.reading(expression.references)


class ConstantTail:
    """Headers of an answer that are the same each time, in the place of others of their names."""

    __slots__ = ("_names", "_tail")

    def __init__(self, fields: HeaderList) -> None:
        self._tail = Tail.of(fields)
        self._names = frozenset(name for name, _ in fields)

    def add(self, answer: Answer) -> None:
        """Set them on *answer*, which has no tail yet."""
        for name, _ in answer.leading:
            if name in self._names:
                answer.headers = [*without(answer.headers, *self._names), *self._tail.fields]
                return
        answer.tail = self._tail


def constant_tail(headers: tuple[tuple[bytes, Template], ...]) -> ConstantTail | None:
    """Return *headers* as they always are, None where one depends on the request or there are none."""
    if not headers or not all(template.is_constant for _, template in headers):
        return None
    made = Answer(200, [], b"")
    try:
        add_headers(made, headers, Names(Exchange("GET", "/", b"", [])))
    except ExpressionError:  # each answer fails by it, and tells so
        return None
    return ConstantTail(made.headers)


def add_headers(answer: Answer, headers: tuple[tuple[bytes, Template], ...], names: Names) -> None:
    """Set *headers*; one whose value is null or missing is left out, a list of cookies is a line for each."""
    for name, template in headers:
        value = template.render(names, missing="null")
        values = [one for one in (value if _is_list_of_cookies(name, value) else (value,)) if one is not None]
        if not values or value is MISSING:
            continue
        try:
            fields = [(name, header_value(text_of(one))) for one in values]
        except ExpressionError as error:
            told(error, template, names, header_value)
            raise
        answer.headers = without(answer.headers, name) + fields


def add_cookies(answer: Answer, cookies: tuple[CookiePlan, ...], names: Names) -> None:
    """Set *cookies*, a line each; one whose value is null or missing is left out."""
    for cookie in cookies:
        value = cookie.value.render(names, missing="null")
        if value is not None and value is not MISSING:
            line = set_cookie(cookie.name, text_of(value), dict(cookie.attributes))
            answer.headers = [*answer.headers, (b"set-cookie", line)]


def _is_list_of_cookies(name: bytes, value: Any) -> bool:
    """Return whether *value* are several values of the one field that cannot be joined (RFC 6265 §3)."""
    return name == b"set-cookie" and isinstance(value, list | tuple)

"""What is done to an answer after its parts became one: joins, shape, transform, fields, meta, caching, formats.

``compile_finish`` gives None when an endpoint asks for nothing of it, which keeps plain answers as copied bytes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aggregator.codecs import json as json_codec
from aggregator.codecs.cache_control import combine
from aggregator.codecs.etag import etag_of, if_none_match
from aggregator.codecs.negotiation import negotiate, offers_for, response_codec
from aggregator.exchange import Exchange
from aggregator.plan.types import EndpointPlan, ListJoinPlan
from aggregator.runtime.answer import Answer, has_body
from aggregator.runtime.fanout import Run
from aggregator.runtime.inputs import Refusal
from aggregator.runtime.outcome import is_partial, parts_member
from aggregator.runtime.passing import passed_headers
from aggregator.runtime.shape import compile_shape
from aggregator.shaping.fields import parse_fields
from aggregator.shaping.join import compile_list_join

Function = Callable[[Any], Awaitable[Any]]
Finish = Callable[[Answer, Run], Awaitable[Answer]]
ValueStep = Callable[[Any, Run], Awaitable[Any]]


def compile_finish(plan: EndpointPlan, transform: Function | None) -> Finish | None:
    """Give the function that finishes an answer, or None when there is nothing to do."""
    steps = _value_steps(plan, transform)
    response = plan.response
    negotiated = len(response.formats) > 1 or response.formats[0] != "json"
    if not (steps or negotiated or response.pass_headers or response.cache_control or response.etag):
        return None
    encode = _compile_encoding(response.formats) if negotiated else None

    async def finish(answer: Answer, run: Run) -> Answer:
        if steps or encode is not None:
            value = json_codec.decode(answer.body) if answer.body else None
            for step in steps:
                value = await step(value, run)
            answer.body = json_codec.encode(value)
            if steps:
                answer.headers = [(n, b"application/json" if n == b"content-type" else v) for n, v in answer.headers]
            if encode is not None:
                encode(answer, value, run.frame.exchange)
        if response.pass_headers:
            answer.headers.extend(passed_headers(response.pass_headers, run))
        if response.cache_control is not None:
            _cache(answer, run, response.cache_control)
        return _conditional(answer, run.frame.exchange) if response.etag and answer.status == 200 else answer

    return finish


def _value_steps(plan: EndpointPlan, transform: Function | None) -> list[ValueStep]:
    steps = [_join_step(join) for join in plan.response.join]
    shape = compile_shape(plan.response.shape)
    if shape is not None:
        apply = shape

        async def reshape(value: Any, run: Run) -> Any:
            return apply(value, run.frame.names.child({"this": {"body": value}}))

        steps.append(reshape)
    if transform is not None:
        function = transform

        async def change(value: Any, _: Run) -> Any:
            return await function(value)

        steps.append(change)
    if plan.response.fields:
        steps.append(_prune)
    if plan.response.meta:
        steps.append(_add_meta)
    return steps


def _join_step(plan: ListJoinPlan) -> ValueStep:
    join = compile_list_join(plan.left, plan.right, plan.into, plan.missing)

    async def step(value: Any, _: Run) -> Any:
        return join(value)

    return step


async def _prune(value: Any, run: Run) -> Any:
    text = run.frame.exchange.query.get("fields")
    return value if not isinstance(text, str) or not text else parse_fields(text).prune(value)


async def _add_meta(value: Any, run: Run) -> Any:
    meta = {"parts": parts_member(result for result in run.results if result is not None)}
    return {**value, "meta": meta} if isinstance(value, dict) else {"data": value, "meta": meta}


def _compile_encoding(formats: tuple[str, ...]) -> Callable[[Answer, Any, Exchange], None]:
    offers = offers_for(formats)

    def encode(answer: Answer, value: Any, exchange: Exchange) -> None:
        accept = next((v for n, v in exchange.header_list if n == b"accept"), None)
        chosen = negotiate(accept, offers)
        if chosen is None:
            raise Refusal(406, f"This endpoint answers as {', '.join(offers)}.")
        answer.headers = [(n, v) for n, v in answer.headers if n != b"content-type"]
        codec, kind = response_codec(chosen)
        if codec.name != "json":
            answer.body = codec.encode(value)
        answer.headers.append((b"content-type", kind))
        answer.headers.append((b"vary", b"accept"))

    return encode


def _cache(answer: Answer, run: Run, rule: str) -> None:
    if any(name == b"cache-control" for name, _ in answer.headers):
        return
    if is_partial(result for result in run.results if result is not None):
        return
    if rule != "compute":
        answer.headers.append((b"cache-control", rule.encode("latin-1")))
        return
    values, ages = [], []
    for result in run.results:
        if result is not None and result.status:
            values.append(next((v for n, v in result.headers if n == b"cache-control"), None))
            ages.append(next((v for n, v in result.headers if n == b"age"), None))
    computed = combine(values, ages)
    if computed is not None:
        answer.headers.append((b"cache-control", computed))


def _conditional(answer: Answer, exchange: Exchange) -> Answer:
    if not has_body(answer.status) or exchange.method not in ("GET", "HEAD"):
        return answer
    tag = etag_of(answer.body)
    answer.headers.append((b"etag", tag))
    sent = next((v for n, v in exchange.header_list if n == b"if-none-match"), None)
    if sent is not None and if_none_match(sent, tag):
        kept = [(n, v) for n, v in answer.headers if n not in (b"content-type", b"content-length")]
        return Answer(304, kept, b"")
    return answer

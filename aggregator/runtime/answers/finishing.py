"""What is done to an answer after its parts became one: steps over its data, format, headers of parts, caching.

``compile_finish`` gives None when an endpoint asks for nothing of it, which keeps plain answers as copied bytes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from aggregator.codecs.cache_control import combine
from aggregator.codecs.etag import add_vary, etag_of, if_none_match
from aggregator.codecs.negotiation import negotiate, offers_for, response_codec
from aggregator.exchange import Exchange
from aggregator.http import FETCHING, first, has_body, joined, replaced, without
from aggregator.parts.names import FINISHING
from aggregator.plan.types import EndpointPlan, ResponsePlan
from aggregator.runtime.answers.answer import Answer, forbid_storing
from aggregator.runtime.answers.bodies import Step, compile_stands_as_text, encode_body, value_of, worked
from aggregator.runtime.answers.disclosure import Discloses
from aggregator.runtime.answers.outcome import is_partial
from aggregator.runtime.answers.passing import passed_headers, replies_of, standing_statuses
from aggregator.runtime.finish.formats import Writings, written
from aggregator.runtime.parts.fanout import Run
from aggregator.runtime.request.inputs import Refusal
from aggregator.templates import Template, header_value

Finish = Callable[[Answer, Run], Awaitable[Answer]]
Check = Callable[[Exchange], None]
Encode = Callable[[Answer, Exchange], Awaitable[None]]
_AT_ONCE = 4 * 1024
"""Bytes of JSON that are written in another format without a thread; as XML, small numbers take ten milliseconds."""


def compile_check(response: ResponsePlan) -> Check | None:
    """Return what refuses (406) all that cannot be answered in a format that is asked for, None when all can."""
    if not _is_negotiated(response):
        return None
    offers = offers_for(response.formats)

    def check(exchange: Exchange) -> None:
        _chosen(exchange, offers)

    return check


def compile_finish(plan: EndpointPlan, steps: Sequence[Step], discloses: Discloses) -> Finish | None:
    """Return the function that finishes an answer, or None when there is nothing to do.

    An answer whose ``meta`` may tell what only a few may read is kept by no cache.
    """
    response = plan.response
    encode = _compile_encoding(response.formats) if _is_negotiated(response) else None
    if not (steps or encode or response.pass_headers or response.cache_control or response.etag):
        return None
    value, stands_as_text = value_of(plan), compile_stands_as_text(response)
    timed = steps[-1] if response.meta and response.etag else None
    standing = standing_statuses(plan)

    async def finish(answer: Answer, run: Run) -> Answer:
        lasting = None
        made = has_body(answer.status) and not (standing and run.results[0].status in standing)  # type: ignore[union-attr]
        if steps and made:
            body, as_text = await worked(lambda: (value(run), stands_as_text(run)), run)
            for step in steps:
                if step is timed:
                    lasting = await worked(partial(encode_body, body, as_text=as_text), run)
                body = await step(body, run)
            answer.body = await worked(partial(encode_body, body, as_text=as_text), run)
        if encode is not None and made:
            await encode(answer, run.frame.exchange)
        unstored = is_partial(run.ended_results())
        if response.meta and discloses(run.frame.exchange):
            forbid_storing(answer)
            unstored = True
        if response.pass_headers:
            _pass_headers(answer, run, response, partial=unstored)
        if response.cache_control is not None and not unstored:
            rule = response.cache_control
            if isinstance(rule, Template) and not rule.is_constant:
                await worked(partial(_cache, answer, run, rule), run)
            else:
                _cache(answer, run, rule)
        return _conditional(answer, run.frame.exchange, lasting) if response.etag and not unstored else answer

    return finish


def _is_negotiated(response: ResponsePlan) -> bool:
    return response.formats != ("json",)


def _chosen(exchange: Exchange, offers: tuple[str, ...]) -> str:
    chosen = negotiate(joined(exchange.header_list, b"accept"), offers)
    if chosen is None:
        raise Refusal(406, f"This endpoint answers as {', '.join(offers)}.")
    return chosen


def _compile_encoding(formats: tuple[str, ...]) -> Encode:
    """Return the function that writes an answer in the format that its client likes best; JSON left as it is.

    What takes long is written in a thread, so that others are answered meanwhile, once for all with the same text.
    """
    offers = offers_for(formats)
    long: dict[str, Writings] = {}

    async def encode(answer: Answer, exchange: Exchange) -> None:
        codec, kind = response_codec(_chosen(exchange, offers))
        if codec.name != "json":
            text = answer.body
            if len(text) <= _AT_ONCE:
                answer.body = written(codec, text)
            else:
                writings = long.setdefault(codec.name, Writings(codec))
                answer.body = await writings.body(text, exchange.deadline + FINISHING)
        answer.headers = replaced(answer.headers, b"content-type", kind)
        _vary(answer, b"accept")

    return encode


def _vary(answer: Answer, *names: bytes) -> None:
    stated = joined(answer.headers, b"vary")
    answer.headers = replaced(answer.headers, b"vary", add_vary(stated, *names))


def _pass_headers(answer: Answer, run: Run, response: ResponsePlan, *, partial: bool) -> None:
    """Add what parts sent; what the file sets itself, and what we make anew, left out."""
    kept = {name for name, _ in answer.headers if name != b"vary"}
    if response.etag:
        kept.add(b"etag")
    passed = [field for field in passed_headers(response.pass_headers, run, partial=partial) if field[0] not in kept]
    varying = [value for name, value in passed if name == b"vary"]
    answer.headers.extend(field for field in passed if field[0] != b"vary")
    if varying:
        _vary(answer, *_names(varying))


def _names(values: Sequence[bytes]) -> list[bytes]:
    return [name.strip().lower() for value in values for name in value.split(b",") if name.strip()]


def _cache(answer: Answer, run: Run, rule: str | Template) -> None:
    """State how long the answer may be kept: as the file says, or no longer and no wider than any part."""
    if first(answer.headers, b"cache-control") is not None:
        return
    if isinstance(rule, Template):
        if said := rule.render_text(run.frame.names):
            answer.headers.append((b"cache-control", header_value(said)))
        return
    if rule != "compute":
        answer.headers.append((b"cache-control", header_value(rule)))
        return
    values, ages, varying = [], [], []
    for reply in replies_of(run):
        values.append(joined(reply.headers, b"cache-control"))
        ages.append(joined(reply.headers, b"age"))
        varying += [value for name, value in reply.headers if name == b"vary"]
    names = [name for name in dict.fromkeys(_names(varying)) if name != b"accept-encoding"]
    if values and b"*" in names:
        values[0] = b"no-store"
    elif values and first(answer.headers, b"set-cookie") is not None:  # which is for one client alone
        values[0] = b"private" if values[0] is None else values[0] + b", private"
    computed = combine(values, ages, joined(answer.headers, b"age"))
    if computed is not None:
        answer.headers.append((b"cache-control", computed))
    if names and b"*" not in names:
        _vary(answer, *names)


def _conditional(answer: Answer, exchange: Exchange, lasting: bytes | None) -> Answer:
    """Add an ETag to a good answer to a GET, or give 304 when the client has it (RFC 9110 §13.1.2, §15.4.5).

    *lasting* is the body without the times in its ``meta``, if it has them: its tag is a weak one.
    """
    if answer.status != 200 or answer.head_only or exchange.method not in FETCHING:
        return answer
    kind = joined(answer.headers, b"content-type") or b""
    tag = etag_of(answer.body) if lasting is None else b"W/" + etag_of(kind + b"\n" + lasting)
    answer.headers.append((b"etag", tag))
    sent = joined(exchange.header_list, b"if-none-match")
    if sent is not None and if_none_match(sent, tag):
        return Answer(304, without(answer.headers, b"content-type", b"content-length"), b"")
    return answer

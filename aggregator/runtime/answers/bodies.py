"""What the body of an answer is made from, as bytes that are copied or as data that later steps change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from aggregator.codecs import json as json_codec
from aggregator.codecs.media_type import parse_media_type
from aggregator.errors import ExpressionError
from aggregator.parts.names import FINISHING
from aggregator.plan.calls import FanPlan
from aggregator.plan.types import EndpointPlan, ListJoinPlan, ResponsePlan
from aggregator.runtime.answers.disclosure import Discloses
from aggregator.runtime.answers.outcome import parts_member
from aggregator.runtime.calls.writing.splicing import compile_json
from aggregator.runtime.coding import aside
from aggregator.runtime.finish.provenance import Provenance, provenance_of
from aggregator.runtime.foresight.answers import has_long_values
from aggregator.runtime.parts.fanout import Run
from aggregator.runtime.parts.shape import compile_shape, computes
from aggregator.shaping.join import compile_list_join
from aggregator.shaping.merge import compile_merge
from aggregator.templates import MISSING, Const, Template, text_of

JSON_TYPE = b"application/json"
Function = Callable[[Any], Awaitable[Any]]
Body = Callable[[Run], bytes | list[bytes]]
Value = Callable[[Run], Any]
StandsAsText = Callable[[Run], bool]
Step = Callable[[Any, Run], Awaitable[Any]]
Decode = Callable[[bytes], Any]
_LARGE = 64 * 1024
_Value = TypeVar("_Value")


def body_of(plan: EndpointPlan) -> Body:
    """Return the function that writes the body of an answer, for a plan without steps."""
    response = plan.response
    if response.body is not None:
        return _templated(response.body, response)
    if plan.kind == "call":
        return lambda run: run.results[0].json  # type: ignore[union-attr]
    assert plan.fan is not None
    names = tuple(part.name for part in plan.fan.parts)
    if response.merge != "object":
        return _merged(response.merge, names)
    return object_body(names)


def value_of(plan: EndpointPlan) -> Value:
    """Return the function that makes the body of an answer as data for steps: exact, unless one of them computes.

    Where the client chose its fields, what it did not ask for need not be there.
    """
    response = plan.response
    if plan.fan is None and response.body is None:
        return lambda _: None
    stands_as_text = compile_stands_as_text(response)
    rendered = None if response.body is None else _rendered(response.body)
    body = body_of(plan)
    decode = _decode_for(response)

    def value(run: Run) -> Any:
        if rendered is not None and stands_as_text(run):
            return rendered(run)
        asked = run.frame.exchange.asked
        text = body(run) if asked is None or asked.write is None else asked.write(run.frame.names)
        return decode(text if isinstance(text, bytes) else b"".join(text))

    return value


def _decode_for(response: ResponsePlan) -> Decode:
    """Return the function that reads bodies for the steps of an answer."""
    computed = computes(response.shape) or response.transform is not None
    return json_codec.decode if computed else json_codec.decode_exact


def may_be_text(response: ResponsePlan) -> bool:
    """Return whether the content type of an answer may be another than JSON's, so that a text stands as it is."""
    kind = _content_type(response)
    return kind is not None and (not isinstance(kind.node, Const) or _is_text(kind.node.value))


def compile_stands_as_text(response: ResponsePlan) -> StandsAsText:
    """Return the function that tells whether a body that is text stands as it is: its type may be computed."""
    kind = _content_type(response)
    if kind is None or isinstance(kind.node, Const):
        known = may_be_text(response)
        return lambda _: known
    template = kind
    return lambda run: _is_text(template.render(run.frame.names, missing="null"))


def _content_type(response: ResponsePlan) -> Template | None:
    return next((template for name, template in response.headers if name == b"content-type"), None)


def _is_text(kind: Any) -> bool:
    """Return whether the content type *kind* is none of JSON's; one that comes to nothing is left out."""
    if kind is None or kind is MISSING:
        return False
    media = parse_media_type(text_of(kind).encode("latin-1", "replace"))
    return media is None or not media.is_json


def encode_body(value: Any, *, as_text: bool) -> bytes:
    """Return *value* as JSON, or as it is when it is text and is to stand *as_text*; raises ``ExpressionError``."""
    if not as_text or not isinstance(value, str):
        return json_codec.encode(value)
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise ExpressionError("The text of the answer holds half of a surrogate pair.") from None


def _rendered(template: Template) -> Value:
    def value(run: Run) -> Any:
        found = template.render(run.frame.names, missing="null")
        return None if found is MISSING else found

    return value


def _templated(template: Template, response: ResponsePlan) -> Body:
    write = compile_json(template)
    if not may_be_text(response):
        return lambda run: write(run.frame.names)
    value, stands_as_text = _rendered(template), compile_stands_as_text(response)

    def body(run: Run) -> bytes:
        return encode_body(value(run), as_text=True) if stands_as_text(run) else write(run.frame.names)

    return body


def _merged(how: str, names: tuple[str, ...]) -> Body:
    merge = compile_merge(how)

    def body(run: Run) -> bytes:
        parts = [(name, r.exact) for name, r in zip(names, run.results, strict=True)]  # type: ignore[union-attr]
        return json_codec.encode(merge(parts))

    return body


def object_body(names: tuple[str, ...]) -> Body:
    """Return the function that splices results into an object under *names*, in that order."""
    keys = [(b"," if number else b"{") + json_codec.encode(name) + b":" for number, name in enumerate(names)]

    def body(run: Run) -> bytes | list[bytes]:
        pieces: list[bytes] = []
        add = pieces.append
        large = False
        for key, result in zip(keys, run.results, strict=True):
            text = result._json or result.json  # type: ignore[union-attr]  # the hottest line: no property call
            add(key)
            add(text)
            large = large or len(text) > _LARGE
        add(b"}")
        return pieces if large else b"".join(pieces)

    return body if names else lambda _: b"{}"


def compile_steps(plan: EndpointPlan, transform: Function | None, discloses: Discloses) -> list[Step]:
    """Return what is done to the body as data, in this order: joins, shape, transform, fields, meta."""
    response = plan.response
    decode = _decode_for(response)
    steps = [_join(join, plan.fan, decode) for join in response.join]
    shape = compile_shape(response.shape)
    if shape is not None:

        async def reshape(value: Any, run: Run) -> Any:
            return await worked(partial(shape, value, run.frame.names.child({"this": {"body": value}})), run)

        steps.append(reshape)
    if transform is not None:

        async def change(value: Any, _: Run) -> Any:
            return await transform(value)

        steps.append(change)
    if response.fields:
        steps.append(_prune)
    if response.meta:
        steps.append(_meta(discloses, provenance_of(plan)))
    return steps


async def worked(work: Callable[[], _Value], run: Run) -> _Value:
    """Return what *work* on the body of an answer gives: in a thread where *run* has long values."""
    return await aside(work, run.frame.exchange.deadline + FINISHING) if has_long_values(run) else work()


def _join(plan: ListJoinPlan, fan: FanPlan | None, decode: Decode) -> Step:
    join = compile_list_join(plan.left, plan.right, plan.into, plan.missing)
    names = [] if fan is None else [part.name for part in fan.parts]

    async def inside(value: Any, run: Run) -> Any:
        return await worked(partial(join, value, value), run)

    async def with_part(value: Any, run: Run) -> Any:
        result = run.results[names.index(str(plan.part))]
        return await worked(lambda: join(value, {plan.part: None if result is None else decode(result.json)}), run)

    return inside if plan.part is None else with_part


async def _prune(value: Any, run: Run) -> Any:
    asked = run.frame.exchange.asked
    return value if asked is None else asked.fields.prune(value)


def _meta(discloses: Discloses, provenance: Provenance | None) -> Step:
    async def add(value: Any, run: Run) -> Any:
        debug = discloses(run.frame.exchange)
        meta: dict[str, Any] = {"parts": parts_member(run.ended_results(), debug=debug)}
        if debug and provenance is not None:
            meta["provenance"] = provenance.members(run)
        return {**value, "meta": meta} if isinstance(value, dict) else {"data": value, "meta": meta}

    return add

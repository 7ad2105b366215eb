"""What a failed part becomes for the client: the first row of the status map that matches, or the default.

Defaults: timeout 504; an upstream's 404 is 404; any other status, network and invalid body 502; our own limits 503.
"""

from __future__ import annotations

import math
from functools import lru_cache

from aggregator.codecs import json as json_codec
from aggregator.codecs.etag import add_vary
from aggregator.codecs.media_type import parse_media_type
from aggregator.errors import AggregatorError, CallError, Cause, ExpressionError
from aggregator.exchange import Exchange
from aggregator.http import HeaderList, has_body, joined, without
from aggregator.parts.names import FINISHING, LaterNames, Names
from aggregator.parts.result import Result
from aggregator.plan.analysis import failures
from aggregator.plan.types import RowPlan
from aggregator.runtime.answers.answer import Answer, around_id, merged_headers, problem, problem_around
from aggregator.runtime.answers.disclosure import details
from aggregator.runtime.answers.outcome import parts_member
from aggregator.runtime.answers.passing import fields_taken, needed_fields
from aggregator.runtime.parts.blame import blame, told
from aggregator.templates import MISSING, Template, header_value, text_of

_COOKIE, _VARY = b"set-cookie", b"vary"
_SHORT = 256
"""Characters of message and name of what is kept of failures."""
_UNKNOWN = CallError(Cause.EXPRESSION, "The answer could not be made.")


def matches(row: RowPlan, result: Result, names: Names) -> bool:
    """Return whether *row*, one of those that may speak of its part, speaks of the failure *result*; sees ``this``."""
    if row.on != "any" and row.on not in failures.keys_of(result.cause or Cause.EXPRESSION, result.status):
        return False
    return row.when is None or row.when.truth(names)


def failure_answer(
    result: Result,
    rows: tuple[RowPlan, ...],
    names: Names,
    exchange: Exchange,
    parts: tuple[Result, ...],
    *,
    debug: bool,
    pass_headers: tuple[tuple[bytes, str], ...] = (),
) -> Answer:
    """Return the answer for the failed part *result*; *rows* are in order of precedence.

    *pass_headers* are the rules for headers of an upstream whose own answer passes.
    """
    if not rows and not debug and len(parts) == 1 and not result.tried and not result.parts:
        error = result.error or _UNKNOWN
        known = _kept_default if len(error.message) + len(result.name) <= _SHORT else _default
        status, begin, end = known(error.message, error.cause, result.name, result.upstream, result.status)
        if status != 503 and error.retry_after is None:  # as nearly always
            return problem_around(status, begin, exchange.id, end)
    scope = LaterNames(names.within(result.scope), {"this": result.view()}, FINISHING) if rows else names
    try:
        row = next((row for row in rows if matches(row, result, scope)), None) if rows else None
        if row is None:
            return _mapped(result, None, scope, exchange, parts, debug)
        result.was_mapped(row.on)
        if row.forward and result.status:
            answer = _forwarded(result, row, scope, pass_headers)
        else:
            answer = _mapped(result, row, scope, exchange, parts, debug)
        if cookies := _cookies(row, scope):
            answer.headers = without(answer.headers, _COOKIE) + cookies
        return answer
    except AggregatorError as error:
        blamed = blame(error, scope)
        if isinstance(blamed, CallError) and blamed.cause is Cause.INPUT:
            result.error = blamed
            return problem(400, blamed.message, request_id=exchange.id, cause=Cause.INPUT.value)
        result.error = CallError(Cause.EXPRESSION, f"The status map could not be applied: {error}")  # for the log too
        return problem(502, sentence(result.error.message), request_id=exchange.id)


def _default(message: str, cause: Cause, name: str, upstream: str, status: int) -> tuple[int, bytes, bytes]:
    """Return the status and the pieces of the document that a failure becomes of which no row speaks.

    It is told by *message* and *cause*, and of which part and upstream with its *status* it is; see ``around_id``.
    """
    becomes = failures.default_status(cause, status)
    part = None if name == "call" else name
    return becomes, *around_id(becomes, sentence(message), cause, part, upstream or None, status or None)


_kept_default = lru_cache(1024)(_default)  # an upstream that fails says the same thousands of times a second


def _forwarded(result: Result, row: RowPlan, names: Names, rules: tuple[tuple[bytes, str], ...]) -> Answer:
    """Return status and body of the upstream, what the status needs, and the headers that *rules* let through.

    Like every failure it is not to be cached, but for a 304: that would be said of the copy that the client has.
    """
    status = row.status or result.status
    kind = result.content_type if has_body(status) else None
    headers = needed_fields(status, result.headers)
    known = {name for name, _ in headers}
    headers += [field for field in fields_taken(rules, (result,)) if field[0] not in known]
    if kind is not None:
        headers.append((b"content-type", kind))
    if status != 304 and all(name != b"cache-control" for name, _ in headers):
        headers.append((b"cache-control", b"no-store"))
    own = _headers(row, names)
    if _VARY in own and (passed := joined(headers, _VARY)):
        own[_VARY] = add_vary(own[_VARY], *(name.strip().lower() for name in passed.split(b",") if name.strip()))
    return Answer(status, merged_headers(headers, own), result.raw if has_body(status) else b"")


def _headers(row: RowPlan, names: Names) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for name, template in row.headers:
        if name != _COOKIE and (text := template.render_text(names, missing="omit")):
            found[name] = _value(text, template, names)
    return found


def _value(text: str, template: Template, names: Names) -> bytes:
    try:
        return header_value(text)
    except ExpressionError as error:
        raise told(error, template, names, header_value) from None


def _cookies(row: RowPlan, names: Names) -> HeaderList:
    """Return the lines of the one field that a row may set several times."""
    found: HeaderList = []
    for name, template in row.headers:
        value = template.render(names, missing="null") if name == _COOKIE else None
        values = value if isinstance(value, list | tuple) else (value,)
        found += [(_COOKIE, _value(text_of(one), template, names)) for one in values if one]
    return found


def _mapped(
    result: Result,
    row: RowPlan | None,
    names: Names,
    exchange: Exchange,
    parts: tuple[Result, ...],
    debug: bool,
) -> Answer:
    cause = result.cause or Cause.EXPRESSION
    status = failures.default_status(cause, result.status) if row is None or row.status is None else row.status
    headers = {} if row is None else _headers(row, names)
    error = result.error or _UNKNOWN
    if status == 503 and b"retry-after" not in headers:
        headers[b"retry-after"] = str(math.ceil(error.retry_after or 1)).encode()
    elif error.retry_after is not None and b"retry-after" not in headers:
        headers[b"retry-after"] = str(math.ceil(error.retry_after)).encode()
    if not has_body(status):
        return Answer(status, list({b"cache-control": b"no-store", **headers}.items()), b"")
    if row is not None and row.body is not None:
        return _own_body(status, row.body, headers, names)
    detail = sentence(error.message) if row is None or row.detail is None else _text(row.detail, names)
    answer = problem(
        status, detail, title=None if row is None else _title(row, names), request_id=exchange.id,
        cause=cause, part=None if result.name == "call" else result.name,
        upstream=result.upstream or None, upstream_status=result.status or None,
        parts=parts_member(parts) if len(parts) > 1 or result.tried or result.parts else None,
        debug=details(result) if debug else None,
    )  # fmt: skip
    if headers:
        answer.headers = merged_headers(answer.headers, headers)
    return answer


def sentence(message: str) -> str:
    """Return *message* as the sentence that every other detail is; expressions speak in phrases, as the loader does."""
    return message if message.endswith((".", "!", "?")) else f"{message[:1].upper()}{message[1:]}."


def _title(row: RowPlan, names: Names) -> str | None:
    return _text(row.title, names) if isinstance(row.title, Template) else row.title


def _text(template: Template, names: Names) -> str:
    value = template.render(names, missing="null")
    return value if isinstance(value, str) else json_codec.encode(None if value is MISSING else value).decode()


def _own_body(status: int, body: Template, headers: dict[bytes, bytes], names: Names) -> Answer:
    """Return the body that a row declares: a text as text, unless the row's own content type is JSON."""
    value = body.render(names, missing="null")
    declared = parse_media_type(headers.get(b"content-type", b""))
    if isinstance(value, str) and not (declared is not None and declared.is_json):
        kind, text = b"text/plain; charset=utf-8", value.encode()
    else:
        kind, text = b"application/json", json_codec.encode(None if value is MISSING else value)
    return Answer(status, merged_headers([(b"content-type", kind), (b"cache-control", b"no-store")], headers), text)

"""The URL of a call names an upstream that exists, one method, and values that one place in a URL can hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus

from aggregator.config.analysis.endpoints.forwarded import forwarded_query
from aggregator.config.analysis.scope import RESULT_FIELDS
from aggregator.config.analysis.sites import Analysis, CallSite, Reference, Use
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.findings import value_at
from aggregator.config.hints.twins import Told, file_says, told
from aggregator.config.rules.spots import report
from aggregator.diagnostics import did_you_mean
from aggregator.diagnostics.finding import Finding
from aggregator.templates import Expr, Path, TemplateProblem, compile_value
from aggregator.templates.expressions.paths import dotted

_OBJECTS = frozenset({"query", "headers", "cookies", "body", "request", "params", "calls", "this", "response"})
_NOT_SINGLE = frozenset({"headers", "cookies", "body"})


def check_addresses(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about unknown upstreams, and methods and query parameters said twice."""
    for call in analysis.calls:
        if call.url is not None and call.via is None:
            written = value_at(analysis.written, call.url_path[len(analysis.path) :])
            yield from _check_upstream(call, around, written)
            yield from _check_method(call, written)
            yield from _check_query(call)


def _check_upstream(call: CallSite, around: Surroundings, written: Any) -> Iterator[Finding]:
    assert call.url is not None
    name = call.url.upstream
    if name is None or name in around.upstreams:
        return
    is_known = file_says(f"{name}:", written)
    hint = did_you_mean(name, around.upstreams) if is_known else None
    if hint is None and around.upstreams:
        hint = f"the upstreams are {', '.join(around.upstreams[:12])}"
    shown = name if is_known else "NAME"
    hint = hint or f"declare it: `upstreams: {{{shown}: {{url: https://…}}}}`"
    message, _ = (None if is_known else told(_no_upstream, call.settings.url, written)) or _no_upstream(name)
    yield Finding("unknown-upstream", message, call.url_path, hint, text=name, lacks=(("upstreams",),))


def _no_upstream(url: str) -> Told:
    """Return what is said of an upstream that the *url* of a call, or its beginning, names and that does not exist."""
    return f"there is no upstream `{url.partition(':')[0].rpartition(' ')[2]}`", None


def _check_method(call: CallSite, in_file: Any) -> Iterator[Finding]:
    assert call.url is not None
    said, written = call.settings.method, call.url.method
    if said and written and said != written:
        message = f"the URL says {written if file_says(written, in_file) else 'another'} and `method` says {said}"
        yield Finding("two-methods", message, (*call.path, "method"), "leave one of them out")


def _check_query(call: CallSite) -> Iterator[Finding]:
    assert call.url is not None
    pairs = call.url.source.partition("?")[2].split("&")
    in_url = {unquote_plus(pair.partition("=")[0]) for pair in pairs}
    for name in call.settings.query:
        if name in in_url:
            message = f"`{name}` is in the URL and in `query`"
            hint = "say it in one of the two; a list in `query` sends it several times"
            yield Finding("two-values", message, (*call.path, "query", name), hint, at_key=True)


def check_left_out(analysis: Analysis, _: Surroundings) -> Iterator[Finding]:
    """Yield findings about query parameters that are left out for want of a value, so that everything is asked for."""
    for call in analysis.calls:
        for name, value in call.settings.query.items() if call.via is None else ():
            path = _path_of(value)
            if path is None or len(path) < 2 or path[0] not in ("item", "calls", *call.scope.results):
                continue
            if path[0] == "calls" and path[2:3] != ("body",):
                continue  # a header or a cookie that may be absent
            source = dotted(path)
            message = f"without a value, `{name}` is left out, and the call asks for all"
            hint = f"write `{{{{ {source} | required }}}}`, or `{{{{ {source} | default(null) }}}}` where that is meant"
            yield Finding("may-be-left-out", message, (*call.path, "query", name), hint, "warning")


def _path_of(value: Any) -> Path | None:
    try:
        node = compile_value(value).node
    except TemplateProblem:
        return None
    return node.expression.path if isinstance(node, Expr) else None


def check_placeholders(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about placeholders of a URL that are no single value, or that a client may leave out."""
    forwarded = forwarded_query(analysis, around)
    rest = None if analysis.pattern is None else analysis.pattern.wildcard
    for use in analysis.uses:
        if use.is_url:
            yield from _check_rest(use, rest)
            for reference in sorted(use.references):
                yield from _check_placeholder(use, reference, forwarded)


def _check_rest(use: Use, rest: str | None) -> Iterator[Finding]:
    """Yield a warning where the *rest* of a path, which may be several segments, is put into one of the URL."""
    if rest is not None and f"{{{rest}}}" in use.text.partition("?")[0]:
        message = f"`{{{rest}}}` is one segment here: the slashes in it are sent as `%2F`"
        yield report(use, "encoded-slashes", message, (rest,), f"write `{{{rest}:path}}` to keep them", "warning")


def _check_placeholder(use: Use, reference: Reference, forwarded: frozenset[str]) -> Iterator[Finding]:
    root, inputs = reference[0], use.scope.inputs
    if root in inputs.params:
        return
    if root in _OBJECTS and (len(reference) == 1 or _is_whole_view(reference)):
        hint = f"name one field of it, such as `{{{'.'.join(reference)}.…}}`"
        yield report(use, "not-a-value", f"`{{{'.'.join(reference)}}}` is not a single value", reference, hint)
    elif root == "query" and not use.scope.is_open and reference[1] not in inputs.certain_query:
        if inputs.query is not None and reference[1] not in inputs.query | forwarded:
            return  # it is unknown, which is said already
        declare = _declared(use, reference)
        message = f"the call fails when the client sends no `{reference[1]}`"
        yield report(use, "may-be-missing", message, reference, declare, "warning")


def _declared(use: Use, reference: Reference) -> str:
    """Return how the input of *reference* becomes certain, or where a call of *use* can do without it."""
    name = reference[1]
    declare = f"declare it as `{name}: {{required: true}}` or with a `default` in `query` of the endpoint"
    found = re.search(rf"[?&]([\w.-]+)=\{{query\.{re.escape(name)}\}}(?:&|\Z)", use.text)
    if found is None:
        return declare
    moved = f'`query: {{{found[1]}: "{{{{ query.{name} }}}}"}}`'
    return f"{declare}, or move it to {moved} of the call, which leaves out what is missing"


def _is_whole_view(reference: Reference) -> bool:
    if reference[0] == "calls":
        return len(reference) == 2 or (len(reference) == 3 and reference[2] in ("headers", "cookies"))
    is_result = reference[0] in ("this", "response")
    return is_result and len(reference) == 2 and reference[1] in _NOT_SINGLE & {*RESULT_FIELDS}

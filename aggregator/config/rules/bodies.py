"""What a call sends has a method that goes with it, and one source."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aggregator.codecs.formats.multipart import is_media_type
from aggregator.config.analysis.sites import Analysis, CallSite
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.hints.wording import listed
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Finding, Shown
from aggregator.fields import size_text
from aggregator.http import FETCHING
from aggregator.templates import is_one_expression


def check_bodies(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about bodies: of GET, said twice, without a type, larger than the upstream may send."""
    for call in analysis.calls:
        if call.via is None and call.settings.url is not None:
            yield from _check_call(call)
            yield from _check_fields(call)
            yield from _check_cap(call, around)
    settings = analysis.settings
    forward = settings.forward if settings is not None else None
    if forward is not None and forward.body and analysis.only_fetches:
        message = f"a {analysis.methods[0]} request has no body to pass on"
        yield Finding("body-of-get", message, (*analysis.path, "forward", "body"), "remove `body: true`")


def _check_call(call: CallSite) -> Iterator[Finding]:
    bodies, forward = call.bodies, call.settings.forward
    if bodies and call.method in FETCHING:
        message = f"a {call.method} request with a body is refused or misread by many servers"
        yield Finding("body-of-get", message, (*call.path, bodies[0]), "write `method: POST`", "warning", at_key=True)
    if forward is not None and forward.body and bodies:
        message = f"the call has {listed(bodies)} and passes the client's body on"
        yield Finding("call-body", message, (*call.path, "forward", "body"), "leave one of the two out")
    if call.settings.raw_path and call.url is not None and not call.url.has_path_values:
        message = "no value stands in the path of this URL"
        yield Finding("no-effect", message, (*call.path, "raw_path"), "remove it", at_key=True)
    if "body" in bodies and not any(name.lower() == "content-type" for name in call.settings.headers):
        message = "the upstream is not told what kind of text this is"
        hint = "add `headers: {content-type: text/plain}`"
        if is_one_expression(call.settings.body or ""):
            hint += ", or write `json` in place of `body` for data"
        yield Finding("no-content-type", message, (*call.path, "body"), hint, "warning", at_key=True)


def _check_fields(call: CallSite) -> Iterator[Finding]:
    """Yield an error for each field that is an object, and each file whose media type is none."""
    hint = "write text, or `{{ … | tojson }}`"
    for path in _nested(call.settings.form or {}, (*call.path, "form")):
        yield Finding("call-body", "a field of a form is a text, a number or a boolean", path, hint)
    for path in _nested(call.settings.query, (*call.path, "query")):
        yield Finding("query-value", "a query parameter is a text, a number or a boolean", path, hint)
    for name, value in (call.settings.multipart or {}).items():
        for path, single in _singles(value, (*call.path, "multipart", name)):
            kind = single.get("content_type") if isinstance(single, dict) and "content" in single else None
            if kind and (not isinstance(kind, str) or ("{{" not in kind and not is_media_type(kind))):
                hint = "write it like `image/png`"
                yield Finding("call-body", "this is not a media type", (*path, "content_type"), hint)


def _nested(fields: dict[str, Any], path: Steps) -> Iterator[Steps]:
    """Yield the place of each value in *fields*, themselves at *path*, that is an object or a list in a list."""
    for name, value in fields.items():
        yield from (at for at, single in _singles(value, (*path, name)) if isinstance(single, dict | list))


def _singles(value: Any, path: Steps) -> Iterator[tuple[Steps, Any]]:
    """Yield what a field holds: the items of a list, each with its path, or the one value."""
    yield from (
        (((*path, index), one) for index, one in enumerate(value)) if isinstance(value, list) else [(path, value)]
    )


def _check_cap(call: CallSite, around: Surroundings) -> Iterator[Finding]:
    name = call.url.upstream if call.url is not None else None
    upstream = around.settings.upstreams.get(name or "")
    cap = (upstream.max_body if upstream is not None else None) or around.settings.client.max_body
    if call.settings.max_body is not None and call.settings.max_body > cap:
        message = f"no more than {size_text(cap)} is taken from this upstream"
        hint = "raise `max_body` of the upstream, or of `client`, instead"
        places = (("upstreams", str(name), "max_body"), ("client", "max_body"))
        shows = (Shown(size_text(cap), places),)
        yield Finding("no-effect", message, (*call.path, "max_body"), hint, shows=shows)

"""Headers that are set, forwarded or passed have names and values that HTTP knows, and are ours to set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.model.edge.carried import HeaderSettings
from aggregator.config.model.edge.cookies import SetCookieSettings
from aggregator.config.model.failure import StatusRow
from aggregator.config.model.upstreams.forward import ALL, ForwardSettings
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Elsewhere, Finding
from aggregator.errors import ExpressionError
from aggregator.http import FRAMING, NEVER_FORWARDED, NEVER_PASSED, Names, is_token
from aggregator.templates import Const, TemplateProblem, Text, compile_value, header_value, text_of

_NAME_HINT = "use letters, digits and `-`"


def check_header_fields(analysis: Analysis, _: Surroundings) -> Iterator[Finding]:
    """Yield findings about headers of calls, answers and status maps."""
    for call in analysis.calls:
        if call.via is None:
            yield from check_fields(call.settings.headers, (*call.path, "headers"))
            yield from check_forward(call.settings.forward, (*call.path, "forward"))
    for rows in analysis.maps:
        if rows.call is None or rows.call.via is None:
            yield from check_row_headers(rows.rows, rows.path)
    settings = analysis.settings
    if settings is None:
        return
    at = analysis.path
    yield from check_forward(settings.forward, (*at, "forward"))
    if settings.respond is not None:
        yield from check_answer_headers(settings.respond.headers, (*at, "respond", "headers"))
        yield from _check_cookies(settings.respond.set_cookies, (*at, "respond", "set_cookies"))
    if settings.response is not None:
        yield from check_answer_headers(settings.response.headers, (*at, "response", "headers"))
        yield from _check_cookies(settings.response.set_cookies, (*at, "response", "set_cookies"))
        path = (*at, "response", "pass_headers")
        yield from _check_names(
            settings.response.pass_headers, path, NEVER_PASSED, "never passes from an upstream to a client"
        )


def _check_cookies(cookies: Iterable[SetCookieSettings], path: Steps) -> Iterator[Finding]:
    for index, cookie in enumerate(cookies):
        place = (*path, index)
        if not is_token(cookie.name):
            yield Finding("cookie", f"`{cookie.name}` cannot be the name of a cookie", (*place, "name"), _NAME_HINT)
        if isinstance(cookie.value, dict | list):
            hint = "write text, or `{{ … | tojson }}`"
            yield Finding("cookie", "the value of a cookie is text", (*place, "value"), hint)
        for key in ("path", "domain"):
            text = getattr(cookie, key) or ""
            if not text.isascii() or not text.isprintable() or ";" in text:
                yield Finding("cookie", f"`{key}` has a character that ends it", (*place, key), "remove it")


def check_answer_headers(settings: HeaderSettings, path: Steps) -> Iterator[Finding]:
    """Yield findings about headers of answers, in either form."""
    yield from check_fields(settings.values, (*path, *settings.below), takes_cookies=True)


def check_row_headers(rows: Iterable[StatusRow], path: Steps) -> Iterator[Finding]:
    """Yield findings about headers in the rows of a status map."""
    for index, row in enumerate(rows):
        yield from check_fields(row.headers, (*path, index, "headers"), takes_cookies=True)


def check_fields(headers: Mapping[str, Any], path: Steps, *, takes_cookies: bool = False) -> Iterator[Finding]:
    """Yield findings about names and literal values of headers; with *takes_cookies* several cookies may be a list."""
    yield from _check_names(headers, path, FRAMING, "cannot be set: the connection takes care of it")
    for name, value in headers.items():
        if takes_cookies and name.lower() == "set-cookie" and isinstance(value, list):
            for index, cookie in enumerate(value):
                yield from _check_field(cookie, (*path, name, index))
        else:
            yield from _check_field(value, (*path, name))


def _check_field(value: Any, path: Steps) -> Iterator[Finding]:
    if isinstance(value, dict | list):
        yield Finding("header-value", "the value of a header is text", path, "write text, or `{{ … | tojson }}`")
    elif isinstance(value, str):
        yield from _check_value(_constant(value), path)


def _constant(value: str) -> str:
    """Return all of *value* that is the same for every request: the text between expressions, or all of it."""
    try:
        node = compile_value(value).node
    except TemplateProblem:
        return ""
    if isinstance(node, Text):
        return "".join(part for part in node.parts if isinstance(part, str))
    return text_of(node.value) if isinstance(node, Const) else ""


def _check_value(value: str, path: Steps) -> Iterator[Finding]:
    try:
        header_value(value)
    except ExpressionError as error:
        is_broken = "\n" in value or "\r" in value
        hint = "write it on one line; in YAML `>-` and `|-` end without a line break"
        other = "remove the character, or encode it, such as `%1B`"
        yield Finding("header-value", str(error), path, hint if is_broken else other)


def _check_names(names: Iterable[str], path: Steps, refused: Names, why: str) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for name in names:
        plain, place = name.lower(), (*path, name)
        if not is_token(name):
            yield Finding("header-name", _not_a_name(name), place, _NAME_HINT, at_key=True)
        elif name == "*":
            message = "headers are named here, not all of them"
            yield Finding("header-name", message, place, "name each one", at_key=True)
        elif plain in refused:
            yield Finding("header-name", f"`{name}` {why}", place, "remove it", at_key=True)
        elif plain in seen:
            there = Elsewhere((*path, seen[plain]), "first here", at_key=True)
            message = f"`{name}` and `{seen[plain]}` are the same header"
            yield Finding("header-name", message, place, "keep one of the two", at_key=True, related=(there,))
        seen.setdefault(plain, name)


def _not_a_name(name: str) -> str:
    return f"`{name}` cannot be the name of a header"


def check_deadline_header(name: str | None, place: Steps) -> Iterator[Finding]:
    """Yield findings about the header that says how many milliseconds are left."""
    if name is None:
        return
    if not is_token(name):
        yield Finding("header-name", _not_a_name(name), place, _NAME_HINT)
    elif name.lower() in NEVER_FORWARDED | _MADE:
        message = f"`{name}` says something else"
        yield Finding("header-name", message, place, "write a header of your own, such as `x-request-deadline`")


_MADE = frozenset(
    {"content-type", "content-encoding", "accept", "accept-encoding", "authorization", "cookie", "user-agent"}
)


def check_forward(forward: ForwardSettings | None, path: Steps) -> Iterator[Finding]:
    """Yield findings about headers and query parameters of the client that are to go upstream."""
    yield from check_deadline_header(forward.deadline, (*path, "deadline")) if forward is not None else ()
    for index, name in enumerate(forward.query if forward is not None else ()):
        if name == "*":
            message = "`*` is no query parameter"
            yield Finding("bad-name", message, (*path, "query", index), "write `query: all`, or name each one")
    for index, name in enumerate(forward.headers if forward is not None else ()):
        if name == ALL:
            continue
        place, plain = (*path, "headers", index), name.lower()
        if name == "*":
            yield Finding("header-name", "`*` is no header", place, "write `all`, or name each one")
        elif not is_token(name):
            yield Finding("header-name", _not_a_name(name), place, _NAME_HINT)
        elif plain in NEVER_FORWARDED:
            message = f"`{name}` belongs to the connection with the client and never goes further"
            yield Finding("header-name", message, place, "remove it")

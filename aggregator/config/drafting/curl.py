"""A curl command as a draft: its URL, headers, body and credentials become an upstream and one endpoint."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct, field

from aggregator.config.drafting.draft import (
    Data,
    Draft,
    DraftEndpoint,
    inferred,
    is_secret,
    named_segments,
    query_input,
    upstream_name,
    variable_name,
)
from aggregator.errors import AggregatorError

_VALUED = {
    "-X": "method", "--request": "method", "-H": "header", "--header": "header", "--url": "url",
    "-d": "data", "--data": "data", "--data-raw": "data", "--data-binary": "data", "--data-ascii": "data",
    "--data-urlencode": "data", "--json": "json", "-u": "user", "--user": "user", "-b": "cookie", "--cookie": "cookie",
    "-A": "agent", "--user-agent": "agent", "-e": "referer", "--referer": "referer", "-m": "timeout",
    "--max-time": "timeout", "-F": "form", "--form": "form", "--oauth2-bearer": "bearer",
}  # fmt: skip
_UNREAD = {"-o", "--output", "-w", "--write-out", "-x", "--proxy", "--connect-timeout", "-c", "--cookie-jar", "--retry",
           "-E", "--cert", "--key", "--cacert", "--resolve", "-T", "--upload-file", "-K", "--config"}  # fmt: skip
_OWN = ("host", "content-length", "connection", "accept-encoding", "user-agent", "accept", "content-type")
"""Headers that every call writes by itself, or that follow from its body."""
_NAME = re.compile(r"[A-Za-z_][\w-]*", re.ASCII)
"""A query parameter that a URL can name in braces."""


class CurlRequest(Struct):
    """What a curl command sends."""

    url: str = ""
    method: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    is_json: bool = False
    as_query: bool = False
    timeout: str = ""


def draft_from_curl(command: str) -> Draft:
    """Return the draft of the curl command *command*; raises ``AggregatorError`` that names what it cannot read."""
    request = read_curl(command)
    url = urlsplit(request.url)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise AggregatorError(f"{request.url or 'The command'} has no http:// or https:// URL.")
    name = upstream_name(url.hostname)
    path, params, sample = named_segments(url.path or "/")
    query = parse_qsl(url.query, keep_blank_values=True)
    if request.as_query:
        query += [pair for text in request.data for pair in parse_qsl(text, keep_blank_values=True)]
    body = "" if request.as_query else "&".join(request.data)
    method = request.method or ("POST" if body else "GET")
    if url.username:
        request.headers.append(("authorization", "Basic …"))
    headers, variables = _headers(request, name)
    declared, secret_query = _query(query, name)
    passed = "&".join(f"{one}={{query.{one}}}" for one in declared if _NAME.fullmatch(one))
    settings: Data = {"url": f"{url.scheme}://{url.netloc.rpartition('@')[2]}"}
    settings |= {"timeout": request.timeout or "2s"}
    settings |= {"headers": headers} if headers else {}
    settings |= {"query": {key: f"${{{variable}}}" for key, variable, _ in secret_query}} if secret_query else {}
    variables += [(variable, meaning) for _, variable, meaning in secret_query]
    endpoint: Data = {"params": params} if params else {}
    endpoint |= {"query": declared} if declared else {}
    call = f"{name}:{path}" + (f"?{passed}" if passed else "")
    endpoint |= _with_body(request, method, call, body)
    if unnamed := [one for one in declared if not _NAME.fullmatch(one)]:
        whole = endpoint["call"] if isinstance(endpoint["call"], dict) else {"url": endpoint["call"]}
        endpoint["call"] = whole | {"query": {one: f"{{{{ {query_input(one)} }}}}" for one in unnamed}}
    data = f" -d '{body}'" if body and "'" not in body and not _holds_secrets(endpoint) else ""
    shown = (sample if method == ("POST" if data else "GET") else f"'{method} {sample}'") + data
    return Draft(name, settings, (DraftEndpoint(f"{method} {path}", endpoint, f"Try: aggregator get {shown}"),),
                 tuple(variables))  # fmt: skip


def read_curl(command: str) -> CurlRequest:
    """Return what *command* sends, read as a shell would; raises ``AggregatorError``."""
    try:
        words = shlex.split(command.replace("\\\n", " ").replace("$'", "'"))
    except ValueError as error:
        raise AggregatorError(f"This is no whole curl command: {error}.") from None
    if not words or words[0].rpartition("/")[2] not in ("curl", "curl.exe"):
        raise AggregatorError("A curl command begins with `curl`; give it whole, in quotes, or `-` to read stdin.")
    request = CurlRequest()
    rest = iter(words[1:])
    for word in rest:
        if not word.startswith("-"):
            request.url = word if "://" in word else f"http://{word}"
        for option, glued in _options(word):
            if option in _VALUED:
                _take(request, _VALUED[option], glued if glued is not None else next(rest, ""))
            elif option in _UNREAD:
                next(rest, "") if glued is None else ""
            elif option in ("-G", "--get"):
                request.as_query = True
            elif option in ("-I", "--head"):
                request.method = "HEAD"
    return request


def _options(word: str) -> Iterator[tuple[str, str | None]]:
    """Yield the options that *word* is, and the value glued to the last: ``-XPOST``, ``-sSo``, ``--request=POST``."""
    if word.startswith("--"):
        option, equals, value = word.partition("=")
        yield option, value if equals else None
    elif word.startswith("-"):
        for end, letter in enumerate(word[1:], 2):
            takes_value = f"-{letter}" in _VALUED or f"-{letter}" in _UNREAD
            yield f"-{letter}", (word[end:] or None) if takes_value else None
            if takes_value:
                return


def _take(request: CurlRequest, kind: str, value: str) -> None:
    match kind:
        case "url":
            request.url = value if "://" in value else f"http://{value}"
        case "method":
            request.method = value.upper()
        case "header":
            name, _, text = value.partition(":")
            request.headers.append((name.strip().lower(), text.strip()))
        case "data" | "json":
            request.data.append(value)
            request.is_json = request.is_json or kind == "json"
        case "user" | "bearer":
            request.headers.append(("authorization", "Basic …" if kind == "user" else "Bearer …"))
        case "cookie" | "referer":
            request.headers.append((kind, value))
        case "timeout":
            request.timeout = f"{value}s"
        case "form":
            raise AggregatorError("A form with files (-F) cannot be drafted; write `multipart` by hand.")


def _headers(request: CurlRequest, upstream: str) -> tuple[Data, list[tuple[str, str]]]:
    """Return the headers of the upstream, credentials as variables, and these variables with their meaning."""
    headers: Data = {}
    variables: list[tuple[str, str]] = []
    for name, value in request.headers:
        if name in _OWN:
            continue
        if not is_secret(name):
            headers[name] = value
            continue
        scheme = value.partition(" ")[0] if value.startswith(("Bearer ", "Basic ")) else ""
        variable = variable_name(upstream, name)
        headers[name] = f"{scheme} ${{{variable}}}".strip()
        kind = {"Bearer": "the token", "Basic": "user:password in base64"}.get(scheme, f"the value of {name}")
        variables.append((variable, kind))
    return headers, variables


def _query(pairs: list[tuple[str, str]], upstream: str) -> tuple[Data, list[tuple[str, str, str]]]:
    """Return the declared query parameters, and the credentials among those given."""
    declared: Data = {}
    secret: list[tuple[str, str, str]] = []
    for name, value in pairs:
        if is_secret(name):
            secret.append((name, variable_name(upstream, name), f"the query parameter {name}"))
        else:
            number = value.isascii() and value.isdigit() and str(int(value)) == value
            declared[name] = {"type": "integer" if number else "string", "default": int(value) if number else value}
    return declared, secret


def _with_body(request: CurlRequest, method: str, call: str, body: str) -> Data:
    if not body:
        return {"call": call if method == "GET" else f"{method} {call}"}
    sample: Any = None
    try:
        sample = json.loads(body)
    except ValueError:
        if request.is_json:
            raise AggregatorError("The body of the command says that it is JSON, and is not.") from None
    if isinstance(sample, dict | list):
        return {"body": inferred(sample), "call": {"method": method, "url": call, "json": "{{ body }}"}}
    if "=" in body and body.isprintable():
        form = dict(parse_qsl(body, keep_blank_values=True))
        fields = {name: f"{{{{ body['{name}'] }}}}" for name in form}
        return {"body": inferred(form), "call": {"method": method, "url": call, "form": fields}}
    return {"forward": {"body": True}, "call": f"{method} {call}"}


def _holds_secrets(endpoint: Data) -> bool:
    """Return whether the body that *endpoint* declares has a member that is likely to be a credential."""
    members = endpoint.get("body", {}).get("properties", {})
    return any(map(is_secret, members))

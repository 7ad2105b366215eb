"""Any status, delay, size or fault on demand, and an echo: for trying out what the gateway makes of them."""

from __future__ import annotations

import asyncio
import gzip
from collections import Counter
from collections.abc import AsyncGenerator, Iterable
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl

from aggregator.demo.messages import DemoError, Request, Response, json_bytes, json_response
from aggregator.demo.routing import ANY, Route

_PIECE = bytes(range(256)) * 256
_MOST_KEYS = 10_000


class Lab:
    """``demo://lab``; counts the attempts of ``/retry`` while the server lives."""

    name = "lab"
    latency = 0.02

    def __init__(self) -> None:
        self._attempts: Counter[str] = Counter()

    def routes(self) -> Iterable[Route]:
        """Return the routes."""
        return (
            Route("GET", "/slow", self.slow),
            Route(ANY, "/status/{code}", self.status),
            Route("GET", "/flaky/{id}", self.flaky),
            Route(ANY, "/retry/{key}", self.retried),
            Route(ANY, "/echo", self.echo),
            Route("GET", "/blob", self.blob),
            Route("GET", "/rows", self.rows),
            Route("GET", "/lines", self.lines),
            Route("GET", "/gzip", self.zipped),
            Route("GET", "/redirect", self.redirect),
            Route("GET", "/broken/{how}", self.broken),
        )

    def slow(self, request: Request) -> Response:
        """An answer after ``?ms=`` (1000) milliseconds, whatever the server's latency."""
        ms = request.number("ms", 1000, most=60_000)
        return json_response({"waited_ms": ms}, wait=ms / 1000)

    def status(self, request: Request) -> Response:
        """An answer with the status in the path, 200 to 599."""
        code = request.params["code"]
        if not (code.isascii() and code.isdigit() and 200 <= int(code) <= 599):
            raise DemoError(400, "bad_status", "The status must be a number from 200 to 599.")
        if int(code) in (204, 304):
            return Response(int(code))
        return json_response({"status": int(code)}, int(code))

    def flaky(self, request: Request) -> Response:
        """503 for every odd id, always; a good answer for every even one."""
        number = request.params["id"]
        if not (number.isascii() and number.isdigit()):
            raise DemoError(400, "bad_id", "The id must be a number.")
        if int(number[-1]) % 2:
            raise DemoError(503, "unavailable", f"Number {number} never works.", (("retry-after", "1"),))
        return json_response({"id": number, "works": True})

    def retried(self, request: Request) -> Response:
        """503 for the first ``?failures=`` (1) attempts with one key, then one good answer, then again."""
        failures = request.number("failures", 1, most=100)
        key = request.params["key"]
        self._attempts[key] += 1
        attempt = self._attempts[key]
        if attempt <= failures:
            if len(self._attempts) > _MOST_KEYS:
                self._attempts.clear()
            raise DemoError(503, "unavailable", f"Attempt {attempt} fails.", (("retry-after", "0"),))
        del self._attempts[key]
        return json_response({"key": key, "attempts": attempt})

    def echo(self, request: Request) -> Response:
        """Answer with what was received: method, path, query, headers, and the body as JSON, form, parts or text."""
        received: dict[str, Any] = {
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "headers": request.headers,
        }
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "application/json":
            received["json"] = request.json()
        elif kind == "application/x-www-form-urlencoded":
            received["form"] = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
        elif kind == "multipart/form-data":
            received["parts"] = _parts(request)
        elif request.body:
            received["text"] = request.body.decode("utf-8", "replace")
        return json_response(received)

    def blob(self, request: Request) -> Response:
        """A download of ``?mb=`` (1) megabytes of 2²⁰ bytes, with its length announced."""
        pieces = request.number("mb", 1, most=10_000) * 2**20 // len(_PIECE)
        return Response(200, _repeated(_PIECE, pieces), "application/octet-stream", length=pieces * len(_PIECE))

    def rows(self, request: Request) -> Response:
        """A JSON array of ``?count=`` (1000) objects, in chunks."""
        return Response(200, _array(request.number("count", 1000, most=10_000_000)), "application/json")

    def lines(self, request: Request) -> Response:
        """Answer with one JSON object a line, ``?count=`` (10) of them, ``?ms=`` (0) apart."""
        count, pause = (
            request.number("count", 10, most=10_000_000),
            request.number("ms", 0, most=60_000) / 1000,
        )
        return Response(200, _lines(count, pause), "application/x-ndjson")

    def zipped(self, _request: Request) -> Response:
        """A JSON answer in gzip, asked for or not."""
        body = gzip.compress(json_bytes({"zipped": True, "text": "again and " * 100}), mtime=0)
        return Response(200, body, "application/json", (("content-encoding", "gzip"), ("vary", "accept-encoding")))

    def redirect(self, request: Request) -> Response:
        """302 to ``?to=`` (``/lab/echo``), a path of this server."""
        to = request.query.get("to", "/lab/echo")
        if not to.startswith("/") or to.startswith("//") or not to.isascii() or not to.isprintable():
            raise DemoError(400, "bad_target", "to must be a path of this server.")
        return Response(302, headers=(("location", to),))

    def broken(self, request: Request) -> Response:
        """A body that is not what it claims: ``json``, ``html``, ``gzip``, ``truncated`` or ``reset``."""
        how = request.params["how"]
        if how not in _BROKEN:
            raise DemoError(404, "not_found", f"The faults are {', '.join(_BROKEN)}.")
        body, headers = _BROKEN[how]
        if how == "truncated":
            return Response(200, _repeated(body, 1), "application/json", length=len(body) + 100)
        if how == "reset":
            return Response(200, _cut(body), "application/json", length=len(body) + 100)
        return Response(200, body, "application/json", headers)


_BROKEN: dict[str, tuple[bytes, tuple[tuple[str, str], ...]]] = {
    "json": (b'{"half": [1, 2', ()),
    "html": (b"<html><body>502 Bad Gateway</body></html>", ()),
    "gzip": (b"this is not gzip", (("content-encoding", "gzip"),)),
    "truncated": (b'{"text": "', ()),
    "reset": (b'{"text": "', ()),
}


def _parts(request: Request) -> list[dict[str, Any]]:
    """Return the parts of a multipart form (RFC 7578), each with its name, file name, type, size and text."""
    head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode("latin-1")
    message = BytesParser(policy=HTTP).parsebytes(head + request.body)
    if not message.is_multipart():
        raise DemoError(400, "bad_multipart", "The body is not multipart/form-data.")
    parts = []
    for part in message.iter_parts():
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        parts.append(
            {
                "name": part.get_param("name", header="content-disposition"),
                "filename": part.get_filename(),
                "content_type": part.get_content_type(),
                "size": len(content),
                "text": content.decode("utf-8", "replace")[:1000],
            }
        )
    return parts


async def _repeated(piece: bytes, times: int) -> AsyncGenerator[bytes, None]:
    for _ in range(times):
        yield piece


async def _cut(piece: bytes) -> AsyncGenerator[bytes, None]:
    yield piece
    raise ConnectionResetError


async def _array(count: int) -> AsyncGenerator[bytes, None]:
    yield b"["
    for first in range(0, count, 500):
        rows = (json_bytes({"id": row, "name": f"row {row}"}) for row in range(first, min(first + 500, count)))
        yield (b"," if first else b"") + b",".join(rows)
    yield b"]"


async def _lines(count: int, pause: float) -> AsyncGenerator[bytes, None]:
    for line in range(count):
        if line and pause:
            await asyncio.sleep(pause)
        yield json_bytes({"line": line}) + b"\n"

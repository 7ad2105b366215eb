"""Requests and responses as the demo services see them, and the refusals that they may raise."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any
from zlib import crc32

from msgspec import Struct, field

Headers = tuple[tuple[str, str], ...]
"""Header fields in order."""


class DemoError(Exception):
    """The request cannot be answered; becomes a JSON error with *status*, *code* and *message*."""

    def __init__(self, status: int, code: str, message: str, headers: Headers = ()) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers
        super().__init__(message)


class Request(Struct):
    """One request: *path* as sent, *query* decoded, *headers* by lower-case name, *params* of the route.

    *target* is path and query together, as sent.
    """

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    params: dict[str, str] = field(default_factory=dict)
    target: str = ""

    def number(self, name: str, default: int, *, most: int) -> int:
        """Return the query parameter *name* as a whole number from 0 to *most*; 400 when it is none."""
        text = self.query.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= most):
            raise DemoError(400, "bad_parameter", f"{name} must be a whole number from 0 to {most}.")
        return int(text)

    def document(self) -> dict[str, Any]:
        """Return the body, which must be a JSON object; 400 when it is not."""
        value = self.json()
        if not isinstance(value, dict):
            raise DemoError(400, "bad_json", "The body must be a JSON object.")
        return value

    def json(self) -> Any:
        """Return the body, which must be JSON; 400 when it is not."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise DemoError(400, "bad_json", "The body must be JSON.") from None


class Response(Struct, frozen=True):
    """One answer. A generator as *body* is streamed; with *length* it announces that many bytes, as that to HEAD does.

    *wait* is in seconds, on top of the service's own latency, and is not scaled. A body that yields less
    than *length* ends the connection early; one that raises ``ConnectionResetError`` cuts it.
    """

    status: int = 200
    body: bytes | AsyncGenerator[bytes, None] = b""
    content_type: str = ""
    headers: Headers = ()
    length: int | None = None
    wait: float = 0.0


def json_bytes(value: Any) -> bytes:
    """Return *value* as compact JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def json_response(value: Any, status: int = 200, headers: Headers = (), wait: float = 0.0) -> Response:
    """Return *value* as a JSON answer."""
    return Response(status, json_bytes(value), "application/json", headers, wait=wait)


def cacheable(request: Request, value: Any, seconds: int) -> Response:
    """Return *value* as a JSON answer that may be kept, or 304 to a client that has it (RFC 9110 §13.1.2)."""
    body = json_bytes(value)
    tag = f'"{crc32(body):08x}"'
    headers = (("etag", tag), ("cache-control", f"public, max-age={seconds}"))
    known = request.headers.get("if-none-match", "")
    if known == "*" or tag in (item.strip().removeprefix("W/") for item in known.split(",")):
        return Response(304, headers=headers)
    return Response(200, body, "application/json", headers)


def error_response(error: DemoError) -> Response:
    """Return the JSON error that *error* stands for."""
    return json_response({"error": error.code, "message": error.message}, error.status, error.headers)

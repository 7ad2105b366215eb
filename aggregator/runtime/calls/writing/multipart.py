"""A multipart/form-data body out of rendered values: texts, and files as ``{filename, content, content_type}``."""

from __future__ import annotations

from typing import Any

from aggregator.codecs import json as json_codec
from aggregator.codecs.formats.multipart import MultipartBody


def build_multipart(fields: dict[str, Any]) -> tuple[bytes, bytes]:
    """Return content type and body for *fields*; null ones are left out, lists are repeated."""
    body = MultipartBody()
    for name, value in fields.items():
        for single in value if isinstance(value, list) else [value]:
            if single is not None:
                _add(body, name, single)
    return body.content_type, body.encode()


def _add(body: MultipartBody, name: str, value: Any) -> None:
    if not isinstance(value, dict) or "content" not in value:
        body.field(name, value if isinstance(value, str) else json_codec.encode(value).decode())
        return
    content = value["content"]
    data = content.encode() if isinstance(content, str) else json_codec.encode(content)
    filename, kind = value.get("filename"), value.get("content_type")
    kind = str(kind) if kind else "application/octet-stream"
    body.file(name, name if filename is None else str(filename), data, kind)

"""A multipart/form-data body out of rendered values: texts, and files as ``{filename, content, content_type}``."""

from __future__ import annotations

from typing import Any

from aggregator.codecs import json as json_codec
from aggregator.codecs.multipart import MultipartBody


def build_multipart(fields: dict[str, Any]) -> tuple[bytes, bytes]:
    """Give content type and body for *fields*; null ones are left out, lists are repeated."""
    body = MultipartBody()
    for name, value in fields.items():
        for single in value if isinstance(value, list) else [value]:
            if single is not None:
                _add(body, name, single)
    return body.content_type, body.encode()


def _add(body: MultipartBody, name: str, value: Any) -> None:
    if isinstance(value, dict) and "content" in value:
        content = value["content"]
        data = content.encode() if isinstance(content, str) else json_codec.encode(content)
        body.file(
            name,
            str(value.get("filename", name)),
            data,
            str(value.get("content_type", "application/octet-stream")),
        )
    else:
        body.field(name, value if isinstance(value, str) else json_codec.encode(value).decode())

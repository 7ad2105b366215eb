"""The path of an ASGI request in the form in which it was sent."""

from __future__ import annotations

from urllib.parse import quote

from starlette.types import Scope


def path_of(scope: Scope) -> bytes:
    """Return the path as it was sent, still percent-encoded, without the prefix that a proxy has taken off."""
    raw: bytes | None = scope.get("raw_path")
    path = raw or quote(scope["path"]).encode()
    root = scope.get("root_path")
    if root:
        prefix = root.rstrip("/").encode()
        if path == prefix or path.startswith(prefix + b"/"):
            return path[len(prefix) :] or b"/"
    return path

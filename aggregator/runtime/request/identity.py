"""Which request this is and where it comes from: its id, the client's own when it is harmless, and its peer."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from itertools import count
from typing import Any
from urllib.parse import quote

from aggregator.edge.networks import plain_address
from aggregator.http import HeaderList, first

HEADER = b"x-request-id"
_HARMLESS = re.compile(rb"[A-Za-z0-9._-]{1,128}").fullmatch
_next = count(int.from_bytes(os.urandom(4), "big")).__next__
_prefix = os.urandom(6).hex()


def _begin() -> None:
    """Make a new prefix: a forked process would use that of its parent."""
    global _prefix
    _prefix = os.urandom(6).hex()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin)


def request_id(headers: HeaderList) -> str:
    """Return the id of a request: unique in this process, and among processes by a random prefix."""
    sent = first(headers, HEADER)
    if sent is not None and _HARMLESS(sent):
        return sent.decode("ascii")
    return f"{_prefix}-{_next():x}"


def peer_of(scope: Mapping[str, Any]) -> str:
    """Return the address that an ASGI request comes from, empty for a peer on a Unix socket."""
    client = scope.get("client")
    return plain_address(str(client[0])) if client else ""


def sent_path_of(scope: Mapping[str, Any]) -> bytes:
    """Return the path of an ASGI request as it was sent, or one that means the same where none was kept."""
    raw: bytes | None = scope.get("raw_path")
    return raw or quote(scope["path"]).encode()

"""Request ids: the client's own when it is harmless, otherwise a new one."""

from __future__ import annotations

import os
import re
from itertools import count

from aggregator.exchange import HeaderList

HEADER = b"x-request-id"
_HARMLESS = re.compile(rb"[A-Za-z0-9._-]{1,128}").fullmatch
_next = count(int.from_bytes(os.urandom(4), "big")).__next__
_PREFIX = os.urandom(6).hex()


def request_id(headers: HeaderList) -> str:
    """Give the id of a request: unique in this process, and among processes by a random prefix."""
    for name, value in headers:
        if name == HEADER:
            if _HARMLESS(value):
                return value.decode("ascii")
            break
    return f"{_PREFIX}-{_next():x}"

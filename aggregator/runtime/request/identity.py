"""Request ids: the client's own when it is harmless, otherwise a new one."""

from __future__ import annotations

import os
import re
from itertools import count

from aggregator.http import HeaderList, first

HEADER = b"x-request-id"
_HARMLESS = re.compile(rb"[A-Za-z0-9._-]{1,128}").fullmatch
_next = count(int.from_bytes(os.urandom(4), "big")).__next__
_PREFIX = os.urandom(6).hex()


def request_id(headers: HeaderList) -> str:
    """Return the id of a request: unique in this process, and among processes by a random prefix."""
    sent = first(headers, HEADER)
    if sent is not None and _HARMLESS(sent):
        return sent.decode("ascii")
    return f"{_PREFIX}-{_next():x}"

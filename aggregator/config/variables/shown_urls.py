"""The URLs of background calls as the file writes them, for their names: what a variable holds may be a secret."""

from __future__ import annotations

import re
from typing import Any

_METHOD = re.compile(r"\A[A-Za-z]+\s+(?=\S)")


def shown_urls(written: Any) -> tuple[str, ...]:
    """Return upstream and path of each background call of an endpoint, which the file says *written*, in its order.

    A URL without a query says which call it is; its query holds what differs from call to call, and keys.
    """
    said = written.get("background") if isinstance(written, dict) else None
    return tuple(map(_shown, said if isinstance(said, list) else [] if said is None else [said]))


def _shown(call: Any) -> str:
    url = str(call.get("url") if isinstance(call, dict) else call)
    return _METHOD.sub("", url, count=1).partition("?")[0]

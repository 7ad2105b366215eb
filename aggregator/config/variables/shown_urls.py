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
    return _METHOD.sub("", str(_url_of(call)), count=1).partition("?")[0]


def _url_of(call: Any) -> Any:
    """Return the URL of *call*, of several to choose from the first; a fan-out has none, and a name of its own."""
    if not isinstance(call, dict):
        return call
    choose = call.get("choose")
    return _url_of(choose[0]) if isinstance(choose, list) and choose else call.get("url")

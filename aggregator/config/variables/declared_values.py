"""Where the declarations of an endpoint hold values of variables, which its clients are never shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from aggregator.config.text.values import Steps

_DECLARING = ("params", "query", "headers", "cookies", "body")
_REFERENCE = re.compile(r"(?<!\$)\$\{")


def filled_places(written: Any) -> tuple[Steps, ...]:
    """Return the paths of all texts with ``${…}`` in the declarations of an endpoint, which the file says *written*.

    Whether the variable is set makes no difference: what clients see is the same in each environment.
    """
    if not isinstance(written, dict):
        return ()
    return tuple(place for key in _DECLARING if key in written for place in _filled(written[key], (key,)))


def _filled(value: Any, path: Steps) -> Iterator[Steps]:
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _filled(inner, (*path, key))
    elif isinstance(value, str) and _REFERENCE.search(value):
        yield path

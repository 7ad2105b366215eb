"""Places of requests whose values nobody is shown: in the log, in spans, and in whatever else shows requests.

They are beside the built-in names of credentials (``redaction.py``), which are always hidden.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote, unquote_plus, unquote_to_bytes

from msgspec import Struct

from aggregator.telemetry.redaction import MASK

_PARAMETER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)")


class Hidden(Struct, frozen=True):
    """The hidden places: *headers* (in lower case), *query* and *params* by name, *body* by the keys that lead there.

    In a list, each item is meant.
    """

    headers: frozenset[str] = frozenset()
    query: frozenset[str] = frozenset()
    params: frozenset[str] = frozenset()
    body: tuple[tuple[str, ...], ...] = ()

    def hides(self, reference: tuple[str, ...]) -> bool:
        """Return whether an expression that reads *reference* reads a hidden place, or more than one."""
        root, *rest = reference
        if root == "body":
            return any(_meet(tuple(rest), path) for path in self.body)
        if root in ("headers", "query", "params"):
            names: frozenset[str] = getattr(self, root)
            return bool(names) if not rest else rest[0] in names
        if root == "request":
            return bool(self.params) and rest[:1] in ([], ["path"])
        return root in self.params  # a parameter of the path, by its own name

    def header(self, name: str, value: str) -> str:
        """Return *value* of the header *name* as it may be shown."""
        return MASK if value and name in self.headers else value

    def query_text(self, query: str) -> str:
        """Return a query string as it may be shown."""
        if not self.query:
            return query
        pairs = (pair.partition("=") for pair in query.split("&"))
        return "&".join([f"{name}={MASK}" if unquote_plus(name) in self.query else name + eq + value
                         for name, eq, value in pairs])  # fmt: skip

    def query_values(self, query: str) -> set[str]:
        """Return the values of hidden parameters in a query string, as they were sent and as they are meant."""
        if not self.query:
            return set()
        pairs = [pair.partition("=") for pair in query.split("&")]
        sent = {value for name, _, value in pairs if unquote_plus(name) in self.query}
        return sent | {unquote_plus(value) for value in sent}

    def values(self, endpoint: str, segments: tuple[bytes, ...]) -> tuple[str, ...]:
        """Return the values of hidden parameters: *segments* are those of the path of *endpoint* (a key), in order."""
        if not self.params:
            return ()
        pairs = zip(_parameters(endpoint), segments, strict=False)
        return tuple(unquote_to_bytes(value).decode("utf-8", "replace") for name, value in pairs if name in self.params)

    def body_value(self, value: Any) -> Any:
        """Return JSON-like *value*, a body, as it may be shown; it is not changed itself."""
        for path in self.body:
            value = _masked(value, path)
        return value


NOTHING_HIDDEN = Hidden()
"""Nobody says that more is hidden than credentials."""


def without_values(path: str, values: Iterable[str]) -> str:
    """Return *path* with each segment masked that is one of *values*, in its plain form or percent-encoded."""
    for value in values:
        if "/" in value:
            path = path.replace(value, MASK).replace(quote(value), MASK)
        elif value:
            path = "/".join([MASK if segment == value or unquote(segment) == value else segment
                             for segment in path.split("/")])  # fmt: skip
    return path


def hidden_places(places: Iterable[str]) -> Hidden:
    """Return what *places* name: ``headers.x``, ``query.x``, ``params.x``, ``body.a.b``."""
    named = [place.split(".") for place in places]

    def names(root: str) -> frozenset[str]:
        return frozenset(".".join(rest) for first, *rest in named if first == root)

    headers = frozenset(name.lower() for name in names("headers"))
    body = tuple(tuple(rest) for first, *rest in named if first == "body")
    return Hidden(headers, names("query"), names("params"), body)


def _meet(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Return whether one of two paths leads to the other, or below it."""
    return all(first == second for first, second in zip(one, other, strict=False))


def _masked(value: Any, path: tuple[str, ...]) -> Any:
    if not path:
        return MASK
    if isinstance(value, list):
        return [_masked(item, path) for item in value]
    if isinstance(value, dict) and path[0] in value:
        return value | {path[0]: _masked(value[path[0]], path[1:])}
    return value


@lru_cache(10_000)
def _parameters(endpoint: str) -> tuple[str, ...]:
    return tuple(_PARAMETER.findall(endpoint))

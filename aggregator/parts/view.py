"""A result as expressions see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from aggregator.http import cookie_map

if TYPE_CHECKING:
    from aggregator.parts.result import Result


class View(Mapping[str, Any]):
    """A result as data; headers and body are made only for an expression that reads them."""

    __slots__ = ("_result",)

    def __init__(self, result: Result) -> None:
        self._result = result

    def __getitem__(self, key: str) -> Any:
        return _FIELDS[key](self._result)

    def __iter__(self) -> Iterator[str]:
        return iter(_FIELDS)

    def __len__(self) -> int:
        return len(_FIELDS)


_FIELDS: dict[str, Callable[[Result], Any]] = {
    "status": lambda result: result.status or None,
    "headers": lambda result: result.header_map(),
    "cookies": lambda result: cookie_map(result.headers),
    "body": lambda result: result.value,
    "state": lambda result: result.state.value,
    "cause": lambda result: result.cause.value if result.cause else None,
}

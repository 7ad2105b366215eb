"""The names that expressions may use, looked up only when one does.

A ``Names`` belongs to a request, or to an item, a nested group or an answer inside it (then it has a parent).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from aggregator.codecs import json as json_codec
from aggregator.errors import CallError, Cause
from aggregator.exchange import Exchange
from aggregator.identity.caller import NOBODY
from aggregator.parts.clock import loop_time
from aggregator.parts.cookies import cookies_of
from aggregator.parts.result import Result
from aggregator.templates import AllKnown, Expression, Path, unshadowed

FINISHING = 0.05
"""Seconds that an answer may take beyond its calls when expressions, functions or formats are applied to it."""
LATE = "The answer could not be made in time."
_NO_PARTS: Mapping[str, int] = {}
_OF_AN_ITEM = frozenset({"item", "index", "keys"})


class Lazy(dict[str, Any]):
    """A dict whose values are made when they are asked for, by ``__missing__``."""

    __slots__ = ()

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of *key*, found as by subscription, or *default*."""
        try:
            return self[key]
        except KeyError:
            return default


class Level(NamedTuple):
    """Parts that stand together: *places* are those of their *results* by name, which arrive one by one."""

    places: Mapping[str, int]
    results: Sequence[Result | None]

    def result(self, name: str) -> Result | None:
        """Return the result of the part *name*, None for one that is not there (yet)."""
        number = self.places.get(name)
        return None if number is None else self.results[number]


class Names(Lazy):
    """A dict that fills itself: parameters and local names at once, results and the request on demand."""

    __slots__ = ("exchange", "index", "known", "parent", "results")

    def __init__(self, exchange: Exchange, seed: Mapping[str, Any] | None = None, parent: Names | None = None) -> None:
        super().__init__(exchange.params if seed is None else seed)
        self.exchange = exchange
        self.parent = parent
        self.index: Mapping[str, int] = _NO_PARTS
        self.results: Sequence[Result | None] = ()
        self.known: AllKnown | None = exchange.known if parent is None else parent.known
        if self.known and parent is not None and seed:
            self.known = unshadowed(self.known, seed)

    def __repr__(self) -> str:  # what clients sent stays out of logs
        return f"<Names {self.exchange.id}>"

    def child(self, seed: Mapping[str, Any]) -> Names:
        """Return names that see *seed* first and these behind."""
        return Names(self.exchange, seed, self)

    def __contains__(self, key: object) -> bool:
        try:
            self[key]  # type: ignore[index]
        except KeyError:
            return False
        return True

    def __missing__(self, key: str) -> Any:
        value = self._find(key)
        self[key] = value
        return value

    def _find(self, key: str) -> Any:
        if self.index:
            if key == "calls":
                return _Views(self.levels())
            result = self._own(key)
            if result is not None:
                return result.value
        if self.parent is not None:
            return self.parent[key]
        finder = _FINDERS.get(key)
        if finder is None:
            raise KeyError(key)
        return finder(self.exchange)

    def check_time(self) -> None:
        """Raise ``CallError`` (``deadline``) when what reads these names should have ended."""
        if self.parent is not None:
            self.parent.check_time()
        elif self.exchange.deadline:
            now = loop_time()
            if now is not None and now > self.exchange.deadline + FINISHING:
                raise CallError(Cause.DEADLINE, LATE)

    def see(self, index: Mapping[str, int], results: Sequence[Result | None]) -> None:
        """Look up parts in *results* from now on, at the places in *index*; more results may still arrive."""
        self.index = index
        self.results = results

    def levels(self) -> tuple[Level, ...]:
        """Return the parts that are seen from here, the nearest first."""
        around = () if self.parent is None else self.parent.levels()
        return (Level(self.index, self.results), *around) if self.index else around

    def within(self, levels: tuple[Level, ...]) -> Names:
        """Return names that see the parts of *levels* first, the nearest first, and these behind."""
        names = self
        for level in reversed(levels):
            names = names.child({})
            names.see(*level)
        return names

    def _own(self, name: str) -> Result | None:
        number = self.index.get(name)
        return None if number is None else self.results[number]

    def result(self, name: str) -> Result | None:
        """Return the result of the part *name*, here or further out."""
        scope: Names | None = self
        while scope is not None:
            if (found := scope._own(name)) is not None:
                return found
            scope = scope.parent
        return None

    def origin(self, reference: tuple[str, ...]) -> tuple[str, ...] | None:
        """Return the path in the client's request that *reference* leads to; None for what it did not send."""
        root = reference[0]
        if root in self.index:
            return None
        if self.parent is not None:
            return self.parent.origin(reference)
        return reference if root in _FINDERS or root in self.exchange.params else None

    def as_sent(self, path: Path) -> Mapping[str, Any] | None:
        """Return names in which *path* leads to the same data with every digit of its numbers; None when none was sent.

        Data of results, of the client's body, of the answer, and of items taken from these; nobody changes it.
        """
        scope: Names | None = self
        while scope is not None:
            if (found := scope._as_sent(path)) is not None:
                return found
            scope = scope.parent
        exchange = self.exchange
        if path[0] != "body" or not exchange.content:
            return None
        if exchange.body_as_sent is None:
            exchange.body_as_sent = json_codec.decode_exact(exchange.content)
        return {"body": exchange.body_as_sent}

    def _as_sent(self, path: Path) -> Mapping[str, Any] | None:
        root = str(path[0])
        if root == "calls" and path[2:3] == ("body",):
            name = str(path[1])
            result = self._own(name)
            return None if result is None else {"calls": {name: {"body": result.as_sent}}}
        result = self._own(root)
        return None if result is None else {root: result.as_sent}


class ItemNames(Names):
    """Names with ``item`` and ``index``, an item of the list that *source* gave."""

    __slots__ = ("_source",)

    def __init__(self, parent: Names, seed: Mapping[str, Any], source: Expression) -> None:
        super().__init__(parent.exchange, seed, parent)
        self._source = source

    def origin(self, reference: tuple[str, ...]) -> tuple[str, ...] | None:
        """Return the path to the list where *reference* leads into an item of it, as far as the client sent it."""
        if self.parent is None or reference[0] not in _OF_AN_ITEM:
            return super().origin(reference)
        origins = [self.parent.origin(read) for read in sorted(self._source.references)]
        return origins[0] if origins and None not in origins else None

    def _as_sent(self, path: Path) -> Mapping[str, Any] | None:
        source, parent = self._source, self.parent
        if path[0] != "item" or "item" not in self.keys() or source.path is None or parent is None:
            return super()._as_sent(path)  # a batch has keys, and no item
        names = parent.as_sent(source.path)
        return None if names is None else {"item": source.evaluate(names)[self["index"]]}


class LaterNames(Names):
    """Names of *parent* for what goes on after its deadline: a background call, or telling of a failure.

    What reads them has *seconds*, from the first time that it looks at the clock.
    """

    __slots__ = ("_ends", "_seconds")

    def __init__(self, parent: Names, seed: Mapping[str, Any], seconds: float) -> None:
        super().__init__(parent.exchange, seed, parent)
        self._seconds = seconds
        self._ends: float | None = None

    def check_time(self) -> None:
        """Raise ``CallError`` (``deadline``) when what reads these names should have ended."""
        now = loop_time()
        if now is None:
            return
        if self._ends is None:
            self._ends = now + self._seconds
        elif now > self._ends:
            raise CallError(Cause.DEADLINE, LATE)


class _Views(Lazy):
    """``calls``: the whole of each result by name, made when it is asked for.

    It is kept in the names that it is read from, so it has their *levels* and not the names: nothing is in a ring.
    """

    __slots__ = ("_levels",)

    def __init__(self, levels: tuple[Level, ...]) -> None:
        super().__init__()
        self._levels = levels

    def _result(self, key: str) -> Result | None:
        return next((found for level in self._levels if (found := level.result(key)) is not None), None)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._result(key) is not None

    def __missing__(self, key: str) -> Any:
        result = self._result(key)
        if result is None:
            raise KeyError(key)
        view = result.view()
        self[key] = view
        return view


_FINDERS: dict[str, Callable[[Exchange], Any]] = {
    "query": lambda exchange: exchange.query,
    "headers": lambda exchange: exchange.headers,
    "cookies": cookies_of,
    "body": lambda exchange: exchange.body_value,
    "request": lambda exchange: exchange.request,
    "params": lambda exchange: exchange.params,
    "now": lambda exchange: exchange.now,
    "auth": lambda exchange: NOBODY if exchange.caller is None else exchange.caller.names,
}

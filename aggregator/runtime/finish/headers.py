"""Headers that an answer gets which does not have them, and those of CORS."""

from __future__ import annotations

from collections.abc import Collection

from aggregator.edge.cors import Cors, CorsRules
from aggregator.errors import AggregatorError
from aggregator.exchange import Exchange
from aggregator.http import first
from aggregator.parts.names import Names
from aggregator.runtime.answers.answer import Answer, Tail
from aggregator.runtime.answers.assembly import add_headers
from aggregator.templates import Template

_OF_CORS = b"access-control-"
_MOST = 256
"""Origins whose fields are remembered; browsers of one site send few."""


class FixedHeaders:
    """The same for every request."""

    __slots__ = ("_fields", "names")

    def __init__(self, fields: tuple[tuple[bytes, bytes], ...]) -> None:
        self._fields = [*fields]
        self.names = frozenset(name for name, _ in fields) - {b"vary"}  # which adds to what is there

    def __call__(self, _: Exchange, answer: Answer) -> None:
        """Add to *answer* what it does not have."""
        for name, _value in answer.headers:
            if name in self.names:
                known = self.names.intersection(name for name, _ in answer.headers)
                answer.headers = answer.headers + [field for field in self._fields if field[0] not in known]
                return
        answer.headers = answer.headers + self._fields


class AddedHeaders:
    """The same for every request, beside others of their names."""

    __slots__ = ("_fields",)

    def __init__(self, fields: tuple[tuple[bytes, bytes], ...]) -> None:
        self._fields = fields

    def __call__(self, _: Exchange, answer: Answer) -> None:
        """Add them to *answer*."""
        answer.headers = [*answer.headers, *self._fields]


class MadeHeaders:
    """Made from the request; one that cannot be made is left out, since a failure has to be answered, too."""

    __slots__ = ("_headers",)

    def __init__(self, headers: tuple[tuple[bytes, Template], ...]) -> None:
        self._headers = headers

    def __call__(self, exchange: Exchange, answer: Answer) -> None:
        """Add to *answer* what it does not have."""
        names, known = Names(exchange), {name for name, _ in answer.headers}
        for header in self._headers:
            if header[0] not in known:
                try:
                    add_headers(answer, (header,), names)
                except (AggregatorError, ValueError):  # the latter from a query that is none
                    continue


class CorsHeaders:
    """The fields of CORS in place of those that an upstream sent."""

    __slots__ = ("allows", "answer")

    def __init__(self, settings: Cors) -> None:
        rules = CorsRules(settings)
        self.allows, self.answer = rules.allows, rules.answer

    def __call__(self, exchange: Exchange, answer: Answer) -> None:
        """Add to *answer* what the origin of the request may know."""
        for name, _ in answer.headers:
            if name.startswith(_OF_CORS):
                answer.headers = [field for field in answer.headers if not field[0].startswith(_OF_CORS)]
                break
        answer.headers = answer.headers + self.answer(first(exchange.header_list, b"origin"))


class Carried:
    """The header fields of *steps*, which read only the origin of a request, as one tail made once for each origin.

    An answer that has a field of its own which they would look at goes through them one after another.
    """

    __slots__ = ("_cors", "_known", "_names", "steps")

    def __init__(self, steps: tuple[FixedHeaders | AddedHeaders | CorsHeaders, ...]) -> None:
        self.steps = steps
        self._names = frozenset().union(*(one.names for one in steps if isinstance(one, FixedHeaders)))
        self._cors = next((one for one in steps if isinstance(one, CorsHeaders)), None)
        self._known: dict[bytes | None, Tail] = {}

    @property
    def known(self) -> Collection[bytes | None]:
        """The origins whose tail is kept, None for that of requests without one."""
        return self._known.keys()

    def __call__(self, exchange: Exchange, answer: Answer) -> None:
        """Add to *answer* what they add."""
        for name, _ in answer.headers:
            if name in self._names or name.startswith(_OF_CORS):
                self._one_by_one(exchange, answer)
                return
        origin = None
        if self._cors is not None:
            for name, value in exchange.header_list:  # a call of `first` takes as long as all the rest
                if name == b"origin":
                    origin = value
                    break
        answer.tail = self._known.get(origin) or self._made(exchange, origin)

    def _one_by_one(self, exchange: Exchange, answer: Answer) -> None:
        for step in self.steps:
            step(exchange, answer)

    def _made(self, exchange: Exchange, origin: bytes | None) -> Tail:
        empty = Answer(200, [], b"")
        self._one_by_one(exchange, empty)
        tail = Tail.of(empty.headers)
        if len(self._known) < _MOST and (self._cors is None or origin is None or self._cors.allows(origin)):
            self._known[origin] = tail
        return tail

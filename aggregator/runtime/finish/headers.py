"""Headers that an answer gets which does not have them, and those of CORS."""

from __future__ import annotations

from aggregator.edge.cors import Cors, CorsRules
from aggregator.errors import AggregatorError
from aggregator.exchange import Exchange
from aggregator.http import HeaderList, first
from aggregator.parts.names import Names
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.answers.assembly import add_headers
from aggregator.templates import Template

_MOST = 256
"""Origins whose fields are remembered; browsers of one site send few."""


class FixedHeaders:
    """The same for every request."""

    __slots__ = ("_fields", "_names")

    def __init__(self, fields: tuple[tuple[bytes, bytes], ...]) -> None:
        self._fields = [*fields]
        self._names = frozenset(name for name, _ in fields) - {b"vary"}  # which adds to what is there

    def __call__(self, _: Exchange, answer: Answer) -> None:
        """Add to *answer* what it does not have."""
        for name, _value in answer.headers:
            if name in self._names:
                known = self._names.intersection(name for name, _ in answer.headers)
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

    __slots__ = ("_known", "_rules")

    def __init__(self, settings: Cors) -> None:
        self._rules = CorsRules(settings)
        self._known: dict[bytes | None, HeaderList] = {}

    def __call__(self, exchange: Exchange, answer: Answer) -> None:
        """Add to *answer* what the origin of the request may know."""
        origin = first(exchange.header_list, b"origin")
        fields = self._known.get(origin)
        if fields is None:
            fields = self._rules.answer(origin)
            if len(self._known) < _MOST and (origin is None or self._rules.allows(origin)):
                self._known[origin] = fields
        for name, _ in answer.headers:
            if name.startswith(b"access-control-"):
                answer.headers = [field for field in answer.headers if not field[0].startswith(b"access-control-")]
                break
        answer.headers = answer.headers + fields

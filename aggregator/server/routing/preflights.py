"""Preflights: a browser asks whether a page may send a request, before it does (Fetch standard, §3.3.5 there)."""

from __future__ import annotations

from collections.abc import Iterable

from aggregator.edge.cors import Cors, CorsRules
from aggregator.errors import ExpressionError
from aggregator.http import HeaderList, first, joined
from aggregator.plan.edge import EdgePlan
from aggregator.plan.types import EndpointPlan
from aggregator.runtime.answers.answer import Answer
from aggregator.server.routing.index import RouteIndex
from aggregator.server.routing.routes import Handler


class Preflights:
    """Answers to preflights of the endpoints of *index*, by what each of them allows.

    One of an endpoint that allows nothing (`cors: none`) is answered here as well, unless the path has an endpoint for
    OPTIONS: elsewhere the answer would carry what the server allows.
    """

    __slots__ = ("_beside", "_index", "_rules")

    def __init__(self, index: RouteIndex[Handler], rules: dict[Cors, CorsRules], beside: HeaderList) -> None:
        self._index = index
        self._rules = rules
        self._beside = beside

    @classmethod
    def of(cls, index: RouteIndex[Handler], endpoints: Iterable[EndpointPlan], server: EdgePlan) -> Preflights | None:
        """Return what answers for *endpoints*, with the headers of *server*; None when none allows anything."""
        settings = {endpoint.edge.cors for endpoint in endpoints if endpoint.edge.cors is not None}
        if not settings and server.cors is None:
            return None
        return cls(index, {one: CorsRules(one) for one in settings}, [*server.fixed])

    def answer(self, raw_path: bytes, headers: HeaderList) -> Answer | None:
        """Return the answer to a request with OPTIONS; None when it is no preflight, or not ours to answer."""
        origin, method = first(headers, b"origin"), first(headers, b"access-control-request-method")
        if origin is None or method is None:
            return None
        try:
            match = self._index.find(method.decode("latin-1"), raw_path)
            settings = None if match is None else match[0].plan.edge.cors
            if match is None or (settings is None and self._index.find("OPTIONS", raw_path) is not None):
                return None
            declared = sorted(self._index.methods(raw_path))
        except ExpressionError:
            return None
        if settings is None:
            fields = [(b"allow", ", ".join(sorted({*declared, "OPTIONS"})).encode())]
        else:
            asked = joined(headers, b"access-control-request-headers") or b""
            fields = self._rules[settings].preflight(origin, method, asked, declared)
        return Answer(204, [*fields, *self._beside], b"")

"""What may be remembered of requests and answers: listed headers, and bodies without secrets, cut."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

from aggregator.codecs import json as json_codec
from aggregator.errors import AggregatorError
from aggregator.exchange import Exchange
from aggregator.http import HeaderList
from aggregator.plan.telemetry import RecorderPlan
from aggregator.server.recorder.record import Body
from aggregator.server.recorder.repeated import LARGEST, NO_VALUES, HiddenValues, data_of, hidden_values
from aggregator.telemetry.hiding import without_values
from aggregator.telemetry.redaction import MASK, SECRET_HEADERS, redact_text, redact_value

_LONGEST = 4096
"""Characters of a header or of a target that are kept."""
_OF_SEGMENTS = ":@!$&'()*+,;=~"
"""What stands in a segment of a path as it is (RFC 3986, section 3.3)."""


class Cleaner:
    """Takes out what *plan* hides, and the secrets that *masker* knows."""

    __slots__ = ("_masker", "_own", "_plan")

    def __init__(self, plan: RecorderPlan, masker: Callable[[str], str], own: HiddenValues = NO_VALUES) -> None:
        self._plan = plan
        self._masker = masker
        self._own = own

    def beside(self, endpoint: str, exchange: Exchange) -> Cleaner:
        """Return one that takes out what *exchange*, a request to *endpoint* (its key), has in hidden places, too.

        Upstreams and problems may repeat it under other names.
        """
        own = hidden_values(endpoint, exchange, self._plan.hidden)
        return Cleaner(self._plan, own.after(self._masker), own) if own else self

    def text(self, text: str) -> str:
        """Return *text* without secrets, cut."""
        return self._clean(text)[:_LONGEST]

    def _clean(self, text: str) -> str:
        return self._masker(redact_text(text))

    def headers(self, fields: HeaderList) -> tuple[tuple[str, str], ...]:
        """Return those of *fields* that are kept, as they may be shown."""
        kept = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in fields]
        hidden, wanted = self._plan.hidden, self._plan.headers
        return tuple((name, self.text(hidden.header(name, value))) for name, value in kept if name in wanted)

    def target(self, endpoint: str, exchange: Exchange) -> str:
        """Return path and query of a request to *endpoint* as they may be shown, percent-encoded as they are sent."""
        hidden = self._plan.hidden
        path = self._path(exchange, hidden.values(endpoint, exchange.segments))
        query = hidden.query_text(exchange.query_string.decode("latin-1"))
        return self.text(f"{path}?{query}" if query else path)

    def _path(self, exchange: Exchange, values: tuple[str, ...]) -> str:
        """Return the path as it was sent, but for its segments that hold a secret or are among *values*.

        A secret is known as it reads, so it is looked for in what the path means. One that reaches over a slash is
        masked there, and what is left of the path is encoded again.
        """
        meant = self._clean(without_values(exchange.path, values))
        sent = exchange.sent_path.decode("latin-1") or exchange.path
        if unquote(sent) == exchange.path:
            masked = "/".join([self._segment(one, values) for one in sent.split("/")])
            if unquote(masked) == meant:
                return masked
        return quote(meant, safe=_OF_SEGMENTS + "/")

    def _segment(self, sent: str, values: tuple[str, ...]) -> str:
        meant = unquote(sent)
        shown = MASK if meant in values and meant else self._clean(meant)
        return sent if shown == meant else quote(shown, safe=_OF_SEGMENTS)

    def masked(self, exchange: Exchange, target: str, body: Body) -> tuple[str, ...]:
        """Return the places of a request whose values were sent, and are not remembered."""
        hidden = self._plan.hidden.headers
        names = {name.decode("latin-1").lower() for name, value in exchange.header_list if value}
        found = [f"headers.{name}" for name in sorted(names & (SECRET_HEADERS | hidden))]
        path, _, query = target.partition("?")
        found += [f"query.{pair.partition('=')[0]}" for pair in query.split("&") if MASK in pair]
        found += ["path"] if MASK in path or len(target) >= _LONGEST else []
        return tuple(found + (["body"] if MASK in body.text or body.left_out else []))

    def body(self, raw: bytes, content_type: str, data: Any = None) -> Body:
        """Return what is kept of a body; *data* is what was read from it, None where nobody did."""
        if not self._plan.bodies or not raw:
            return Body(len(raw), left_out="bodies are not recorded" if raw else "")
        if len(raw) > LARGEST:
            return Body(len(raw), left_out=f"larger than {LARGEST} bytes")
        if self._own.are_too_many:
            return Body(len(raw), left_out="the request hides more than can be looked for")
        data = data_of(raw, content_type) if data is None else data
        if data is None and self._plan.hidden.body:
            return Body(len(raw), left_out="no data, so that what is hidden in it cannot be found")
        try:
            text = self._clean(raw.decode()) if data is None else self._shown(data)
        except (UnicodeDecodeError, AggregatorError):
            return Body(len(raw), left_out="no text")
        return self._cut(len(raw), text)

    def _shown(self, data: Any) -> str:
        shown = self._own.without_numbers(self._plan.hidden.body_value(data))
        return json_codec.encode(redact_value(shown, self._clean)).decode()

    def _cut(self, size: int, text: str) -> Body:
        most = self._plan.bodies
        encoded = text.encode()
        if len(encoded) <= most:
            return Body(size, text)
        return Body(size, encoded[:most].decode("utf-8", "ignore"), f"cut to {most} bytes")

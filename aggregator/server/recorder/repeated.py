"""The values of a request that nobody is shown, to be found where upstreams and problems repeat them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote_plus

from aggregator.codecs import json as json_codec
from aggregator.errors import AggregatorError
from aggregator.exchange import MOST_FIELDS, Exchange
from aggregator.http import first
from aggregator.telemetry.hiding import Hidden
from aggregator.telemetry.redaction import MASK, SECRET_HEADERS, SECRET_QUERY, is_secret

LARGEST = 256 * 1024
"""Bytes of a body that is read for the recorder."""
_SHORTEST = 4
"""Characters of a value that is looked for elsewhere: a shorter one would turn up in every other word."""
_LONG = 256
"""Characters beyond which a value is no part of the pattern: to make one takes a microsecond for each, in the loop."""
_MOST = 100
"""Values that are looked for; where a request hides more, no bodies are kept of it."""
_FORM = "application/x-www-form-urlencoded"


class HiddenValues:
    """The *values* of one request that are masked in all that is kept of it: as they are, or escaped.

    ``are_too_many`` is true where more than a hundred would have to be looked for, or the request *is_unread*.
    """

    __slots__ = ("_long", "_numbers", "_pattern", "are_too_many")

    def __init__(self, values: Iterable[str], *, is_unread: bool = False) -> None:
        found = sorted({one for one in values if len(one) >= _SHORTEST}, key=lambda one: (-len(one), one))
        self.are_too_many = is_unread or len(found) > _MOST
        found = found[:_MOST]
        self._numbers = frozenset(found)
        self._long = [form for one in found if len(one) > _LONG for form in _forms(one)]
        forms = {form for one in found if len(one) <= _LONG for form in _forms(one)}
        ordered = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __bool__(self) -> bool:
        return bool(self._numbers) or self.are_too_many

    def after(self, masker: Callable[[str], str]) -> Callable[[str], str]:
        """Return a function that masks what *masker* does, and these values."""
        return lambda text: self._masked(masker(text))

    def _masked(self, text: str) -> str:
        for form in self._long:
            text = text.replace(form, MASK)
        return text if self._pattern is None else self._pattern.sub(MASK, text)

    def without_numbers(self, value: Any) -> Any:
        """Return JSON-like *value* with each number masked that was sent as one of the values."""
        if not self._numbers:
            return value
        if isinstance(value, dict):
            return {name: self.without_numbers(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.without_numbers(item) for item in value]
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return MASK if is_number and str(value) in self._numbers else value


NO_VALUES = HiddenValues(())
"""A request that hides nothing."""


def hidden_values(endpoint: str, exchange: Exchange, hidden: Hidden) -> HiddenValues:
    """Return what *exchange*, a request to *endpoint* (its key), has at *hidden* places and under names of secrets."""
    raw = exchange.content or exchange.body
    data = exchange.body_value
    if data is None and len(raw) <= LARGEST:
        data = data_of(raw, (first(exchange.header_list, b"content-type") or b"").decode("latin-1"))
    found = _of_headers(exchange, hidden) | _of_query(exchange.query_string.decode("latin-1"), hidden)
    found |= {*hidden.values(endpoint, exchange.segments), *_of_body(data, hidden.body)}
    return HiddenValues(found, is_unread=data is None and len(raw) > LARGEST and bool(hidden.body))


def data_of(raw: bytes, content_type: str) -> Any:
    """Return the JSON or the form that *raw* is, None for anything else."""
    if not raw:
        return None
    if content_type.partition(";")[0].strip().lower() == _FORM:
        try:
            return dict(parse_qsl(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_FIELDS))
        except ValueError:
            return None
    try:
        return json_codec.decode(raw)
    except AggregatorError:
        return None


def _forms(value: str) -> set[str]:
    """Return *value* as it is, percent-encoded, and as it stands in JSON that is itself a text."""
    in_json = {json.dumps(value, ensure_ascii=is_ascii)[1:-1] for is_ascii in (True, False)}
    return {value, quote(value), quote(value, safe=""), quote_plus(value)} | in_json


def _of_headers(exchange: Exchange, hidden: Hidden) -> set[str]:
    """Return the values of headers, and of cookies one by one."""
    found = set[str]()
    for raw, sent in exchange.header_list:
        name, value = raw.decode("latin-1").lower(), sent.decode("latin-1")
        if name == "cookie":
            found |= {pair.partition("=")[2].strip() for pair in value.split(";")}
        elif name in SECRET_HEADERS or name in hidden.headers:
            found |= {value, value.partition(" ")[2].strip()}
    return found


def _of_query(query: str, hidden: Hidden) -> set[str]:
    """Return the values of hidden parameters and of credentials, as they were sent and as they are meant."""
    pairs = [pair.partition("=") for pair in query.split("&")]
    named = [(unquote_plus(name), value) for name, _, value in pairs]
    sent = {value for name, value in named if name in hidden.query or name.lower() in SECRET_QUERY}
    return sent | {unquote_plus(value) for value in sent}


def _of_body(value: Any, places: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Yield the texts and numbers in *value* that stand at *places*, or under the name of a secret."""
    inner = [place for place in places if place]
    if isinstance(value, list):
        for item in value:
            yield from _of_body(item, inner)
    elif isinstance(value, dict):
        for name, item in value.items():
            below = [place[1:] for place in inner if place[0] == name]
            if () in below or is_secret(str(name)):
                yield from _scalars(item)
            else:
                yield from _of_body(item, below)


def _scalars(value: Any) -> Iterator[str]:
    """Yield the texts and numbers in *value*, as texts."""
    if isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _scalars(item)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield str(value)

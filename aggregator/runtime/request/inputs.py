"""What the client sent, held against what the endpoint declares; every violation is reported at once."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_to_bytes

from msgspec.structs import asdict

from aggregator.codecs import json as json_codec
from aggregator.codecs.media_type import parse_media_type
from aggregator.errors import AggregatorError, CallError
from aggregator.exchange import MOST_FIELDS, Exchange
from aggregator.parts.cookies import cookies_of
from aggregator.parts.names import Names
from aggregator.plan.types import InputPlan
from aggregator.schemas.parameter import ABSENT, Parameter
from aggregator.schemas.problems import InvalidInput, Violation
from aggregator.templates import Template

HeaderTuple = tuple[tuple[bytes, bytes], ...]
_UNFIT = "The request does not fit what this endpoint declares."


class Refusal(AggregatorError):  # noqa: N818 - said of the request
    """The request cannot be served as it is: *status*, *detail* and *headers* to answer with, and the violations."""

    def __init__(
        self, status: int, detail: str, violations: tuple[Violation, ...] = (), *, headers: HeaderTuple = ()
    ) -> None:
        self.headers = headers
        self.status = status
        self.detail = detail
        self.violations = violations
        super().__init__(detail)

    @property
    def errors(self) -> list[dict[str, Any]] | None:
        """The violations as data for a problem document; None when there are none."""
        return [asdict(violation) for violation in self.violations] or None


class Inputs:
    """The declared inputs of an endpoint, ready to be enforced."""

    __slots__ = ("_body", "_cookies", "_headers", "_names", "_params", "_plain", "_query", "_templates")

    def __init__(self, plan: InputPlan, param_names: tuple[str, ...]) -> None:
        declared = {parameter.name: parameter for parameter in plan.params}
        self._names = param_names
        self._params: tuple[Parameter | None, ...] = tuple(declared.get(name) for name in param_names)
        self._query = plan.query
        self._headers = plan.headers
        self._cookies = plan.cookies
        self._body = plan.body
        self._templates = tuple(
            p for p in (*plan.query, *plan.headers, *plan.cookies) if isinstance(p.default, Template)
        )
        self._plain = not (plan.query or plan.headers or plan.cookies or plan.body is not None)

    def accept(self, exchange: Exchange, judged: list[Violation] | None = None) -> None:
        """Put typed parameters into *exchange*; raises ``Refusal``.

        *judged* are the violations of a body that was judged before.
        422 lists every violation of what is declared; 400 is for a path or query that is no text, or has no end.
        """
        query = exchange.query_string
        if query and (len(query) >= MOST_FIELDS or b"%" in query or not query.isascii()):
            _check_query(query)
        violations: list[Violation] = []
        params = exchange.params
        for name, parameter, segment in zip(self._names, self._params, exchange.segments, strict=True):
            text = segment.decode("ascii") if b"%" not in segment else _text(segment)
            if parameter is None:
                params[name] = text
                continue
            try:
                params[name] = parameter.parse(text)
            except InvalidInput as error:
                violations.extend(error.violations)
        if not self._plain:
            self._accept_rest(exchange, violations, judged)
        if violations:
            raise Refusal(422, _UNFIT, tuple(violations))

    def _accept_rest(self, exchange: Exchange, violations: list[Violation], judged: list[Violation] | None) -> None:
        if self._query:
            exchange.query_values = _read(self._query, exchange.query, violations)
            exchange.query.update(exchange.query_values)
        if self._headers:
            sent = exchange.headers
            typed = _read(
                self._headers,
                {p.name: sent[p.name.lower()] for p in self._headers if p.name.lower() in sent},
                violations,
            )
            exchange.headers.update({name.lower(): value for name, value in typed.items()})
        if self._cookies:
            cookies = cookies_of(exchange)
            cookies.update(_read(self._cookies, cookies, violations))
        if self._body is not None:
            violations.extend(self._body.violations(exchange.body_value) if judged is None else judged)
        for parameter in self._templates:
            _stand_in(parameter, exchange, violations)

    def decode_body(self, exchange: Exchange, content: bytes) -> None:
        """Read *content*, the body of *exchange* without a content coding, as JSON.

        Raises ``Refusal``: 415 for another type, 400 for bad JSON.
        """
        if self.takes_body(exchange, content):
            exchange.body_value = read_json(content)

    def takes_body(self, exchange: Exchange, content: bytes) -> bool:
        """Return whether *content*, the body of *exchange* without a content coding, is to be read.

        Raises ``Refusal``: 415 for another type than JSON. No body is none of these; one that is declared is then
        missing: 422.
        """
        if not exchange.body:
            if self._body is not None:
                raise Refusal(422, _UNFIT, (Violation("", "body", "is required", "required"),))
            return False
        exchange.content = content
        kind = exchange.headers.get("content-type")
        if kind is None or not _is_json(kind):
            raise Refusal(415, "This endpoint takes application/json.")
        return True

    def read_and_judge(self, content: bytes) -> tuple[Any, list[Violation]]:
        """Return the value of *content* and how it breaks the declared schema, for a thread; touches nothing else."""
        value = read_json(content)
        return value, [] if self._body is None else self._body.violations(value, aside=True)


def read_json(content: bytes) -> Any:
    """Return the value of the request body *content*; raise ``Refusal`` (400) for bad JSON.

    A key that stands twice in an object is bad too: who reads the body after us might take the other value
    (RFC 8259 §4).
    """
    try:
        value = json_codec.decode(content)
        twice = json_codec.repeated_key(content, value)
    except AggregatorError as error:
        message = json_codec.with_lines(str(error), content)
        raise Refusal(400, message.replace("The body", "The request body", 1)) from None
    if twice is not None:
        raise Refusal(400, f"The request body has the key {json_codec.encode(twice).decode()} twice in an object.")
    return value


def _text(segment: bytes) -> str:
    try:
        return unquote_to_bytes(segment).decode("utf-8")
    except UnicodeDecodeError:
        raise Refusal(400, "The path is not UTF-8.") from None


def _check_query(query: bytes) -> None:
    if query.count(b"&") >= MOST_FIELDS:
        raise Refusal(400, f"The query has more than {MOST_FIELDS} parameters.")
    try:
        unquote_to_bytes(query).decode("utf-8")
        query.decode("ascii")
    except UnicodeDecodeError:
        raise Refusal(400, "The query is not percent-encoded UTF-8.") from None


def _read(parameters: tuple[Parameter, ...], sent: dict[str, Any], violations: list[Violation]) -> dict[str, Any]:
    typed: dict[str, Any] = {}
    for parameter in parameters:
        value = sent.get(parameter.name)
        try:
            found = parameter.read([] if value is None else value if isinstance(value, list) else [value])
        except InvalidInput as error:
            violations.extend(error.violations)
            continue
        if found is not ABSENT and not isinstance(found, Template):
            typed[parameter.name] = found
    return typed


def _stand_in(parameter: Parameter, exchange: Exchange, violations: list[Violation]) -> None:
    """Put the default of *parameter*, a template, into *exchange* unless it was sent; it sees those before it."""
    name = parameter.name
    there = {"query": exchange.query, "cookie": cookies_of(exchange)}.get(parameter.location, exchange.headers)
    key = name.lower() if parameter.location == "header" else name
    if key in there:
        return
    try:
        found = parameter.stand_in(Names(exchange))
    except InvalidInput as error:
        violations.extend(error.violations)
        return
    except CallError as error:  # the request is over
        raise Refusal(504, error.message) from None
    if found is not ABSENT:
        there[key] = found


def _is_json(kind: str) -> bool:
    media = parse_media_type(kind.encode("utf-8", "surrogateescape"))
    return media is not None and media.is_json

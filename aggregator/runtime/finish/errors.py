"""Problems in the words of the file: another status, a body of one's own, a page for browsers."""

from __future__ import annotations

from aggregator.codecs import json as json_codec
from aggregator.codecs.negotiation import negotiate
from aggregator.errors import AggregatorError
from aggregator.exchange import Exchange
from aggregator.http import has_body, joined, phrase, replaced, without
from aggregator.parts.names import Names
from aggregator.plan.edge import ErrorPlan
from aggregator.runtime.answers.answer import Answer
from aggregator.templates import MISSING

_PAGE, _DATA = "text/html", "application/json"


class OwnErrors:
    """Changes answers that are problems; a body that an upstream or a status map gave is none."""

    __slots__ = ("_rows",)

    def __init__(self, rows: tuple[ErrorPlan, ...]) -> None:
        self._rows = {row.on: row for row in rows}

    def __call__(self, exchange: Exchange, answer: Answer) -> None:
        """Put *answer* into the words for its status; one whose words cannot be made stays a problem."""
        document = answer.document
        if document is None:
            return
        row = self._rows.get(str(answer.status)) or self._rows.get(f"{answer.status // 100}xx")
        if row is None:
            return
        if row.status is not None:
            _restate(answer, document, row.status)
        if not has_body(answer.status):
            answer.body, answer.headers = b"", without(answer.headers, b"content-type")
            return
        try:
            _reword(answer, row, Names(exchange, {"problem": document}), exchange)
        except (AggregatorError, ValueError):  # the latter from a query that is none
            return


def _restate(answer: Answer, document: dict[str, object], status: int) -> None:
    """Set another *status* on *answer*; its problem follows, with the title unless that was chosen."""
    if document["title"] == phrase(answer.status):
        document["title"] = phrase(status)
    document["status"] = answer.status = status
    answer.body = json_codec.encode(document)


def _reword(answer: Answer, row: ErrorPlan, names: Names, exchange: Exchange) -> None:
    if row.html is not None:
        answer.headers = [*answer.headers, (b"vary", b"Accept")]
        if negotiate(joined(exchange.header_list, b"accept"), (_DATA, _PAGE)) == _PAGE:
            page = row.html.render_text(names, missing="null") or ""
            _become(answer, b"text/html; charset=utf-8", page.encode())
            return
    if row.body is None:
        return
    value = row.body.render(names, missing="null")
    if isinstance(value, str):
        _become(answer, b"text/plain; charset=utf-8", value.encode())
    else:
        _become(answer, b"application/json", json_codec.encode(None if value is MISSING else value))


def _become(answer: Answer, kind: bytes, body: bytes) -> None:
    answer.body = body
    answer.headers = replaced(answer.headers, b"content-type", kind)

"""The head of a streamed answer: the status and fields of the upstream that fit its body, and what the file says.

Made once the head of the reply is there and before anything of its body is; nothing here can read the body.
"""

from __future__ import annotations

from collections.abc import Callable

from aggregator.http import has_body
from aggregator.parts.names import Names
from aggregator.parts.result import Result
from aggregator.plan.types import EndpointPlan
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.answers.assembly import add_cookies, add_headers, status_from
from aggregator.runtime.answers.passing import all_fields, fields_taken, needed_fields, standing_statuses, varying
from aggregator.transport import codings_named

Head = Callable[[Result, Names], Answer]

_DESCRIBING = frozenset({b"content-length", b"content-encoding", b"content-disposition", b"content-range",
                         b"accept-ranges", b"etag", b"last-modified", b"cache-control", b"vary"})  # fmt: skip
_OF_A_BODY = frozenset({b"content-type", b"content-length", b"content-encoding"})


def compile_head(plan: EndpointPlan) -> Head:
    """Return the function from the result of a call, as far as its head tells, to an answer without its body.

    It raises ``ExpressionError``. A part of a body keeps its 206, which its ``content-range`` goes with (RFC 9110
    §15.3.7).
    """
    response, standing = plan.response, standing_statuses(plan)

    def head(result: Result, names: Names) -> Answer:
        kind = result.content_type
        described = [] if kind is None else [(b"content-type", kind)]
        described += [field for field in result.headers if _describes(field)]
        answer = Answer(result.status, described, b"")
        if result.status not in standing:
            if response.status_expression is not None:
                answer.status = status_from(response.status_expression, names)
            elif response.status is not None:
                answer.status = response.status
        known = {name for name, _ in described}
        answer.headers += [f for f in needed_fields(answer.status, result.headers) if f[0] not in known]
        if response.pass_all:
            known = {name for name, _ in answer.headers}
            answer.headers += [field for field in all_fields(result.headers) if field[0] not in known]
            answer.headers = varying(answer.headers, response.varies)
        if response.pass_headers:
            known = {name for name, _ in answer.headers}
            taken = fields_taken(response.pass_headers, (result,))
            answer.headers += [field for field in taken if field[0] not in known]
        if response.headers:
            add_headers(answer, response.headers, names)
        if response.cookies:
            add_cookies(answer, response.cookies, names)
        _frame(answer, result.status)
        return answer

    return head


def _describes(field: tuple[bytes, bytes]) -> bool:
    """Return whether *field* is true of the body as the client gets it: a word that is no coding tells it nothing."""
    name, value = field
    return name in _DESCRIBING and (name != b"content-encoding" or bool(codings_named((value,))))


def _frame(answer: Answer, sent: int) -> None:
    """Make the fields about the body fit *answer*; *sent* is the status of the reply that its body comes from."""
    if has_body(answer.status) and has_body(sent):
        return
    unwanted = _OF_A_BODY if has_body(sent) else (b"content-length",)
    answer.headers = [field for field in answer.headers if field[0] not in unwanted]
    if has_body(answer.status):
        answer.headers.append((b"content-length", b"0"))

"""The answer of an issuer about a token (RFC 7662 §2.2), judged by the rules of a scheme."""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct

from aggregator.identity.caller import Caller, Reason, Refused, texts_at
from aggregator.identity.tokens import audiences, is_number, issuer_of, read_token

_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{1,16384}=*")
"""RFC 6750 §2.1, and not without end."""


class AnswerRules(Struct, frozen=True):
    """The rules for an answer. *issuer* is None for any; *scopes_at* and *roles_at* are paths in the answer."""

    issuer: str | None = None
    audience: tuple[str, ...] = ()
    scopes_at: tuple[str, ...] = ("scope",)
    roles_at: tuple[str, ...] = ()


def check_form(text: str, rules: AnswerRules) -> None:
    """Raise ``Refused`` for a text that nobody has to be asked about: no token, or one of another issuer."""
    if not _TOKEN.fullmatch(text):
        raise Refused(Reason.MALFORMED)
    if rules.issuer is not None and text.count(".") == 2:
        try:
            named = issuer_of(read_token(text))
        except Refused:  # a text of the issuer's own form
            return
        if named and named != rules.issuer:
            raise Refused(Reason.WRONG_ISSUER)


def judge_answer(answer: Any, scheme: str, rules: AnswerRules, now: float) -> Caller:
    """Return the caller that *answer* speaks of; raises ``Refused``, and ``ValueError`` for what is no answer."""
    if not isinstance(answer, dict) or not isinstance(answer.get("active"), bool):
        raise ValueError("it does not say whether the token is active")
    if not answer["active"]:
        raise Refused(Reason.UNKNOWN)
    ends, starts = answer.get("exp"), answer.get("nbf", 0)
    if (ends is not None and not is_number(ends)) or not is_number(starts):
        raise ValueError("its times are no numbers")
    if ends is not None and now >= ends:
        raise Refused(Reason.EXPIRED)
    if now < starts:
        raise Refused(Reason.NOT_YET_VALID)
    if rules.issuer is not None and answer.get("iss", rules.issuer) != rules.issuer:
        raise Refused(Reason.WRONG_ISSUER)
    if rules.audience and not audiences(answer.get("aud")) & set(rules.audience):
        raise Refused(Reason.WRONG_AUDIENCE)
    subject, issuer = answer.get("sub"), answer.get("iss")
    return Caller(
        scheme,
        subject if isinstance(subject, str) else "",
        issuer if isinstance(issuer, str) else "",
        answer,
        texts_at(answer, rules.scopes_at),
        texts_at(answer, rules.roles_at) if rules.roles_at else (),
        until=float("inf") if ends is None else float(ends),
    )

"""What an issuer answers about a token (RFC 7662), judged by the rules of a scheme; and what nobody is asked about."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.identity.answers import AnswerRules, check_form, judge_answer
from aggregator.identity.caller import Caller, Reason, Refused
from tests.identity.test_tokens import b64

NOW = 1000.0
ISSUER = "https://id.test"
RULES = AnswerRules(ISSUER, ("shop", "till"), roles_at=("realm", "roles"))


def reason(answer: dict[str, Any], rules: AnswerRules = RULES) -> Reason | None:
    """Return why *answer* refuses; None where it admits."""
    try:
        judge_answer({"active": True, "aud": "shop", **answer}, "customers", rules, NOW)
    except Refused as refused:
        return refused.reason
    return None


def test_the_caller_of_an_answer() -> None:
    """Who, with which scopes and roles, until when; all of the answer are its claims."""
    answer = {
        "active": True, "sub": "ada", "iss": ISSUER, "aud": ["x", "till"], "exp": 1001, "scope": "a b",
        "realm": {"roles": ["admin", 7]},
    }  # fmt: skip
    assert judge_answer(answer, "customers", RULES, NOW) == Caller(
        "customers", "ada", ISSUER, answer, ("a", "b"), ("admin",), until=1001.0
    )


def test_an_answer_that_says_nothing_more() -> None:
    """Nobody by name, for good; where no place of roles is declared there are none, whatever the answer is."""
    answer = {"active": True, "sub": 7, "iss": ["x"], "scope": ["a"]}
    assert judge_answer(answer, "customers", AnswerRules(), NOW) == Caller("customers", "", "", answer, ("a",), ())


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"active": False}, Reason.UNKNOWN),
        ({"exp": 1000}, Reason.EXPIRED),
        ({"exp": 1000.5}, None),
        ({"nbf": 1000}, None),
        ({"nbf": 1000.5}, Reason.NOT_YET_VALID),
        ({"iss": "https://else.test"}, Reason.WRONG_ISSUER),
        ({"iss": ISSUER}, None),
        ({}, None),
        ({"aud": "other"}, Reason.WRONG_AUDIENCE),
        ({"aud": None}, Reason.WRONG_AUDIENCE),
        ({"aud": ["other", "shop"]}, None),
    ],
)
def test_whom_an_answer_refuses(answer: dict[str, Any], why: Reason | None) -> None:
    """At its bounds of time, and where it names another issuer or audience; one that names no issuer may be ours."""
    assert reason(answer) is why


def test_rules_that_name_nobody_admit_all() -> None:
    """Any issuer, any audience."""
    assert reason({"iss": "https://else.test", "aud": "other"}, AnswerRules()) is None


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (None, "it does not say whether the token is active"),
        ({}, "it does not say whether the token is active"),
        ({"active": 1}, "it does not say whether the token is active"),
        ({"active": True, "exp": "soon"}, "its times are no numbers"),
        ({"active": True, "exp": True}, "its times are no numbers"),
        ({"active": True, "nbf": "soon", "exp": 2000}, "its times are no numbers"),
        ({"active": True, "nbf": None}, "its times are no numbers"),
    ],
)
def test_what_is_no_answer(answer: Any, why: str) -> None:
    """It admits nobody, and is no refusal either."""
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the whole sentence follows
        judge_answer(answer, "customers", RULES, NOW)
    assert str(refused.value) == why


def token(issuer: Any) -> str:
    """Return what looks like a token of *issuer*."""
    return f"{b64({'alg': 'RS256'})}.{b64({'iss': issuer})}.{b64(b'x')}"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", Reason.MALFORMED),
        ("a b", Reason.MALFORMED),
        ("a=b", Reason.MALFORMED),
        ("a" * 16_384, None),
        ("a" * 16_385, Reason.MALFORMED),
        ("ab==", None),
        ("a.b", None),
        ("a.b.c", None),
        (token(ISSUER), None),
        (token("https://else.test"), Reason.WRONG_ISSUER),
        (token(7), None),
        (f"{token('https://else.test')}.x", None),
    ],
)
def test_what_nobody_is_asked_about(text: str, why: Reason | None) -> None:
    """What is no token, and a token that names another issuer; others may be of a form of the issuer's own."""
    try:
        check_form(text, RULES)
        found = None
    except Refused as refused:
        found = refused.reason
    assert found is why


def test_a_scheme_of_any_issuer_asks_about_all_tokens() -> None:
    """Whomever they name."""
    check_form(token("https://else.test"), AnswerRules())

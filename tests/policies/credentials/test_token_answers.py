"""What a token endpoint may answer, and what of it is believed (RFC 6749 §5)."""

from __future__ import annotations

import json

import pytest

from aggregator.policies.credentials.oauth.granting import LIFE, NotGranted, read_answer

GOOD = {"access_token": "abc.DEF-1~2/+==", "token_type": "Bearer", "expires_in": 3600}


def body(**changes: object) -> bytes:
    """Return a good answer with *changes*; what is None is left out."""
    return json.dumps({name: value for name, value in (GOOD | changes).items() if value is not None}).encode()


@pytest.mark.parametrize(
    ("changes", "life"),
    [
        ({}, 3600),
        ({"token_type": "bearer"}, 3600),
        ({"token_type": None}, 3600),
        ({"expires_in": None}, LIFE),
        ({"expires_in": "3599"}, 3599),
        ({"expires_in": 0.5}, 0.5),
        ({"expires_in": 10**12}, 86_400 * 365),
        ({"expires_in": "9" * 400}, 86_400 * 365),
        ({"scope": "other", "id_token": "x", "refresh_token": None}, 3600),
    ],
)
def test_a_good_answer_is_taken(changes: dict[str, object], life: float) -> None:
    """With a life as a number or as digits, or without one; beyond a year nothing is believed."""
    granted = read_answer(200, body(**changes))
    assert (granted.token, granted.life, granted.refresh_token) == (GOOD["access_token"], life, None)
    assert "abc" not in repr(granted)


@pytest.mark.parametrize(
    ("status", "text", "reason"),
    [
        (400, b'{"error": "invalid_client", "error_description": "secret s3cr3t"}', "answered 400 (invalid_client)"),
        (401, b'{"error": "the s3cr3t is wrong"}', "answered 401"),
        (500, b"<html>s3cr3t</html>", "answered 500"),
        (302, b"", "answered 302"),
        (400, b'["invalid_client"]', "answered 400"),
        (400, b'{"error": {"a": 1}}', "answered 400"),
        (200, b"<html>sign in</html>", "no JSON object"),
        (200, b"", "no JSON object"),
        (200, b"[]", "no JSON object"),
        (200, b"[" * 100_000, "no JSON object"),
        (200, b"\xff\xfe", "no JSON object"),
        (200, body(access_token=None), "has no token"),
        (200, body(access_token=""), "cannot be sent"),
        (200, body(access_token=7), "cannot be sent"),
        (200, body(access_token="a\r\nx-admin: 1"), "cannot be sent"),
        (200, body(access_token="a b"), "cannot be sent"),
        (200, body(access_token="ä"), "cannot be sent"),
        (200, body(access_token="a\x00"), "cannot be sent"),
        (200, body(access_token="a\n"), "cannot be sent"),
        (200, body(access_token="a" * 20_000), "longer than"),
        (200, body(refresh_token="a\r\nb"), "refresh token has characters"),
        (200, body(token_type="mac"), "another type"),
        (200, body(token_type="N_A"), "another type"),
        (200, body(token_type=["Bearer"]), "another type"),
        (200, body(expires_in=0), "ended already"),
        (200, body(expires_in=-5), "ended already"),
        (200, b'{"access_token": "a", "expires_in": NaN}', "no JSON object"),
        (200, body(expires_in="soon"), "no number of seconds"),
        (200, body(expires_in="-5"), "no number of seconds"),
        (200, body(expires_in=True), "no number of seconds"),
        (200, body(expires_in=[60]), "no number of seconds"),
    ],
)
def test_a_wrong_answer_is_refused_in_our_own_words(status: int, text: bytes, reason: str) -> None:
    """Nothing that the server wrote is told, but for the codes of the RFC."""
    with pytest.raises(NotGranted) as caught:
        read_answer(status, text)
    assert reason in str(caught.value)
    assert "s3cr3t" not in str(caught.value)

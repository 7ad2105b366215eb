"""What operators see of requests, URLs and fields: everything but the secrets."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest

from aggregator.telemetry import redaction
from aggregator.telemetry.redaction import (
    MASK,
    Masker,
    redact_named,
    redact_text,
    redact_value,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET /a?token=abc HTTP/1.1", f"GET /a?token={MASK} HTTP/1.1"),
        ("/a?page=2&API_KEY=abc&size=5#top", f"/a?page=2&API_KEY={MASK}&size=5#top"),
        ("https://joe:pw@users.example/x", f"https://{MASK}@users.example/x"),
        ("redis://:pw@cache:6379/0 and /b?sig=1", f"redis://{MASK}@cache:6379/0 and /b?sig={MASK}"),
        ("/a?tokens=3&mytoken=4", "/a?tokens=3&mytoken=4"),
        ("mail joe@users.example", "mail joe@users.example"),
        ("https://users.example/@joe?q=a@b", "https://users.example/@joe?q=a@b"),
        ("/a?token=", "/a?token="),
    ],
)
def test_urls_in_text_lose_their_credentials(text: str, shown: str) -> None:
    """Userinfo and secret query values are masked wherever a URL stands; everything else stays."""
    assert redact_text(text) == shown


def test_secret_names_are_masked_at_every_depth() -> None:
    """A field named like a secret is masked whole, in maps and in lists of maps."""
    value = {
        "headers": {"Cookie": "a=1", "accept": "*/*"},
        "calls": [{"password": ["x"]}, {"url": "/a?code=7"}],
    }
    assert redact_value(value) == {
        "headers": {"Cookie": MASK, "accept": "*/*"},
        "calls": [{"password": MASK}, {"url": f"/a?code={MASK}"}],
    }


def test_a_code_is_a_secret_in_a_query_only() -> None:
    """`code` is a one-time password in a URL, but the exit or error code of a field."""
    assert redact_named("code", 7) == 7
    assert redact_text("/callback?code=7") == f"/callback?code={MASK}"


def test_values_become_json_like() -> None:
    """Numbers, truth and null stay; what JSON cannot say becomes text."""
    assert redact_value((1, True, None, 1.5, float("inf"), b"x")) == [1, True, None, 1.5, "inf", "b'x'"]


def test_known_secrets_are_masked_anywhere() -> None:
    """A secret is masked as it is and percent-encoded; one that begins with another is masked whole."""
    masker = Masker(["hunter2", "hunter2-and-more", "a/b c"])
    assert masker("x=hunter2-and-more y=hunter2") == f"x={MASK} y={MASK}"
    assert masker("/p/a%2Fb%20c and a/b c") == f"/p/{MASK} and {MASK}"


def test_a_long_secret_is_masked_in_either_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of megabytes may be a secret: no pattern is made of it, which would hold up the loop for seconds."""
    made: list[int] = []
    compiled = re.compile
    monkeypatch.setattr(redaction.re, "compile", lambda pattern: made.append(len(pattern)) or compiled(pattern))
    long = "key of / ä\n" * 30
    masker = Masker([long, long + "and more", "short"])
    assert masker(f"a {long} b {long}and more, short {long[:-1]}") == f"a {MASK} b {MASK}, {MASK} {long[:-1]}"
    assert masker(f"/x?page={quote(long, safe='')}&y=1") == f"/x?page={MASK}&y=1"
    assert made == [len("short")]


def test_short_and_empty_secrets_mask_nothing() -> None:
    """A secret that is in every other word would make every line useless."""
    assert Masker(["", "a", "abc"])("abc aaa") == "abc aaa"


def test_a_masker_forgets_what_was_a_secret_long_ago() -> None:
    """A secret that rotates for ever takes no more memory, and no more time for each line, than sixteen of them."""
    masker = Masker()
    for number in range(100):
        masker.learn([f"secret-{number:03}", "lasting-secret"])
        masker.learn([f"secret-{number:03}", "lasting-secret"])
    assert repr(masker) == "Masker(17 secrets)"
    assert masker("secret-083 secret-084 lasting-secret") == f"secret-083 {MASK} {MASK}"


def test_a_masker_keeps_the_last_secrets_and_never_tells() -> None:
    """Secrets of the file before a reload stay hidden, also from a debugger's view of the masker."""
    masker = Masker(["old-secret"])
    masker.learn(["new-secret"])
    assert masker("old-secret new-secret") == f"{MASK} {MASK}"
    assert repr(masker) == "Masker(2 secrets)"

"""Accept headers against offers (RFC 9110 §12.5.1)."""

from __future__ import annotations

import pytest

from aggregator.codecs.negotiation import negotiate, offers_for, response_codec
from aggregator.errors import StartupError

JSON, XML, PACK = "application/json", "application/xml", "application/vnd.msgpack"
OFFERS = (JSON, XML, PACK)


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, JSON),
        (b"", JSON),
        (b"*/*", JSON),
        (b"application/json", JSON),
        (b"application/xml", XML),
        (b"APPLICATION/XML", XML),
        (b"application/*", JSON),
        (b"text/html, application/xml;q=0.9, */*;q=0.8", XML),
        (b"application/json;q=0.5, application/xml;q=0.6", XML),
        (b"application/*;q=0.5, application/json;q=0", XML),
        (b"*/*, application/json;q=0, application/xml;q=0.0", PACK),
        (b"application/json; charset=utf-8", JSON),
        (b"application/json;odata=verbose;q=0.1, application/xml;q=0.2", XML),
        (b'application/xml;a=",q=0";q=1, application/json;q=0.9', XML),
        (b"text/html", None),
        (b"application/json;q=0.001, application/xml;q=0", JSON),
        (b"application/xml;q=1.0, application/json;q=1", JSON),
        (b"application/xml;q=0.5, application/xml;q=0, application/json;q=0.1", JSON),
        (b"application/xml; Q = 0.5 ;x=1, application/json;q=0.4", XML),
        (b"text/*, application/*;q=0", None),
        (b"*/*;q=0, application/*", JSON),
        (b"*/*;q=0", None),
        (b"application/json;q=0", None),
        (b"text/html, application/json;q=0.001", JSON),
        (b"nonsense", JSON),
        (b"nonsense, application/xml", XML),
        (b"application/json;q=7, application/xml;q=0.1", XML),
        (b",,application/xml,,", XML),
        (b"application/xml" + b" " * 300, XML),
    ],
)
def test_the_best_offer_is_chosen(accept: bytes | None, chosen: str | None) -> None:
    """Weights, wildcards and specificity; equals by the server's preference; what is unreadable does not count."""
    assert negotiate(accept, OFFERS) == chosen


def test_hostile_headers_take_no_time() -> None:
    """Quotes, blanks and commas by the thousand are read in one pass."""
    for junk in (b'"\\' * 20_000, b";" * 20_000, b" " * 40_000, b"a/b;q=" * 8_000, b"," * 40_000):
        assert negotiate(junk, OFFERS) in (JSON, None)


def test_offers_come_from_formats() -> None:
    """Every name of a format is offered, and answered with the name that was asked for."""
    offers = offers_for(["json", "xml", "msgpack"])
    assert negotiate(b"text/xml", offers) == "text/xml"
    codec, content_type = response_codec("text/xml")
    assert (codec.name, content_type) == ("xml", b"text/xml")
    assert response_codec("text/csv")[1] == b"text/csv; charset=utf-8"
    with pytest.raises(StartupError):
        offers_for(["yaml"])

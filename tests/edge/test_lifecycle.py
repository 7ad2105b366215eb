"""The fields that announce the end of an endpoint."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from aggregator.edge.lifecycle import lifecycle_fields


def test_all_of_it() -> None:
    """RFC 9745 wants seconds with an @, RFC 8594 a date of HTTP, RFC 8288 a link."""
    assert lifecycle_fields(datetime(2026, 6, 1, tzinfo=UTC), datetime(2027, 1, 1), "/v2") == [
        (b"deprecation", b"@1780272000"),
        (b"sunset", b"Fri, 01 Jan 2027 00:00:00 GMT"),
        (b"link", b'</v2>; rel="successor-version"'),
    ]


def test_a_moment_elsewhere() -> None:
    """A moment with a zone of its own is said in UTC."""
    moment = datetime(2027, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    assert lifecycle_fields(None, moment, None) == [(b"sunset", b"Fri, 01 Jan 2027 00:00:00 GMT")]


def test_nothing() -> None:
    """What is not said has no field."""
    assert lifecycle_fields(None, None, None) == []

"""The end of an endpoint's life, said in its answers: ``Deprecation`` (RFC 9745), ``Sunset`` (RFC 8594), ``Link``."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

from aggregator.http import HeaderList


def lifecycle_fields(since: datetime | None, sunset: datetime | None, see: str | None) -> HeaderList:
    """Return the fields that say: deprecated *since*, gone after *sunset*, replaced by what is at *see*.

    Moments without a zone are UTC. ``Link`` has the relation ``successor-version`` (RFC 5829 §3.4).
    """
    fields: HeaderList = []
    if since is not None:
        fields.append((b"deprecation", b"@%d" % int(_utc(since).timestamp())))
    if sunset is not None:
        fields.append((b"sunset", format_datetime(_utc(sunset), usegmt=True).encode()))
    if see is not None:
        fields.append((b"link", f'<{see}>; rel="successor-version"'.encode()))
    return fields


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

"""Content codings undone with a cap on what comes out (RFC 9110 §8.4); used by both doors."""

from __future__ import annotations


def accept_encoding() -> bytes:
    """Give the value of ``Accept-Encoding`` that names what can be decoded here, best first."""
    return b"gzip, deflate"

"""Status lines of HTTP/1.1 as bytes, by status."""

from __future__ import annotations

from aggregator.http import phrase

STATUS_LINES = {status: f"HTTP/1.1 {status} {phrase(status)}\r\n".encode() for status in range(100, 600)}

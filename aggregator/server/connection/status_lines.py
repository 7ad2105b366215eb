"""Status lines of HTTP/1.1 as bytes, by status."""

from __future__ import annotations

from aggregator.runtime.answers.answer import title_of

STATUS_LINES = {status: f"HTTP/1.1 {status} {title_of(status)}\r\n".encode() for status in range(100, 600)}

"""Signatures with a shared secret, over what the file says of the request as it is sent."""

from __future__ import annotations

import base64
import hmac
from typing import Any

from aggregator.http import HeaderList, header_map
from aggregator.policies.credentials.plan import HmacPlan

SENT_FIELDS = ("method", "path", "query", "body", "headers")
"""What ``sent`` has in the template."""


class SharedSecret:
    """Signs requests by *plan*."""

    def __init__(self, plan: HmacPlan) -> None:
        self._plan = plan
        self._secret = plan.secret.value.encode()
        self._reads_headers = any(reference[1:2] in ((), ("headers",)) for reference in plan.over.references)

    def lines(self, method: bytes, target: bytes, headers: HeaderList, body: bytes | None, _: float) -> bytes:
        """Return the header line that signs a request; raises ``ExpressionError``.

        The body is text in UTF-8; bytes that are none go through unchanged.
        """
        path, _mark, query = target.partition(b"?")
        sent: dict[str, Any] = {
            "method": method.decode("ascii"),
            "path": path.decode("latin-1"),
            "query": query.decode("latin-1"),
            "body": (body or b"").decode("utf-8", "surrogateescape"),
            "headers": header_map(headers) if self._reads_headers else {},
        }
        text = self._plan.over.render_text({"sent": sent}) or ""
        digest = hmac.digest(self._secret, text.encode("utf-8", "surrogateescape"), self._plan.algorithm)
        written = digest.hex() if self._plan.encoding == "hex" else base64.b64encode(digest).decode("ascii")
        return b"%b: %b%b\r\n" % (self._plan.header, self._plan.prefix.encode(), written.encode())

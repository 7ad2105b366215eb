"""The headers that a browser is to treat answers strictly by: those of an API, which is no page."""

from __future__ import annotations

from typing import Final

STRICT: Final = (
    (b"strict-transport-security", b"max-age=31536000"),
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""Names and values. A page has a policy of its own, which stays; requests by CORS are not subject to the last one."""

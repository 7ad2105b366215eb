"""Where an upstream is, and what it is called there."""

from __future__ import annotations

import pytest

from aggregator.transport.settings import Origin


@pytest.mark.parametrize(
    ("url", "host", "authority", "certified"),
    [
        ("https://api.test", "api.test", b"api.test", "api.test"),
        ("https://api.test.:8443/x", "api.test.", b"api.test.:8443", "api.test"),
        ("https://[fe80::1%25Eth0]/x", "fe80::1%Eth0", b"[fe80::1]", "fe80::1"),
        ("http://[::1]:81", "::1", b"[::1]:81", "::1"),
    ],
)
def test_an_origin(url: str, host: str, authority: bytes, certified: str) -> None:
    """The dot and the zone say where to connect; no certificate has them, and no server is told a zone."""
    origin = Origin.parse(url)
    assert (origin.host, origin.authority, origin.certified_name) == (host, authority, certified)

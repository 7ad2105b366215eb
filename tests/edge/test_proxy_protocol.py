"""The PROXY protocol, versions 1 and 2, whole and in pieces."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.edge.proxy_protocol import SIGNATURE, ProxyHeader, read_header


def binary(client: str = "192.0.2.1", command: int = 1, extra: bytes = b"", family: int | None = None) -> bytes:
    """Return a header of version 2."""
    address = ip_address(client).packed
    code = {4: 0x11, 16: 0x21}[len(address)] if family is None else family
    rest = address * 2 + (51000).to_bytes(2) + (443).to_bytes(2) + extra
    return SIGNATURE + bytes([0x20 | command, code]) + len(rest).to_bytes(2) + rest


@pytest.mark.parametrize(
    ("data", "client"),
    [
        (b"PROXY TCP4 192.0.2.1 198.51.100.1 51000 443\r\n", "192.0.2.1"),
        (b"PROXY TCP6 2001:db8::1 2001:db8::2 51000 443\r\n", "2001:db8::1"),
        (b"PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.1 51000 443\r\n", "192.0.2.1"),
        (b"PROXY UNKNOWN\r\n", ""),
        (b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", ""),
        (binary(), "192.0.2.1"),
        (binary("2001:db8::1"), "2001:db8::1"),
        (binary("::ffff:192.0.2.1"), "192.0.2.1"),
        (binary(extra=b"\x04\x00\x01x"), "192.0.2.1"),
        (binary(command=0), ""),
        (binary(extra=bytes(2048 - 12)), "192.0.2.1"),
        (b"PROXY UNKNOWN " + b"1" * 91 + b"\r\n", ""),
        (b"PROXY TCP4 192.0.2.1 198.51.100.1 51000 65535\r\n", "192.0.2.1"),
        (binary(family=0x31), ""),
    ],
)
def test_a_header_in_any_pieces(data: bytes, client: str) -> None:
    """A header is known when its last byte is there, not before; what follows it is not touched."""
    assert all(read_header(data[:cut]) is None for cut in range(len(data)))
    port = 51000 if client else 0
    assert read_header(data + b"GET / HTTP/1.1\r\n") == ProxyHeader(client, port, len(data))


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        b"PROXY TCP4 192.0.2.1\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.1 51000 70000\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.1 -1 443\r\n",
        b"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
        b"PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.1 51000 65536\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.1 51000 000443\r\n",
        b"PROXY TCP4 " + b"1" * 96,
        b"PROXY UNKNOWN " + b"1" * 92 + b"\r\n",
        SIGNATURE + b"\x22\x11\x00\x0c" + b"\x00" * 12,
        SIGNATURE + b"\x21\x11\x08\x01",
        b"PROXY TCP4 evil 198.51.100.1 1 2\r\n",
        b"PROXY  TCP4 192.0.2.1 198.51.100.1 1 2\r\n",
        b"PROXY TCP4 " + b"1" * 200,
        SIGNATURE + b"\x31\x11\x00\x0c" + b"\x00" * 12,
        SIGNATURE + b"\x2f\x11\x00\x0c" + b"\x00" * 12,
        SIGNATURE + b"\x21\x11\x00\x04" + b"\x00" * 4,
        SIGNATURE + b"\x21\x11\xff\xff",
        b"\x16\x03\x01",
    ],
)
def test_what_is_no_header(data: bytes) -> None:
    """Anything else is refused, early: no address is guessed, and nothing is waited for without end."""
    with pytest.raises(ValueError, match=r"^(it|the) [A-Za-z 0-9]*PROXY header[a-z ]*$"):
        read_header(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_judged(data: bytes) -> None:
    """No bytes make the reader fail in another way than by refusing."""
    for start in (b"", SIGNATURE, b"PROXY TCP4 "):
        try:
            found = read_header(start + data)
        except ValueError:
            continue
        assert found is None or found.length <= len(start + data)

"""The PROXY protocol of HAProxy, versions 1 and 2: the address of the client, said before its first byte.

The source is haproxy.org/download/3.2/doc/proxy-protocol.txt (§2). A connection that has to begin with it and does
not is closed: guessing would let anybody choose an address.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from msgspec import Struct

from aggregator.edge.networks import plain_address

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_LONGEST_TEXT = 107
_LONGEST_BINARY = 16 + 2048
_PORT_BYTES = 4
_MALFORMED = "the PROXY header is malformed"


class ProxyHeader(Struct, frozen=True):
    """A PROXY header: address and *port* of the *client*, and the number of its own bytes.

    The client is empty when the proxy speaks for itself (a health check), or knows no address.
    """

    client: str
    port: int
    length: int


def read_header(data: bytes) -> ProxyHeader | None:
    """Return the header at the beginning of *data*; None when more bytes are needed.

    Raises ``ValueError`` for what is no header, or one that is longer than any should be.
    """
    if data[: len(SIGNATURE)] == SIGNATURE[: len(data)]:
        return _read_binary(data) if len(data) >= 16 else None
    if data[:6] == b"PROXY "[: len(data)]:
        return _read_text(data)
    raise ValueError("it does not begin with a PROXY header")


def _read_text(data: bytes) -> ProxyHeader | None:
    line, found, _ = data[:_LONGEST_TEXT].partition(b"\r\n")
    if not found:
        if len(data) >= _LONGEST_TEXT:
            raise ValueError("the PROXY header has no end")
        return None
    words = line.decode("latin-1").split(" ")
    length = len(line) + 2
    if words[1:2] == ["UNKNOWN"]:
        return ProxyHeader("", 0, length)
    if len(words) != 6 or not all(_is_port(word) for word in words[4:]):
        raise ValueError(_MALFORMED)
    family = {"TCP4": IPv4Address, "TCP6": IPv6Address}.get(words[1])
    try:
        client, server = ip_address(words[2]), ip_address(words[3])
    except ValueError:
        raise ValueError(_MALFORMED) from None
    if type(client) is not family or type(server) is not family or b"%" in line:
        raise ValueError(_MALFORMED)
    return ProxyHeader(plain_address(str(client)), int(words[4]), length)


def _is_port(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) <= 5 and int(word) < 65536


def _read_binary(data: bytes) -> ProxyHeader | None:
    version, command, family = data[12] >> 4, data[12] & 15, data[13]
    length = 16 + int.from_bytes(data[14:16])
    if version != 2 or command > 1:
        raise ValueError("the PROXY header has an unknown version or command")
    if length > _LONGEST_BINARY:
        raise ValueError("the PROXY header is too long")
    if len(data) < length:
        return None
    size = {0x11: 4, 0x21: 16}.get(family)
    if command == 0 or size is None:  # LOCAL, or a family that has no address of a network
        return ProxyHeader("", 0, length)
    if length - 16 < 2 * size + _PORT_BYTES:
        raise ValueError(_MALFORMED)
    port = int.from_bytes(data[16 + 2 * size : 16 + 2 * size + 2])
    return ProxyHeader(plain_address(str(ip_address(data[16 : 16 + size]))), port, length)

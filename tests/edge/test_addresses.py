"""Where a server listens, as files write it, and who can reach that."""

from __future__ import annotations

import pytest

from aggregator.edge.addresses import TcpAddress, UnixAddress, parse_tcp


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("0.0.0.0:8443", "0.0.0.0", 8443),
        ("[::1]:9000", "::1", 9000),
        ("[fe80::1%eth0]:1", "fe80::1%eth0", 1),
        ("localhost:0", "localhost", 0),
        ("api.test:65535", "api.test", 65535),
        ("api.test:00080", "api.test", 80),
    ],
)
def test_a_host_and_a_port(text: str, host: str, port: int) -> None:
    """They are read, and written as they were read, but for zeros."""
    found = parse_tcp(text)
    assert found == TcpAddress(host, port)
    assert parse_tcp(str(found)) == found
    assert str(found).startswith(text.rpartition(":")[0])


@pytest.mark.parametrize(
    ("text", "lacks"),
    [
        ("8443", "a host and a port are expected"),
        (":8443", "a host and a port are expected"),
        ("", "a host and a port are expected"),
        ("::1:8443", "an IPv6 address stands in brackets"),
        ("[127.0.0.1]:80", "only an IPv6 address stands in brackets"),
        ("[::1:80", "an IPv6 address stands in brackets"),
        ("::1]:80", "an IPv6 address stands in brackets"),
        ("a:65536", "the port is a number from 0 to 65535"),
        ("a:000080", "the port is a number from 0 to 65535"),
        ("a:", "the port is a number from 0 to 65535"),
        ("a:-1", "the port is a number from 0 to 65535"),
        ("a:٣", "the port is a number from 0 to 65535"),
        ("a/b:80", "this is not the name or the address of a host"),
        ("user@a:80", "this is not the name or the address of a host"),
        ("a b:80", "this is not the name or the address of a host"),
    ],
)
def test_what_an_address_lacks(text: str, lacks: str) -> None:
    """It is told in a sentence."""
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the whole sentence follows
        parse_tcp(text)
    assert str(refused.value) == lacks


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("::1%lo", True), ("LocalHost", True),
        ("0.0.0.0", False), ("10.0.0.1", False), ("::", False), ("fe80::1%lo", False), ("localhost.test", False),
    ],
)  # fmt: skip
def test_who_can_reach_a_port(host: str, is_loopback: bool) -> None:
    """Its own machine alone, or others; on the machine any user can."""
    address = TcpAddress(host, 80)
    assert (address.is_loopback, address.is_private) == (is_loopback, False)


@pytest.mark.parametrize(
    ("mode", "is_private"), [(0o600, True), (0o700, True), (0o660, False), (0o601, False), (0o640, False), (0, True)]
)
def test_who_can_reach_a_socket(mode: int, is_private: bool) -> None:
    """Those of this machine whom its bits let in."""
    address = UnixAddress("/run/api.sock", mode)
    assert (str(address), address.is_loopback, address.is_private) == ("unix:/run/api.sock", True, is_private)


def test_a_socket_is_for_its_group() -> None:
    """Where the file says nothing else."""
    assert UnixAddress("/run/api.sock").mode == 0o660

"""Addresses and networks: who belongs to which, and which paths are below a prefix."""

from __future__ import annotations

import pytest

from aggregator.edge.networks import (
    NO_NETWORKS,
    Networks,
    client_key,
    is_loopback,
    parse_address,
    parse_networks,
    plain_address,
)
from aggregator.edge.prefixes import is_below, layers_of

NETWORKS = parse_networks(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"])


@pytest.mark.parametrize(
    ("address", "belongs"),
    [
        ("10.0.0.0", True), ("10.255.255.255", True), ("11.0.0.0", False), ("9.255.255.255", False),
        ("192.0.2.7", True), ("192.0.2.8", False), ("2001:db8:ffff::1", True), ("2001:db9::1", False),
        ("::ffff:10.1.2.3", True), ("2001:db8::1%eth0", True), ("::a00:1", False), ("ten", False), ("", False),
    ],
)  # fmt: skip
def test_who_belongs_to_a_network(address: str, belongs: bool) -> None:
    """By the bits of its mask, also as a mapped address; what is no address belongs to none."""
    assert NETWORKS.holds(address) is belongs
    assert NO_NETWORKS.holds(address) is False


def test_who_comes_by_a_socket() -> None:
    """It belongs where the file says `unix:`, beside what else stands there."""
    named = parse_networks(["unix:", "10.0.0.1"])
    assert named == Networks(parse_networks(["10.0.0.1"]).members, has_unix=True)
    assert (named.holds(""), named.holds("10.0.0.1"), NETWORKS.has_unix) == (True, True, False)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("10.0.0.1/8", "this network has host bits set"),
        ("2001:db8::1/32", "this network has host bits set"),
        ("10.0.0.0/33", "this is neither an address nor a network"),
        ("ten", "this is neither an address nor a network"),
    ],
)
def test_what_is_no_network_is_told(text: str, why: str) -> None:
    """Without the text, which may be the value of a variable."""
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the whole sentence follows
        parse_networks(["10.0.0.0/8", text])
    assert str(refused.value) == why


@pytest.mark.parametrize(
    ("text", "address", "plain"),
    [
        ("::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1"),
        ("::FFFF:192.0.2.1", "192.0.2.1", "::FFFF:192.0.2.1"),
        ("fe80::1%eth0", "fe80::1", "fe80::1%eth0"),
        ("192.0.2.1", "192.0.2.1", "192.0.2.1"),
        ("::ffff:x", "None", "::ffff:x"),
        ("", "None", ""),
    ],
)
def test_one_way_to_write_an_address(text: str, address: str, plain: str) -> None:
    """A mapped one is that of the older family; a listener of both families writes it in lower case."""
    assert (str(parse_address(text)), plain_address(text)) == (address, plain)


@pytest.mark.parametrize(
    ("host", "is_one"),
    [("localhost", True), ("127.0.0.2", True), ("::1", True), ("api.test", False), ("10.0.0.1", False), ("", False)],
)
def test_what_is_this_machine(host: str, is_one: bool) -> None:
    """By name or by address."""
    assert is_loopback(host) is is_one


def test_what_is_no_address_is_a_client_of_its_own() -> None:
    """It is counted as it was written."""
    assert client_key("a:b") == "a:b"


@pytest.mark.parametrize(
    ("path", "prefix", "is_one"),
    [
        ("/v1", "/v1", True), ("/v1/", "/v1", True), ("/v1/a", "/v1", True), ("/v10", "/v1", False),
        ("/v1", "/v1/", True), ("/v1/a", "/v1/", True), ("/v", "/v1", False), ("/a", "/", True), ("/", "/", True),
        ("", "/", True),
    ],
)  # fmt: skip
def test_what_is_below_a_prefix(path: str, prefix: str, is_one: bool) -> None:
    """It goes on with a slash, or is the prefix itself."""
    assert is_below(path, prefix) is is_one


def test_the_shortest_prefix_is_the_outermost() -> None:
    """Those that are no prefix of the path are left out."""
    assert layers_of("/v1/users", {"/v1/users": 3, "/": 1, "/v2": 4, "/v1": 2}) == [1, 2, 3]

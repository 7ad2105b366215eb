"""Who the client is: forwarded headers of trusted proxies are believed, those of anybody else are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.edge.forwarded import Origin, forwarded_element, forwarded_hops, origin_of
from aggregator.edge.networks import Networks, client_key, parse_networks

TRUSTED = parse_networks(["10.0.0.0/8", "2001:db8::/32", "unix:"])


def client(peer: str, *lines: str, trusted: Networks = TRUSTED) -> str:
    """Return the client of a request from *peer* with the header *lines*."""
    headers = [
        (name.lower().encode(), value.strip().encode()) for name, _, value in (line.partition(":") for line in lines)
    ]
    return origin_of(peer, "http", "api.test", headers, trusted).client


@pytest.mark.parametrize(
    ("peer", "lines", "found"),
    [
        # nobody in front: whatever it says
        ("192.0.2.7", ["X-Forwarded-For: 203.0.113.1"], "192.0.2.7"),
        ("192.0.2.7", ["Forwarded: for=203.0.113.1"], "192.0.2.7"),
        ("192.0.2.7", [], "192.0.2.7"),
        # one trusted proxy
        ("10.0.0.1", ["X-Forwarded-For: 203.0.113.1"], "203.0.113.1"),
        ("10.0.0.1", ["X-Forwarded-For: 127.0.0.1, 203.0.113.1"], "203.0.113.1"),
        ("10.0.0.1", ["X-Forwarded-For: 127.0.0.1", "X-Forwarded-For: 203.0.113.1"], "203.0.113.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["Forwarded: for=203.0.113.1;proto=https"], "203.0.113.1"),
        ('10.0.0.1', ['Forwarded: for="[2001:DB9::1]:4711"'], "2001:DB9::1"),
        ("10.0.0.1", ["Forwarded: for=127.0.0.1, for=203.0.113.1"], "203.0.113.1"),
        ("10.0.0.1", ["X-Forwarded-For: 203.0.113.1:51234"], "203.0.113.1"),
        # two trusted proxies
        ("10.0.0.1", ["X-Forwarded-For: 1.1.1.1, 203.0.113.1, 10.0.0.2"], "203.0.113.1"),
        ("10.0.0.1", ["Forwarded: for=1.1.1.1, for=203.0.113.1, for=10.0.0.2"], "203.0.113.1"),
        ("10.0.0.1", ["X-Forwarded-For: 10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("", ["X-Forwarded-For: 203.0.113.1"], "203.0.113.1"),
        ("", [], ""),
        ("::ffff:10.0.0.1", ["X-Forwarded-For: 203.0.113.1"], "203.0.113.1"),
        # what is no address ends the search
        ("10.0.0.1", ["Forwarded: for=203.0.113.1, for=unknown, for=10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["Forwarded: for=203.0.113.1, for=_hidden"], "10.0.0.1"),
        ("10.0.0.1", ["X-Forwarded-For: 203.0.113.1, evil"], "10.0.0.1"),
        ("10.0.0.1", ["X-Forwarded-For: "], "10.0.0.1"),
        # Forwarded wins
        ("10.0.0.1", ["X-Forwarded-For: 203.0.113.9", "Forwarded: for=203.0.113.1"], "203.0.113.1"),
        # broken ones end the search, too
        ("10.0.0.1", ['Forwarded: for="203.0.113.1'], "10.0.0.1"),
        ("10.0.0.1", ["Forwarded: for=1.1.1.1;for=2.2.2.2"], "10.0.0.1"),
        ("10.0.0.1", ['Forwarded: for="x, for=203.0.113.1'], "203.0.113.1"),
    ],
)  # fmt: skip
def test_the_right_most_that_is_not_trusted(peer: str, lines: list[str], found: str) -> None:
    """The client is the nearest address that is no proxy of ours, and what it wrote itself counts for nothing."""
    assert client(peer, *lines) == found


@pytest.mark.parametrize(
    ("lines", "origin"),
    [
        (["X-Forwarded-For: 203.0.113.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: Shop.Example.com"],
         Origin("203.0.113.1", "https", "shop.example.com", 443, True)),
        (["X-Forwarded-For: 203.0.113.1", "X-Forwarded-Host: shop.example.com:8443"],
         Origin("203.0.113.1", "http", "shop.example.com", 8443, True)),
        (["X-Forwarded-For: 203.0.113.1, 10.0.0.2", "X-Forwarded-Proto: https, http"],
         Origin("203.0.113.1", "https", "api.test", 8000, True)),
        (["Forwarded: for=203.0.113.1;proto=https;host=shop.example.com"],
         Origin("203.0.113.1", "https", "shop.example.com", 443, True)),
        (["X-Forwarded-For: 203.0.113.1", "X-Forwarded-Host: a/b", "X-Forwarded-Proto: gopher"],
         Origin("203.0.113.1", "http", "api.test", 8000, True)),
        (["X-Forwarded-Host: evil.test"], Origin("10.0.0.1", "http", "api.test", 8000)),
    ],
)  # fmt: skip
def test_scheme_and_host(lines: list[str], origin: Origin) -> None:
    """Scheme, host and port are those that the outermost trusted proxy was asked by; nonsense is left out."""
    headers = [
        (name.lower().encode(), value.strip().encode()) for name, _, value in (line.partition(":") for line in lines)
    ]
    assert origin_of("10.0.0.1", "http", "api.test:8000", headers, TRUSTED) == origin


@given(st.text(max_size=80), st.sampled_from(["forwarded", "x-forwarded-for", "x-forwarded-host"]))
def test_nothing_that_a_client_writes_hides_what_the_proxy_appends(text: str, name: str) -> None:
    """Whatever stands before it, the address that a trusted proxy appends to X-Forwarded-For is the client."""
    headers = [(name.encode(), text.encode()), (b"x-forwarded-for", b"203.0.113.1")]
    found = origin_of("10.0.0.1", "http", "api.test", [h for h in headers if h[0] != b"forwarded"], TRUSTED)
    assert found.client == "203.0.113.1"


@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    """No text of a Forwarded header makes the reader fail."""
    list(forwarded_hops(text))


@pytest.mark.parametrize(
    ("client", "host", "text"),
    [
        ("203.0.113.1", "shop.example.com", "for=203.0.113.1;proto=https;host=shop.example.com"),
        ("2001:db8::1", "shop.example.com:8443", 'for="[2001:db8::1]";proto=https;host="shop.example.com:8443"'),
        ("", "shop", "for=unknown;proto=https;host=shop"),
    ],
)
def test_what_is_written_is_read_again(client: str, host: str, text: str) -> None:
    """An element of ours is one that our own reader understands."""
    assert forwarded_element(client, "https", host) == text
    (hop,) = forwarded_hops(text)
    assert (hop.client, hop.host) == (client or "unknown", host)


@pytest.mark.parametrize("texts", [["10.0.0.1/8"], ["10.0.0.0/33"], ["ten"], [""]])
def test_what_is_no_network(texts: list[str]) -> None:
    """A network with bits behind its mask is refused: somebody meant another one."""
    with pytest.raises(ValueError, match=r"."):
        parse_networks(texts)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_clients_are_counted_by_address(text: str, key: str) -> None:
    """One IPv4 address, or one /64 of IPv6, is one client."""
    assert client_key(text) == key

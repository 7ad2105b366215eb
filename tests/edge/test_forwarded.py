"""Who the client is: forwarded headers of trusted proxies are believed, those of anybody else are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.edge.forwarded import Hop, Origin, chain_of, forwarded_element, forwarded_hops, origin_of
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


@pytest.mark.parametrize(
    ("text", "clients"),
    [
        ("for=1.1.1.1", ["1.1.1.1"]),
        ("for=1.1.1.1,for=2.2.2.2", ["2.2.2.2", "1.1.1.1"]),
        ("for=1.1.1.1,", ["", "1.1.1.1"]),
        (",for=1.1.1.1", ["1.1.1.1", ""]),
        ("x,for=1.1.1.1", ["1.1.1.1"]),
        ("for=1.1.1.1,x", []),
        ("for=1.1.1.1;by=b,for=2.2.2.2;for=3.3.3.3,for=4.4.4.4", ["4.4.4.4"]),
        ("", [""]),
        (",".join(f"for=10.0.{number // 100}.{number % 100}" for number in range(100)),
         [f"10.0.0.{number}" for number in range(99, 35, -1)]),
    ],
)  # fmt: skip
def test_the_elements_of_a_header(text: str, clients: list[str]) -> None:
    """The last first, up to one that is broken, and no more than sixty-four."""
    assert [hop.client for hop in forwarded_hops(text)] == clients


def test_what_an_element_says() -> None:
    """Names in any case, quotes and their escapes; a scheme and a host that are none are left out."""
    (hop,) = forwarded_hops(r'For="[2001:db8::1]:47";PROTO=HTTPS;host="a.test:8443"')
    assert hop == Hop("2001:db8::1", "https", "a.test:8443")
    (hop,) = forwarded_hops(r'for="1.1.1\.1";proto=gopher;host="a/b"')
    assert hop == Hop("1.1.1.1", "", "")


@pytest.mark.parametrize(
    ("peer", "lines", "chain"),
    [
        ("10.0.0.1", ["203.0.113.1, 10.0.0.2"], ["203.0.113.1", "10.0.0.2", "10.0.0.1"]),
        ("10.0.0.1", ["1.1.1.1, 203.0.113.1, 10.0.0.2"], ["203.0.113.1", "10.0.0.2", "10.0.0.1"]),
        ("10.0.0.1", [], ["10.0.0.1"]),
        ("192.0.2.7", ["203.0.113.1"], ["192.0.2.7"]),
        ("", ["203.0.113.1"], ["203.0.113.1"]),
        ("", [], []),
    ],
)
def test_the_addresses_that_a_request_came_by(peer: str, lines: list[str], chain: list[str]) -> None:
    """The client first, then the proxies of ours; what nobody of them said is not among them."""
    assert chain_of(peer, [(b"x-forwarded-for", line.encode()) for line in lines], TRUSTED) == chain


def test_so_many_addresses_are_looked_at() -> None:
    """The nearest sixty-four: a client costs no more by what it writes."""
    line = ", ".join(["203.0.113.1", *["10.0.0.2"] * 64])
    assert client("10.0.0.1", f"X-Forwarded-For: {line}") == "10.0.0.2"
    line = ", ".join(["203.0.113.1", *["10.0.0.2"] * 63])
    assert client("10.0.0.1", f"X-Forwarded-For: {line}") == "203.0.113.1"


@pytest.mark.parametrize(
    ("host", "origin", "is_one"),
    [
        ("api.test", b"http://api.test", True),
        ("api.test", b"HTTP://API.test:80", True),
        ("api.test:8000", b"http://api.test:8000", True),
        ("api.test", b"https://api.test", False),
        ("api.test", b"https://api.test:80", False),
        ("api.test", b"http://api.test:8000", False),
        ("api.test", b"http://other.test", False),
        ("", b"http://", False),
        ("", b"null", False),
    ],
)
def test_whether_an_origin_is_ours(host: str, origin: bytes, is_one: bool) -> None:
    """By scheme, host and port, of which a usual one need not be said; nobody is at no host."""
    assert origin_of("192.0.2.7", "http", host, [], TRUSTED).is_named(origin) is is_one


def test_what_anybody_says_is_not_forwarded() -> None:
    """It is the peer who asked, as it asked: by the port of its scheme where it says none."""
    headers = [(b"forwarded", b"for=203.0.113.1;proto=https;host=evil.test")]
    assert origin_of("192.0.2.7", "https", "API.test", headers, TRUSTED) == Origin(
        "192.0.2.7", "https", "api.test", 443
    )
    assert origin_of("192.0.2.7", "http", "a b", headers, TRUSTED) == Origin("192.0.2.7", "http", "", 80)

"""Which of several declared hosts a `Host` field means."""

from __future__ import annotations

import pytest

from aggregator.edge.hosts import Hosts, hostname_of, is_hostname

NAMES = ["admin.example.com", "*.example.com", "*.eu.example.com", "127.0.0.1", "[::1]", "Shop.Example.Org."]


@pytest.mark.parametrize(
    ("field", "means"),
    [
        ("admin.example.com", "admin.example.com"),
        ("ADMIN.Example.COM", "admin.example.com"),
        ("admin.example.com:8443", "admin.example.com"),
        ("admin.example.com:", "admin.example.com"),
        ("admin.example.com.", "admin.example.com"),
        ("admin.example.com.:80", "admin.example.com"),
        ("other.example.com", "*.example.com"),
        ("a.b.example.com", "*.example.com"),
        ("x.admin.example.com", "*.example.com"),
        ("a.eu.example.com", "*.eu.example.com"),
        ("a.b.eu.example.com", "*.eu.example.com"),
        ("eu.example.com", "*.example.com"),
        ("example.com", ""),
        ("notexample.com", ""),
        ("admin.example.com.evil.org", ""),
        ("127.0.0.1:8000", "127.0.0.1"),
        ("[::1]:8000", "[::1]"),
        ("[::1]", "[::1]"),
        ("shop.example.org", "Shop.Example.Org."),
        ("localhost", ""),
        ("", ""),
    ],
)
def test_a_field_means_a_host(field: str, means: str) -> None:
    """Case, port and last dot count for nothing; an exact name goes before the longest `*.`; all else is the rest."""
    hosts = Hosts("", {name: name for name in NAMES})
    assert [hosts.of_field(field.encode()), hosts.of_field(field.encode()), hosts.of_name(field)] == [means] * 3


def test_what_is_remembered_is_bounded() -> None:
    """Clients that make up hosts take no memory."""
    hosts = Hosts("", {"*.example.com": "star"})
    assert {hosts.of_field(b"h%d.example.com" % number) for number in range(5000)} == {"star"}
    assert len(hosts.remembered) == 5000 - 4 * 1024
    for number in range(5000, 5121):
        hosts.of_field(b"h%d.example.com" % number)
    assert len(hosts.remembered) == 1
    for size in (255, 256, 4000):
        hosts.of_field(b"a" * size)
    assert sorted(map(len, hosts.remembered)) == [17, 255]


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("a.example.com", True), ("*.example.com", True), ("localhost", True), ("10.0.0.1", True), ("[::1]", True),
     ("a_b.example", True), ("*", False), ("a.*.com", False), ("*a.com", False), ("-a.com", False), ("a..com", False),
     ("a" * 63 + ".com", True), ("a" * 64 + ".com", False), (".".join(["a" * 63] * 3 + ["b" * 63]), True),
     (".".join(["a" * 63] * 4) + ".", False),
     ("a.com:80", False), ("http://a.com", False), ("a b", False), ("", False), ("é.com", False)],
)  # fmt: skip
def test_names_of_hosts(name: str, is_one: bool) -> None:
    """Letters, digits, `-` and `_` in labels (RFC 1123), addresses, and `*.` before a name."""
    assert is_hostname(name) is is_one


def test_a_name_is_written_in_one_way() -> None:
    """However it came."""
    assert {hostname_of(text) for text in ("A.b", "a.B:80", "a.b.", "A.B.:1")} == {"a.b"}

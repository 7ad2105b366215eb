"""Names are looked up by the system, by DNS and by SRV records; what DNS says of time is obeyed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping

import pytest

from aggregator.policies.hosts.lookup import Found, NotFoundError, find
from aggregator.policies.hosts.plan import Address, ResolvePlan

pytest.importorskip("dns")

from dns.asyncresolver import Resolver
from dns.resolver import NoResolverConfiguration


def looked_up(by: str, name: str, records: Mapping[str, tuple[int, list[str]]]) -> Found:
    """Return what is found for *name*."""
    from tests.naming import NameServer

    server = NameServer(records)
    try:
        return asyncio.run(find(ResolvePlan(by, name, 8443, server=server.address)))
    finally:
        server.close()


def test_addresses_of_both_kinds():
    """All of them, with the port of the URL, in an order that stays; they hold as long as the shorter ttl."""
    found = looked_up(
        "dns",
        "users.test",
        {"users.test A": (60, ["10.0.0.2", "10.0.0.1"]), "users.test AAAA": (20, ["2001:db8::1"])},
    )
    assert found == Found(tuple(Address(0, ip, 8443) for ip in ("10.0.0.1", "10.0.0.2", "2001:db8::1")), 20.0)


def test_one_kind_is_enough():
    """Most names have no address of the other one."""
    assert looked_up("dns", "users.test", {"users.test A": (60, ["10.0.0.1"])}).seconds == 60.0


def test_times_that_make_no_sense():
    """Zero would be a loop, and a year would be for ever."""
    assert looked_up("dns", "a.test", {"a.test A": (0, ["10.0.0.1"])}).seconds == 1.0
    assert looked_up("dns", "a.test", {"a.test A": (31536000, ["10.0.0.1"])}).seconds == 3600.0


def test_services():
    """Each address of a target is a host, with the port, weight and priority of its record."""
    found = looked_up(
        "srv",
        "_http._tcp.users.test",
        {
            "_http._tcp.users.test SRV": (60, ["0 3 8001 one.test.", "1 0 8002 two.test.", "0 1 8003 gone.test."]),
            "one.test A": (30, ["10.0.0.1"]),
            "two.test A": (90, ["10.0.0.2", "10.0.0.3"]),
        },
    )
    assert found == Found(
        (Address(0, "10.0.0.1", 8001, 3), Address(1, "10.0.0.2", 8002), Address(1, "10.0.0.3", 8002)), 30.0
    )


@pytest.mark.parametrize(
    ("name", "records", "reason"),
    [
        ("nobody.test", {}, "the name does not exist"),
        ("mail.test", {"mail.test MX": (60, ["10 a.test."])}, "the name has no address"),
        ("-" * 70 + ".test", {}, "the name cannot be resolved"),
    ],
)
def test_what_is_not_found(name, records, reason):
    """It fails with a sentence that names nobody."""
    with pytest.raises(NotFoundError, match=reason):
        looked_up("dns", name, records)


def test_a_service_that_is_not_there():
    """The target `.` says so (RFC 2782)."""
    with pytest.raises(NotFoundError, match="the name has no address"):
        looked_up("srv", "_http._tcp.a.test", {"_http._tcp.a.test SRV": (60, ["0 0 0 ."])})


def test_a_system_that_names_no_server(monkeypatch):
    """A container without a file of servers: it is told as any other failure, and tried again."""

    def fail(*_: object) -> None:
        raise NoResolverConfiguration

    monkeypatch.setattr(Resolver, "read_resolv_conf", fail)
    with pytest.raises(NotFoundError, match="the system names no server to ask"):
        asyncio.run(find(ResolvePlan("dns", "users.test", 80)))


def test_the_system(monkeypatch):
    """Every address that it gives is a host, for as long as is declared."""
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, port, **_: [(2, 1, 6, "", ("10.0.0.2", port)), (2, 1, 6, "", ("10.0.0.1", port))],
    )
    found = asyncio.run(find(ResolvePlan("system", "users.test", 80, every=30.0)))
    assert found == Found((Address(0, "10.0.0.1", 80), Address(0, "10.0.0.2", 80)), 30.0)


def test_a_name_that_the_system_does_not_know(monkeypatch):
    """It fails as by DNS."""

    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(NotFoundError):
        asyncio.run(find(ResolvePlan("system", "users.test", 80)))

"""The listening socket: what it may be bound to, and what is said otherwise."""

from __future__ import annotations

import errno
import socket

import pytest

from aggregator.errors import StartupError
from aggregator.server.listeners.tcp import bind
from aggregator.server.process.open_files import allow_open_files


def test_a_free_port():
    """Port 0 gives a free one; the socket listens and does not block."""
    with bind("127.0.0.1", 0) as listener:
        host, port = listener.getsockname()
        assert (host, port > 0, listener.getblocking()) == ("127.0.0.1", True, False)
        socket.create_connection((host, port)).close()


def test_ipv6():
    """A host with colons is an IPv6 address."""
    try:
        with bind("::1", 0) as listener:
            assert listener.family is socket.AF_INET6
    except StartupError:
        pytest.skip("this machine has no IPv6")


@pytest.mark.parametrize(
    ("host", "sentence"),
    [
        ("no.such.host.invalid", "the host is neither an address nor a name that is known here"),
        ("a..b", "the host is neither an address nor a name that is known here"),
        ("x" * 300, "the host is neither an address nor a name that is known here"),
        ("192.0.2.1", "this machine does not have that address; 127.0.0.1 and 0.0.0.0 always work"),
        ("a\0b", "null"),
    ],
)
def test_a_host_that_cannot_be(host, sentence):
    """One sentence that names the host and the fix."""
    with pytest.raises(StartupError) as caught:
        bind(host, 0)
    assert str(caught.value).startswith(f"Cannot listen on {host}:0: ")
    assert sentence in str(caught.value)


def test_a_taken_port():
    """The port and two ways out."""
    with bind("127.0.0.1", 0) as listener, pytest.raises(StartupError) as caught:
        bind("127.0.0.1", listener.getsockname()[1])
    assert "the port is taken; stop what uses it, or choose another with --port." in str(caught.value)


def test_a_privileged_port(monkeypatch):
    """Ports below 1024 need privileges where the system says so."""

    class Refusing(socket.socket):
        def bind(self, address):
            raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket, "socket", Refusing)
    with pytest.raises(StartupError, match="ports below 1024 need privileges; choose another with --port"):
        bind("127.0.0.1", 80)


def test_other_troubles_are_told_as_they_are(monkeypatch):
    """What has no sentence of its own is the system's."""

    class Refusing(socket.socket):
        def bind(self, address):
            raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(socket, "socket", Refusing)
    with pytest.raises(StartupError, match=r"127.0.0.1:80: too many open files\."):
        bind("127.0.0.1", 80)
    monkeypatch.undo()
    with pytest.raises(StartupError, match="0-65535"):
        bind("127.0.0.1", 65536)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ((1024, 524_288), (524_288, 524_288)),
        ((1024, -1), (1_048_576, -1)),
        ((1024, 1 << 30), (1_048_576, 1 << 30)),
        ((4096, 4096), None),
        ((-1, -1), None),
    ],
)
def test_as_many_files_as_may_be(monkeypatch, limits, expected):
    """The soft limit goes up to the hard one, within reason, and never down; -1 is none."""
    resource = pytest.importorskip("resource")
    made = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, wanted: made.append(wanted))
    allow_open_files()
    assert made == ([] if expected is None else [expected])


def test_a_limit_that_cannot_be_raised(monkeypatch):
    """Where the system says no, the server starts with what it has."""
    resource = pytest.importorskip("resource")

    def refuse(*_):
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda _: (10, 20))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    allow_open_files()

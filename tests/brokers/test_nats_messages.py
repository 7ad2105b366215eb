"""How a message is told to a client of NATS, as whom it connects, and what its errors mean."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

import pytest
from nats import errors
from nats.aio import client as nats_client
from nats.js.errors import APIError, NoStreamResponseError

from aggregator.brokers.link import SILENCE
from aggregator.brokers.message import Message
from aggregator.brokers.nats import NatsLink
from aggregator.errors import CallError, Cause
from aggregator.transport import BrokerTerms, Origin, PoolSettings

NOT_ADMITTED = (Cause.CREDENTIALS, "The broker does not take our credentials.")
RESET = (Cause.RESET, "The upstream reset the connection.")


class Client:
    """A client of a server that *speaks_tls* or not; it keeps what is asked of it."""

    def __init__(self, *, speaks_tls: bool = False) -> None:
        self._server_info = {"tls_required": True} if speaks_tls else {}
        self.options: dict[str, Any] = {}
        self.logins: dict[str, str] = {}
        self.said: list[tuple[Any, ...]] = []
        self.is_connected = False

    async def connect(self, **options: Any) -> None:
        """Ask for the credentials, as the real one does once it knows the server."""
        self.options = options
        self.logins = {name: options[name]() for name in ("user", "password", "token") if name in options}
        self.is_connected = True

    def jetstream(self, timeout: float) -> Any:
        """Return what publishes into streams."""
        self.said.append(("jetstream", timeout))
        return Streams(self)

    async def publish(self, subject: str, body: bytes, headers: dict[str, str] | None) -> None:
        """Keep a message."""
        self.said.append(("publish", subject, body, headers))

    async def flush(self, seconds: float) -> None:
        """Keep that it was asked for."""
        self.said.append(("flush", seconds))

    async def close(self) -> None:
        """Close it."""
        self.is_connected = False
        self.said.append(("close",))


class Streams:
    """The streams of a client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def publish(self, subject: str, body: bytes, headers: dict[str, str] | None) -> None:
        """Keep a message."""
        self._client.said.append(("stream", subject, body, headers))


def link(scheme: str = "nats", host: str = "broker.test", **said: Any) -> NatsLink:
    """Return a link to the server at *host*."""
    return NatsLink(PoolSettings(Origin(scheme, host, 4222), broker=BrokerTerms(**said)))


Run = Callable[..., Client]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Open a link with a client of the test, send messages, and return that client."""

    def play(opened: NatsLink, *messages: Message, speaks_tls: bool = False) -> Client:
        client = Client(speaks_tls=speaks_tls)
        monkeypatch.setattr(nats_client, "Client", lambda: client)

        async def scene() -> None:
            await opened.open()
            for message in messages:
                await opened.send(message)

        asyncio.run(scene())
        return client

    return play


@pytest.mark.parametrize(
    ("scheme", "host", "server"),
    [
        ("nats", "broker.test", "nats://broker.test:4222"),
        ("nats", "::1", "nats://[::1]:4222"),
        ("nats+tls", "broker.test", "tls://broker.test:4222"),
    ],
)
def test_one_server_is_asked_and_never_another(run: Run, scheme: str, host: str, server: str) -> None:
    """The door opens the connection anew, so that the client need not; by TLS where the scheme says so."""
    options = run(link(scheme, host), speaks_tls=scheme == "nats+tls").options
    context = options.pop("tls")
    assert isinstance(context, ssl.SSLContext) is (scheme == "nats+tls")
    del options["error_cb"], options["disconnected_cb"]
    assert options == {
        "servers": [server], "name": "aggregator", "allow_reconnect": False, "max_reconnect_attempts": 1,
        "reconnect_time_wait": 0, "connect_timeout": 5.0, "ping_interval": 1.5, "max_outstanding_pings": 1,
    }  # fmt: skip


@pytest.mark.parametrize("login", [{}, {"user": "shop", "password": "s3cret"}, {"token": "t"}])
def test_a_client_logs_in_as_declared(run: Run, login: dict[str, str]) -> None:
    """By user and password, by a token, or not at all."""
    assert run(link(**login)).logins == login


def test_credentials_are_told_by_tls_where_that_is_asked_for(run: Run) -> None:
    """A server that does not speak it gets none, and no connection is left."""
    assert run(link("nats+tls", token="t"), speaks_tls=True).logins == {"token": "t"}
    for login in ({"token": "t"}, {}):
        opened = link("nats+tls", **login)
        with pytest.raises(errors.SecureConnRequiredError):
            run(opened)
        assert opened.is_open is False


def test_a_client_that_could_not_be_opened_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before its error is told."""
    client = Client()
    monkeypatch.setattr(nats_client, "Client", lambda: client)
    with pytest.raises(errors.SecureConnRequiredError):
        asyncio.run(link("nats+tls").open())
    assert client.said == [("close",)]


def test_a_link_is_open_as_long_as_its_client(run: Run) -> None:
    """Before and after that it is not; opened anew it leaves none behind."""
    opened = link()
    states = [opened.is_open]
    first = run(opened)
    states.append(opened.is_open)
    first.is_connected = False
    states.append(opened.is_open)
    second = run(opened)
    states.append(opened.is_open)
    asyncio.run(opened.aclose())
    assert [*states, opened.is_open] == [False, True, False, True, False]
    assert (first.said[-1], second.said[-1]) == (("close",), ("close",))


@pytest.mark.parametrize(
    ("message", "headers"),
    [
        (Message("a.b", (), b"x"), None),
        (Message("a.b", (), b"x", "k-1"), {"Nats-Msg-Id": "k-1"}),
        (Message("a.b", (("x", "1"), ("x", "2")), b"x", "k-1"), {"x": "1, 2", "Nats-Msg-Id": "k-1"}),
    ],
)
def test_a_message_with_and_without_a_stream(run: Run, message: Message, headers: dict[str, str] | None) -> None:
    """A stream says that it has it; otherwise the server has it when it answers what was sent behind it."""
    streams = ("jetstream", SILENCE)
    assert run(link(), message).said == [streams, ("stream", "a.b", b"x", headers)]
    assert run(link(jetstream=False), message).said == [streams, ("publish", "a.b", b"x", headers), ("flush", SILENCE)]


@pytest.mark.parametrize("subject", [".a", "a.", "a..b", "a.*", "a.>", "a b", "."])
def test_what_names_no_one_subject_is_a_wrong_path(run: Run, subject: str) -> None:
    """Empty tokens, wildcards and blanks."""
    with pytest.raises(CallError) as refused:
        run(link(), Message(subject, (), b""))
    assert refused.value.cause is Cause.INPUT


def refusal(word: str) -> tuple[Cause, str]:
    """Return the failure of a message that is refused for good."""
    return (Cause.UNSUCCESSFUL, f"The broker refused the message ({word}).")


def delay(word: str) -> tuple[Cause, str]:
    """Return the failure of a message that is not taken now."""
    return (Cause.UNREACHABLE, f"The broker takes no messages now ({word}).")


def caused(by: OSError) -> errors.Error:
    """Return the error of a connection that *by* has closed."""
    error = errors.ConnectionClosedError()
    error.__cause__ = by
    return error


@pytest.mark.parametrize(
    ("error", "meant"),
    [
        (errors.SecureConnRequiredError(), (Cause.TLS, "The upstream does not speak TLS.")),
        (NoStreamResponseError(), (Cause.UNREACHABLE, "The broker has nothing that takes messages of this name.")),
        (errors.AuthorizationError(), NOT_ADMITTED),
        (errors.Error("nats: 'Authorization Violation'"), NOT_ADMITTED),
        (errors.MaxPayloadError(), refusal("MaxPayloadError")),
        (errors.BadSubjectError(), refusal("BadSubjectError")),
        (errors.BadHeaderError("x"), refusal("BadHeaderError")),
        (APIError(code=400, err_code=10054), refusal("400 10054")),
        (APIError(code=499, err_code=1), refusal("499 1")),
        (APIError(code=399, err_code=1), delay("399 1")),
        (APIError(code=500, err_code=1), delay("500 1")),
        (APIError(), delay("None None")),
        (ConnectionRefusedError(111, "no"), (Cause.REFUSED, "The upstream refused the connection.")),
        (caused(ConnectionRefusedError(111, "no")), (Cause.REFUSED, "The upstream refused the connection.")),
        (caused(OSError("no number")), RESET),
        (errors.ConnectionClosedError(), RESET),
        (errors.NoServersError(), RESET),
        (RuntimeError("?"), (Cause.UNREACHABLE, "The upstream cannot be reached.")),
    ],
)
def test_what_an_error_of_nats_means(error: Exception, meant: tuple[Cause, str]) -> None:
    """Nobody who listens, no right to, never, not now, and what a lost connection came from."""
    found = link().failure(error)
    assert (found.cause, str(found)) == meant


def test_why_no_server_was_found_is_what_the_client_told_before(run: Run) -> None:
    """Any other error speaks for itself."""
    opened = link()
    asyncio.run(run(opened).options["error_cb"](ConnectionRefusedError(111, "no")))
    found = [opened.failure(error).cause for error in (errors.NoServersError(), errors.MaxPayloadError())]
    assert found == [Cause.REFUSED, Cause.UNSUCCESSFUL]


@pytest.mark.parametrize("connected", [False, True])
def test_what_waits_for_a_server_that_goes_fails_at_once(monkeypatch: pytest.MonkeyPatch, connected: bool) -> None:
    """As a connection that is lost; where the client says it is there, as a silence."""
    client = Client()
    monkeypatch.setattr(nats_client, "Client", lambda: client)

    async def silent(*_: object) -> None:
        client.is_connected = connected
        await client.options["disconnected_cb"]()
        await asyncio.Event().wait()

    monkeypatch.setattr(client, "flush", silent)

    async def scene() -> None:
        opened = link(jetstream=False)
        await opened.open()
        with pytest.raises(TimeoutError if connected else errors.ConnectionClosedError):
            await opened.send(Message("a", (), b""))

    asyncio.run(scene())

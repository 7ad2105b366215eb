"""NATS: a message under a subject, kept by a stream of JetStream, or sent to whoever listens."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import Any

from aggregator.brokers.link import NOT_ADMITTED, SILENCE, nobody, not_now, refused
from aggregator.brokers.message import Message, bad_subject
from aggregator.errors import CallError, Cause
from aggregator.transport.failures import BY_TLS_REASON, RESET, chain, connect_failure
from aggregator.transport.settings import PoolSettings
from aggregator.transport.tls.contexts import build_context

_PINGS = 1.5
"""Seconds between two pings, which a server answers whatever it does: one that has left two unanswered is gone."""
_CLOSES = 0.5
"""Seconds in which a connection is closed that could not be opened."""
_ID = "Nats-Msg-Id"
"""The header by which a stream takes a message once within its window for duplicates."""


class NatsLink:
    """Publishes to one server, and to none of the others that the server announces."""

    def __init__(self, settings: PoolSettings) -> None:
        broker, origin = settings.broker, settings.origin
        assert broker is not None
        host = f"[{origin.host}]" if ":" in origin.host else origin.host
        self._client: Any = None
        self._streams: Any = None
        self._keeps = broker.jetstream
        self._options: dict[str, Any] = {
            "servers": [f"{'tls' if origin.secure else 'nats'}://{host}:{origin.port}"],
            "tls": build_context(settings.tls) if origin.secure else None,
            "name": "aggregator",
            "allow_reconnect": False,
            "max_reconnect_attempts": 1,
            "reconnect_time_wait": 0,
            "connect_timeout": settings.timeouts.connect or SILENCE,
            "ping_interval": _PINGS,
            "max_outstanding_pings": 1,
            "error_cb": self._told,
            "disconnected_cb": self._lost,
        }
        login = {"user": broker.user, "password": broker.password, "token": broker.token}
        self._login = {key: value for key, value in login.items() if value is not None}
        self._is_secure = origin.secure
        self._fault: Exception | None = None
        self._under_way: set[asyncio.Timeout] = set()

    @property
    def is_open(self) -> bool:
        """See `Link.is_open`."""
        return self._client is not None and bool(self._client.is_connected)

    async def open(self) -> None:
        """See `Link.open`."""
        from nats.aio.client import Client

        await self.aclose()
        client = Client()
        try:
            login = {key: partial(self._told_to, client, value) for key, value in self._login.items()}
            await client.connect(**{**self._options, **login})
            self._told_to(client, "")
        except BaseException:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSES):  # it would wait for the end of a connection that TLS has ended
                    await client.close()
            raise
        self._client, self._streams = client, client.jetstream(timeout=SILENCE)

    def _told_to(self, client: Any, credential: str) -> str:
        """Return *credential* for the server of *client*; raises its error for one that does not speak TLS and has to.

        The client goes on in the clear where the server asks for no TLS, whatever the URL says.
        """
        from nats.errors import SecureConnRequiredError

        if self._is_secure and not client._server_info.get("tls_required"):
            raise SecureConnRequiredError
        return credential

    async def _told(self, error: Exception) -> None:
        """Keep an *error* of the client, which says why it found no server."""
        self._fault = error

    async def _lost(self) -> None:
        """Fail what waits for an answer of a server that has gone, which the client would let wait."""
        for limit in self._under_way:
            limit.reschedule(0)

    async def send(self, message: Message) -> None:
        """See `Link.send`."""
        from nats.errors import ConnectionClosedError

        try:
            async with asyncio.timeout(None) as limit:
                self._under_way.add(limit)
                await self._publish(message)
        except TimeoutError:
            if self.is_open:
                raise
            raise ConnectionClosedError from None
        finally:
            self._under_way.discard(limit)

    async def _publish(self, message: Message) -> None:
        """Publish *message*; without JetStream the server has a message when it has answered a ping behind it."""
        if not _is_subject(message.subject):
            raise bad_subject()
        fields = message.joined
        if message.id is not None:
            fields[_ID] = message.id
        if self._keeps:
            await self._streams.publish(message.subject, message.body, headers=fields or None)
            return
        await self._client.publish(message.subject, message.body, headers=fields or None)
        await self._client.flush(SILENCE)

    def failure(self, error: Exception) -> CallError:
        """See `Link.failure`."""
        from nats import errors
        from nats.js.errors import APIError, NoStreamResponseError

        if isinstance(error, errors.NoServersError) and self._fault is not None:
            error = self._fault
        if isinstance(error, errors.SecureConnRequiredError):
            return CallError(Cause.TLS, BY_TLS_REASON["WRONG_VERSION_NUMBER"])
        if isinstance(error, NoStreamResponseError):
            return nobody()
        if isinstance(error, errors.AuthorizationError) or "authorization violation" in str(error).lower():
            return CallError(*NOT_ADMITTED)
        if isinstance(error, errors.MaxPayloadError | errors.BadSubjectError | errors.BadHeaderError):
            return refused(type(error).__name__)
        if isinstance(error, APIError):
            word = f"{error.code} {error.err_code}"
            return refused(word) if error.code is not None and 400 <= error.code < 500 else not_now(word)
        if any(isinstance(one, OSError) and one.errno is not None for one in chain(error)):
            return connect_failure(error)
        return CallError(*RESET) if isinstance(error, errors.Error) else connect_failure(error)

    async def aclose(self) -> None:
        """See `Link.aclose`."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()


def _is_subject(subject: str) -> bool:
    """Return whether one message can be published under *subject*: whole tokens, and no wildcards."""
    return all(subject.split(".")) and not any(mark in subject for mark in " *>")

"""An authorization server of our own: it counts what it is asked, and does what a test wants of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import httpx

TOKEN_URL = "https://id.test/token"


class Issuer:
    """Answers requests for tokens with ``token-1``, ``token-2``, …; *answer* stands in for that, *gate* holds it up."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self.life: Any = 3600
        self.more: dict[str, Any] = {}
        self.answer: Callable[[httpx.Request], httpx.Response] | None = None
        self.gate: asyncio.Event | None = None
        self.came = asyncio.Event()

    @property
    def forms(self) -> list[dict[str, str]]:
        """The bodies of the requests, which are forms."""
        return [dict(parse_qsl(request.content.decode(), keep_blank_values=True)) for request in self.asked]

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer *request*."""
        self.asked.append(request)
        self.came.set()
        number = len(self.asked)
        if self.gate is not None:
            await self.gate.wait()
        if self.answer is not None:
            return self.answer(request)
        life = {} if self.life is None else {"expires_in": self.life}
        body = {"access_token": f"token-{number}", "token_type": "Bearer", **life, **self.more}
        return httpx.Response(200, json=body)

    def client(self) -> httpx.AsyncClient:
        """Return a client that asks this server alone."""
        return httpx.AsyncClient(transport=httpx.MockTransport(self))


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now

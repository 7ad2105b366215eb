"""A gateway whose upstreams, and issuer of tokens, are functions of a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from textwrap import dedent

import httpx
import pytest
from fastapi.testclient import TestClient

from aggregator.server.application.app import create_app

Respond = Callable[[httpx.Request], httpx.Response]


class Served:
    """A running gateway: *client* asks it, *requests* are what came to the upstreams."""

    def __init__(self, client: TestClient, requests: list[httpx.Request], close: Callable[[], object]) -> None:
        self.client = client
        self.requests = requests
        self.close = close

    def sent(self, name: str) -> list[str | None]:
        """Return the values of the header *name*, one for each request, None where it was not sent."""
        return [request.headers.get(name) for request in self.requests]


Serve = Callable[..., Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts a gateway: ``serve(text of a file, function that answers for all upstreams)``."""
    with ExitStack() as opened:

        def start(text: str, respond: Respond | None = None, *, env: Mapping[str, str] | None = None) -> Served:
            path = tmp_path / "routes.yaml"
            path.write_text(f"version: 1\n{dedent(text)}", encoding="utf-8")
            requests: list[httpx.Request] = []

            def answer(request: httpx.Request) -> httpx.Response:
                requests.append(request)
                return httpx.Response(200, json={}) if respond is None else respond(request)

            app = create_app(path, transport=httpx.MockTransport(answer), env=env)
            one = opened.enter_context(ExitStack())
            client = one.enter_context(TestClient(app, raise_server_exceptions=False))
            return Served(client, requests, one.close)

        yield start

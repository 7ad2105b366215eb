"""The application in a test: what a mocked transport raises by mistake fails the test, not only the call.

A mock that no pattern matches, an assertion in a handler, a typo in one: the client of the application would see 502,
as if an upstream were down. Exceptions that an HTTP client does raise are answered as always.
"""

from __future__ import annotations

import sys

import httpx
from starlette.types import Receive, Scope, Send

from aggregator.errors import AggregatorError
from aggregator.server.application.serving import Application
from aggregator.transport.httpx.failures import is_foreign


def is_tested() -> bool:
    """Return whether this process runs tests by pytest."""
    return "pytest" in sys.modules


class MockedTransport(httpx.AsyncBaseTransport):
    """Calls by *inner*, and what it raised that no HTTP client raises, until it is told."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self._mistakes: list[Exception] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response of the transport inside; what it raises is raised."""
        try:
            return await self._inner.handle_async_request(request)
        except Exception as error:
            if is_foreign(error) and not isinstance(error, AggregatorError):
                error.add_note(f"The mocked transport raised it for {request.method} {request.url}")
                self._mistakes.append(error)
            raise

    async def aclose(self) -> None:
        """Close the transport inside."""
        await self._inner.aclose()

    def tell(self) -> None:
        """Raise what was raised by mistake since this was last called: the error, or a group of several."""
        mistakes, self._mistakes = self._mistakes, []
        if len(mistakes) == 1:
            raise mistakes[0]
        if mistakes:
            raise ExceptionGroup("The mocked transport raised exceptions that no HTTP client raises.", mistakes)


class TestedApplication(Application):
    """Raises to whoever sent a request what the transport raised by mistake for it, after the answer."""

    __test__ = False
    mocked: MockedTransport

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve as ever; raise then."""
        await super().__call__(scope, receive, send)
        if scope["type"] == "http":
            self.mocked.tell()

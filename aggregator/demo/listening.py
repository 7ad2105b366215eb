"""A port that small servers inside the process answer at, and its end without a task left."""

from __future__ import annotations

import asyncio

from aggregator.demo.connection import Answer, Connection


class Listening:
    """*connections* on a port, each answered by *answer*; *name* is what the header ``server`` says."""

    def __init__(self, answer: Answer, name: str) -> None:
        self._answer = answer
        self._name = name
        self._server: asyncio.Server | None = None
        self.connections: set[Connection] = set()

    async def start(self, host: str, port: int) -> int:
        """Listen; return the port, which is a free one where *port* is 0. Raises OSError when it cannot."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, host, port)
        number: int = self._server.sockets[0].getsockname()[1]
        return number

    async def aclose(self) -> None:
        """Stop listening and end every connection; no task of theirs is left when this returns."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        workers = [connection.worker for connection in self.connections if connection.worker is not None]
        for connection in tuple(self.connections):
            connection.close()
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        await server.wait_closed()

    def _connection(self) -> Connection:
        return Connection(self._answer, self.connections, self._name)

"""A request body that is sent as it comes, no faster than the upstream takes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable

from aggregator.errors import CallError, Cause
from aggregator.transport.engine.call import Carrier


class Upload:
    """Sends *body*: in chunks, or as it is when its *length* has been declared. *finished* once all is written."""

    __slots__ = ("_body", "_length", "_task", "finished")

    def __init__(self, body: AsyncIterable[bytes], length: int | None) -> None:
        self._body = body
        self._length = length
        self._task: asyncio.Task[None] | None = None
        self.finished = False

    def begin(self, connection: Carrier, failed: Callable[[Exception], None]) -> None:
        """Send on *connection*; *failed* is told what *body* raises, or that its length is not what it says."""
        self._task = asyncio.get_running_loop().create_task(self._send(connection, failed))

    def stop(self) -> None:
        """Send no more."""
        if self._task is not None:
            self._task.cancel()

    async def _send(self, connection: Carrier, failed: Callable[[Exception], None]) -> None:
        try:
            await self._write_all(connection)
        except Exception as error:
            failed(error)
        else:
            self.finished = True
            connection.finish_upload()

    async def _write_all(self, connection: Carrier) -> None:
        sent = 0
        async for piece in self._body:
            sent += len(piece)
            if self._length is not None and sent > self._length:
                break
            if connection.writable is not None:
                await connection.writable
            if piece:
                connection.write(piece if self._length is not None else _chunk(piece))
        if self._length is None:
            connection.write(b"0\r\n\r\n")
        elif sent != self._length:
            raise CallError(Cause.PROTOCOL, "The request body is not as long as its content-length says.")


def _chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)

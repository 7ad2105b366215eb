"""From a name to addresses, by the system's resolver, in a thread of its own; the connector asks for it.

The loops keep a handful of threads for lookups and files alike: a few names that nobody answers for would stall
all others, and the process could not end before the resolver has given up.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from threading import Thread

from aggregator.transport.engine.opening.sockets import Address

_Found = asyncio.Future[list[Address]]


async def look_up(host: str, port: int) -> list[Address]:
    """Return the addresses of *host*, each with *port*. Raises OSError, and UnicodeError for what cannot be a name.

    Cancelled, it leaves its thread to end by itself.
    """
    loop = asyncio.get_running_loop()
    found: _Found = loop.create_future()
    Thread(target=_ask, args=(loop, found, host, port), name=f"lookup of {host}", daemon=True).start()
    return await found


def _ask(loop: asyncio.AbstractEventLoop, found: _Found, host: str, port: int) -> None:
    outcome: list[Address] | Exception
    try:
        outcome = list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except Exception as error:
        outcome = error.with_traceback(None)
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(_tell, found, outcome)


def _tell(found: _Found, outcome: list[Address] | Exception) -> None:
    if found.done():
        return
    if isinstance(outcome, Exception):
        found.set_exception(outcome)
    else:
        found.set_result(outcome)

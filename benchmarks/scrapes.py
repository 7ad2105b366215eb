"""What a scrape of many endpoints costs: ``python benchmarks/scrapes.py [SCRAPES]``; exits with 1 when it is too much.

500 endpoints of three parts each are asked, so that their series have counted. Shown is the processor time of a server
for a scrape, and the longest that a scrape keeps the event loop of an application in this process at once, what is
written to a socket included. The same of four workers: what one does to tell the supervisor, and what that does to read
and to add up. That is the time of the thread: what other processes do does not count.
"""

from __future__ import annotations

import asyncio
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import uvloop
from harness.costs import costs_of, serving

from aggregator import create_app
from aggregator.server.workers.administering.metrics import Totals
from aggregator.server.workers.answering import Answering
from aggregator.server.workers.channel import Channel
from aggregator.server.workers.messages import Ask, Counted, Told

ENDPOINTS, SCRAPES, WORKERS = 500, 20, 4
MOST, LONGEST = 30.0, 5.0
"""Milliseconds that a scrape may take, and that it may keep the loop at once."""
PATH = "/metrics"
ROUTES = """\
version: 1
telemetry: {{log: {{access: none}}, metrics: {{}}}}
upstreams:
  up: {{url: "{url}"}}
endpoints:
{endpoints}"""
ENDPOINT = "  GET /page_{number}: {{fan_out: {{user: up:/a, orders: up:/b, notices: up:/c}}}}\n"
ANSWER = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 8\r\n\r\n{"id":1}'


class Sliced(Coroutine[Any, Any, None]):
    """The coroutine *inner*; *slices* are the seconds of the thread that it ran from one wait to the next."""

    def __init__(self, inner: Coroutine[Any, Any, None]) -> None:
        self._inner = inner
        self.slices: list[float] = []

    def send(self, value: Any) -> Any:
        """Go on to the next wait."""
        begun = time.thread_time()
        try:
            return self._inner.send(value)
        finally:
            self.slices.append(time.thread_time() - begun)

    def throw(
        self, kind: Any, value: BaseException | object = None, traceback: TracebackType | None = None, /
    ) -> Any:  # fmt: skip
        """Raise in it what its task is told."""
        return self._inner.throw(kind)

    def close(self) -> None:
        """End it."""
        self._inner.close()

    def __await__(self) -> Generator[Any, None, None]:
        return self._inner.__await__()


async def main(scrapes: int) -> int:
    """Print both measurements; 0 when both are good."""
    upstream = await asyncio.start_server(_upstream, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{upstream.sockets[0].getsockname()[1]}"
    text = ROUTES.format(url=url, endpoints="".join(ENDPOINT.format(number=each) for each in range(ENDPOINTS)))
    pages = dict.fromkeys((f"/page_{number}" for number in range(ENDPOINTS)), b"200")
    async with upstream, serving(text) as (port, process):
        await costs_of(pages, port, process, rounds=1, requests=8)
        costs = await costs_of({PATH: b"200"}, port, process, rounds=scrapes, requests=8)
        async with _asked(text) as app:
            size, slices = await _slices(app, scrapes)
            shared = await _of_workers(app, scrapes)
    cost = statistics.median(costs[PATH]) * 1000
    print(f"{ENDPOINTS} endpoints of three parts: {size / 1e6:.2f} MB, {cost:.1f} ms of the processor a scrape "
          f"({MOST:.0f} may be)")  # fmt: skip
    worst = _shown("alone", slices)
    for name, each in shared.items():
        worst = max(worst, _shown(f"{WORKERS} workers, {name}", each))
    return int(cost > MOST or worst > LONGEST)


def _shown(name: str, slices: list[list[float]]) -> float:
    """Print the *slices* of each scrape; return the milliseconds of the longest, in the median."""
    longest = statistics.median(map(max, slices)) * 1000
    print(f"{name}: {statistics.median(map(sum, slices)) * 1000:.0f} ms in {len(slices[0])} slices, the longest of a "
          f"scrape {longest:.2f} ms ({LONGEST:.0f} may be), {max(map(max, slices)) * 1000:.2f} at worst")  # fmt: skip
    return longest


@asynccontextmanager
async def _asked(text: str) -> AsyncIterator[Any]:
    """Yield an application of the file *text* in this process, each of whose endpoints was asked once."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "routes.yaml"
        config.write_text(text)
        app = create_app(config)
        async with app.router.lifespan_context(app):
            for number in range(ENDPOINTS):
                await _ask(app, f"/page_{number}", [])
            yield app


async def _slices(app: Any, scrapes: int) -> tuple[int, list[list[float]]]:
    """Return the bytes of a scrape, and of each scrape how long it kept the loop, from one wait to the next."""
    found, size = list[list[float]](), 0
    reading = await asyncio.start_server(_reader, "127.0.0.1", 0)
    async with reading:
        _, writer = await asyncio.open_connection(*reading.sockets[0].getsockname())
        for _ in range(scrapes):
            sliced = Sliced(_ask(app, PATH, sent := [], writer))
            await asyncio.get_running_loop().create_task(sliced)
            found.append(sliced.slices)
            size = sum(sent)
        writer.close()
    return size, found


class Member:
    """A worker as the supervisor knows it."""

    pid, is_over = 1, False


async def _of_workers(app: Any, scrapes: int) -> dict[str, list[list[float]]]:
    """Return how long each scrape of several workers like *app* kept the loops, by what is done."""
    found: dict[str, list[list[float]]] = {"one tells": [], "all are read": [], "they are added up": []}
    near, far = socket.socketpair()
    telling, reading = await Channel.over(near), await Channel.over(far)
    worker, totals, members = Answering(app.running, None), Totals(), [Member() for _ in range(WORKERS)]
    loop = asyncio.get_running_loop()
    for _ in range(scrapes):
        read = list[float]()
        for member in members:
            told, heard = Sliced(_tell(worker, telling)), Sliced(_hear(totals, member, reading))
            await asyncio.gather(loop.create_task(told), loop.create_task(heard))
            read += heard.slices
        found["one tells"].append(told.slices)
        found["all are read"].append(read)
        added = Sliced(_add(totals))
        await loop.create_task(added)
        found["they are added up"].append(added.slices)
    telling.close()
    reading.close()
    return found


async def _tell(worker: Answering, channel: Channel) -> None:
    channel.send(await worker.answer(Ask(1, PATH), channel))


async def _hear(totals: Totals, member: Any, channel: Channel) -> None:
    while not isinstance(message := await channel.receive(), Told):
        assert isinstance(message, Counted)
        totals.hear(member, message)


async def _add(totals: Totals) -> None:
    await totals.pieces((1, 0))


async def _ask(app: Any, path: str, sent: list[int], writer: asyncio.StreamWriter | None = None) -> None:
    """Ask *app* for *path*; what it sends goes to *writer*, its lengths to *sent*.

    Raises ``RuntimeError`` unless it is answered well.
    """

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message.get("status", 200) != 200:
            raise RuntimeError(f"{path} was answered with status {message['status']}")
        body = message.get("body", b"")
        sent.append(len(body))
        if writer is not None:
            writer.write(body)
            await writer.drain()

    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"", "headers": [],
        "http_version": "1.1", "scheme": "http", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        "root_path": "", "asgi": {"version": "3.0"},
    }  # fmt: skip
    await app(scope, receive, send)


async def _reader(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read to the end."""
    while await reader.read(1 << 20):
        pass
    writer.close()


async def _upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer each request with the same small JSON until its connection ends."""
    try:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(ANSWER)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


if __name__ == "__main__":
    sys.exit(uvloop.run(main(int(sys.argv[1]) if sys.argv[1:] else SCRAPES)))

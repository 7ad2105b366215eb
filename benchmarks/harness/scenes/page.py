"""What does it cost that somebody looks? A fan-out of three, open in the page, beside the same that nobody looks at."""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from harness import payloads
from harness.bench import Bench
from harness.processes import LOOPBACK, free_ports
from harness.scenes.edge import CLIENTS, Beside
from harness.upstream import Origins

_KEY = "GET /dashboard/{user_id}"
_FILE = "page_open_page.yaml"
_STREAMS = ("/-/events?show=failures,counts", f"/-/events?show=parts&endpoint={quote(_KEY)}")
"""What the page follows while an endpoint is open: of all, for its head and its list, and of the parts of this one."""


@dataclass(frozen=True, slots=True)
class Watched(Beside):
    """Both have an address of administration; the page of one of them is open."""

    def write(self, config: Path, origins: Origins, *, is_on: bool) -> None:
        """Write the same file for both, each with a port of its own."""
        (port,) = free_ports(1)
        Beside.write(self, config, origins, is_on=True)
        config.write_text(config.read_text().replace("@PORT@", str(port)))

    def meanwhile(self, bench: Bench) -> AbstractContextManager[None]:
        """Hold the page open."""
        found = re.search(rf"admin: {{address: {re.escape(LOOPBACK)}:(\d+)", (bench.folder / _FILE).read_text())
        assert found is not None
        return _open_page(int(found[1]))


@contextmanager
def _open_page(port: int) -> Iterator[None]:
    """Follow what the page follows; raises ``RuntimeError`` at the end when a stream has not told of seconds."""
    streams = [_Stream(port, path) for path in _STREAMS]
    for stream in streams:
        stream.start()
    yield
    for stream in streams:
        stream.close()
        stream.join(timeout=10)
    if any(stream.seconds < 2 for stream in streams):
        raise RuntimeError("The page was told of nothing.")


class _Stream(threading.Thread):
    """Reads events until it is closed; *seconds* is of how many it was told."""

    def __init__(self, port: int, path: str) -> None:
        super().__init__(daemon=True)
        self.seconds = 0
        self._connection = http.client.HTTPConnection(LOOPBACK, port)
        self._connection.request("GET", path)
        self._answer = self._connection.getresponse()
        if self._answer.status != 200:
            raise RuntimeError(f"{path} was answered with status {self._answer.status}")

    def run(self) -> None:
        try:
            while line := self._answer.readline():
                self.seconds += line.startswith((b"event: counts", b"event: parts"))
        except (OSError, ValueError, AttributeError, http.client.HTTPException):  # closed meanwhile
            pass

    def close(self) -> None:
        if self._connection.sock is not None:
            self._connection.sock.shutdown(2)


PAGE_OPEN = Watched(
    "page_open",
    f"Fan-out of three calls, open in the page, {CLIENTS} clients",
    "page",
    f", admin: {{address: {LOOPBACK}:@PORT@}}",
    0.97,
    (),
    "Both keep the last hour; of one the page shows the endpoint that is asked.",
    path=f"/dashboard/{payloads.USER_ID}",
)

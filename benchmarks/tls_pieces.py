"""What each piece of our TLS transport saves: CPU time of a fan-out of three, with the piece and without it.

    python benchmarks/tls_pieces.py [ROUNDS]

An upstream in a process of its own answers 1 KB over TLS; 32 clients in this one each make three calls at once on
connections that are kept. All variants take turns, ROUNDS times (10 unless it is said). The time is that of this
process on the processor, and of the fastest round: others on the machine can only make it longer.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop

from aggregator.transport import Limits, PoolSettings, TlsSettings
from aggregator.transport.engine import slots
from aggregator.transport.engine.connection import Connection
from aggregator.transport.engine.opening import connecting
from aggregator.transport.engine.pool import Pool
from aggregator.transport.settings import Origin
from aggregator.transport.tls.transport import TlsTransport

CLIENTS, EACH, FAN_OUTS = 32, 3, 40
_ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1024\r\n\r\n" + b'"' + b"x" * 1022 + b'"'
)


class _Upstream(asyncio.Protocol):
    """Answers each request head."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer as many requests as there are ends of heads."""
        self.transport.write(_ANSWER * data.count(b"\r\n\r\n"))  # type: ignore[attr-defined]


async def _serve(folder: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
    server = await asyncio.get_running_loop().create_server(_Upstream, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def _no_parsing() -> Iterator[None]:
    """Each answer is parsed as soon as it is read."""
    kept = slots.TlsConnection.data_received
    slots.TlsConnection.data_received = Connection.data_received  # type: ignore[method-assign]
    yield
    slots.TlsConnection.data_received = kept  # type: ignore[method-assign]


def _no_sending() -> Iterator[None]:
    """Each request is sent as soon as it is written."""
    kept = connecting.Round.add
    connecting.Round.add = lambda self, member: self._act(member)  # type: ignore[method-assign, attr-defined]
    yield
    connecting.Round.add = kept  # type: ignore[method-assign]


def _no_short_cut() -> Iterator[None]:
    """Reading and writing go through ``ssl.SSLSocket`` instead of the object in C below it."""
    kept = TlsTransport.__init__

    def init(self: TlsTransport, loop: object, sock: ssl.SSLSocket, *others: object) -> None:
        kept(self, loop, sock, *others)  # type: ignore[arg-type]
        self._read, self._send = sock.recv, sock.send

    TlsTransport.__init__ = init  # type: ignore[method-assign, assignment]
    yield
    TlsTransport.__init__ = kept  # type: ignore[method-assign]


def _no_transport() -> Iterator[None]:
    """The TLS of the loop (uvloop) carries the connection, and nothing of ours."""
    kept = connecting.can_poll
    connecting.can_poll = lambda loop: False  # type: ignore[assignment]
    with contextmanager(_no_parsing)():
        yield
    connecting.can_poll = kept


def _as_it_is() -> Iterator[None]:
    """With all pieces."""
    yield


VARIANTS: dict[str, Callable[[], Iterator[None]]] = {
    "as it is": _as_it_is,
    "parsing in no rounds": _no_parsing,
    "parsing and sending in no rounds": _no_sending,
    "through `SSLSocket`": _no_short_cut,
    "the TLS of the loop": _no_transport,
}


async def _measured(port: int, ca: str) -> float:
    """Return the microseconds on the processor of a fan-out of three."""
    limits = Limits(max_connections=CLIENTS * EACH)
    settings = PoolSettings(Origin("https", "127.0.0.1", port), limits, tls=TlsSettings(ca_file=ca))
    loop, pool = asyncio.get_running_loop(), Pool(settings)

    async def client(count: int) -> None:
        for _ in range(count):
            left, ended = EACH, loop.create_future()

            def done(outcome: object, ended: asyncio.Future[None] = ended) -> None:
                nonlocal left
                left -= 1
                if isinstance(outcome, Exception):
                    raise outcome
                if not left:
                    ended.set_result(None)

            for _ in range(EACH):
                pool.start(b"GET", b"/a", b"host: up\r\n", None, deadline=loop.time() + 60, done=done)
            await ended

    await asyncio.gather(*(client(3) for _ in range(CLIENTS)))  # opens the connections
    began = time.process_time()
    await asyncio.gather(*(client(FAN_OUTS) for _ in range(CLIENTS)))
    spent = time.process_time() - began
    await pool.aclose()
    return spent / (CLIENTS * FAN_OUTS) * 1e6


def _certificate(folder: str) -> str:
    names = ["-subj", "/CN=upstream", "-addext", "subjectAltName=IP:127.0.0.1"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "key.pem"]
    command = ["openssl", "req", "-x509", *key, "-out", "cert.pem", "-days", "2", *names]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return str(Path(folder) / "cert.pem")


def main(rounds: int) -> None:
    """Print a table: each variant, its fastest round, and that beside what is there."""
    with tempfile.TemporaryDirectory() as folder:
        ca = _certificate(folder)
        upstream = subprocess.Popen([sys.executable, __file__, "--serve", folder], stdout=subprocess.PIPE, text=True)
        try:
            port = int(upstream.stdout.readline())  # type: ignore[union-attr]
            found: dict[str, list[float]] = {name: [] for name in VARIANTS}
            for _ in range(rounds):
                for name, variant in VARIANTS.items():
                    with contextmanager(variant)():
                        found[name].append(uvloop.run(_measured(port, ca)))
        finally:
            upstream.terminate()
            upstream.wait()
    plain = min(found["as it is"])
    for name, times in found.items():
        print(f"| {name} | {min(times):.0f} us | {min(times) / plain:.2f} |")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        os.environ.setdefault("PYTHONUNBUFFERED", "1")
        uvloop.run(_serve(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)

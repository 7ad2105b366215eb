"""Real sockets on both sides: ``upstream`` plays exact bytes, ``gateway`` is the whole server, ``Wire`` a raw client."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import trustme
from starlette.types import ASGIApp, Receive, Scope, Send
from tiers import other_cell

from aggregator.edge.addresses import TcpAddress
from aggregator.server.application.app import Application, application
from aggregator.server.generations.plan_source import PlanFiles
from aggregator.server.generations.reload import ReloadOutcome
from aggregator.server.listeners.opening import Listener, open_listeners
from aggregator.server.process import memory
from aggregator.server.process.serving import Service
from aggregator.server.traces import exporting

HANG, RESET, CLOSE = "hang", "reset", "close"
PATIENCE = 120.0  # only what hangs takes so long, also on a machine that is busy with something else
PATIENT = f"client: {{timeout: {{total: {PATIENCE:.0f}s, connect: {PATIENCE:.0f}s}}}}\n"
"""Settings for tests that speak of no time: calls wait as long as the test does."""


def until(condition: Callable[[], Any], seconds: float = PATIENCE) -> float:
    """Wait until *condition* holds; give how long it took, fail after *seconds*."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, "it did not happen in time"
        time.sleep(0.001)
    return time.monotonic() - started


def reply_of(value: Any = None, status: int = 200, *, body: bytes | None = None, **headers: str) -> bytes:
    """Return a response: *value* as JSON, or *body* as it is."""
    text = json.dumps(value).encode() if body is None else body
    fields = {"content-type": "application/json", "content-length": str(len(text))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode("latin-1") + text


@dataclass
class Request:
    """What an upstream received."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes = b""

    def __getitem__(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)


class Upstream:
    """Answers by path with bytes, a function of the request, or a list of steps, in a thread of its own.

    A step is bytes, seconds to wait, HANG (until the other side closes), RESET, CLOSE, or a ``threading.Event``.
    *hung_up* counts the connections that the other side closed while an answer was due.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answers: dict[str, Any] = {}
        self.requests: list[Request] = []
        self.open = self.accepted = self.hung_up = 0
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls))
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def __setitem__(self, path: str, answer: Any) -> None:
        self.answers[path] = answer

    @property
    def last(self) -> Request:
        """The last request."""
        return self.requests[-1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.accepted += 1
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, EOFError, ValueError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            writer.transport.abort()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first = await reader.readexactly(1)
        if first == b"\x16":  # somebody speaks TLS
            await self._play(b"HTTP/1.1 400 Bad Request\r\n\r\n", reader, writer)
            return False
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = [(name, value) for name, _, value in (line.partition(": ") for line in head[1:-2])]
        request = Request(method, target, headers)
        answer = self.answers.get(target.partition("?")[0], reply_of({"nothing": target}, 404))
        if isinstance(answer, list) and answer[:1] == ["before body"]:
            answer = answer[1:]
            self.requests.append(request)
        else:
            request.body = await self._body(request, reader)
            self.requests.append(request)  # not before it is whole: who waits for it reads its body
        answer = answer(request) if callable(answer) else answer
        for step in answer if isinstance(answer, list) else [answer]:
            await self._play(step, reader, writer)
        return True

    async def _body(self, request: Request, reader: asyncio.StreamReader) -> bytes:
        if request["transfer-encoding"] is None:
            return await reader.readexactly(int(request["content-length"] or 0))
        body = b""
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
        return body

    async def _play(self, step: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if isinstance(step, bytes):
            writer.write(step)
            await writer.drain()
        elif isinstance(step, threading.Event):
            while not step.is_set():
                if reader._eof or reader.exception():
                    self.hung_up += 1
                    raise EOFError
                await asyncio.sleep(0.002)
        elif isinstance(step, float):
            await asyncio.sleep(step)
        elif step == HANG:
            try:
                await reader.read()
            finally:
                self.hung_up += 1
            raise EOFError
        else:
            if step == RESET:
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            raise EOFError

    def close(self) -> None:
        """End the thread with everything in it."""

        async def end() -> None:
            self._server.close()
            await asyncio.sleep(0)  # a connection that was accepted, and whose task has not begun, would stay open
            mine = asyncio.current_task()
            while others := [task for task in asyncio.all_tasks() if task is not mine]:
                for task in others:
                    task.cancel()
                await asyncio.gather(*others, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@dataclass
class Reply:
    """What a client received; *raw_head* is the head as it came."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    raw_head: bytes

    def __getitem__(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)

    def all(self, name: str) -> list[str]:
        """Return every value of a field."""
        return [value for key, value in self.headers if key.lower() == name]

    @property
    def json(self) -> Any:
        """The body as data."""
        return json.loads(self.body)

    @property
    def detail(self) -> str:
        """The detail of a problem."""
        assert self["content-type"] == "application/problem+json", self
        detail: str = self.json["detail"]
        return detail


class Incomplete(Exception):  # noqa: N818
    """The connection ended before a response did."""


class Wire:
    """A client connection that sends what it is told to."""

    def __init__(
        self, port: int, *, receive_buffer: int | None = None, tls: ssl.SSLContext | None = None, first: bytes = b""
    ) -> None:
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", port))
        if first:
            self.socket.sendall(first)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self._buffer = bytearray()

    def send(self, data: bytes) -> Wire:
        """Send *data* as it is."""
        self.socket.sendall(data)
        return self

    def ask(self, method: str, target: str, *lines: str, body: bytes = b"") -> Reply:
        """Send a request and give its reply."""
        return self.write(method, target, *lines, body=body).reply(head_only=method == "HEAD")

    def write(self, method: str, target: str, *lines: str, body: bytes = b"") -> Wire:
        """Send a request."""
        return self.send(request(method, target, *lines, body=body))

    def reply(self, *, head_only: bool = False) -> Reply:
        """Return the next response, without those in between (1xx)."""
        while True:
            head = self.until(b"\r\n\r\n")
            first, *lines = head[:-4].decode("latin-1").split("\r\n")
            headers = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
            reply = Reply(int(first.split(" ")[1]), headers, b"", head)
            if reply.status >= 200:
                break
        if not head_only and reply.status not in (204, 304):
            reply.body = self._body(reply)
        return reply

    def _body(self, reply: Reply) -> bytes:
        if reply["transfer-encoding"] == "chunked":
            body = b""
            while size := int(self.until(b"\r\n"), 16):
                body += self.take(size)
                self.take(2)
            self.take(2)
            return body
        return self.take(int(reply["content-length"] or 0))

    def until(self, mark: bytes) -> bytes:
        """Return what comes up to and with *mark*."""
        while mark not in self._buffer:
            self._read()
        end = self._buffer.index(mark) + len(mark)
        return self.take(end)

    def take(self, size: int) -> bytes:
        """Return the next *size* bytes."""
        while len(self._buffer) < size:
            self._read()
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _read(self) -> None:
        data = self.socket.recv(1 << 16)
        if not data:
            raise Incomplete(self._buffer)
        self._buffer += data

    def rest(self) -> bytes:
        """Return everything up to the end of the connection."""
        while True:
            try:
                self._read()
            except (Incomplete, ConnectionResetError):
                return self.take(len(self._buffer))

    @property
    def ended(self) -> bool:
        """Whether the connection ends without another byte; waits for that."""
        return self.rest() == b""

    @property
    def silent(self) -> bool:
        """Whether nothing comes and the connection stays, for a moment."""
        self.socket.settimeout(0.1)
        try:
            self._read()
        except TimeoutError:
            return True
        except Incomplete:
            return False
        finally:
            self.socket.settimeout(PATIENCE)
        return False

    def reset(self) -> None:
        """Hang up at once."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """Hang up."""
        self.socket.close()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def request(method: str, target: str, *lines: str, body: bytes = b"") -> bytes:
    """Return the bytes of a request."""
    fields = ["host: gateway", *lines]
    if body and not any(line.lower().startswith(("content-length:", "transfer-encoding:")) for line in lines):
        fields.append(f"content-length: {len(body)}")
    head = "".join(f"{line}\r\n" for line in [f"{method} {target} HTTP/1.1", *fields])
    return head.encode("latin-1") + b"\r\n" + body


class Around:
    """A middleware that does nothing: with it, every request takes the ASGI way."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


class _Records(logging.Handler):
    """What is logged, but for what servers of other stages log: of a shared one, requests may end after their test."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        thread = threading.current_thread()
        if not isinstance(thread, _Serving) or thread.records is self.records:
            self.records.append(record)


class _Serving(threading.Thread):
    """The thread of a gateway, whose stage has *records*."""

    def __init__(self, service: Service, codes: list[int], records: list[logging.LogRecord]) -> None:
        super().__init__(target=lambda: codes.append(service.run()))
        self.records = records


@dataclass
class Gateway:
    """A server that serves *path* until it is closed."""

    path: Path
    app: Application
    service: Service
    port: int
    reloads: list[ReloadOutcome]
    records: list[logging.LogRecord]
    thread: threading.Thread
    codes: list[int]
    listeners: Sequence[Listener]
    tls: ssl.SSLContext | None = None
    first: bytes = b""
    wires: list[Wire] = field(default_factory=list)

    def wire(self, **options: Any) -> Wire:
        """Return a new connection to it."""
        self.wires.append(Wire(self.port, tls=self.tls, first=self.first, **options))
        return self.wires[-1]

    def ask(self, method: str, target: str, *lines: str, body: bytes = b"") -> Reply:
        """Return the answer to one request on a connection of its own."""
        with Wire(self.port, tls=self.tls, first=self.first) as wire:
            return wire.ask(method, target, *lines, body=body)

    @property
    def admin(self) -> int:
        """The port of administration."""
        return next(one.socket.getsockname()[1] for one in self.listeners if one.role == "admin")

    def get(self, target: str, *lines: str) -> Reply:
        """Return the answer to a GET."""
        return self.ask("GET", target, *lines)

    @property
    def in_flight(self) -> int:
        """How many requests are being answered by endpoints, without those whose answers have come."""
        self.turn()
        generation = self.app.running.generation
        return 0 if generation is None else generation.in_flight

    @property
    def connections(self) -> list[Any]:
        """The open connections of its clients."""
        return list(self.service.server.server_state.connections)

    def write(self, text: str, env: str = "") -> None:
        """Save another text."""
        self.path.write_text(document(text), encoding="utf-8")

    def replace(self, text: str) -> None:
        """Put a file of another text into its place, of which nobody sees a half."""
        fresh = self.path.with_suffix(".fresh")
        fresh.write_text(document(text), encoding="utf-8")
        fresh.replace(self.path)

    def reload(self, text: str | None = None, *, asked: bool = True) -> ReloadOutcome:
        """Save *text*, if any, and give what the reload comes to that a signal asks for, or that a watcher begins."""
        if text is not None:
            self.write(text)
        loop = self.service.loop
        assert loop is not None
        return asyncio.run_coroutine_threadsafe(self.app.running.reload(asked=asked), loop).result(PATIENCE)

    def said(self, sentence: str) -> list[dict[str, Any]]:
        """Return the fields of the log lines that say *sentence*, those of answers that have come included."""
        self.turn()
        return [getattr(record, "fields", {}) for record in self.records if sentence in record.getMessage()]

    def turn(self) -> None:
        """Wait until the loop has ended its turn, and the next: an answer is there before its line is written, and before it is counted."""
        loop, ended = self.service.loop, threading.Event()
        if loop is not None and threading.current_thread() is not self.thread:
            with suppress(RuntimeError):  # it is closed
                loop.call_soon_threadsafe(loop.call_soon, ended.set)
                until(lambda: ended.is_set() or not self.thread.is_alive())

    def stop(self) -> int:
        """Stop it as a signal does, and give its exit code."""
        self.service.stop()
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive(), "the server did not stop"
        return self.codes[0]

    def close(self) -> None:
        """Stop it; nothing may have gone wrong unsaid: no traceback, no complaint of the event loop."""
        for wire in self.wires:
            wire.close()
        if self.thread.is_alive():
            self.stop()
        for listener in self.listeners:
            listener.close()
        bad = [r for r in self.records if not r.name.startswith("aggregator") and r.levelno > logging.INFO]
        assert [(r.name, r.getMessage(), r.exc_info) for r in bad] == []


def document(text: str) -> str:
    """Return *text* with the version, with the upstream ``up`` and with patience unless it declares its own."""
    text = dedent(text)
    start = "" if "version:" in text else "version: 1\n"
    own = "\nupstreams:" in f"\n{text}"
    upstreams = "" if own else 'upstreams: {up: {url: "${UP}"}}\n'
    patient = "" if "\nclient:" in f"\n{text}" or not text.endswith("\n") else PATIENT
    return f"{start}{upstreams}{text}{patient}"


class Authority:
    """An authority that no other test needs to make anew, and a client that believes it."""

    def __init__(self) -> None:
        authority = trustme.CA()
        self.pair = authority.issue_cert("localhost")
        self.context = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())


@cache
def _authority() -> Authority:
    return Authority()


PROXIED = b"PROXY TCP4 192.0.2.1 198.51.100.1 51000 443\r\n"
"""What every connection of a gateway behind the door "proxied" begins with."""


def _with_beginnings(text: str, folder: Path, doors: Sequence[str]) -> str:
    """Return *text* with a server whose connections begin by TLS, a certificate in *folder*, or a PROXY header."""
    settings = []
    if "proxied" in doors:
        settings.append("proxy_protocol: true, trusted_proxies: [127.0.0.1]")
    if "tls" in doors:
        _authority().pair.private_key_and_cert_chain_pem.write_to_path(folder / "gateway.pem")
        settings.append("tls: {cert: gateway.pem}")
    if not settings:
        return text
    setting, text = ", ".join(settings), dedent(text)
    own = "server: {" in text
    return text.replace("server: {", f"server: {{{setting}, ", 1) if own else f"server: {{{setting}}}\n{text}"


class _HastyAsyncio:
    """asyncio for uvicorn, which looks ten times a second whether it shall stop, and waits as long again when it does."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, seconds: float) -> None:
        """Wait the twentieth part of that."""
        await asyncio.sleep(seconds / 20)


class Stage:
    """Upstreams and gateways, closed at the end.

    Servers leave memory alone unless *is_tuned*: to look for garbage at each start, and to fill the holes, takes four fifths of
    the time of a test in a process that holds all the others.
    """

    HANG, RESET, CLOSE = HANG, RESET, CLOSE
    reply = staticmethod(reply_of)
    request = staticmethod(request)
    until = staticmethod(until)
    Incomplete = Incomplete
    gate = threading.Event
    wire = Wire

    def __init__(self, folder: Path, *, is_tuned: bool = False) -> None:
        self.folder = folder
        self._patch = pytest.MonkeyPatch()
        self._patch.setattr("uvicorn.server.asyncio", _HastyAsyncio())
        if not is_tuned:
            self._patch.setattr(memory, "is_plain", lambda: True)
        self._gateways: list[Gateway] = []
        self.upstreams: list[Upstream] = []
        self._records = _Records()
        logging.getLogger("").addHandler(self._records)
        logging.getLogger("aggregator").setLevel(logging.INFO)

    def upstream(self, tls: ssl.SSLContext | None = None) -> Upstream:
        """Return a new upstream; with *tls* it speaks nothing else."""
        self.upstreams.append(Upstream(tls))
        return self.upstreams[-1]

    def gateway(
        self, text: str, upstream: Upstream | None = None, *, door: str = "direct", watch: bool = False,
        env: Mapping[str, str] | None = None, change: Callable[[Application], None] | None = None,
    ) -> Gateway:  # fmt: skip
        """Return a server of *text*; *change* may alter the app.

        *door* "asgi" sends every request the longer way, "tls" has every connection of the gateway speak TLS, "proxied"
        begin with a PROXY header; both may be joined by a plus.
        """
        doors = door.split("+")
        text = _with_beginnings(text, self.folder, doors)
        path = self.folder / f"routes{len(self._gateways)}.yaml"
        path.write_text(document(text), encoding="utf-8")
        files = PlanFiles(path, {"UP": upstream.url if upstream else "http://127.0.0.1:9", **(env or {})})
        app = application(files)
        if door == "asgi":
            app.add_middleware(Around)
        if change is not None:
            change(app)
        plan = app.running.plan.server
        listeners = open_listeners(plan, *((None, None) if plan.listen else ("127.0.0.1", 0)))
        reloads: list[ReloadOutcome] = []
        service = Service(app, files, listeners, watch=watch, on_reload=reloads.append)
        codes: list[int] = []
        thread = _Serving(service, codes, self._records.records)
        public = (one for one in listeners if isinstance(one.address, TcpAddress) and one.role == "public")
        ports = [one.socket.getsockname()[1] for one in public]
        gateway = Gateway(
            path,
            app,
            service,
            ports[0] if ports else 0,
            reloads,
            self._records.records,
            thread,
            codes,
            listeners,
            _authority().context if "tls" in doors else None,
            PROXIED if "proxied" in doors else b"",
        )
        self._gateways.append(gateway)
        thread.start()
        until(lambda: service.server.started or not thread.is_alive())
        assert thread.is_alive(), "the server did not start"
        return gateway

    def close(self) -> None:
        """Close everything."""
        try:
            for gateway in self._gateways:
                gateway.close()
        finally:
            for upstream in self.upstreams:
                upstream.close()
            logging.getLogger("").removeHandler(self._records)
            self._patch.undo()


@pytest.fixture(autouse=True)
def prompt_traces(monkeypatch):
    """A collector hears of a request soon, not some seconds later."""
    monkeypatch.setattr(exporting, "PAUSE", 0.05)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A stage for one test."""
    stage = Stage(tmp_path)
    yield stage
    stage.close()


@pytest.fixture
def tuned_stage(tmp_path: Path) -> Iterator[Stage]:
    """A stage whose servers treat memory as in a process of their own; all that tests hold is in sight of the collector."""
    threshold = gc.get_threshold()
    gc.unfreeze()
    stage = Stage(tmp_path, is_tuned=True)
    yield stage
    stage.close()
    gc.set_threshold(*threshold)
    gc.unfreeze()
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module")
def shared_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stage for all tests of a file."""
    stage = Stage(tmp_path_factory.mktemp("stage"))
    yield stage
    stage.close()


@pytest.fixture(scope="module", params=["direct", other_cell("asgi")])
def door(request: pytest.FixtureRequest) -> str:
    """Each of the two ways to an endpoint."""
    way: str = request.param
    return way

"""Two ways to try compositions.

``serve`` is the whole application over a mocked network. ``rig`` is one endpoint whose calls a test answers by hand,
in the order that it likes, on a clock that only it moves.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from textwrap import dedent
from typing import Any

import httpx
import pytest

from aggregator.codecs import json as json_codec
from aggregator.config.loading import load_config
from aggregator.errors import CallError, Cause
from aggregator.parts.events import NO_LISTENERS, CallListener, Listeners
from aggregator.plan.compiler import compile_plan
from aggregator.plan.serving import BackgroundPlan
from aggregator.plan.types import EndpointPlan, Plan
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.background.effects import EffectQueue
from aggregator.runtime.endpoint.handler import EndpointHandler
from aggregator.runtime.parts.fanout import Run
from aggregator.runtime.plugins.functions import Plugins
from aggregator.runtime.resources import Resources
from aggregator.runtime.stack.endpoint import build_endpoint
from aggregator.transport import Reply

UPSTREAMS = "".join(f"  {name}: {{url: 'http://{name}.test'}}\n" for name in "abc")
Respond = Callable[[httpx.Request], httpx.Response]


def document(text: str) -> str:
    """Return *text* with the version, and with the upstreams a, b and c unless it declares its own."""
    text = dedent(text)
    own = text.startswith("upstreams:") or "\nupstreams:" in text
    return f"version: 1\n{'' if own else f'upstreams:{chr(10)}{UPSTREAMS}'}{text}"


def json_of(value: Any, status: int = 200, **headers: str) -> httpx.Response:
    """Return an answer of an upstream; underscores in header names are hyphens."""
    named = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, content=json.dumps(value).encode(), headers=named)


class Upstream:
    """Answers by ``"GET /path"`` or ``"/path"``: data, a response, or a function of the request."""

    def __init__(self, answers: Mapping[str, Any] | Respond) -> None:
        self._answers = answers
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if callable(self._answers):
            return self._answers(request)
        path = request.url.raw_path.decode()
        for key in (f"{request.method} {path}", path, path.partition("?")[0]):
            if key in self._answers:
                found = self._answers[key]
                found = found(request) if callable(found) else found
                if isinstance(found, Exception):
                    raise found
                return found if isinstance(found, httpx.Response) else json_of(found)
        return json_of({"error": "nothing here"}, 404)

    @property
    def lines(self) -> list[str]:
        """The requests as ``METHOD path?query``, in the order in which they came."""
        return [f"{request.method} {request.url.raw_path.decode()}" for request in self.requests]

    @property
    def last(self) -> httpx.Request:
        """The last request."""
        return self.requests[-1]


class Gateway:
    """An application that runs until the test ends, and a client of it."""

    def __init__(self, path: Path, upstream: Upstream, env: Mapping[str, str] | None) -> None:
        from aggregator.server.application.app import create_app

        self.upstream = upstream
        self.app = create_app(path, transport=httpx.MockTransport(upstream), env=env)
        self._closed = False
        self._runner = asyncio.Runner()
        self._lifespan = self.app.router.lifespan_context(self.app)
        self._runner.run(self._lifespan.__aenter__())
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://gateway")

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Return the answer to one request."""
        return self._runner.run(self.client.request(method, path, **options))

    def get(self, path: str, **options: Any) -> httpx.Response:
        """Return the answer to a GET."""
        return self.ask("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        """Return the answer to a POST."""
        return self.ask("POST", path, **options)

    def wait_for(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Return what *work* gives, in the loop of the application."""
        return self._runner.run(work)

    def close(self) -> None:
        """Let background calls end, and stop; more than once is harmless."""
        if self._closed:
            return
        self._closed = True
        self._runner.run(self.client.aclose())
        self._runner.run(self._lifespan.__aexit__(None, None, None))
        self._runner.close()


Serve = Callable[..., Gateway]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Yield a function (text of a file, answers of all upstreams) → running gateway."""
    opened: list[Gateway] = []

    def start(
        text: str, answers: Mapping[str, Any] | Respond | None = None, *, env: Mapping[str, str] | None = None
    ) -> Gateway:
        path = tmp_path / f"routes{len(opened)}.yaml"
        path.write_text(document(text), encoding="utf-8")
        opened.append(Gateway(path, Upstream(answers or {}), env))
        return opened[-1]

    yield start
    for gateway in opened:
        gateway.close()


@dataclass(slots=True)
class Sent:
    """One call on the wire. ``answer`` and ``fail`` end it; *cancelled* tells that it was given up."""

    method: str
    target: str
    headers: bytes
    body: bytes | None
    deadline: float
    done: Callable[[Reply | CallError], None]
    steps: int = 0
    under_way: bool = False
    cancelled: bool = False
    ended: bool = False

    def cancel(self) -> None:
        """Take note of being given up."""
        self.cancelled = True

    def answer(self, value: Any = None, status: int = 200, *, body: bytes | None = None, **headers: str) -> None:
        """End the call with a reply: *value* as JSON, or *body* as it is."""
        assert not self.cancelled, f"{self.target} was given up"
        named = {"content-type": "application/json"} | {key.replace("_", "-"): text for key, text in headers.items()}
        fields = [(key.encode(), text.encode()) for key, text in named.items()]
        raw = json.dumps(value).encode() if body is None else body
        self.ended = True
        self.done(Reply(status, fields, raw, False, 0.0, 0.0, 0.0, 0.0))

    def fail(self, cause: Cause = Cause.REFUSED, message: str = "It cannot be reached.") -> None:
        """End the call without a reply."""
        assert not self.cancelled, f"{self.target} was given up"
        self.ended = True
        self.done(CallError(cause, message))


@dataclass(slots=True)
class Timer:
    """Something that is due at a time, unless it is cancelled."""

    when: float
    run: Callable[[], object]
    cancelled: bool = False

    def cancel(self) -> None:
        """Let it be."""
        self.cancelled = True


class Clock:
    """What the runtime needs of an event loop: the time, which stands still unless a test moves it, and timers."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[Timer] = []

    def call_later(self, delay: float, run: Callable[..., object], *given: Any) -> Timer:
        """Have *run* called when the time has moved on by *delay*."""
        self.timers.append(Timer(self.now + delay, partial(run, *given)))
        return self.timers[-1]

    def call_soon(self, run: Callable[..., object], *given: Any) -> Timer:
        """Have *run* called when the test moves the time on, by nothing even."""
        return self.call_later(0.0, run, *given)

    @property
    def waiting(self) -> list[Timer]:
        """The timers that are not cancelled, the next one first."""
        self.timers = sorted((timer for timer in self.timers if not timer.cancelled), key=lambda timer: timer.when)
        return self.timers

    def advance(self, seconds: float) -> None:
        """Move the time on, and run what becomes due, each at its time."""
        end = self.now + seconds
        while self.waiting and self.waiting[0].when <= end:
            timer = self.timers.pop(0)
            self.now = max(self.now, timer.when)
            timer.run()
        self.now = end

    def time(self) -> float:
        """Return the time in seconds."""
        return self.now


@dataclass(slots=True)
class Rig:
    """One endpoint. ``start`` begins an answer, ``rig[target]`` is a call under way, ``answer`` what came of it."""

    plan: EndpointPlan
    handler: EndpointHandler
    sent: list[Sent]
    loop: Clock = field(default_factory=Clock)
    answers: list[Answer] = field(default_factory=list)
    run: Run | None = None

    def start(self, *segments: str, query: str = "", headers: Mapping[str, str] | None = None) -> Rig:
        """Begin the answer to a request with *segments* as path parameters."""
        fields = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        sent = tuple(text.encode() for text in segments)
        exchange = self.handler.open(self.plan.method, "/", query.encode(), fields, sent, self.loop.time())
        self.run = self.handler.begin(exchange, self.loop, lambda answer, _: self.answers.append(answer))
        return self

    @property
    def under_way(self) -> list[Sent]:
        """The calls that have neither ended nor been given up."""
        return [call for call in self.sent if not call.ended and not call.cancelled]

    @property
    def targets(self) -> list[str]:
        """What was sent, in order."""
        return [call.target for call in self.sent]

    def __getitem__(self, target: str) -> Sent:
        return next(call for call in reversed(self.sent) if call.target == target)

    @property
    def answer(self) -> Answer:
        """The answer, of which there has to be exactly one."""
        assert len(self.answers) == 1, f"{len(self.answers)} answers"
        return self.answers[0]

    @property
    def body(self) -> Any:
        """The body of the answer as data."""
        return json_codec.decode(self.answer.body)

    def header(self, name: str) -> str | None:
        """Return the value of a header of the answer."""
        return next((value.decode() for key, value in self.answer.headers if key == name.encode()), None)


class _Door:
    """Stands for the pool of every upstream; nothing is sent."""

    def __init__(self, sent: list[Sent]) -> None:
        self._sent = sent

    def start(
        self, method: bytes, target: bytes, headers: bytes, body: bytes | None, *, deadline: float,
        done: Callable[[Reply | CallError], None], steps: int = 0, under_way: bool = False,
    ) -> Sent:  # fmt: skip
        """Keep the call for the test to end."""
        call = Sent(method.decode(), target.decode(), headers, body, deadline, done, steps, under_way)
        self._sent.append(call)
        return call


MakePlan = Callable[[str], Plan]


@pytest.fixture
def plan_of(tmp_path: Path) -> MakePlan:
    """Return a function text of a file → its plan."""

    def make(text: str) -> Plan:
        path = tmp_path / "plan.yaml"
        path.write_text(document(text), encoding="utf-8")
        return compile_plan(load_config(path, {}))

    return make


@pytest.fixture
def rig(plan_of: MakePlan) -> Iterator[Callable[..., Rig]]:
    """Yield a function (text of one endpoint) → rig; a text without ``endpoints:`` is that of ``GET /x``."""
    plugins = Plugins()

    def make(text: str, *calls: CallListener, listeners: Listeners = NO_LISTENERS) -> Rig:
        text = dedent(text)
        if "endpoints:" not in text:
            inner = "".join(f"    {line}\n" for line in text.strip().splitlines())
            text = f"endpoints:\n  GET /x:\n{inner}"
        plan = plan_of(text)
        sent: list[Sent] = []
        queue = EffectQueue(BackgroundPlan())
        resources = Resources(
            lambda _: _Door(sent), plugins, queue, plan.server, listeners=Listeners(calls=calls).beside(listeners)
        )  # type: ignore[arg-type,return-value]
        handler = build_endpoint(plan.endpoints[0], resources)
        assert isinstance(handler, EndpointHandler)
        return Rig(plan.endpoints[0], handler, sent)

    yield make
    plugins.close()

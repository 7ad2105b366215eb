"""An application with durable effects, over a mocked network, that can be stopped and started again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tiers import starts_processes

from aggregator.runtime.background.durable.outbox import Outbox
from aggregator.stores.effects.records import EffectRecord, FixedRequest
from aggregator.stores.redis.effects.store import EffectsInRedis
from aggregator.stores.shared.address import store_address
from aggregator.stores.shared.plan import StorePlan
from tests.policies.conftest import START, Respond, Served
from tests.valkey import Valkey

FILE = """
state: ./state
upstreams:
  mail: {{url: 'http://mail.test/base', idempotent: true{upstream}}}
background: {{durable: {{sync: normal{durable}}}}}
endpoints:
  POST /signup:
    body: {{type: object}}
    respond: {{status: 201, body: {{ok: true}}}}
    background:
      - name: welcome
        durable: {moment}
        url: POST mail:/send
        json: {{to: "{{{{ body.email }}}}"}}
        retry: {{attempts: 3, backoff: 1s..1s}}
{call}
"""


def document(*, upstream: str = "", durable: str = "", moment: str = "true", call: str = "") -> str:
    """Return a file with one durable call, and what is added to its upstream, `background.durable` and the call."""
    return FILE.format(
        upstream=upstream and f", {upstream}", durable=durable and f", {durable}", moment=moment,
        call="\n".join(f"        {line}" for line in call.splitlines()),
    )  # fmt: skip


CALLED = "    call: {method: POST, url: users:/users}\n"


def with_call(text: str) -> str:
    """Return *text* with a call before the answer."""
    text = text.replace("    respond: {status: 201, body: {ok: true}}\n", CALLED)
    return text.replace("upstreams:\n", "upstreams:\n  users: {url: 'http://users.test', idempotent: true}\n")


def down(request: httpx.Request) -> httpx.Response:
    """Answer all but mails."""
    return httpx.Response(503) if request.url.host == "mail.test" else httpx.Response(200, json={"id": 1})


class Application(Served):
    """The application, and what is kept by it."""

    @property
    def outbox(self) -> Outbox:
        """Its durable effects."""
        found: Outbox = self.app.running.outbox
        return found

    def post(self, path: str = "/signup", **options: Any) -> httpx.Response:
        """Return the answer to a POST."""
        answer: httpx.Response = self.run(self.ask("POST", path, **options))
        return answer

    def sign_up(self, *names: str) -> list[int]:
        """Return the statuses of a request for each of *names*."""
        return [self.post(json={"email": name}).status_code for name in names]

    def until(self, holds: Callable[[], bool]) -> None:
        """Let the application go on until *holds*; a delivery that is never made fails the test by its timeout."""

        async def wait() -> None:
            async with asyncio.timeout(120):
                while not holds():
                    self.outbox.wake()
                    await asyncio.sleep(0.005)

        self.run(wait())

    def counts(self) -> dict[str, int]:
        """Return how many effects are kept in each state that any is in."""
        return {state: number for state, number in self.outbox.kept.counts.items() if number}

    def settle(self, **counts: int) -> None:
        """Wait until so many effects are kept in each state."""
        self.until(lambda: self.counts() == counts)


@contextmanager
def process(folder: Path, text: str, respond: Respond | None = None, now: float = START) -> Iterator[Application]:
    """Serve *text* from *folder*, and stop."""
    served = Application(folder, text, respond)
    served.now = now
    try:
        yield served
    finally:
        served.close()


def record(number: int = 0, **said: Any) -> EffectRecord:
    """Return an effect as it is kept."""
    request = FixedRequest(b"POST", b"/send", b"x-n: 1\r\n", b"%d" % number)
    usual = {"id": f"id-{number}", "name": "welcome", "endpoint": "POST /x", "upstream": "mail", "request_id": "r",
             "request": request, "created": START, "due": START}  # fmt: skip
    return EffectRecord(**{**usual, **said})


@pytest.fixture
def refuse() -> Respond:
    """Return an upstream that always answers 503."""
    return lambda _: httpx.Response(503, text="not now")


def shared_plan(valkey: Valkey) -> StorePlan:
    """Return the place of effects that are kept in *valkey*."""
    return StorePlan(store_address(valkey.url), timeout=30.0, prefix="t:")


@pytest.fixture(scope="session")
@starts_processes
def valkey() -> Iterator[Valkey]:
    """Yield a server that the tests of a session share, and that keeps what it is given."""
    server = Valkey("--appendonly", "yes")
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """Yield one loop for the whole test."""
    with asyncio.Runner() as made:
        yield made


@pytest.fixture
def store(valkey: Valkey, runner: asyncio.Runner) -> Iterator[EffectsInRedis]:
    """Yield an empty shared store; the clock beside it stands."""
    valkey.ask("FLUSHALL")
    made = EffectsInRedis(shared_plan(valkey), lambda: START)
    runner.run(made.open())
    yield made
    runner.run(made.aclose())

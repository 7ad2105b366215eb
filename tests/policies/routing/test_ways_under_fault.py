"""Where a call goes (choice, route, hosts) while callers leave, the file changes, and many ask at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import httpx
import pytest

from aggregator.exchange import Exchange
from aggregator.parts.frame import Frame, Part
from aggregator.parts.names import Names
from aggregator.parts.result import Result
from aggregator.plan.compiling.expressions import one_expression
from aggregator.policies.routing.choosing import Chosen
from aggregator.policies.routing.plan import ChancePlan
from aggregator.policies.routing.routed import Routed

WAYS = {
    "choose": """
        upstreams: {{old: {{url: "http://old.test"}}, new: {{url: "http://new.test"}}}}
        endpoints:
          GET /x:
            call: {{choose: [{{url: "{0}:/x", weight: 1}}, {{url: "{1}:/x", weight: 0}}], sticky: "{{{{ query.k }}}}"}}
    """,
    "route": """
        upstreams: {{at: {{route: {{by: "{{{{ query.k }}}}", to: {{a: "http://{0}.test", b: "http://{1}.test"}}}}}}}}
        endpoints: {{GET /x: {{call: at:/x}}}}
    """,
    "hosts": """
        upstreams: {{at: {{hosts: ["http://{0}.test", {{url: "http://{1}.test", priority: 1}}]}}}}
        endpoints: {{GET /x: {{call: at:/x}}}}
    """,
}


@pytest.fixture(params=WAYS)
def way(request) -> str:
    """Return a file whose calls lead to the first of two names."""
    return "        client: {{timeout: 120s}}" + WAYS[request.param]


class Held:
    """Upstreams that answer with their name: ``old`` when it is let go, others at once."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.go = asyncio.Event()
        self.is_cancelled = False

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        name = str(request.url.host).removesuffix(".test")
        if name == "old":
            self.asked.set()
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                self.is_cancelled = True
                raise
        return httpx.Response(200, json=name)


def test_a_reload_in_the_middle(serve, way):
    """A call that is under way is answered from where it went, the next one goes where the new file says."""
    held = Held()
    api = serve(way.format("old", "new"), held)

    async def main():
        asking = asyncio.create_task(api.ask("GET", "/x?k=a"))
        await held.asked.wait()
        api.path.write_text(api.path.read_text().replace("old.test", "third.test").replace("new.test", "fourth.test"))
        await api.app.running.reload()
        later = await api.ask("GET", "/x?k=a")
        held.go.set()
        return (await asking).json(), later.json()

    assert api.run(main()) == ("old", "third")


def test_a_caller_who_leaves(serve, way):
    """The call ends with it, and the next caller is answered as if nobody had been there."""
    held = Held()
    api = serve(way.format("old", "new"), held)

    async def main():
        asking = asyncio.create_task(api.ask("GET", "/x?k=a"))
        await held.asked.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        held.go.set()
        return (await api.ask("GET", "/x?k=a")).json()

    assert api.run(main()) == "old"
    assert held.is_cancelled


def test_many_callers_at_once_and_the_first_leaves(serve, way):
    """The others, who ask for the same, are answered by where they belong."""
    held = Held()
    api = serve(way.format("old", "new"), held)

    async def main():
        first, *others = (asyncio.create_task(api.ask("GET", "/x?k=a")) for _ in range(64))
        await held.asked.wait()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        held.go.set()
        return [answer.json() for answer in await asyncio.gather(*others)]

    assert api.run(main()) == ["old"] * 63


class Pending:
    """A call that ends when the test says; it takes note of who waits for it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.waiting: list[Callable[[Result], None]] = []

    def start(self, _frame: Frame, done: Callable[[Result], None]) -> SimpleNamespace:
        """Begin; return what cancels it."""
        self.waiting.append(done)
        return SimpleNamespace(cancel=lambda: self.waiting.remove(done))


KEY = one_expression("{{ query.k }}")


@pytest.mark.parametrize("kind", ["choose", "route"])
def test_a_thousand_callers_at_once(kind):
    """Each ends where it belongs, also those who leave; nobody gets the answer of another."""
    calls = {name: Pending(name) for name in ("0", "1", "2")}
    if kind == "route":
        part: Part = Routed("call", KEY, calls, "at", ())
    else:
        part = Chosen(
            "call", ChancePlan(tuple(calls), (3, 2, 1), KEY), tuple((one, one.name) for one in calls.values())
        )
    told: dict[int, str | None] = {}
    loop = SimpleNamespace(time=lambda: 0.0)
    tickets = []
    for number in range(1000):
        exchange = Exchange("GET", "/", b"k=%d" % (number % 3), [])
        frame = Frame(exchange, Names(exchange), 9.0, loop)
        tickets.append(part.start(frame, lambda result, number=number: told.update({number: result.value})))
    for ticket in tickets[::2]:
        ticket.cancel()
    for call in calls.values():
        for done in call.waiting:
            done(SimpleNamespace(value=call.name))
    assert sorted(told) == list(range(1, 1000, 2))
    by_key = [{told[number] for number in told if number % 3 == key} for key in range(3)]
    assert [len(one) for one in by_key] == [1, 1, 1]  # one key, one call
    assert kind != "route" or by_key == [{"0"}, {"1"}, {"2"}]

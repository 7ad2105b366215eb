"""Where a call goes (choice, route, hosts) while callers leave, the file changes, and many ask at once."""

from __future__ import annotations

import asyncio

import httpx
import pytest

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
    return WAYS[request.param]


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

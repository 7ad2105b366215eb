"""Batches whose elements are kept: only those are asked for that are missing."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterable
from typing import Any

import httpx
import pytest

from aggregator.policies.cache import elements
from aggregator.policies.cache.keys import key_of
from aggregator.policies.cache.purging import purge_tags
from aggregator.runtime.calls import keyed
from tests.policies.conftest import Served

Serve = Callable[..., Served]
ITEMS = """
    upstreams: {{up: {{url: "http://up.test", cache: {cache}}}}}
    endpoints:
      GET /x: {{fan_out: {{x: {{for_each: {{in: "{{{{ query.ids | split(',') }}}}", batch: {{key: id, size: 3}}{more}}},
                              url: "up:/x?ids={{keys}}"{call}}}}}}}
"""


def items(cache: str, more: str = "", call: str = "") -> str:
    """Return a file whose endpoint asks for what the query names, three keys a call."""
    return ITEMS.format(cache=cache, more=more, call=call)


class Elements:
    """An upstream that has each key but those *without*; elements tell which call they came with."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.status = 200
        self.without: set[str] = set()
        self.headers: dict[str, str] = {}
        self.gate: asyncio.Event | None = None
        self.arrived: asyncio.Queue[int] = asyncio.Queue()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls.append(request.url.params["ids"])
        number = len(self.calls)
        if self.gate is not None:
            self.arrived.put_nowait(number)
            await self.gate.wait()
        ids = [key for key in request.url.params["ids"].split(",") if key not in self.without]
        return httpx.Response(self.status, json=[{"id": key, "n": number} for key in ids], headers=self.headers)


@pytest.fixture
def upstream() -> Elements:
    return Elements()


def numbers(served: Served, ids: str) -> Any:
    """Return, for each of *ids*, with which call its element came."""
    answer = served.get(f"/x?ids={ids}").json()
    return answer if isinstance(answer, dict) and "x" not in answer else [x and x["n"] for x in answer["x"]]


def test_only_missing_keys_are_asked_for(serve: Serve, upstream: Elements) -> None:
    """What is kept and what comes are one list in the order of the items; the missing ones fill whole calls."""
    served = serve(items("60s"), upstream)
    assert numbers(served, "a,b") == [1, 1]
    assert numbers(served, "b,c,a,d") == [1, 2, 1, 2]
    assert numbers(served, "d,c,b,a") == [2, 2, 1, 1]
    assert numbers(served, "a,e,b,f,c,g,h") == [1, 3, 1, 3, 2, 3, 4]
    assert upstream.calls == ["a,b", "c,d", "e,f,g", "h"]
    served.now += 60
    assert numbers(served, "a") == [5]


def test_a_key_without_an_element_is_kept_as_404(serve: Serve, upstream: Elements) -> None:
    """It is null for the time of a 404, and asked for again where that has none."""
    upstream.without = {"b"}
    served = serve(items("{ttl: {200: 60s, 404: 10s}}"), upstream)
    assert [numbers(served, "a,b") for _ in range(2)] == [[1, None]] * 2
    served.now += 10
    upstream.without = set()
    assert numbers(served, "a,b") == [1, 2]
    assert upstream.calls == ["a,b", "b"]


def test_an_old_element_is_given_out_while_a_new_one_is_fetched(serve: Serve, upstream: Elements) -> None:
    """Within ``stale`` one call in the background asks for all old ones, and nobody waits."""
    served = serve(items("{ttl: 60s, stale: 60s}"), upstream)
    assert numbers(served, "a,b") == [1, 1]
    served.now += 61
    assert numbers(served, "a,b") == [1, 1]
    assert numbers(served, "a,b") == [2, 2]
    assert upstream.calls == ["a,b", "a,b"]


def test_old_elements_stand_in_for_a_failure(serve: Serve, upstream: Elements) -> None:
    """Those that are kept are stale, those that are not are lost: they are not asked for in one call."""
    served = serve(items("{ttl: 60s, on_error: 1h}", more=", on_error: 'null'"), upstream)
    assert numbers(served, "a,b") == [1, 1]
    served.now += 61
    upstream.status = 500
    answer = served.get("/x?ids=a,c,b")
    assert [element and element["n"] for element in answer.json()["x"]] == [1, None, 1]
    assert answer.headers["cache-control"] == "no-store"
    assert "lost=2" in answer.headers["aggregator-parts"]
    assert upstream.calls == ["a,b", "a,b", "c"]
    upstream.status = 404
    assert served.get("/x?ids=a").json()["x"] == [None]


def test_what_is_being_asked_for_is_waited_for(serve: Serve, upstream: Elements) -> None:
    """Two requests whose keys overlap ask for each key once, also when the first one leaves."""
    served = serve(items("60s"), upstream)

    async def overlap(*, leaves: bool) -> list[Any]:
        upstream.gate = asyncio.Event()
        first = asyncio.ensure_future(served.ask("GET", "/x?ids=a,b"))
        await upstream.arrived.get()
        second = asyncio.ensure_future(served.ask("GET", "/x?ids=b,c"))
        await upstream.arrived.get()
        if leaves:
            first.cancel()
            await asyncio.wait([first])
        upstream.gate.set()
        return [x["n"] for x in (await second).json()["x"]]

    assert served.run(overlap(leaves=False)) == [1, 2]
    assert upstream.calls == ["a,b", "c"]
    upstream.calls.clear()
    served.now += 60
    assert served.run(overlap(leaves=True)) == [1, 2]
    assert upstream.calls == ["a,b", "c"]


def test_elements_are_purged_by_their_own_tags(serve: Serve, upstream: Elements) -> None:
    """``keys`` in a tag is the list with that one key."""
    text = items("60s", call=', cache: {ttl: 60s, tags: ["item:{{ keys[0] }}"]}')
    purge = "      POST /purge/{id}: {call: 'POST up:/p?ids=p', purge: ['item:{{ id }}']}\n"
    served = serve(text + purge, upstream)
    assert numbers(served, "a,b") == [1, 1]
    assert served.run(served.ask("POST", "/purge/a")).status_code == 200
    assert numbers(served, "a,b") == [3, 1]


def test_a_whole_reply_has_the_tags_of_all_its_keys(serve: Serve) -> None:
    """Where replies are kept whole, as with `rfc`, a tag that reads `keys` is made for each of them."""
    text = items("60s", call=', cache: {rfc: true, tags: ["item:{{ keys[0] }}"]}')
    fresh = {"cache-control": "max-age=60"}
    served = serve(text, lambda _: httpx.Response(200, json=[{"id": "a"}, {"id": "b"}], headers=fresh))
    for purged, calls in (("item:c", 1), ("item:b", 2), ("item:a", 3)):
        assert served.get("/x?ids=a,b").status_code == 200
        purge_tags(served.app.running.states, [purged])
        served.get("/x?ids=a,b")
        assert len(served.lines) == calls


def test_the_key_of_an_element_is_what_finds_it(serve: Serve, upstream: Elements) -> None:
    """Calls that send the same share elements, whatever their shape; those that judge otherwise have their own."""
    part = 'for_each: {in: "{{ query.ids | split(\',\') }}", batch: {key: id}}, url: "up:/x?ids={keys}"'
    judged = "success: {when: \"{{ query.most != '0' }}\"}"
    served = serve(
        'upstreams: {up: {url: "http://up.test", cache: 60s}}\nendpoints:\n'
        + "".join(f"  GET /{name}: {{fan_out: {{x: {{{part}{more}}}}}}}\n"
                  for name, more in (("x", ""), ("y", ", allow: [n]"), ("z", f", {judged}"))),
        upstream,
    )  # fmt: skip
    assert numbers(served, "a,b") == [1, 1]
    assert served.get("/y?ids=b,a").json() == {"x": [{"n": 1}, {"n": 1}]}
    assert [served.get(f"/z?ids=a&most={most}").status_code for most in (1, 1, 0)] == [200, 200, 502]
    assert upstream.calls == ["a,b", "a", "a"]


def test_a_batch_with_a_cookie_is_not_kept(serve: Serve, upstream: Elements) -> None:
    """What belongs to one caller is given to nobody else."""
    upstream.headers = {"set-cookie": "a=b"}
    served = serve(items("60s"), upstream)
    assert [numbers(served, "a") for _ in range(2)] == [[1], [2]]


def test_digits_outlive_the_cache(serve: Serve) -> None:
    """A kept element is what came, to the last digit."""
    body = b'[{"id": 7, "price": 1.10, "big": 12345678901234567890.10}]'
    served = serve(
        items("60s"), lambda _: httpx.Response(200, content=body, headers={"content-type": "application/json"})
    )
    assert [served.get("/x?ids=7").text for _ in range(2)] == [
        '{"x":[{"id":7,"price":1.10,"big":12345678901234567890.10}]}'
    ] * 2


def test_a_purge_during_a_call_is_of_its_keys(serve: Serve, upstream: Elements) -> None:
    """The others are joined and kept as before; that of the purged one is asked for again."""
    served = serve(items("{ttl: 60s, tags: ['user:{{ keys[0] }}']}"), upstream)
    upstream.gate = asyncio.Event()

    async def ask() -> list[Any]:
        assert upstream.gate is not None
        first = asyncio.ensure_future(served.ask("GET", "/x?ids=a,b,c"))
        await upstream.arrived.get()
        purge_tags(served.app.running.states, ["user:b"])
        second = asyncio.ensure_future(served.ask("GET", "/x?ids=a,b,c"))
        await upstream.arrived.get()
        upstream.gate.set()
        answers = [(await one).json()["x"] for one in (first, second)]
        return [[element["n"] for element in answer] for answer in answers]

    assert served.run(ask()) == [[1, 1, 1], [1, 2, 1]]
    assert upstream.calls == ["a,b,c", "b"]
    assert numbers(served, "a,b,c") == [1, 2, 1]


LONG = """
    upstreams: {up: {url: "http://up.test", cache: 60s}}
    endpoints:
      POST /x: {fan_out: {x: {for_each: {in: "{{ body.ids }}", batch: {key: id, size: 3}},
                              url: "up:/x?ids={keys}", query: {of: "{{ body.of | upper }}"}}}}
"""


def test_beside_a_long_body_each_key_has_its_element(serve: Serve, upstream: Elements) -> None:
    """What was written ahead for many keys is not what would be sent for one of them."""
    served = serve(LONG, upstream)

    def ask(*ids: str) -> Any:
        sent = {"ids": ids, "of": "me", "more": "x" * 100_000}
        return [(one["id"], one["n"]) for one in served.run(served.ask("POST", "/x", json=sent)).json()["x"]]

    assert [ask("a", "b") for _ in range(2)] == [[("a", 1), ("b", 1)]] * 2
    assert ask("b", "c") == [("b", 1), ("c", 2)]
    assert upstream.calls == ["a,b", "c"]


WIDE = """
    upstreams: {{up: {{url: "http://up.test", cache: {{ttl: {{200: 60s}}, methods: [POST]}}}}}}
    endpoints:
      POST /x: {{fan_out: {{x: {{for_each: {{in: "{{{{ body.ids }}}}", batch: {{key: id, size: 50}}}},
                              method: POST, url: "up:/x{place}", json: {body}}}}}}}
"""


@pytest.mark.parametrize(
    ("place", "body"), [("?ids={keys}", '"{{ body.more }}"'), ("", '{ids: "{{ keys }}", more: "{{ body.more }}"}')]
)
def test_a_long_body_is_written_for_each_key_in_a_thread(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, place: str, body: str
) -> None:
    """The loop writes it for the calls that are made, not for the keys of what they are for."""
    hashed: list[int] = []
    loop = threading.get_ident()

    def counted(pieces: Iterable[bytes]) -> bytes:
        pieces = tuple(pieces)
        hashed.append(sum(map(len, pieces)) if threading.get_ident() == loop else 0)
        return key_of(pieces)

    for module in (elements, keyed):
        monkeypatch.setattr(module, "key_of", counted)

    def respond(request: httpx.Request) -> httpx.Response:
        ids = request.url.params["ids"].split(",") if place else json.loads(request.content)["ids"]
        return httpx.Response(200, json=[{"id": key} for key in ids])

    served, ids, length = serve(WIDE.format(place=place, body=body), respond), [str(n) for n in range(100)], 200_000
    for _ in range(2):
        answer = served.run(served.ask("POST", "/x", json={"ids": ids, "more": "x" * length})).json()
        assert [one["id"] for one in answer["x"]] == ids
    assert len(served.requests) == 2
    assert sum(hashed) < 4 * length

"""The data of a long reply that several get: decoded once for all who wait, and changed by nobody for others."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import httpx
import pytest

from aggregator.codecs import json as json_codec
from aggregator.errors import CallError
from aggregator.parts.body import Decoded
from aggregator.parts.result import Result
from aggregator.runtime import coding
from aggregator.runtime.foresight.answers import read_once
from aggregator.runtime.threads import Threads
from tests.policies.conftest import Served

LONG = json.dumps({"n": 7, "list": [{"b": 1}, {"b": 2}], "more": "x" * 100_000}).encode()
SHORTER = json.dumps({"n": 7, "more": "x" * 50_000}).encode()
HEADER = """
    upstreams: {up: {url: "http://up.test", coalesce: true}}
    endpoints:
      GET /x: {call: up:/x, response: {headers: {x-n: "{{ call.n }}"}}}
"""
CONDITION = """
    upstreams: {up: {url: "http://up.test", coalesce: true}}
    endpoints:
      GET /x:
        fan_out: {a: up:/x, b: {when: "{{ a.n == 8 }}", url: up:/y}}
        response: {body: {n: 7}, headers: {x-n: "{{ a.n }}"}}
"""
ROW = """
    upstreams: {up: {url: "http://up.test", coalesce: true}}
    endpoints:
      GET /x: {call: {url: up:/x, status_map: {404: {status: 410, headers: {x-n: "{{ this.body.n }}"}}}}}
"""


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the threads that long bodies are decoded in, as it happens."""
    found: list[int] = []
    decode = json_codec.decode

    def counted(body: bytes) -> Any:
        if len(body) > 40_000:
            found.append(threading.get_ident())
        return decode(body)

    monkeypatch.setattr(json_codec, "decode", counted)
    return found


async def herd(served: Served, gate: asyncio.Event, number: int = 40) -> list[httpx.Response]:
    """Return what so many get who ask at once."""
    asked = [asyncio.ensure_future(served.ask("GET", "/x")) for _ in range(number)]
    await asyncio.sleep(0)
    gate.set()
    return await asyncio.gather(*asked)


def answering(gate: asyncio.Event, body: bytes, status: int = 200) -> Callable[[httpx.Request], Any]:
    """Return what answers with *body*, once the *gate* is open."""

    async def respond(_: httpx.Request) -> httpx.Response:
        await gate.wait()
        return httpx.Response(status, content=body, headers={"content-type": "application/json"})

    return respond


@pytest.mark.parametrize("body", [LONG, SHORTER], ids=["in a thread", "in the loop"])
@pytest.mark.parametrize(
    ("text", "status"), [(HEADER, 200), (CONDITION, 200), (ROW, 404)], ids=["header", "when", "row"]
)
def test_a_herd_decodes_once(
    serve: Callable[..., Served], decoded: list[int], text: str, status: int, body: bytes
) -> None:
    """Whatever each looks up in the reply that all of them got."""
    gate = asyncio.Event()
    served = serve(text, answering(gate, body, status))
    answers = served.run(herd(served, gate))
    assert {(one.status_code, one.headers["x-n"]) for one in answers} == {(410 if status == 404 else 200, "7")}
    assert len(served.requests) == 1
    assert len(decoded) == 1
    assert (threading.get_ident() in decoded) is (body is SHORTER)


def test_what_is_only_copied_is_not_decoded(serve: Callable[..., Served], decoded: list[int]) -> None:
    """A whole reply in a body is bytes, however many get it."""
    gate = asyncio.Event()
    text = HEADER.replace('headers: {x-n: "{{ call.n }}"}', 'body: {whole: "{{ call }}"}')
    served = serve(text, answering(gate, LONG))
    answers = served.run(herd(served, gate, 3))
    assert {one.content for one in answers} == {b'{"whole":' + LONG + b"}"}
    assert decoded == []


def test_text_around_a_reply_is_made_of_its_data(serve: Callable[..., Served], decoded: list[int]) -> None:
    """It is no copy of bytes, and so is made in a thread."""
    text = HEADER.replace('headers: {x-n: "{{ call.n }}"}', 'body: {whole: "so: {{ call.n }}{{ call.more }}"}')
    gate = asyncio.Event()
    served = serve(text, answering(gate, LONG))
    assert served.run(herd(served, gate, 1))[0].json()["whole"].startswith("so: 7xx")
    assert threading.get_ident() not in decoded


@pytest.mark.parametrize("shape", ["{select: '{list: list, n: n}', rename: {n: m}}"])
def test_who_changes_data_changes_none_of_others(serve: Callable[..., Served], shape: str) -> None:
    """Two calls share one reply, and one of them renames in it."""
    gate = asyncio.Event()
    served = serve(
        f"""
        upstreams: {{up: {{url: "http://up.test", coalesce: true}}}}
        endpoints:
          GET /x:
            fan_out:
              a: {{url: up:/x, success: {{when: "{{{{ this.body.n == 7 }}}}"}}, {shape[1:-1]}}}
              b: {{url: up:/x, success: {{when: "{{{{ this.body.n == 7 }}}}"}}, select: "{{list: list, n: n}}"}}
        """,
        answering(gate, LONG),
    )
    [answer] = served.run(herd(served, gate, 1))
    assert answer.json()["a"] == {"list": [{"b": 1}, {"b": 2}], "m": 7}
    assert answer.json()["b"] == {"list": [{"b": 1}, {"b": 2}], "n": 7}
    assert len(served.requests) == 1


def test_what_is_ones_own_is_a_copy() -> None:
    """Plug-ins get it, and may do with it as they like."""
    result, other = Result("a", 0.0, 0.0), Result("b", 0.0, 0.0)
    reply: Any = type("Reply", (), {"decoded": None})()
    for one in (result, other):
        one.json = LONG
        one.shares(reply)
    assert result.value is other.value
    result.own_value["n"] = 8
    assert (result.value["n"], other.value["n"]) == (8, 7)


def test_a_function_of_a_plug_in_has_long_data_from_a_thread(
    serve: Callable[..., Served], decoded: list[int], tmp_path: Path
) -> None:
    """The loop neither decodes what it gets, nor holds others up while it is written."""
    (tmp_path / "changing_plugin.py").write_text("def change(value):\n    value['n'] += 1\n    return value\n")
    text = HEADER.replace("call: up:/x", 'call: {url: up:/x, transform: "changing_plugin:change"}')
    gate = asyncio.Event()
    served = serve("plugins: [changing_plugin]\n" + dedent(text), answering(gate, LONG))
    answers = served.run(herd(served, gate, 5))
    assert {one.headers["x-n"] for one in answers} == {"8"}
    assert {one.json()["n"] for one in answers} == {8}
    assert threading.get_ident() not in decoded


def test_shared_data_lives_as_long_as_a_result() -> None:
    """What a cache keeps is the reply alone."""
    reply: Any = type("Reply", (), {"decoded": None})()
    result = Result("a", 0.0, 0.0)
    result.json = LONG
    result.shares(reply)
    assert reply.decoded() is not None
    del result
    assert reply.decoded() is None


def test_one_who_gives_up_leaves_the_decoding_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for a thread when its client hangs up, and those who wait with it are told nothing of that."""
    threads, freed = Threads(1, name="coding", waiting=5), threading.Event()
    monkeypatch.setattr(coding, "CODING", threads)

    async def main() -> tuple[Any, Any]:
        loop = asyncio.get_running_loop()
        reply: Any = type("Reply", (), {"decoded": None})()
        results = [Result(name, 0.0, 0.0) for name in "abc"]
        for one in results:
            one.json = LONG
            one.shares(reply)
        threads.start(freed.wait, lambda _: None)
        first, *others = [asyncio.ensure_future(read_once(one, loop.time() + 600)) for one in results]
        await asyncio.sleep(0)
        first.cancel()
        freed.set()
        await asyncio.gather(*others)
        return results[1].value, results[2].value

    try:
        one, other = asyncio.run(main())
        assert one is other
        assert one["n"] == 7
    finally:
        threads.close()


def test_data_that_cannot_be_read_fails_for_each() -> None:
    """Each of those who share it is told why."""

    def refuse(_: bytes) -> Any:
        raise CallError(coding.Cause.MALFORMED, "no")

    decoded = Decoded(b"x", refuse)
    for _ in range(2):
        with pytest.raises(CallError):
            _ = decoded.value


def test_two_threads_that_want_the_same_data_at_once_decode_it_once() -> None:
    """The second one waits for what the first one makes."""
    begun, go_on, calls = threading.Event(), threading.Event(), list[int]()

    def decode(text: bytes) -> list[str]:
        calls.append(threading.get_ident())
        begun.set()
        assert go_on.wait(30)
        return [text.decode()]

    data, found = Decoded(b"a", decode), list[Any]()
    threads = [threading.Thread(target=lambda: found.append(data.value)) for _ in range(2)]
    threads[0].start()
    assert begun.wait(30)
    threads[1].start()
    threading.Timer(0.05, go_on.set).start()  # the second one is at the data by then, or finds it
    for thread in threads:
        thread.join(30)
    assert found == [["a"], ["a"]]
    assert len(calls) == 1

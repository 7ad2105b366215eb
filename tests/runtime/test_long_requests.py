"""What is made of a long body of a client (requests to upstreams, answers) is made in threads."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from aggregator.runtime.answers.assembly import Assembly
from aggregator.runtime.calls.sending import Sender
from aggregator.runtime.foresight.reading import is_larger

JSON = {"content-type": "application/json"}
LONG, SHORT = list(range(20_000, 0, -1)), [3, 2, 1]


@pytest.fixture
def made_in(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The kinds of threads in which requests to upstreams are written, and answers begun."""
    names: set[str] = set()

    def noting(real: Callable[..., Any]) -> Callable[..., Any]:
        def made(*given: Any) -> Any:
            names.add(threading.current_thread().name.partition("-")[0])
            return real(*given)

        return made

    monkeypatch.setattr(Sender, "render", noting(Sender.render))
    monkeypatch.setattr(Assembly, "plain", noting(Assembly.plain))
    return names


@pytest.mark.parametrize(
    ("call", "sent"),
    [
        ("json: '{{ body | sort }}'", lambda request: json.loads(request.content)[0]),
        ("form: {least: '{{ body | min }}'}", lambda request: int(request.content.partition(b"=")[2])),
        ("body: '{{ body | min }}'", lambda request: int(request.content)),
        ("query: {least: '{{ body | min }}'}", lambda request: int(request.url.params["least"])),
        ("headers: {x-least: '{{ body | min }}'}", lambda request: int(request.headers["x-least"])),
        (
            "json: '{{ body | sort }}', idempotent: true, retry: {attempts: 2}",
            lambda request: json.loads(request.content)[0],
        ),
        ("json: '{{ body | sort }}', redirects: 1", lambda request: json.loads(request.content)[0]),
    ],
)
@pytest.mark.parametrize(("body", "kind"), [(LONG, "coding"), (SHORT, "MainThread")])
def test_a_request_is_written_in_a_thread(serve, made_in, call, sent, body, kind):
    """Whatever of it reads the body, and however it is sent; of a short one where it stands."""
    got: list[int] = []

    def upstream(request: httpx.Request) -> httpx.Response:
        got.append(sent(request))
        return httpx.Response(200, json=1)

    gateway = serve(f"endpoints: {{POST /x: {{body: {{}}, call: {{url: 'POST a:/x', {call}}}}}}}", {"/x": upstream})
    assert gateway.post("/x", content=json.dumps(body), headers=JSON).status_code == 200
    assert got == [1]
    assert kind in made_in
    assert kind == "coding" or "coding" not in made_in


@pytest.mark.parametrize(("body", "kind"), [(LONG, "coding"), (SHORT, "MainThread")])
def test_an_answer_is_made_in_a_thread(serve, made_in, body, kind):
    """An expression over the body of the request is work like one over the body of a reply."""
    gateway = serve("endpoints: {POST /x: {body: {}, respond: {body: '{{ (body | sort)[0] }}'}}}", {})
    assert gateway.post("/x", content=json.dumps(body), headers=JSON).json() == 1
    assert ("coding" in made_in) == (kind == "coding")


LISTED = """
endpoints:
  POST /x:
    body: {}
    call: {url: 'POST a:/x', for_each: {in: "{{ body }}", key: "{{ item.id }}"}, json: {least: "{{ item.rows | min }}"}}
"""
BATCHED = """
endpoints:
  POST /x:
    body: {}
    call: {url: 'POST a:/x', for_each: {in: "{{ body }}", batch: {key: id}}, json: {ids: "{{ keys }}"}}
"""


@pytest.mark.parametrize(
    ("text", "body", "kinds"),
    [
        (LISTED, [{"id": 1, "rows": LONG}, {"id": 2, "rows": SHORT}], {"coding", "MainThread"}),
        (BATCHED, [f"{number:05000}" for number in range(20)], {"coding"}),
        (BATCHED, ["1", "2"], {"MainThread"}),
    ],
    ids=["item", "keys", "short keys"],
)
def test_a_call_for_items_is_written_by_their_own_size(serve, monkeypatch, text, body, kinds):
    """A thread writes the one with a long item, or with long keys; a short item beside it is written where it stands."""
    written: set[str] = set()
    real = Sender.render

    def render(sender: Sender, frame: Any) -> Any:
        written.add(threading.current_thread().name.partition("-")[0])
        return real(sender, frame)

    monkeypatch.setattr(Sender, "render", render)
    gateway = serve(text, lambda _: httpx.Response(200, json=[]))
    answer = gateway.post("/x", content=json.dumps(body), headers=JSON)
    assert answer.status_code == 200, answer.text
    assert written == kinds


@pytest.mark.parametrize(
    ("value", "larger"),
    [
        ("x" * 1000, False), ("x" * 1001, True), ([1] * 60, False), ([1] * 125, True), ({"a": ["x" * 999]}, True),
        ({"x" * 990: 1}, True), (None, False), ([[]] * 60, False), ([[[[]]]], False), (12345, False),
    ],
)  # fmt: skip
def test_the_size_of_a_value_is_that_of_its_texts_and_the_number_of_its_values(value, larger):
    """Keys are texts, too."""
    assert is_larger(value, 1000) is larger


def test_the_place_of_a_call_needs_no_body(serve, monkeypatch):
    """A change makes what is kept of its place old: neither its own place nor one that the reply names is a body."""
    written: list[str] = []
    real = Sender.render

    def render(sender: Sender, frame: Any) -> Any:
        written.append(threading.current_thread().name.partition("-")[0])
        return real(sender, frame)

    monkeypatch.setattr(Sender, "render", render)
    gateway = serve(
        """
        upstreams: {a: {url: "http://a.test", cache: rfc}}
        endpoints: {PUT /x: {body: {}, call: {url: 'PUT a:/x', json: '{{ body | sort }}'}}, GET /x: {call: a:/x}}
        """,
        lambda _: httpx.Response(200, json=1, headers={"cache-control": "max-age=60", "location": "/x"}),
    )
    for _ in range(2):
        gateway.get("/x")
    written.clear()
    assert gateway.ask("PUT", "/x", content=json.dumps(LONG), headers=JSON).status_code == 200
    assert written == ["coding"]
    gateway.get("/x")
    assert gateway.upstream.lines == ["GET /x", "PUT /x", "GET /x"]


def test_what_cannot_be_written_is_told_as_ever(serve, made_in):
    """It is the client's mistake, with the place in its body, and no call is made."""
    gateway = serve(
        "endpoints: {POST /x: {body: {}, call: {url: 'POST a:/x', json: '{{ body.rows | sort | first + body.n }}'}}}",
        {},
    )
    answer = gateway.post("/x", content=json.dumps({"rows": LONG, "n": "x"}), headers=JSON)
    assert (answer.status_code, "coding" in made_in) == (400, True)


def test_a_request_that_is_still_written_fails_by_its_deadline(serve, monkeypatch):
    """The time of the endpoint goes on while a thread writes."""
    free = threading.Event()
    real = Sender.render

    def render(self: Sender, *given: Any) -> Any:
        free.wait(60)
        return real(self, *given)

    monkeypatch.setattr(Sender, "render", render)
    gateway = serve(
        "endpoints: {POST /x: {timeout: 100ms, body: {}, call: {url: 'POST a:/x', json: '{{ body }}'}}}",
        {"/x": httpx.Response(200)},
    )
    try:
        assert gateway.post("/x", content=json.dumps(LONG), headers=JSON).status_code == 504
    finally:
        free.set()

"""A request that comes again under its key gets the answer that it got, and its calls are made once."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from aggregator.runtime.endpoint.handler import EndpointHandler
from tests.effects.conftest import Application, process

FILE = """
state: ./state
auth:
  keys: {api_key: {header: x-key, keys: {file: keys.yaml}}}
upstreams:
  pay: {url: 'http://pay.test', idempotent: true}
  mail: {url: 'http://mail.test', idempotent: true}
endpoints:
  POST /pay/{id}:
    auth: keys
    idempotency: {ttl: 1h}
    call: {method: POST, url: "pay:/pay/{id}", body: forward}
    background: {url: POST mail:/receipt, json: {id: "{{ id }}"}}
  POST /must:
    auth: none
    idempotency: {key: "{{ body.key }}", required: true}
    body: {type: object}
    call: {method: POST, url: pay:/must, json: "{{ body }}"}
"""
ANN, BOB = "ann-0", "bob-0"


@pytest.fixture(autouse=True)
def keys(tmp_path: Path) -> None:
    """Let Ann and Bob in."""
    lines = [f"- {{name: {key[:3]}, sha256: {hashlib.sha256(key.encode()).hexdigest()}}}\n" for key in (ANN, BOB)]
    (tmp_path / "keys.yaml").write_text("".join(lines))
    (tmp_path / "keys.yaml").chmod(0o600)


class Payments:
    """An upstream that numbers what it is asked for, and answers with *status*."""

    def __init__(self) -> None:
        self.number = 0
        self.status = 201
        self.held: asyncio.Event | None = None
        self.asked = asyncio.Event()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a payment; mails are taken."""
        if request.url.host != "pay.test":
            return httpx.Response(200)
        self.number += 1
        number = self.number
        self.asked.set()
        if self.held is not None:
            await self.held.wait()
        return httpx.Response(self.status, json={"number": number})


def pay(
    served: Application, key: str | None = "k", who: str = ANN, path: str = "/pay/1", **said: Any
) -> httpx.Response:
    """Return the answer to a payment under *key*."""
    headers = {"x-key": who} | ({} if key is None else {"idempotency-key": key})
    return served.post(path, headers=headers, **({"content": b"one"} | said))


def test_a_repeat_gets_the_answer_of_the_first(tmp_path: Path) -> None:
    """Status, body and fields are the same; it is marked, and neither calls nor background calls are made for it."""
    with process(tmp_path, FILE, Payments()) as served:
        first, again = pay(served), pay(served)
        served.until(lambda: len(served.requests) == 2)
        assert (again.status_code, again.content) == (201, first.content)
        assert again.headers["content-type"] == first.headers["content-type"]
        assert "idempotency-replayed" not in first.headers
        assert again.headers["idempotency-replayed"] == "true"
        assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert served.lines == ["POST /pay/1", "POST /receipt"]


def test_it_outlives_the_process(tmp_path: Path) -> None:
    """The answer is in `state`, so the next process gives it."""
    with process(tmp_path, FILE, Payments()) as served:
        first = pay(served)
    with process(tmp_path, FILE, Payments()) as served:
        assert pay(served).content == first.content
        assert pay(served).headers["idempotency-replayed"] == "true"
    assert served.requests == []


def test_it_is_over_after_its_time(tmp_path: Path) -> None:
    """After `ttl` the request is a new one."""
    with process(tmp_path, FILE, Payments()) as served:
        pay(served)
        served.now += 3599
        assert pay(served).json() == {"number": 1}
        served.now += 2
        assert pay(served).json() == {"number": 2}


@pytest.mark.parametrize("said", [{"path": "/pay/2"}, {"content": b"two"}, {"path": "/pay/1?x=1"}])
def test_another_request_under_the_key_is_refused(tmp_path: Path, said: dict[str, Any]) -> None:
    """Another path, body or query is another request."""
    with process(tmp_path, FILE, Payments()) as served:
        pay(served)
        answer = pay(served, **said)
        assert (answer.status_code, answer.json()["cause"]) == (422, "key_reused")


def test_a_key_belongs_to_its_caller(tmp_path: Path) -> None:
    """Another caller who uses the same key gets an answer of their own."""
    with process(tmp_path, FILE, Payments()) as served:
        assert [pay(served, who=who).json()["number"] for who in (ANN, BOB, ANN)] == [1, 2, 1]


def test_a_stranger_gets_no_kept_answer(tmp_path: Path) -> None:
    """Who calls is judged before what was answered is looked up."""
    with process(tmp_path, FILE, Payments()) as served:
        pay(served)
        assert pay(served, who="nobody").status_code == 401


def test_a_failure_of_ours_is_not_kept(tmp_path: Path) -> None:
    """After a 5xx the next one makes the call again; a 4xx is an answer like others."""
    payments = Payments()
    with process(tmp_path, FILE, payments) as served:
        answers = []
        for payments.status in (503, 404, 201):
            answers.append(pay(served).status_code)
        assert answers == [502, 404, 404]
        assert payments.number == 2


def test_a_request_without_a_key_is_a_plain_one(tmp_path: Path) -> None:
    """Each makes its own call."""
    with process(tmp_path, FILE, Payments()) as served:
        assert [pay(served, None).json()["number"] for _ in range(2)] == [1, 2]


@pytest.mark.parametrize("body", [{}, {"key": None}, {"key": ""}])
def test_a_key_may_be_required(tmp_path: Path, body: dict[str, Any]) -> None:
    """A request without one, or with an empty one, is refused before anything is called."""
    with process(tmp_path, FILE, Payments()) as served:
        answer = served.post("/must", json=body)
        assert (answer.status_code, answer.json()["cause"]) == (400, "key_missing")
        assert served.requests == []


def test_one_at_a_time(tmp_path: Path) -> None:
    """While the first is being answered, its repeat is told to come again."""
    payments = Payments()

    async def both(served: Application) -> tuple[httpx.Response, httpx.Response]:
        payments.held = asyncio.Event()
        headers = {"x-key": ANN, "idempotency-key": "k"}
        first = asyncio.create_task(served.ask("POST", "/pay/1", headers=headers))
        await payments.asked.wait()
        second = await served.ask("POST", "/pay/1", headers=headers)
        payments.held.set()
        return await first, second

    with process(tmp_path, FILE, payments) as served:
        first, second = served.run(both(served))
        assert (second.status_code, second.headers["retry-after"]) == (409, "1")
        assert second.json()["cause"] == "under_way"
        assert first.status_code == 201


def test_the_first_goes_on_when_its_client_leaves(tmp_path: Path) -> None:
    """What it would have got is there for its repeat, and its background call is made."""
    payments = Payments()

    async def leave(served: Application) -> list[str]:
        payments.held = asyncio.Event()
        sent: list[str] = []

        async def receive() -> dict[str, Any]:
            if not sent:
                sent.append("body")
                return {"type": "http.request", "body": b"one", "more_body": False}
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message["type"])

        headers = [(b"x-key", ANN.encode()), (b"idempotency-key", b"k")]
        scope = {"type": "http", "method": "POST", "path": "/pay/1", "raw_path": b"/pay/1", "query_string": b"",
                 "headers": headers, "client": ("192.0.2.1", 1), "scheme": "http", "server": ("gateway", 80),
                 "root_path": "", "http_version": "1.1"}  # fmt: skip
        asked = asyncio.create_task(served.app(scope, receive, send))
        await asyncio.wait([asked], timeout=0.2)  # longer than anybody waits before they look for the client
        payments.held.set()
        await asked
        return sent

    with process(tmp_path, FILE, payments) as served:
        served.run(leave(served))
        assert pay(served).json() == {"number": 1}
        served.until(lambda: "POST /receipt" in served.lines)
        assert served.lines == ["POST /pay/1", "POST /receipt"]


def test_the_bounds_let_the_oldest_go(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Beyond `server.idempotency` those that end first are forgotten, which is told; the newest are kept."""
    text = FILE + "server: {idempotency: {count: 2}}\n"
    with process(tmp_path, text, Payments()) as served:
        for number in "123":
            served.now += 1
            pay(served, number)
        assert [pay(served, number).json()["number"] for number in "32"] == [3, 2]
        assert pay(served, "1").json()["number"] == 4
    assert "Answers were forgotten before their time" in caplog.text


def test_answers_that_cannot_be_looked_up_are_not_guessed(tmp_path: Path) -> None:
    """While the file cannot be written a request with a key is refused before its call; it goes on afterwards."""
    with process(tmp_path, FILE, Payments()) as served:
        pay(served)
        database = tmp_path / "state" / "answers.db"
        database.unlink()
        answer = pay(served)
        assert (answer.status_code, answer.json()["cause"]) == (503, "state_unavailable")
        assert answer.headers["retry-after"]
        assert pay(served).json() == {"number": 2}


def test_what_is_kept_is_for_its_user_alone(tmp_path: Path) -> None:
    """Answers hold what clients were told."""
    with process(tmp_path, FILE, Payments()) as served:
        pay(served)
        assert (tmp_path / "state" / "answers.db").stat().st_mode & 0o777 == 0o600


def test_without_state_it_is_in_memory(tmp_path: Path) -> None:
    """The process remembers; the next one does not."""
    text = FILE.replace("state: ./state\n", "")
    with process(tmp_path, text, Payments()) as served:
        assert [pay(served).json()["number"] for _ in range(2)] == [1, 1]
    assert not (tmp_path / "state").exists()


def test_an_endpoint_without_it_has_nothing_of_it(tmp_path: Path) -> None:
    """What is off is absent: such an endpoint stays on the direct way."""
    text = "endpoints: {GET /plain: {respond: {body: 1}}, GET /once: {idempotency: {}, respond: {body: 1}}}"
    with process(tmp_path, text) as served:
        handlers = [route.handler for route in served.app.running.generation.routes]
        assert [isinstance(one, EndpointHandler) and one.is_direct for one in handlers] == [True, False]

"""One request to the whole application, in this process, with a trace of its calls."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from aggregator.errors import ConfigError
from aggregator.server.once.asking import ask
from aggregator.server.once.conversation import Question

TEXT = """\
version: 1
upstreams: {users: {url: "${USERS_URL}"}}
endpoints:
  GET /u/{id}:
    call: users:/u/{id}
    background: {url: "POST users:/seen", json: {id: "{{ id }}"}}
  GET /two: {fan_out: {a: "users:/a", b: "users:/b"}}
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Return a file over one upstream that a test answers for."""
    (tmp_path / "routes.yaml").write_text(TEXT)
    return str(tmp_path / "routes.yaml")


ENV = {"USERS_URL": "http://users.test"}


def test_a_reply_with_its_calls(file: str) -> None:
    """The upstream is a mock transport; the reply has the body, the bars and the fate of background calls."""
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(f"{request.method} {request.url}")
        return httpx.Response(200, json={"ok": True})

    reply = ask(file, Question("GET", "/u/a%2Fb?x=1"), env=ENV, transport=httpx.MockTransport(answer))
    assert (reply.status, reply.body) == (200, b'{"ok":true}')
    assert seen == ["GET http://users.test/u/a%2Fb", "POST http://users.test/seen"]
    assert [(bar.name, bar.status) for bar in reply.bars] == [("call", 200)]
    assert reply.background["done"] == 1
    assert 0 < reply.seconds < 10


def test_what_was_cancelled_has_a_bar(file: str) -> None:
    """Parts without a result are there, as the plan names them."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(500)

    reply = ask(file, Question("GET", "/two"), env=ENV, transport=httpx.MockTransport(answer))
    assert reply.status == 502
    assert [bar.name for bar in reply.bars] == ["a", "b"]


def test_nothing_is_traced_where_nothing_is_declared(file: str) -> None:
    """A path that is not there has no bars."""
    assert ask(file, Question("GET", "/nowhere"), env=ENV).bars == []


def test_the_body_can_be_taken_piece_by_piece(file: str) -> None:
    """`begin` sees status and headers first, and may take the pieces."""
    pieces: list[object] = []

    def begin(status: int, headers: list[tuple[str, str]]):
        pieces.append((status, dict(headers)["content-type"]))
        return pieces.append

    reply = ask(file, Question("GET", "/livez"), begin, env=ENV)
    assert pieces[0] == (200, "text/plain; charset=utf-8")
    assert b"".join(pieces[1:]) == b"ok\n"
    assert reply.body == b""


def test_a_wrong_file_answers_nothing(tmp_path: Path) -> None:
    """Problems of the file are raised with all of them."""
    (tmp_path / "routes.yaml").write_text("version: 1\nupstream: {}\n")
    with pytest.raises(ConfigError):
        ask(str(tmp_path / "routes.yaml"), Question("GET", "/"))


@pytest.mark.parametrize(("share", "shadows"), [("100%", {"sent": 1, "failed": 1}), ("0.000001%", {"share": 2})])
def test_shadows_are_told(tmp_path: Path, share: str, shadows: dict[str, int]) -> None:
    """How many were sent and failed, and how many were not sent since the request was not in their share."""
    file = tmp_path / "routes.yaml"
    file.write_text(f"""
version: 1
upstreams: {{now: {{url: http://now.test}}, next: {{url: http://next.test}}, other: {{url: http://other.test}}}}
endpoints:
  GET /a:
    call: now:/a
    shadow: [{{url: next:/a, share: {share}}}, {{url: other:/a, share: {share}}}]
""")

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(500 if request.url.host == "other.test" else 200, json=1)

    reply = ask(str(file), Question("GET", "/a"), env={}, transport=httpx.MockTransport(answer))
    assert (reply.status, reply.shadows) == (200, shadows)

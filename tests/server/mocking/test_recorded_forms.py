"""What a recording writes of an answer: up to which bounds, in which form, and by which name of a secret."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
import yaml

from aggregator.server.mocking.recording import tape as tapes
from aggregator.server.mocking.recording.kept import MOST_BODY
from tests.server.mocking.test_recording import play


def record(file: Path, answer: httpx.Response, method: str = "GET", *hide: str, body: bytes = b"") -> list[str]:
    """Record *answer* to one request into *file*; return what was told."""

    async def scene(client: httpx.AsyncClient) -> None:
        await client.request(method, "/a", content=body)

    return play(file, lambda _: answer, scene, *hide)


def route(file: Path, key: str = "GET /a") -> dict[str, object]:
    """Return what *file* says of the route *key*."""
    found: dict[str, object] = yaml.safe_load(file.read_text())["routes"][key]
    return found


@pytest.mark.parametrize(
    ("status", "is_kept"),
    [
        (200, True),
        (400, True),
        (401, False),
        (403, False),
        (404, True),
        (429, False),
        (499, True),
        (500, False),
        (599, False),
    ],
)
def test_an_answer_of_the_moment_is_not_written(tmp_path: Path, status: int, is_kept: bool) -> None:
    """That is one of a fault of the upstream, and one that is about the caller."""
    file = tmp_path / "new.yaml"
    (told,) = record(file, httpx.Response(status, json=1))
    assert told == (f"GET /a is recorded: {status}" if is_kept else
                    f"GET /a is not recorded: {status} is an answer of the moment; `fail` is the word for faults")  # fmt: skip


@pytest.mark.parametrize(("length", "is_kept"), [(MOST_BODY, True), (MOST_BODY + 1, False)])
def test_a_body_is_written_up_to_its_bound(tmp_path: Path, length: int, is_kept: bool) -> None:
    """As long as that, and no longer."""
    file = tmp_path / "new.yaml"
    (told,) = record(file, httpx.Response(200, text="x" * length))
    assert told.startswith("GET /a is recorded") is is_kept
    assert ("body" in file.read_text()) is is_kept


@pytest.mark.parametrize("method", ["TRACE", "PURGE"])
def test_a_method_of_no_route_passes_alone(tmp_path: Path, method: str) -> None:
    """It is answered, and told."""
    file = tmp_path / "new.yaml"
    assert record(file, httpx.Response(200, json=1), method) == [
        f"{method} /a is not recorded: a mock has no routes for {method}"
    ]
    assert file.read_text() == "routes: {}\n"


@pytest.mark.parametrize(
    ("media", "text", "said"),
    [
        ("application/json", '{"a": 1}', {"json": {"a": 1}}),
        ("application/json; charset=utf-8", "[1]", {"json": [1]}),
        ("application/problem+json", '{"a": 1}', {"json": {"a": 1}}),
        ("text/plain", '{"a": 1}', {"body": '{"a": 1}'}),
        ("application/json", "{a", {"body": "{a"}),
        ("application/json", "", {}),
    ],
)
def test_json_is_written_as_data(tmp_path: Path, media: str, text: str, said: dict[str, object]) -> None:
    """Where it is declared to be JSON, and is; else as a text."""
    file = tmp_path / "new.yaml"
    record(file, httpx.Response(200, content=text, headers={"content-type": media}))
    assert {name: value for name, value in route(file).items() if name in ("json", "body")} == said


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "GET /a is recorded: 200"),
        ("plain", "GET /a is not recorded: the body is no JSON, so that what is to be hidden in it cannot be found"),
    ],
)
def test_a_text_in_which_something_is_to_be_hidden(tmp_path: Path, text: str, told: str) -> None:
    """It may hold that anywhere, and is written nowhere; one without a byte holds nothing."""
    assert record(tmp_path / "new.yaml", httpx.Response(200, text=text), "GET", "body.user") == [told]


def test_only_texts_prove_who_asks(tmp_path: Path) -> None:
    """What is a number under the name of a credential, or a text under another name, may be said again."""
    file = tmp_path / "new.yaml"
    body = b'[{"password": 7, "pin": "plain"}, {"password": "s3cret"}, "password"]'
    record(file, httpx.Response(200, json={"said": "7 plain s3cret"}), "POST", body=body)
    assert route(file, "POST /a")["json"] == {"said": "7 plain ********"}


def test_an_answer_to_a_request_without_a_body_is_asked_for_without_one(tmp_path: Path) -> None:
    """And the body of another goes along as it came."""
    seen: list[tuple[str, bytes, bool]] = []

    def upstream(request: httpx.Request) -> httpx.Response:
        seen.append((request.method, request.content, "content-length" in request.headers))
        return httpx.Response(200, json=1)

    async def scene(client: httpx.AsyncClient) -> None:
        await client.get("/a")
        await client.post("/b", content=b"sent")

    assert play(tmp_path / "new.yaml", upstream, scene) == ["GET /a is recorded: 200", "POST /b is recorded: 200"]
    assert seen == [("GET", b"", False), ("POST", b"sent", True)]


def test_a_file_grows_up_to_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the byte, over all that it holds; what does not fit leaves it as it was."""
    file, other = tmp_path / "deep/er/new.yaml", tmp_path / "other.yaml"
    record(file, httpx.Response(200, json="ü"))
    size = len(file.read_bytes())
    monkeypatch.setattr(tapes, "MOST_BYTES", size)
    record(other, httpx.Response(200, json="ü"))
    assert other.read_bytes() == file.read_bytes()
    other.unlink()
    monkeypatch.setattr(tapes, "MOST_BYTES", size - 1)
    assert record(other, httpx.Response(200, json="ü")) == [
        "GET /a is not recorded: the file would have more than 0 MiB"
    ]
    assert other.read_text() == "routes: {}\n"

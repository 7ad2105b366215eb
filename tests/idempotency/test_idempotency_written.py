"""A kept answer that this program has not written is not served, and its request is not answered again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import msgspec
import pytest

from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.idempotent.written import read, written
from tests.effects.conftest import process

FILE = """
state: ./state
upstreams: {pay: {url: 'http://pay.test'}}
endpoints:
  POST /pay:
    idempotency: {}
    call: {method: POST, url: "pay:/", body: forward}
"""
EVIL = [(b"x-a", b"1\r\nset-cookie: session=evil")]


def packed(*members: object) -> bytes:
    """Return *members* as they would be kept."""
    return msgspec.msgpack.encode(members)


def test_an_answer_is_read_as_it_was_written() -> None:
    """One of the first form, which had no version, too."""
    answer = Answer(201, [(b"X-Made", b"1")], b"{}")
    for value in (written(answer), packed(201, [(b"X-Made", b"1")], b"{}", False, None)):
        found = read(value)
        assert found is not None
        assert (found.status, found.headers, found.body) == (201, [(b"X-Made", b"1")], b"{}")


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\x96garbage",
        packed(200, [], "text", False, None),
        packed(200, [], b"", False, None, 2),
        packed(0, [], b"", False, None, 1),
        packed(503, [], b"", False, None, 1),
        packed(200, EVIL, b"", False, None, 1),
        packed(200, [(b"a b", b"1")], b"", False, None, 1),
    ],
)
def test_what_could_not_have_been_kept_is_not_read(value: bytes) -> None:
    """Neither another form, nor another version, nor what no client may get."""
    assert read(value) is None


def test_a_request_whose_answer_cannot_be_read_is_not_made_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is refused as while nobody can look, and the log says why."""
    said = {"idempotency-key": "k"}
    with process(tmp_path, FILE, lambda _: httpx.Response(201)) as served:
        assert served.post("/pay", content=b"1", headers=said).status_code == 201
        with closing(sqlite3.connect(tmp_path / "state" / "answers.db")) as database, database:
            database.execute("UPDATE answers SET value = ?", (packed(200, EVIL, b"hi", False, None),))
        answer = served.post("/pay", content=b"1", headers=said)
        assert (answer.status_code, answer.json()["cause"]) == (503, "state_unavailable")
        assert len(served.requests) == 1
    assert "A kept answer cannot be read" in caplog.text

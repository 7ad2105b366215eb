"""The page about side effects: each of its files is fine, and its first one does what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from aggregator.server.once.checking import check_file
from tests.effects.conftest import process

PAGE = (Path(__file__).parents[2] / "docs/side-effects.md").read_text(encoding="utf-8")
PIECES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("piece", PIECES)
def test_a_file_of_the_page_has_no_problem(piece: str, tmp_path: Path) -> None:
    """It is whole but for its version."""
    (tmp_path / "routes.yaml").write_text(f"version: 1\n{piece}", encoding="utf-8")
    assert [problem.message for problem in check_file(str(tmp_path / "routes.yaml")).diagnostics] == []


def test_a_welcome_mail_outlives_the_process(tmp_path: Path) -> None:
    """A mail whose server was down is sent by the process that comes after."""

    def down(request: httpx.Request) -> httpx.Response:
        return httpx.Response(503) if request.url.path == "/send" else httpx.Response(201, json={"id": 7})

    with process(tmp_path, PIECES[0], down) as served:
        assert served.post(json={"email": "a@example.com"}).status_code == 201
        served.until(lambda: len(served.requests) > 1)
        now = served.now
    with process(tmp_path, PIECES[0], now=now + 10) as served:
        served.settle(sent=1)
        assert [request.url.path for request in served.requests] == ["/send"]
        assert served.requests[0].content == b'{"to":"a@example.com","id":7}'


def test_each_watcher_is_told_and_a_receipt_goes_another_way(tmp_path: Path) -> None:
    """One device is gone, which stops no other; the receipt that cannot be pushed is mailed, with the parcel's number."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/orders":
            return httpx.Response(201, json={"id": 7, "watchers": [{"device": "a"}, {"device": "b"}]})
        if request.url.path == "/parcels":
            return httpx.Response(201, json={"number": "P1"})
        return httpx.Response(410 if request.url.path == "/send/a" else 503 if request.url.port == 9002 else 200)

    with process(tmp_path, PIECES[1], answer) as served:
        assert served.post("/orders", json={}).status_code == 201
    sent = sorted((request.url.port, request.url.path) for request in served.requests[1:])
    assert sent == [
        (9001, "/parcels"), (9001, "/stock"),
        (9002, "/receipt"), (9002, "/send/a"), (9002, "/send/b"),
        (9003, "/receipt"), (9003, "/tracking"),
    ]  # fmt: skip
    assert b'{"number":"P1"}' in [request.content for request in served.requests]


def test_each_durable_call_of_an_order_is_an_effect(tmp_path: Path) -> None:
    """Those of the list and of the fan-out; a push that fails is mailed in the same delivery."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/orders":
            return httpx.Response(201, json={"id": 7, "watchers": [{"device": "a"}, {"device": "a"}, {"device": "b"}]})
        return httpx.Response(503 if (request.url.port, request.url.path) == (9002, "/receipt") else 200)

    with process(tmp_path, PIECES[2], answer) as served:
        assert served.post("/orders", json={}).status_code == 201
        served.settle(sent=4)
    sent = sorted((request.url.port, request.url.path) for request in served.requests[1:])
    assert sent == [(9002, "/receipt"), (9002, "/send/a"), (9002, "/send/b"), (9003, "/push"), (9003, "/receipt")]

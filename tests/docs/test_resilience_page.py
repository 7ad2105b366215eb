"""The page about resilience: each of its files is fine, and does what the page says of it."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from aggregator.server.application.app import create_app
from aggregator.server.once.checking import check_file

PAGE = (Path(__file__).parents[2] / "docs/resilience.md").read_text(encoding="utf-8")
SECTIONS = {section.splitlines()[0]: section for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]}


def pieces(section: str) -> list[str]:
    """Return the files of a section."""
    return re.findall(r"^```yaml\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


NAMED = re.findall(r"^```yaml (\S+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def write(piece: str, folder: Path) -> Path:
    """Write *piece* into *folder*, with the files of the page that have names beside it; return its path."""
    for name, text in NAMED:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    file = folder / "routes.yaml"
    file.write_text(f"version: 1\n{piece}", encoding="utf-8")
    return file


@pytest.mark.parametrize("piece", pieces(PAGE))
def test_a_file_of_the_page_has_no_problem(piece: str, tmp_path: Path) -> None:
    """It is whole but for its version."""
    assert [problem.message for problem in check_file(str(write(piece, tmp_path))).diagnostics] == []


class Server:
    """Answers with *statuses* in turn, the last one for ever, and counts."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return httpx.Response(status, json={"n": len(self.requests)})


def ask(folder: Path, section: str, server: Server, *asked: str, number: int = 0) -> list[httpx.Response]:
    """Return the answers to requests like ``GET /x`` to a file of *section*, the first one unless said."""
    app = create_app(write(pieces(SECTIONS[section])[number], folder), transport=httpx.MockTransport(server))
    with TestClient(app, raise_server_exceptions=False) as api:
        return [api.request(*one.split(" ", 1)) for one in asked]


def test_retries(tmp_path: Path) -> None:
    """A failed call is sent again, with what each attempt met in the header; `none` ends it, and a key is constant."""
    (answer,) = ask(tmp_path, "Retries", Server(503, 502, 200), "GET /users/7")
    assert answer.json() == {"n": 3}
    assert answer.headers["aggregator-parts"].endswith('attempts=3;met="503 502 200"')
    once = Server(503)
    (answer,) = ask(tmp_path, "Retries", once, "GET /live/7")
    assert (answer.status_code, len(once.requests)) == (502, 1)
    keyed = Server(503, 200)
    ask(tmp_path, "Retries", keyed, "POST /orders")
    assert len({request.headers["idempotency-key"] for request in keyed.requests}) == 1
    assert len(keyed.requests) == 2


def test_breakers(tmp_path: Path) -> None:
    """After five failures nothing is sent any more: 503 with `Retry-After`, and a default where one is declared."""
    server = Server(500)
    answers = ask(tmp_path, "Breakers", server, *["GET /users/7"] * 7)
    assert [answer.status_code for answer in answers] == [502] * 5 + [503] * 2
    assert 4 <= int(answers[-1].headers["retry-after"]) <= 5
    assert answers[-1].json()["cause"] == "breaker_open"
    assert len(server.requests) == 5


def test_concurrency(tmp_path: Path) -> None:
    """The file of the page serves."""
    server = Server(200)
    answers = ask(tmp_path, "Concurrency", server, "GET /users/7", "GET /prices/7")
    assert [answer.status_code for answer in answers] == [200, 200]


def test_hedges(tmp_path: Path) -> None:
    """The file of the page serves."""
    answers = ask(tmp_path, "Hedges", Server(200), "GET /users/7", "GET /prices/7", "GET /quote/7")
    assert [answer.status_code for answer in answers] == [200] * 3


def test_mocks(tmp_path: Path) -> None:
    """One answers in the place of an upstream; one behind a condition lets the real one answer."""
    server = Server(200)
    balance, prices = ask(tmp_path, "Mocks", server, "GET /balance/7", "GET /prices/7")
    assert balance.json() == {"id": "7", "cents": 1250}
    assert prices.json() == {"n": 1}
    assert len(server.requests) == 1
    (quote,) = ask(tmp_path, "Mocks", server, "GET /quote/7", number=1)
    assert quote.json() == {"id": "7", "price": 12}


def test_routes_by_key(tmp_path: Path) -> None:
    """Without a known key the answer is that of `else`, and nobody is called."""
    server = Server(200)
    (answer,) = ask(tmp_path, "Routes by key", server, "GET /orders/7")
    assert (answer.status_code, answer.json()["cause"], server.requests) == (421, "unknown_key", [])


@pytest.mark.long
def test_hosts(tmp_path: Path) -> None:
    """Another try goes to the other host, a hundred calls to both, and those of a session to one."""
    server = Server(503, 200)
    ask(tmp_path, "Hosts", server, "GET /users/7")
    assert sorted(request.url.port for request in server.requests) == [9001, 9002]
    server = Server(200)
    ask(tmp_path, "Hosts", server, *["GET /users/7"] * 100)
    ports = [request.url.port for request in server.requests]
    assert ports.count(9001) > ports.count(9002) > 0
    server = Server(200)
    ask(tmp_path, "Hosts", server, *["GET /cart"] * 50)
    assert len({request.url.port for request in server.requests}) == 3


def test_canaries(tmp_path: Path) -> None:
    """One user sees one of the two, and the answer says which."""
    server = Server(200)
    answers = ask(tmp_path, "Canaries and shadows", server, *["GET /quote/7"] * 40)
    named = [re.search("chosen=(users|next);", answer.headers["aggregator-parts"]) for answer in answers]
    ports = {"users": 9001, "next": 9002}
    assert [ports[found[1]] for found in named if found] == [request.url.port for request in server.requests]


def test_deadlines_that_are_told(tmp_path: Path) -> None:
    """The upstream learns what is left of the time of the endpoint."""
    server = Server(200)
    ask(tmp_path, "Deadlines that are told", server, "GET /users/7")
    assert 0 <= int(server.requests[0].headers["x-request-deadline"]) <= 2000


def test_degradation(tmp_path: Path) -> None:
    """The file of the page serves."""
    (answer,) = ask(tmp_path, "Degradation", Server(200), "GET /home")
    assert answer.json() == {"user": {"n": 1}, "ads": {"n": 2}}

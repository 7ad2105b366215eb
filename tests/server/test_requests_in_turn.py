"""Requests of one connection have their turn: what is begun when, what waits as bytes, and what is read ahead of it."""

from __future__ import annotations

from typing import Any

import pytest
from leaping import in_leaps
from unplugged import Client, Endpoint, a_turn, seconds
from uvicorn.server import ServerState

from aggregator.edge.networks import NO_NETWORKS
from aggregator.plan.serving import ClientLimitsPlan
from aggregator.runtime.answers.answer import Answer, Tail
from aggregator.server.limiting.load import Load
from aggregator.server.limiting.peers import Peers

GET = b"GET /a HTTP/1.1\r\nhost: a\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n"
CHUNKED = b"POST /a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
AHEAD = 64 * 1024


def ok() -> Answer:
    """Return a small answer."""
    return Answer(200, [], b"ok")


def answers(client: Client) -> int:
    """Return how many answers *client* has got."""
    return client.got.count(b"HTTP/1.1 ")


@in_leaps
async def test_sixteen_requests_are_begun_in_a_turn() -> None:
    """The others in the next ones; all of them are counted."""
    client = Client(Endpoint(ok()))
    client.send(GET * 40)
    found = [answers(client)]
    for _ in range(4):
        await a_turn()
        found.append(answers(client))
    assert (found, client.state.total_requests) == ([16, 32, 40, 40, 40], 40)


@in_leaps
async def test_a_request_waits_for_the_answer_before_it() -> None:
    """It is begun in the turn after that."""
    endpoint = Endpoint()
    client = Client(endpoint)
    for _ in range(2):
        client.send(GET)
    found = []
    for _ in range(2):
        found.append(len(endpoint.waiting))
        endpoint.waiting.pop()(ok(), None)
        found.append(len(endpoint.waiting))
        await a_turn()
    assert (found, answers(client)) == ([1, 0, 1, 0], 2)


@in_leaps
async def test_a_request_waits_until_the_answers_are_taken() -> None:
    """Whether it comes as a whole, or others wait before it; it is begun in the turn after they were."""
    client = Client(Endpoint(ok()))
    client.send(GET)
    client.protocol.pause_writing()
    for _ in range(2):
        client.send(GET)
        await a_turn()
    found = [answers(client)]
    client.protocol.resume_writing()
    found.append(answers(client))
    client.send(GET)
    found.append(answers(client))
    await a_turn()
    assert [*found, answers(client)] == [1, 1, 1, 4]


@pytest.mark.parametrize(("behind", "events"), [(AHEAD, []), (AHEAD + 1, [("paused", 0.0), ("resumed", 1.0)])])
@in_leaps
async def test_so_much_is_read_behind_a_request(behind: int, events: list[Any]) -> None:
    """64 KiB, that a hang-up is seen; more is left to the client until the answer is there."""
    endpoint = Endpoint()
    client = Client(endpoint)
    client.send(GET)
    client.send((GET * (AHEAD // len(GET) + 1))[:behind])
    await seconds(1)
    assert client.events == events[:1]
    endpoint.answer = ok()
    endpoint.waiting.pop()(ok(), None)
    await seconds(1)
    assert client.events == events
    assert answers(client) == behind // len(GET) + 1


@pytest.mark.parametrize("body", [POST + b"GET ", CHUNKED + b"4\r\nGET \r\n0\r\n\r\n"])
@in_leaps
async def test_a_body_that_nobody_reads_is_no_request(body: bytes) -> None:
    """Wherever what comes is cut."""
    for cut in range(len(body)):
        endpoint = Endpoint(ok())
        client = Client(endpoint)
        client.send(body[:cut])
        client.send(body[cut:] + GET)
        await seconds(1)
        assert (answers(client), endpoint.told, client.told) == (2, ["/a 200 2"] * 2, [])


@in_leaps
async def test_a_hang_up_ends_the_work_and_an_answer_that_comes_then_is_not_written() -> None:
    """Nothing stays in flight; of a request that was answered nobody is told anything more."""
    endpoint = Endpoint()
    asking, answered = Client(endpoint), Client(endpoint)
    for client in (asking, answered):
        client.send(GET)
    first, second = endpoint.waiting
    second(ok(), None)
    for client in (asking, answered):
        client.leave()
    first(ok(), None)
    assert endpoint.told == ["/a 200 2", "/a cancelled", "/a gone"]
    assert asking.generation is not None
    assert answered.generation is not None
    assert (asking.got, asking.generation.in_flight, answered.generation.in_flight) == (b"", 0, 0)
    assert (asking.state.connections, asking.state.total_requests, answered.state.total_requests) == (set(), 0, 1)


@in_leaps
async def test_an_address_has_so_many_connections() -> None:
    """The next one is closed without a word, and deaf; when one has left, there is room for another."""
    peers, state = Peers(), ServerState()
    peers.configure(2, NO_NETWORKS)
    clients = [Client(Endpoint(ok()), peers=peers, state=state) for _ in range(3)]
    for client in clients:
        client.send(GET)
    assert [answers(client) for client in clients] == [1, 1, 0]
    assert [client.events for client in clients] == [[], [], [("closed", 0.0)]]
    clients[2].leave()
    assert (peers.counts, peers.closed) == ({"192.0.2.1": 2}, 1)
    clients[0].leave()
    assert Client(Endpoint(ok()), peers=peers, state=state).events == []
    assert peers.counts == {"192.0.2.1": 2}


@in_leaps
async def test_a_request_has_a_place_of_the_server_until_it_is_answered() -> None:
    """One waits for it, and the one after that is refused with what each answer of its endpoint carries."""
    endpoint = Endpoint()
    load = Load(ClientLimitsPlan(in_flight=1, queue=1, wait=5.0))
    clients = [Client(endpoint, load=load) for _ in range(3)]
    for client in clients:
        client.send(GET)
    lines, _, body = clients[2].got.partition(b"\r\n\r\n")
    assert lines.split(b"\r\n") == [
        b"HTTP/1.1 503 Service Unavailable", b"date: today", b"retry-after: 1",
        b"content-type: application/problem+json", b"cache-control: no-store", b"x-each: 1",
        b"content-length: %d" % len(body), b"x-request-id: 1",
    ]  # fmt: skip
    assert (len(endpoint.waiting), load.under_way, load.waiting, load.shed) == (1, 1, 1, 1)
    endpoint.waiting.pop()(ok(), None)
    assert (len(endpoint.waiting), load.under_way, load.waiting) == (1, 1, 0)
    clients[1].leave()
    assert (load.under_way, load.waiting) == (0, 0)


HEAD = "HTTP/1.1 %s\r\ndate: today\r\n"
LENGTH = "content-length: %d\r\nx-request-id: 1\r\n"


@pytest.mark.parametrize(
    ("method", "answer", "written", "size"),
    [
        ("GET", Answer(200, [(b"a", b"b")], b"ok"), HEAD % "200 OK" + "a: b\r\n" + LENGTH % 2 + "\r\nok", 2),
        ("GET", Answer(200, [], [b"o", b"", b"k"], Tail.of([(b"z", b"1")])),
         HEAD % "200 OK" + "z: 1\r\n" + LENGTH % 2 + "\r\nok", 2),
        ("HEAD", Answer(200, [], b"ok"), HEAD % "200 OK" + LENGTH % 2 + "\r\n", 0),
        ("GET", Answer(204, [], b""), HEAD % "204 No Content" + "x-request-id: 1\r\n\r\n", 0),
        ("GET", Answer(304, [], b"ok"), HEAD % "304 Not Modified" + "x-request-id: 1\r\n\r\n", 2),
        ("GET", Answer(200, [], b"x" * 65_536), HEAD % "200 OK" + LENGTH % 65_536 + "\r\n" + "x" * 65_536, 65_536),
        ("GET", Answer(200, [], b"x" * 65_537), HEAD % "200 OK" + LENGTH % 65_537 + "\r\n" + "x" * 65_537, 65_537),
        ("GET", Answer(200, [], [b"x" * 200_000] * 2), HEAD % "200 OK" + LENGTH % 400_000 + "\r\n" + "x" * 400_000,
         400_000),
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_last", [False, True])
@in_leaps
async def test_an_answer_as_it_is_written(method: str, answer: Answer, written: str, size: int, is_last: bool) -> None:
    """Status, date, its own fields, length and id; the last of a connection says so, and the connection ends."""
    endpoint = Endpoint(answer)
    client = Client(endpoint)
    last = b"connection: close\r\n" if is_last else b""
    client.send(f"{method} /a HTTP/1.1\r\nhost: a\r\n".encode() + last + b"\r\n")
    assert client.got == written.encode().replace(b"\r\n\r\n", b"\r\n" + last + b"\r\n", 1)
    assert endpoint.told == [f"/a {answer.status} {size}"]
    assert client.closing is is_last


@pytest.mark.parametrize(
    ("first", "is_last"),
    [
        ("GET /a HTTP/1.0\r\n\r\n", True), ("GET /a HTTP/1.0\r\nconnection: keep-alive\r\n\r\n", True),
        ("GET /a HTTP/1.0\r\nhost: a\r\n\r\n", True), ("GET /a HTTP/1.1\r\nhost: a\r\nconnection: x\r\n\r\n", False),
    ],
)  # fmt: skip
@in_leaps
async def test_the_older_protocol_has_one_request_a_connection(first: str, is_last: bool) -> None:
    """It need not name its host; whatever it says of keeping the connection, HTTP/1.0 ends it."""
    client = Client(Endpoint(ok()))
    client.send(first.encode())
    assert (answers(client), client.got.endswith(b"\r\nconnection: close\r\n\r\nok"), client.closing) == (
        1, is_last, is_last,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("version", "status", "why"),
    [("2.0", 505, "This server speaks HTTP/1.1."), ("0.9", 505, "This server speaks HTTP/1.1."),
     ("1.9", 400, "The request is not well-formed HTTP.")],
)  # fmt: skip
@in_leaps
async def test_another_version_is_not_spoken(version: str, status: int, why: str) -> None:
    """One that there is is 505; one that there is not is no HTTP."""
    client = Client(Endpoint(ok()))
    client.send(f"GET /a HTTP/{version}\r\nhost: a\r\n\r\n".encode())
    assert client.told == [(status, why, "192.0.2.1")]
    assert client.got.startswith(f"HTTP/1.1 {status} ".encode())
    assert client.generation is not None
    assert (client.generation.in_flight, client.closing) == (0, False)
    await seconds(2)
    assert client.closing

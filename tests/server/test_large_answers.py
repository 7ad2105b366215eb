"""Answers of a process about itself that are sent piece by piece, so that requests are served in between."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aggregator.runtime.answers import replying
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.answers.replying import send_slowly

from .conftest import Wire

PIECE = 256 * 1024
ROUTES = """
telemetry: {metrics: {}}
endpoints: {GET /n: {respond: {body: 1}}}
"""
ADMIN = 'server: {admin: {address: "127.0.0.1:0", secret: a-secret-of-some-length}}'


@pytest.mark.anyio
@pytest.mark.parametrize(
    "content", [b"0123456789abcdef" * 65536 + b"end", [b"0123456789abcdef" * 3072] * 30], ids=["whole", "pieces"]
)
async def test_others_get_a_turn_between_pieces(content: bytes | list[bytes]) -> None:
    """Of a client that takes everything at once, too; the bytes and their number are those of the answer."""
    sent, turns = list[Any](), list[int]()

    async def send(message: Any) -> None:
        sent.append(message)
        asyncio.get_running_loop().call_soon(lambda: turns.append(len(sent)))

    whole = content if isinstance(content, bytes) else b"".join(content)
    await send_slowly(send, Answer(200, [], content), "one")
    head, *bodies = sent
    assert b"".join(one["body"] for one in bodies) == whole
    assert (b"content-length", b"%d" % len(whole)) in head["headers"]
    assert max(len(one["body"]) for one in bodies) < PIECE + 64 * 1024
    assert [one.get("more_body", False) for one in bodies] == [True] * (len(bodies) - 1) + [False]
    assert turns[1:] == [*range(2, len(sent))]  # after each piece, before the next


@pytest.mark.anyio
async def test_the_next_piece_waits_for_the_client() -> None:
    """One that takes no more keeps no more than a piece here."""
    sent, taken = list[Any](), asyncio.Event()

    async def send(message: Any) -> None:
        sent.append(message)
        if len(sent) == 2:
            await taken.wait()

    sending = asyncio.ensure_future(send_slowly(send, Answer(200, [], bytes(4 * PIECE)), "one"))
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(sent) == 2
    taken.set()
    await sending
    assert len(sent) == 6


@pytest.mark.anyio
@pytest.mark.parametrize(("status", "size"), [(200, 10), (204, 0), (304, PIECE * 2)])
async def test_what_is_small_or_has_no_body_is_sent_as_ever(status: int, size: int) -> None:
    """In one piece."""
    sent = list[Any]()

    async def send(message: Any) -> None:
        sent.append(message)

    await send_slowly(send, Answer(status, [], bytes(size)), "one")
    assert [len(one["body"]) for one in sent[1:]] == [10 if status == 200 else 0]


@pytest.mark.parametrize("where", ["", ADMIN], ids=["public", "administration"])
def test_a_scrape_in_pieces_is_a_whole_one(stage, monkeypatch, where):
    """For who reads it slowly as well; one who leaves in the middle harms nobody, and HEAD has its length alone."""
    monkeypatch.setattr(replying, "_PIECE", 512)
    gateway = stage.gateway(where + ROUTES)
    port = gateway.admin if where else gateway.port
    ask = b"%s /metrics HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    with Wire(port, receive_buffer=2048) as slow, Wire(port) as quick, Wire(port) as gone:
        gone.send(ask % b"GET").until(b"# HELP")
        gone.reset()
        slow.send(ask % b"GET").until(b"\r\n\r\n")
        whole = quick.send(ask % b"GET").reply()
        text = whole.body.decode()
        assert (whole.status, int(whole["content-length"] or 0)) == (200, len(whole.body))
        assert text.startswith("# HELP")
        assert text.endswith("\n")
        assert sum(line.startswith("# TYPE") for line in text.splitlines()) > 20
        last = text.rstrip("\n").rpartition("\n")[2].partition(" ")[0]
        assert last.encode() in slow.until(last.encode() + b" ")
        head = quick.send(ask % b"HEAD").reply(head_only=True)
        assert (head.status, abs(int(head["content-length"] or 0) - len(whole.body)) < 100) == (200, True)
        assert quick.send(ask % b"GET").reply().status == 200  # the connection goes on behind both

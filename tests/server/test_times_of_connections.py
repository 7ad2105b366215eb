"""What a client may take its time with, to the second: a head, the rest of a body, an answer, the next request."""

from __future__ import annotations

import socket
import struct
from typing import Any

import pytest
from leaping import in_leaps
from unplugged import Client, Endpoint, a_turn, seconds

from aggregator.runtime.answers.answer import Answer

GET = b"GET /a HTTP/1.1\r\nhost: a\r\n\r\n"
BODY = b"POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n"
SENT = b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: 2\r\nx-request-id: 1\r\n\r\nok"
LAST = SENT.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")


def ok() -> Answer:
    """Return a small answer."""
    return Answer(200, [], b"ok")


@in_leaps
async def test_who_asks_nothing_is_closed_without_a_word() -> None:
    """Ten seconds after the connection was made."""
    client = Client(Endpoint(ok()))
    await seconds(30)
    assert (client.got, client.events, client.told) == (b"", [("closed", 10.0)], [])


@in_leaps
async def test_who_does_not_end_a_head_is_told_so() -> None:
    """In a whole answer, in the time that runs from the connection on; the log knows who it was."""
    client = Client(Endpoint(ok()))
    await seconds(4)
    client.send(b"GET /a HTTP/1.1\r\nhost: a\r\n")
    await seconds(30)
    why = "The request head took too long to arrive."
    body = b'{"type":"about:blank","title":"Request Timeout","status":408,"detail":"%b"}' % why.encode()
    assert client.got.partition(b"\r\n\r\n") == (
        b"HTTP/1.1 408 Request Timeout\r\ndate: today\r\nconnection: close\r\n"
        b"content-type: application/problem+json\r\ncache-control: no-store\r\ncontent-length: %d" % len(body),
        b"\r\n\r\n", body,
    )  # fmt: skip
    assert client.told == [(408, why, "192.0.2.1")]
    assert client.events == [("ended", 10.0), ("closed", 11.0)]


@in_leaps
async def test_a_second_head_has_its_own_time() -> None:
    """From its first byte on."""
    client = Client(Endpoint(ok()))
    await seconds(8)
    client.send(GET)
    await seconds(8)
    assert (client.got, client.events) == (SENT, [])
    client.send(GET[:9])
    await seconds(30)
    assert client.events == [("ended", 26.0), ("closed", 27.0)]


@in_leaps
async def test_the_rest_of_a_body_that_nobody_reads_has_its_time() -> None:
    """From the answer on; nothing more is said, since the answer is there. Whole in time, the next request follows."""
    slow, whole = Client(Endpoint(ok())), Client(Endpoint(ok()))
    for client in (slow, whole):
        client.send(BODY + b"ab")
    await seconds(9)
    whole.send(b"cd")
    await seconds(9)
    whole.send(GET)
    assert (slow.got, slow.events) == (SENT, [("closed", 10.0)])
    assert (whole.got, whole.events) == (SENT + SENT, [])


@in_leaps
async def test_a_request_that_waits_for_its_answer_is_not_timed() -> None:
    """However much of its body is to come: an endpoint that reads it has a time of its own for that."""
    endpoint = Endpoint()
    client = Client(endpoint)
    client.send(BODY + b"ab")
    await seconds(60)
    endpoint.waiting.pop()(ok(), None)
    assert (client.got, client.events) == (SENT, [])
    await seconds(60)
    assert client.events == [("closed", 70.0)]


@in_leaps
async def test_who_takes_nothing_of_an_answer_is_cut() -> None:
    """Thirty seconds after the last byte was taken; the log is told why, and who it was."""
    client = Client(Endpoint(ok()))
    client.untaken = 100
    client.send(GET)
    client.protocol.pause_writing()
    await seconds(20)
    client.untaken = 99
    await seconds(100)
    assert client.events == [("cut", 60.0)]
    assert client.told == [("The client took nothing of it for 30 s.", "192.0.2.1")]


@in_leaps
async def test_who_takes_an_answer_is_not_cut() -> None:
    """Not even if it pauses once more: the time begins anew."""
    client = Client(Endpoint(ok()))
    client.untaken = 100
    client.send(GET)
    for _ in range(2):
        client.protocol.pause_writing()
        await seconds(29)
        client.protocol.resume_writing()
    await seconds(16)
    assert (client.events, client.told) == ([], [])


@in_leaps
async def test_a_close_waits_for_what_is_not_taken() -> None:
    """As long as something is taken; then the connection is cut."""
    client = Client(Endpoint(ok()))
    client.untaken = 10
    client.send(GET.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
    assert client.events == [("ended", 0.0), ("closed", 0.0)]
    client.protocol.resume_writing()  # what a transport says that is closing does not count
    await seconds(100)
    assert (client.got, client.events) == (LAST, [("ended", 0.0), ("closed", 0.0), ("cut", 30.0)])


@pytest.mark.parametrize("is_tls", [False, True])
@in_leaps
async def test_who_still_sends_when_refused_has_a_second_to_read_why(is_tls: bool) -> None:
    """The answer ends before the connection does, but in TLS, where both end at once; nothing more is heard."""
    client = Client(Endpoint(ok()), is_tls=is_tls)
    client.send(BODY.replace(b": 4", b": x"))
    got = client.got
    assert got.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    client.send(GET)
    await seconds(9)
    assert client.got == got
    assert client.events == ([] if is_tls else [("ended", 0.0)]) + [("closed", 1.0)]


@in_leaps
async def test_the_last_answer_of_a_body_that_comes_ends_with_it() -> None:
    """The connection is closed when the request is whole, without waiting any longer."""
    client = Client(Endpoint(ok()))
    client.send(BODY.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
    assert (client.got, client.events) == (LAST, [("ended", 0.0)])
    await seconds(30)
    assert client.events == [("ended", 0.0), ("closed", 1.0)]


@in_leaps
async def test_a_stop_closes_what_is_idle_after_a_moment() -> None:
    """A fifth of a second, in which one more request is answered, as the last."""
    idle, late = Client(Endpoint(ok())), Client(Endpoint(ok()))
    for client in (idle, late):
        client.send(GET)
    await seconds(1)
    for client in (idle, late):
        client.protocol.shutdown()
    await seconds(0.1)
    late.send(GET)
    await seconds(10)
    assert (idle.got, idle.events) == (SENT, [("closed", 1.2)])
    assert (late.got, late.events) == (SENT + LAST, [("ended", 1.1), ("closed", 1.1)])


@in_leaps
async def test_a_stop_waits_for_what_is_being_answered() -> None:
    """And closes then."""
    endpoint = Endpoint()
    client = Client(endpoint)
    client.send(GET)
    client.protocol.shutdown()
    await seconds(5)
    assert client.events == []
    endpoint.waiting.pop()(ok(), None)
    await a_turn()
    assert (client.got, client.events) == (LAST, [("closed", 5.0)])


@in_leaps
async def test_a_reset_tells_a_client_that_an_answer_is_a_part() -> None:
    """The socket is told to send RST instead of FIN; once."""
    client, options = Client(Endpoint(ok())), []

    class Socket:
        def setsockopt(self, *option: Any) -> None:
            options.append(option)

    client.extras["socket"] = Socket()
    client.protocol.reset()
    client.protocol.reset()
    assert options == [(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))]
    assert client.events == [("cut", 0.0)]


@pytest.mark.parametrize(
    ("address", "client"),
    [
        (("192.0.2.1", 5000), ("192.0.2.1", 5000)), (["192.0.2.1", "5000"], ("192.0.2.1", 5000)),
        (("2001:db8::1", 5000, 0, 0), ("2001:db8::1", 5000)), (("::ffff:192.0.2.1", 5000, 0, 0), ("192.0.2.1", 5000)),
        ("", None), (None, None), (("one",), None),
    ],
)  # fmt: skip
@in_leaps
async def test_an_address_is_shown_as_people_write_it(address: Any, client: tuple[str, int] | None) -> None:
    """Without what a family of addresses adds; that of a Unix socket is none."""
    made = Client(Endpoint(ok()), address=address).protocol
    assert (made.client, made.address) == (client, client[0] if client else "")

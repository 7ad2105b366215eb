"""How the bytes of a connection are cut for the parser, wherever the network has cut them, and where they are too many."""

from __future__ import annotations

import pytest

from aggregator.server.connection.intake import MAX_HEAD, MAX_TARGET, Intake, Refused

LINE = b"GET /n HTTP/1.1\r\n"
HEAD = LINE + b"a: b\r\n\r\n"
LONGEST = MAX_TARGET + 256
CHUNK = 8 * 1024
LONG_HEAD = (431, "The request head is larger than 32768 bytes or 100 fields.")
LONG_BODY = (431, "More than 32768 bytes came beside the body: fields after it, or chunk extensions.")
LONG_LINE = (414, "The request target is longer than 8192 bytes.")
NO_LINE = (400, "The request line is not well-formed HTTP.")


def pieces(*reads: bytes, intake: Intake | None = None) -> list[bytes]:
    """Return what is to be parsed of *reads*, each when it has come; a new head is expected at the end of each."""
    intake = intake or Intake()
    found, end = [], b""
    for data in reads:
        intake.add(data)
        while intake.waiting:
            found.append(bytes(intake.piece()))
            end = (end + found[-1]).lstrip(b"\r\n")[-5:]  # empty lines before a head are not its end
            if end.endswith(b"\r\n\r\n"):
                intake.expect_head()
                end = b""
    return found


def refusal(*reads: bytes, intake: Intake | None = None) -> tuple[int, str] | None:
    """Return status and reason of what *reads* are refused with, None if they are not."""
    try:
        pieces(*reads, intake=intake)
    except Refused as refused:
        return refused.status, refused.detail
    return None


def bit_by_bit(data: bytes, size: int = 1) -> list[bytes]:
    """Return *data* in reads of *size* bytes."""
    return [data[at : at + size] for at in range(0, len(data), size)]


def chunked() -> Intake:
    """Return an intake that expects a body in chunks."""
    intake = Intake()
    intake.expect_body(None)
    return intake


@pytest.mark.parametrize("cut", range(len(HEAD) + 1))
def test_a_head_ends_where_it_ends_wherever_it_was_cut(cut: int) -> None:
    """What comes behind it, the next head or empty lines, is another piece."""
    data = HEAD + HEAD + b"\r\n\r\n" + HEAD
    first = [HEAD[:cut], HEAD[cut:]] if 0 < cut < len(HEAD) else [HEAD]
    assert pieces(*filter(None, (data[:cut], data[cut:]))) == [*first, HEAD, b"\r\n\r\n", HEAD]


def test_heads_that_come_bit_by_bit_are_not_mixed() -> None:
    """Each byte is parsed as it comes, and none is lost."""
    for size in (1, 2, 3, 5, 7):
        assert b"".join(pieces(*bit_by_bit(HEAD * 3, size))) == HEAD * 3


@pytest.mark.parametrize("cut", range(7))
def test_a_body_of_a_length_is_cut_there(cut: int) -> None:
    """It may look like anything."""
    intake = Intake()
    intake.expect_body(6)
    data = b"\r\n\r\nab" + HEAD
    found = []
    for read in filter(None, (data[:cut], data[cut:])):
        intake.add(read)
        while intake.waiting and sum(map(len, found)) < 6:
            found.append(bytes(intake.piece()))
    intake.expect_head()
    assert b"".join(found) == b"\r\n\r\nab"
    assert (intake.piece(), intake.is_between, intake.waiting) == (HEAD, False, 0)


def test_a_chunked_body_is_parsed_by_the_empty_line_or_by_8_kib() -> None:
    """Whichever comes first; an empty line that begins within and ends beyond still is its end."""
    assert [len(one) for one in pieces(b"x" * 20_000, intake=chunked())] == [CHUNK, CHUNK, 20_000 - 2 * CHUNK]
    for before in (0, 1, CHUNK - 4, CHUNK - 3):
        data = b"x" * before + b"\r\n\r\n" + b"y" * 10
        assert pieces(data, intake=chunked())[0] == data[: before + 4]
    data = b"x" * (CHUNK - 2) + b"\r\n\r\n" + b"y" * 10
    assert [len(one) for one in pieces(data, intake=chunked())[:2]] == [CHUNK, 2]


@pytest.mark.parametrize("cut", range(1, 9))
def test_the_end_of_a_chunked_body_is_found_wherever_it_was_cut(cut: int) -> None:
    """In two reads or bit by bit."""
    data, behind = b"2\r\nab\r\n0\r\n\r\n", HEAD
    whole = data + behind
    at = len(data) - cut
    found = pieces(whole[:at], whole[at:], intake=chunked())
    assert found == [data[:at], data[at:], HEAD]
    found = pieces(*bit_by_bit(data), behind, intake=chunked())
    assert (b"".join(found[:-1]), found[-1]) == (data, HEAD)


def head_of(size: int) -> bytes:
    """Return a head of *size* bytes."""
    return LINE + b"x: " + b"a" * (size - len(LINE) - 7) + b"\r\n\r\n"


@pytest.mark.parametrize("size", [MAX_HEAD, 1000, 7])
@pytest.mark.parametrize(("more", "refused"), [(0, None), (1, LONG_HEAD)])
def test_a_head_has_so_many_bytes_however_it_comes(size: int, more: int, refused: tuple[int, str] | None) -> None:
    """To the byte: 32 KiB."""
    assert refusal(*bit_by_bit(head_of(MAX_HEAD + more), size)) == refused


def test_the_next_head_is_counted_anew() -> None:
    """On the same connection, whether the one before came as a whole or not."""
    large = head_of(MAX_HEAD)
    assert refusal(large, large, *bit_by_bit(large, 999), *bit_by_bit(large, 999), large) is None


@pytest.mark.parametrize(("more", "refused"), [(0, None), (1, LONG_HEAD)])
def test_empty_lines_before_a_head_are_counted_with_it(more: int, refused: tuple[int, str] | None) -> None:
    """A client that sends nothing else is refused, too."""
    assert refusal(b"\r\n" * 100, head_of(MAX_HEAD - 200 + more)[:-1], b"\n") == refused
    assert refusal(*bit_by_bit(b"\r\n" * (MAX_HEAD // 2), 100), b"\r" * more) == refused


@pytest.mark.parametrize("size", [100_000, 1000, 7])
@pytest.mark.parametrize(("more", "refused"), [(0, None), (1, LONG_LINE)])
def test_a_first_line_has_so_many_bytes_however_it_comes(size: int, more: int, refused: tuple[int, str] | None) -> None:
    """256 beside those of the target, its end included; the fields behind it do not count."""
    line = b"GET /" + b"n" * (LONGEST - 5 - 11 + more) + b" HTTP/1.1\r\n"
    assert len(line) == LONGEST + more
    assert refusal(*bit_by_bit(line + b"a: b\r\n\r\n", size)) == refused


def test_a_line_that_does_not_end_is_refused_at_its_limit() -> None:
    """Not before."""
    start = b"GET /" + b"n" * (LONGEST - 5)
    assert refusal(start) is None
    assert refusal(start + b"n") == LONG_LINE
    assert refusal(start, b"n") == LONG_LINE


@pytest.mark.parametrize(
    "line",
    [b"GET  /n HTTP/1.1\r\n", b"GET /n  HTTP/1.1\r\n", b"GET /n HTTP/1.1 \r\n", b"GET /n#a HTTP/1.1\r\n",
     b"GET /n HTTP/1.1\n", b"GET /n HTTP/11\r\n", b"GE(T /n HTTP/1.1\r\n", b"GET /n\x7f HTTP/1.1\r\n", b" \r\n"],
)  # fmt: skip
def test_a_line_of_another_form_is_refused_when_it_ends(line: bytes) -> None:
    """Not before, since it may become one; whether it comes at once or bit by bit."""
    assert refusal(line) == refusal(line + b"a: b\r\n\r\n") == refusal(*bit_by_bit(line)) == NO_LINE
    assert refusal(line.rstrip(b"\n")) is None


def test_so_much_may_come_beside_a_body() -> None:
    """32 KiB of extensions and trailers, and what of it was not parsed yet; bytes of the body begin the count anew."""
    most = MAX_HEAD // CHUNK + 1
    assert refusal(b"x" * CHUNK * most, intake=chunked()) is None
    assert refusal(b"x" * (CHUNK * most + 1), intake=chunked()) == LONG_BODY
    intake = chunked()
    for _ in range(3):
        assert refusal(b"x" * CHUNK * most, intake=intake) is None
        intake.had_body()
    intake.expect_head()
    assert refusal(head_of(MAX_HEAD), intake=intake) is None


def test_it_is_known_whether_a_request_may_begin() -> None:
    """Only between two: not with bytes that wait, nor in a body."""
    intake = Intake()
    found = [(intake.is_between, intake.waiting)]
    intake.add(HEAD + b"ab")
    found.append((intake.is_between, intake.waiting))
    intake.piece()
    found.append((intake.is_between, intake.waiting))
    intake.expect_body(2)
    intake.piece()
    found.append((intake.is_between, intake.waiting))
    intake.expect_head()
    found.append((intake.is_between, intake.waiting))
    assert found == [(True, 0), (False, len(HEAD) + 2), (False, 2), (False, 0), (True, 0)]

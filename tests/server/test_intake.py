"""Bytes of a connection in pieces: what a read brings at once is counted as what comes bit by bit."""

from __future__ import annotations

import pytest

from aggregator.server.connection.intake import MAX_HEAD, MAX_TARGET, Intake, Refused, is_whole_head

LINE = b"GET /n HTTP/1.1\r\n"


def head(size: int) -> bytes:
    """Return a head of *size* bytes."""
    return LINE + b"x: " + b"a" * (size - len(LINE) - len(b"x: \r\n\r\n")) + b"\r\n\r\n"


@pytest.mark.parametrize("behind", [b"", b"GET /", b"b" * 4 * MAX_HEAD])
def test_a_head_of_the_largest_size_is_one_piece(behind: bytes) -> None:
    """Whatever comes behind it in the same read."""
    intake = Intake()
    intake.add(head(MAX_HEAD) + behind)
    assert (len(intake.piece()), intake.waiting) == (MAX_HEAD, len(behind))


@pytest.mark.parametrize("behind", [b"", b"GET /", b"b" * 4 * MAX_HEAD])
def test_a_larger_head_is_refused(behind: bytes) -> None:
    """It is no smaller for its end being here already, with much behind it."""
    intake = Intake()
    intake.add(head(MAX_HEAD + 4) + behind)
    with pytest.raises(Refused) as refused:
        intake.piece()
    assert refused.value.status == 431


@pytest.mark.parametrize(
    ("data", "is_one"),
    [
        (head(MAX_HEAD), True),
        (head(MAX_HEAD + 1), False),
        (head(60)[:-1], False),
        (head(60) + b"G", False),
        (head(60) * 2, False),
        (b"\r\n" + head(60), False),
        (head(60).replace(b"/n", b"/n#a"), False),
        (head(60).replace(b"/n", b"/" + b"n" * MAX_TARGET), True),
        (head(60).replace(b"/n", b"/" + b"n" * (MAX_TARGET + 300)), False),
    ],
)
def test_one_whole_head_is_told_from_everything_else(data: bytes, is_one: bool) -> None:
    """What is one, and within the limits, is what ``piece`` would return; all else is for it to cut or to refuse."""
    assert is_whole_head(data) is is_one


def test_a_body_behind_a_head_that_did_not_come_by_is_no_head() -> None:
    """A chunk that looks like a head is counted as what it is."""
    intake = Intake()
    intake.expect_body(None)
    intake.add(head(MAX_HEAD))
    assert len(intake.piece()) < MAX_HEAD


def test_whether_a_request_may_begin_is_known() -> None:
    """None has begun and none waits: before the first one, and behind one that is whole, unless another has come."""
    intake = Intake()
    told = [intake.is_between]
    intake.add(head(60) * 2)
    for _ in range(2):
        told.append(intake.is_between)
        intake.piece()
        intake.expect_head()
    told.append(intake.is_between)
    intake.expect_body(3)
    assert [*told, intake.is_between] == [True, False, False, True, False]

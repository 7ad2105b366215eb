"""Bytes of a connection in pieces: what a read brings at once is counted as what comes bit by bit."""

from __future__ import annotations

import pytest

from aggregator.server.connection.intake import MAX_HEAD, Intake, Refused

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

"""What lies in the store is read as it was written; what could not have been written by this program is not read."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan
from typing import Any

import pytest
from msgspec import msgpack

from aggregator.causes import Cause, State
from aggregator.parts.result import Result
from aggregator.policies.cache.kept import room_of
from aggregator.policies.cache.shared.elements import ELEMENT_CODEC, Element
from aggregator.policies.cache.shared.replies import REPLY_CODEC
from aggregator.policies.cache.shared.results import RESULT_CODEC, result_of, written_of
from aggregator.runtime.answers.answer import Tail
from aggregator.runtime.keeping.contract import KeptAnswer
from aggregator.runtime.keeping.written import ANSWER_CODEC
from aggregator.transport import Reply

FIELDS = [(b"x-a", b"1"), (b"x-b", b"a, b")]
_RESULT = ["part", "ok", 200, [], b"1", None, "up"]
FORMS: dict[str, tuple[Any, Callable[[int, Any, float, Any], Any]]] = {
    "replies": (REPLY_CODEC, lambda status, fields, age, _: [1, status, fields, b"body", ["t"], age]),
    "elements": (ELEMENT_CODEC, lambda status, _, age, text: [1, status, text, ["t"], age]),
    "values": (RESULT_CODEC, lambda status, fields, age, text: [1, ["part", "ok", status, fields, text, None, "up"], ["t"], age]),
    "answers": (ANSWER_CODEC, lambda status, fields, age, _: [1, status, fields, b"body", [_RESULT, None], 3.0, ["t"], age]),
}  # fmt: skip


def result(**said: Any) -> Result:
    """Return a good result, with what is *said* of it."""
    made = Result("part", 5.0, 6.0, status=201)
    made.headers, made.json, made.upstream = FIELDS, b'{"a":1}', "up"
    for name, value in said.items():
        setattr(made, name, value)
    return made


def told(one: Result | None) -> tuple[Any, ...] | None:
    """Return what of a result is written."""
    return None if one is None else (one.name, one.state, one.status, one.headers, one.json, one.cause, one.upstream)


def test_a_reply_is_read_as_it_was_written() -> None:
    """With the room that it takes, its tags, and its age."""
    read = REPLY_CODEC.read(REPLY_CODEC.write(reply := Reply(404, FIELDS, b"body"), ["a", "b"], 1.5))
    assert read is not None
    assert (read.value.status, read.value.headers, read.value.body) == (404, FIELDS, b"body")
    assert read[1:] == (room_of(reply), frozenset({"a", "b"}), 1.5)


@pytest.mark.parametrize("element", [Element(b'{"id":1}', 200), Element(b"", 404)])
def test_an_element_is_read_as_it_was_written(element: Element) -> None:
    """Also that of a key which had none."""
    read = ELEMENT_CODEC.read(ELEMENT_CODEC.write(element, ["a"], 0.0))
    assert read is not None
    assert (read.value.text, read.value.status) == (element.text, element.status)
    assert read[1:] == (len(element.text), frozenset({"a"}), 0.0)


def test_a_value_is_read_as_it_was_written() -> None:
    """Its times are those of nobody."""
    read = RESULT_CODEC.read(RESULT_CODEC.write(result(), ["a"], 2.5))
    assert read is not None
    assert (told(read.value), read.value.started, read.value.ended) == (told(result()), 0.0, 0.0)
    assert read[1:] == (len(b'{"a":1}'), frozenset({"a"}), 2.5)


def test_a_result_keeps_why_it_failed() -> None:
    """By the words of state and cause."""
    failed = result(state=State.FAILED, cause=Cause.STATUS, status=503)
    assert told(result_of(written_of(failed))) == told(failed)


def test_an_answer_is_read_as_it_was_written() -> None:
    """With the results that it was made of, and how old it was when it was made."""
    answer = KeptAnswer(200, Tail.of(FIELDS), b"body", (result(), None), 3.0)
    read = ANSWER_CODEC.read(ANSWER_CODEC.write(answer, ["a"], 2.5))
    assert read is not None
    found = read.value
    assert (found.status, found.tail, found.body, found.age) == (200, Tail.of(FIELDS), b"body", 3.0)
    assert [told(one) for one in found.results] == [told(result()), None]
    assert read[1:] == (answer.size, frozenset({"a"}), 2.5)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("status", "fields", "age", "text", "is_read"),
    [
        (200, [], 0.0, b"1", True), (200, FIELDS, 9.5, b'{"a":[1]}', True), (599, [], inf, b"1", True),
        (600, [], 0.0, b"1", False), (-1, [], 0.0, b"1", False), (200, [], -0.1, b"1", False), (200, [], nan, b"1", False),
    ],
)  # fmt: skip
def test_what_could_have_been_written(
    form: str, status: int, fields: Any, age: float, text: bytes, is_read: bool
) -> None:
    """A status of HTTP, and an age from now on."""
    codec, written = FORMS[form]
    assert (codec.read(msgpack.encode(written(status, fields, age, text))) is not None) == is_read


@pytest.mark.parametrize("form", ["replies", "elements", "answers"])
@pytest.mark.parametrize(("status", "is_read"), [(199, False), (200, True)])
def test_what_is_kept_is_a_final_status(form: str, status: int, is_read: bool) -> None:
    """Not one that says that another follows; a value may have come of no call at all, which has the status 0."""
    codec, written = FORMS[form]
    assert (codec.read(msgpack.encode(written(status, [], 0.0, b"1"))) is not None) == is_read
    assert RESULT_CODEC.read(msgpack.encode(FORMS["values"][1](0, [], 0.0, b"1"))) is not None


@pytest.mark.parametrize("form", ["replies", "values", "answers"])
@pytest.mark.parametrize(
    "field",
    [(b"", b"1"), (b"X", b"1"), (b"a b", b"1"), (b"x", b"a\r\nb"), (b"x", b"a\nb"), (b"x", b"\0"), (b"x\n", b"")],
)
def test_what_no_upstream_could_have_sent(form: str, field: tuple[bytes, bytes]) -> None:
    """Names of fields are tokens in lower case, and values have one line."""
    codec, written = FORMS[form]
    assert codec.read(msgpack.encode(written(200, [(b"x", b"1"), field], 0.0, b"1"))) is None


@pytest.mark.parametrize("form", FORMS)
def test_another_version_is_not_read(form: str) -> None:
    """Neither is what is cut off."""
    codec, written = FORMS[form]
    made = written(200, [], 0.0, b"1")
    assert codec.read(msgpack.encode([2, *made[1:]])) is None
    assert codec.read(msgpack.encode(made)[:-1]) is None


@pytest.mark.parametrize("form", ["elements", "values"])
def test_what_is_no_json_is_not_read(form: str) -> None:
    """It would be copied into answers."""
    codec, written = FORMS[form]
    assert codec.read(msgpack.encode(written(200, [], 0.0, b"{"))) is None


def test_an_answer_was_no_younger_than_nothing_when_it_was_made() -> None:
    """Its age then is a number from 0 on."""
    for age, is_read in ((0.0, True), (-0.1, False), (nan, False)):
        written = [1, 200, [], b"", [], age, [], 0.0]
        assert (ANSWER_CODEC.read(msgpack.encode(written)) is not None) == is_read


def test_what_cannot_be_written_is_not() -> None:
    """A tag with half a surrogate pair is none that a store could have."""
    half = ["\ud800"]
    answer = KeptAnswer(200, Tail.of([]), b"", (), 0.0)
    assert [REPLY_CODEC.write(Reply(200, [], b""), half, 0.0), ELEMENT_CODEC.write(Element(b"", 404), half, 0.0),
            RESULT_CODEC.write(result(), half, 0.0), ANSWER_CODEC.write(answer, half, 0.0)] == [b""] * 4  # fmt: skip

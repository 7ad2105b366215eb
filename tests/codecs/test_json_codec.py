"""JSON as every part of the program reads and writes it."""

from __future__ import annotations

import json as stdlib
import math
import time
from collections import UserDict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.codecs import json
from aggregator.errors import CallError, Cause, ExpressionError

VALID = [
    b"null", b"true", b"false", b"0", b"-0", b"-0.0", b"1.0", b"1E5", b"0e1", b"0.1e-5", b'""', b"[]", b"{}", b" [1] ",
    b"\t\r\n1\n", b'{"a":1,"a":2}', b'{"":0,"\\u0000":1,"__proto__":2}', b'"\\ud83d\\ude00"', b'"\\/"', b'"\x7f"',
    "\"é€😀\"".encode(), b"9" * 100, b"-9223372036854775809", b"[[[[]]]]",
]  # fmt: skip

INVALID = [
    b"[1,]", b'{"a":1,}', b"[,1]", b"[1 2]", b'{"a" 1}', b'{"a"}', b"{1:2}", b"{'a':1}", b"01", b"1.", b".5",
    b"+1", b"-", b"1e", b"1e+", b"0x1", b"1_0", b"NaN", b"Infinity", b"-Infinity", b"tru", b"truee", b"[1] 2",
    b"[1]\x00", b"// c\n1", b'"a\nb"', b'"a\x00b"', b'"\\x"', b'"\\u12"', b'"\\u12G4"', b'"abc', b"[", b"]",
    b"{", b'"', b"\x0b1", b"[1]\x0c", b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\ud83dx"', b'"\\uD800\\uD800"',
    b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\x80"', b'{"\xff":1}', "[1]".encode("utf-16"),
    '"é"'.encode("latin-1"),
]  # fmt: skip


@pytest.mark.parametrize("body", VALID)
def test_json_is_let_through(body: bytes) -> None:
    """What RFC 8259 allows is proven and decoded."""
    json.validate(body)
    assert json.decode(body) == stdlib.loads(body)


@pytest.mark.parametrize("body", INVALID)
def test_what_is_not_json_is_malformed(body: bytes) -> None:
    """What RFC 8259 does not allow is refused by the proof and by the decoder alike."""
    for read in (json.validate, json.decode):
        with pytest.raises(CallError, match="not valid JSON") as caught:
            read(body)
        assert caught.value.cause is Cause.MALFORMED


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The body is empty where JSON was expected."),
        (b" \n", "The body is empty where JSON was expected."),
        (b"\xef\xbb\xbf{}", "The body is not valid JSON: it starts with a byte order mark."),
        (b'"\xff"', "The body is not valid JSON: it is not UTF-8."),
        (b"[1,]", "The body is not valid JSON: trailing comma in array (byte 3)."),
        (b"[" * 100_000, "The body is not valid JSON: it is nested too deeply."),
        (b'{"a":' * 100_000, "The body is not valid JSON: it is nested too deeply."),
        (b"[1", "The body is not valid JSON: it ends too early, or holds half of a surrogate pair."),
    ],
)
def test_messages_say_why_without_the_text(body: bytes, message: str) -> None:
    """The reason is named; not a byte of the upstream's text is repeated."""
    for read in (json.validate, json.decode):
        with pytest.raises(CallError) as caught:
            read(body)
        assert caught.value.message == message


def test_numbers_too_large_are_copied_but_never_rounded() -> None:
    """A number that no float holds is JSON, so it may be copied; reading it is refused, not made infinite."""
    for body in (b"1e400", b"9" * 5000):
        json.validate(body)
        with pytest.raises(CallError, match="a number that is too large"):
            json.decode(body)


@pytest.mark.parametrize(
    ("body", "offset"),
    [
        (b'{"a":1e400}', 5),
        (b'["1e999 \\" ", 1e300, 0.1, -1E+999]', 26),
        (b"[1, 2, " + b"9" * 5000 + b"]", 7),
        (b"[0." + b"1" * 5000 + b", 1e-999, 1e999]", 5013),
        (b"[" + b"9" * 4300 + b"," + b"9" * 4301 + b"]", 4302),
        (b"[" + b"1e300," * 99 + b"1e999]", 595),
        (b"[" + b"1e300," * 100 + b"1e999]", None),
    ],
)
def test_a_number_too_large_is_named_and_placed(body: bytes, offset: int | None) -> None:
    """It is valid JSON, so the message does not deny that, and says where, unless too much looks like it."""
    place = "" if offset is None else f" (byte {offset})"
    with pytest.raises(CallError) as caught:
        json.decode(body)
    assert caught.value.message == f"The body holds a number that is too large to be read{place}."


def test_long_exponents_are_read_alike() -> None:
    """Whoever reads a body of many numbers, they are the same, to the last digit."""
    numbers = b"1e300,-2.5E+299,1e-300,0.1,7," * 500
    assert json.decode(b"[" + numbers + b'"1e300"]') == [1e300, -2.5e299, 1e-300, 0.1, 7] * 500 + ["1e300"]


def test_integers_of_any_size_survive() -> None:
    """Beyond 64 bits nothing becomes a float, neither in nor out."""
    for number in (2**63, -(2**63) - 1, 2**64, 10**300, 10**4000):
        assert json.encode(json.decode(str(number).encode())) == str(number).encode()


def test_the_last_of_duplicate_keys_counts() -> None:
    """One rule for every component: the last one wins."""
    assert json.decode(b'{"role":"user","role":"admin"}') == {"role": "admin"}


@pytest.mark.long
@given(
    st.binary(max_size=40)
    | st.text(max_size=20).map(lambda text: stdlib.dumps(text, ensure_ascii=False).encode("utf-8", "surrogatepass"))
)
def test_proof_and_decoder_agree(body: bytes) -> None:
    """A body that is proven can be decoded, one that is refused cannot: no gap between copying and reading."""
    assert _accepts(json.validate, body) == _accepts(json.decode, body)


def _accepts(read: Any, body: bytes) -> bool:
    try:
        read(body)
    except CallError:
        return False
    return True


@given(st.binary(min_size=1, max_size=8), st.integers(0, 8))
def test_utf8_is_checked_across_slices(tail: bytes, shift: int) -> None:
    """The check in slices gives what a check at once gives, wherever the border of a slice falls."""
    text = b"x" * ((1 << 16) - shift) + tail + "é€😀".encode() * 3
    try:
        text.decode()
        valid = True
    except UnicodeDecodeError:
        valid = False
    body = b'"' + text.replace(b'"', b"'").replace(b"\\", b"/").translate(bytes(max(32, b) for b in range(256))) + b'"'
    assert _accepts(json.validate, body) == valid


def test_a_slice_of_continuation_bytes_ends() -> None:
    """A long run of continuation bytes is refused, not walked through byte by byte."""
    assert not _accepts(json.validate, b'"' + b"\x80" * 200_000 + b'"')


def test_a_megabyte_is_proven_in_milliseconds() -> None:
    """The proof builds no objects: 1 MB takes a few milliseconds at the very most."""
    body = stdlib.dumps([{"id": i, "name": f"usér {i} €"} for i in range(25_000)], ensure_ascii=False).encode()
    best = min(_seconds(body) for _ in range(5))
    assert best < 0.02 * len(body) / 1_000_000


def _seconds(body: bytes) -> float:
    start = time.perf_counter()
    json.validate(body)
    return time.perf_counter() - start


def test_output_is_compact_and_in_declared_order() -> None:
    """No blanks, keys as they stand, UTF-8 as it is."""
    value = {"b": [1, 1.0, -0.0, 1e-7, None], "a": {"é": "\u2028</"}, "t": (1, 2)}
    assert json.encode(value) == '{"b":[1,1.0,-0.0,1e-7,null],"a":{"é":"\u2028</"},"t":[1,2]}'.encode()


def test_foreign_values_beside_nulls_are_no_numbers() -> None:
    """The search for NaN walks past what it does not know; the encoder has judged it already."""
    assert json.encode([None, b"ab"]) == b'[null,"YWI="]'


class Text(str):
    """A text of a derived type."""


class Number(int):
    """A number of a derived type."""


def test_derived_types_are_written_as_what_they_stand_for() -> None:
    """Wrapped texts, numbers and mappings are data too; number keys become their text."""
    assert (
        json.encode({"a": Text("x"), "b": UserDict(c=1), "d": Number(3), 5: 1}) == b'{"a":"x","b":{"c":1},"d":3,"5":1}'
    )


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [None, x], lambda x: {"a": UserDict(b=(1, x))}])
def test_nan_and_infinities_are_refused(bad: float, wrap: Any) -> None:
    """They are not written as null, wherever they hide."""
    with pytest.raises(ExpressionError, match="NaN"):
        json.encode(wrap(bad))


def test_null_is_written() -> None:
    """A null beside finite numbers is no reason to refuse."""
    assert json.encode({"a": None, "b": 1.5, "c": ["null"]}) == b'{"a":null,"b":1.5,"c":["null"]}'


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("\ud800", "half of a surrogate pair"),
        (object(), "JSON cannot say"),
        ({None: 1}, "JSON cannot say"),
        pytest.param(10**5000, "JSON cannot say", id="5001 digits"),
        (iter([1]), "JSON cannot say"),
    ],
)
def test_what_json_cannot_say_is_an_expression_error(value: Any, message: str) -> None:
    """No exception of the encoder gets out."""
    with pytest.raises(ExpressionError, match=message):
        json.encode(value)


def test_endless_nesting_is_an_expression_error() -> None:
    """A value that holds itself is refused."""
    value: list[Any] = []
    value.append(value)
    with pytest.raises(ExpressionError, match="nested too deeply"):
        json.encode(value)


@pytest.mark.long
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_what_is_written_reads_back(value: Any) -> None:
    """Encoding loses nothing, and others read the same."""
    text = json.encode(value)
    assert json.decode(text) == value == stdlib.loads(text)


MEMBER = st.tuples(st.sampled_from(["a", "b", ":", "\\u003a", "\\u0061"]), st.deferred(lambda: DOCUMENT))
DOCUMENT = st.one_of(
    st.sampled_from(["1", '":"', '"\\u003A"', "[]", "1.10"]),
    st.lists(MEMBER, max_size=4).map(lambda pairs: "{" + ",".join(f'"{key}": {value}' for key, value in pairs) + "}"),
)


@pytest.mark.long
@given(DOCUMENT)
def test_a_key_that_stands_twice_is_found(text: str) -> None:
    """However a key is written, and whatever colons stand in texts beside it."""
    found: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> Any:
        names = [name for name, _ in pairs]
        found.extend(name for name in names if names.count(name) > 1)

    stdlib.loads(text, object_pairs_hook=look)
    said = json.repeated_key(text.encode(), json.decode(text.encode()))
    assert said in found if found else said is None


def test_a_fault_is_found_by_line_and_column() -> None:
    """Both count from one, columns in bytes; a message without an offset stays as it is."""
    for body, place in ((b"[1,]", "line 1, column 4"), (b'{\n  "a": 1,\n  }', "line 3, column 3")):
        with pytest.raises(CallError) as caught:
            json.decode(body)
        assert place in json.with_lines(str(caught.value), body)
    assert json.with_lines("It ends too early.", b"[") == "It ends too early."

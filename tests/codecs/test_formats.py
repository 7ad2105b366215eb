"""Text, CSV, form, NDJSON and MessagePack bodies: what is read, and what is refused."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest

from aggregator.codecs.charset import decode_text
from aggregator.codecs.formats.csv import decode_csv, encode_csv
from aggregator.codecs.formats.form import MAX_FIELDS, decode_form, encode_form
from aggregator.codecs.formats.messagepack import decode_messagepack, encode_messagepack
from aggregator.codecs.formats.ndjson import decode_ndjson, encode_ndjson
from aggregator.codecs.media_type import parse_media_type, shown
from aggregator.errors import CallError, Cause, ExpressionError


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("é".encode(), None, "é"),
        ("é".encode(), b"text/plain", "é"),
        ("é".encode("latin-1"), b"text/plain; charset=ISO-8859-1", "é"),
        ("€".encode("cp1252"), b'text/plain; charset="windows-1252"', "€"),
        ("é".encode("utf-16"), b"text/plain;charset=utf-16", "é"),
        (b"\xef\xbb\xbfa", b"text/plain", "a"),
        (b"", b"text/plain", ""),
    ],
)
def test_text_follows_its_charset(body: bytes, content_type: bytes | None, text: str) -> None:
    """The declared charset counts, UTF-8 without one; a byte order mark is no text."""
    assert decode_text(body, content_type) == text


@pytest.mark.parametrize(
    "content_type", [b"text/plain", b"text/plain; charset=us-ascii", b"text/plain; charset=utf-16"]
)
def test_bytes_outside_the_charset_are_malformed(content_type: bytes) -> None:
    """Nothing is replaced silently."""
    with pytest.raises(CallError) as caught:
        decode_text(b"\xff\xfe\xff", content_type)
    assert caught.value.cause is Cause.MALFORMED


@pytest.mark.parametrize("charset", [b"zip", b"idna", b"unicode_escape", b"rot13", b"nonsense", b"utf-7", b"a\\x00b"])
def test_only_character_sets_are_charsets(charset: bytes) -> None:
    """Python's codecs that are none, and unknown names, are refused by name of the rule, not echoed."""
    with pytest.raises(CallError, match="a charset that is not known") as caught:
        decode_text(b"x", b'text/plain; charset="' + charset + b'"')
    assert caught.value.cause is Cause.CONTENT_TYPE


def test_csv_becomes_objects_and_back() -> None:
    """The header row names the fields; empty lines are skipped, quoted line breaks kept."""
    body = b'id,name\r\n1,"a ""b"", c"\r\n\r\n2,"x\ny"\r\n'
    rows = [{"id": "1", "name": 'a "b", c'}, {"id": "2", "name": "x\ny"}]
    assert decode_csv(body) == rows
    assert decode_csv(encode_csv(rows)) == rows


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "it has no header row"),
        (b"a,a\n1,2\n", "the header has empty or equal names"),
        (b"a,\n1,2\n", "the header has empty or equal names"),
        (b"a,b\n1\n", "line 2 has 1 fields, the header 2"),
        (b"a,b\n1,2,3\n", "line 2 has 3 fields, the header 2"),
        (b'a,b\n"1"x,2\n', "line 2 is broken"),
        (b'a,b\n1,"2', "line 2 is broken"),
    ],
)
def test_crooked_csv_is_malformed(body: bytes, reason: str) -> None:
    """A record that does not fit its header is never padded or cut."""
    with pytest.raises(CallError) as caught:
        decode_csv(body)
    assert caught.value.cause is Cause.MALFORMED
    assert caught.value.message == f"The body is not valid CSV: {reason}."


def test_csv_holds_the_keys_of_all_rows() -> None:
    """Keys in order of first sight, null and absent ones empty, scalars as JSON writes them."""
    assert encode_csv([{"a": 1, "b": None}, {"c": True, "a": 1.5}]) == b"a,b,c\r\n1,,\r\n1.5,,true\r\n"


@pytest.mark.parametrize("value", [{"a": 1}, [1], [{"a": [1]}], "x"])
def test_csv_takes_flat_objects_only(value: Any) -> None:
    """Anything else has no row."""
    with pytest.raises(ExpressionError):
        encode_csv(value)


def test_forms_are_read() -> None:
    """Repeated keys are lists, blanks and percent signs are decoded, empty values stay."""
    assert decode_form(b"a=1&b=x+y%21&a=2&a=3&c=&d") == {"a": ["1", "2", "3"], "b": "x y!", "c": "", "d": ""}
    assert decode_form(b"a=%E9", b"application/x-www-form-urlencoded; charset=latin-1") == {"a": "é"}
    assert decode_form(b"") == {}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"a=%ff", "The body is not a form in utf-8."),
        (b"a=\xff", "The body is not a form in utf-8."),
        (b"&".join([b"a=1"] * (MAX_FIELDS + 1)), "The body is a form of more than 1000 fields."),
    ],
)
def test_bad_forms_are_malformed(body: bytes, message: str) -> None:
    """Bytes outside the charset and thousands of fields are refused; so many fields are read."""
    with pytest.raises(CallError) as caught:
        decode_form(body)
    assert (caught.value.cause, caught.value.message) == (Cause.MALFORMED, message)
    assert decode_form(b"&".join([b"a=1"] * MAX_FIELDS)) == {"a": ["1"] * MAX_FIELDS}


def test_forms_are_written() -> None:
    """Nothing in a value can end its field; lists repeat, null is left out."""
    fields = {"a": "x&b=1", "é": [1, True, None, "ü\r\n"], "n": None, "f": 1.50, "big": 2**70}
    assert (
        encode_form(fields) == b"a=x%26b%3D1&%C3%A9=1&%C3%A9=true&%C3%A9=%C3%BC%0D%0A&f=1.5&big=1180591620717411303424"
    )


@pytest.mark.parametrize("fields", [{"a": {"b": 1}}, {"a": [[1]]}, [("a", 1)], {"a": "\ud800"}, {"a": float("nan")}])
def test_forms_take_scalars_only(fields: Any) -> None:
    """Anything else is an error of the expression that made it."""
    with pytest.raises(ExpressionError):
        encode_form(fields)


def test_ndjson_is_read_line_by_line() -> None:
    """Blank lines do not count; a wrong line is named."""
    assert decode_ndjson(b'{"a":1}\r\n\n[2]\n3') == [{"a": 1}, [2], 3]
    with pytest.raises(CallError, match="Line 3: The body is not valid JSON"):
        decode_ndjson(b"1\n\n{\n")


def test_ndjson_takes_lists_only() -> None:
    """Each item is a line."""
    assert encode_ndjson([{"a": 1}, 2]) == b'{"a":1}\n2\n'
    with pytest.raises(ExpressionError):
        encode_ndjson({"a": 1})


def test_messagepack_becomes_json_data() -> None:
    """What JSON has no type for becomes text: binary, timestamps, keys that are numbers."""
    when = dt.datetime(2030, 1, 2, tzinfo=dt.UTC)
    packed = msgspec.msgpack.encode({"b": b"ab", "t": when, 1: "x"})
    assert decode_messagepack(packed) == {"b": "YWI=", "t": "2030-01-02T00:00:00Z", "1": "x"}


@pytest.mark.parametrize(
    "body", [b"", b"\xc1", b"\x91" * 5000, msgspec.msgpack.encode(msgspec.msgpack.Ext(5, b"x")), b"\xa1\xff"]
)
def test_bad_messagepack_is_malformed(body: bytes) -> None:
    """Cut, wrong, endless or foreign data is a failed call."""
    with pytest.raises(CallError) as caught:
        decode_messagepack(body)
    assert caught.value.cause is Cause.MALFORMED


@pytest.mark.parametrize("value", [2**64, object(), "\ud800"])
def test_messagepack_has_limits(value: Any) -> None:
    """Integers beyond 64 bits and foreign types are refused, not rounded."""
    with pytest.raises(ExpressionError):
        encode_messagepack(value)


@pytest.mark.parametrize(
    ("header", "essence", "parameters"),
    [
        (b"text/html", "text/html", ()),
        (b' Text/HTML ;Charset=UTF-8; x="a;\\"b" ; ', "text/html", (("charset", "UTF-8"), ("x", 'a;"b'))),
        (b"text/html;;", "text/html", ()),
    ],
)
def test_media_types_are_parsed(header: bytes, essence: str, parameters: tuple[tuple[str, str], ...]) -> None:
    """Types and parameter names fold case, quoted values are unquoted, empty parameters are allowed."""
    parsed = parse_media_type(header)
    assert parsed is not None
    assert (parsed.essence, parsed.parameters) == (essence, parameters)


@pytest.mark.parametrize(
    ("header", "essence", "parameters"),
    [
        (b"a/b; charset", "a/b", ()),
        (b"a/b x; y=z", "a/b", (("y", "z"),)),
        (b'a/b; x="open; y=z', "a/b", (("y", "z"),)),
        (b"a/b; x=1 2; =3; y = z; n=4", "a/b", (("n", "4"),)),
        (b"a/b; x=1, c/d; x=2", "a/b", (("x", "1"),)),
        (b"a/b,", "a/b", ()),
        (b'a/b; x="' + b"x" * 5000 + b'"; y=z', "a/b", (("x", "x" * 5000), ("y", "z"))),
        (b"a/b" + b";" * 5000 + b"y=z", "a/b", (("y", "z"),)),
    ],
)
def test_the_type_is_told_before_its_parameters(
    header: bytes, essence: str, parameters: tuple[tuple[str, str], ...]
) -> None:
    """A parameter that cannot be read, or is long, is left out or kept and hides nothing; the first of a list counts."""
    parsed = parse_media_type(header)
    assert parsed is not None
    assert (parsed.essence, parsed.parameters) == (essence, parameters)


@pytest.mark.parametrize(
    "header", [b"", b"text", b"text/", b"; text/html", b'text/"html"', b"a/b/c", b"a/b=c", b"a/" + b"b" * 300]
)
def test_bad_media_types_are_none(header: bytes) -> None:
    """What cannot be read names nothing, and neither does what is too long to be a type."""
    assert parse_media_type(header) is None


def test_shown_content_types_are_harmless() -> None:
    """A message holds the bare type or words of ours."""
    assert shown(None) == "no content type"
    assert shown(b"text/html; x=<script>") == "text/html"
    assert shown(b"<script>; x=y") == "an unreadable content type"
    assert shown(b"TEXT/html; charset=x") == "text/html"

"""Formats are read and written up to a number of values, whatever their bytes."""

from __future__ import annotations

import msgspec
import pytest

from aggregator.codecs.bounds import MAX_CELLS, MAX_ELEMENTS, MAX_LINES, MAX_VALUES, MAX_WRITTEN_FIELDS
from aggregator.codecs.formats.csv import decode_csv, encode_csv
from aggregator.codecs.formats.form import encode_form
from aggregator.codecs.formats.messagepack import decode_messagepack, encode_messagepack
from aggregator.codecs.formats.multipart import MultipartBody
from aggregator.codecs.formats.ndjson import decode_ndjson, encode_ndjson
from aggregator.codecs.formats.xml import encode_xml
from aggregator.errors import CallError, ExpressionError


@pytest.mark.long
def test_csv_is_read_up_to_its_cells():
    """The last cell that fits is read, the next row is refused."""
    whole = b"a,b\n" + b"1,2\n" * (MAX_CELLS // 2)
    assert len(decode_csv(whole)) == MAX_CELLS // 2
    with pytest.raises(CallError, match="more than 200000 cells"):
        decode_csv(whole + b"1,2\n")


def test_csv_is_written_up_to_its_cells():
    """Rows that have no name in common make a table of all names for each of them."""
    with pytest.raises(ExpressionError, match="more than 200000 cells"):
        encode_csv([{f"k{number}": number} for number in range(500)])
    assert encode_csv([{"k": 1}] * 500).count(b"\r\n") == 501


def test_xml_is_written_up_to_its_elements():
    """Members are counted at every depth."""
    with pytest.raises(ExpressionError, match="more than 50000 members"):
        encode_xml({"a": [[1] * 100] * (MAX_ELEMENTS // 100)})
    assert encode_xml({"a": [1] * 1000}).count(b"<a>") == 1000


@pytest.mark.long
def test_messagepack_is_read_up_to_its_values():
    """A byte may stand for an object: the values are counted before any is built, whatever they are."""
    kinds = [0, -1, 300, 70_000, 2**40, -300, -70_000, -(2**40), 1.5, None, True, "a" * 40, "b" * 300, "c" * 70_000]
    kinds += [b"x" * 10, b"y" * 300, b"z" * 70_000, list(range(20)), {str(n): n for n in range(20)}, [], {}]
    assert len(decode_messagepack(encode_messagepack([kinds, [[]] * (MAX_VALUES - 200)]))[1]) == MAX_VALUES - 200
    for value in ([kinds, [[]] * MAX_VALUES], [{}] * MAX_VALUES, [{"a": 1}] * (MAX_VALUES // 3 + 1)):
        with pytest.raises(CallError, match="more than 200000 values"):
            decode_messagepack(msgspec.msgpack.encode(value))


@pytest.mark.long
def test_messagepack_is_written_up_to_its_values():
    """Members are counted at every depth."""
    with pytest.raises(ExpressionError, match="more than 200000 values"):
        encode_messagepack({"a": [[1] * 100] * (MAX_VALUES // 100)})
    assert len(encode_messagepack([1] * MAX_VALUES)) == MAX_VALUES + 5


def test_lines_of_json_are_read_up_to_their_number():
    """A line may be as short as a digit."""
    assert len(decode_ndjson(b"1\n" * MAX_LINES)) == MAX_LINES
    with pytest.raises(CallError, match="more than 200000 lines"):
        decode_ndjson(b"1\n" * (MAX_LINES + 1))


def test_lines_of_json_are_written_up_to_their_number():
    """What is written can be read back."""
    assert encode_ndjson([1] * MAX_LINES) == b"1\n" * MAX_LINES
    with pytest.raises(ExpressionError, match="more than 200000 lines"):
        encode_ndjson([1] * (MAX_LINES + 1))


def test_a_form_is_written_up_to_its_fields():
    """The values of all lists are counted together; null, which is left out, is not."""
    most = MAX_WRITTEN_FIELDS - 1
    assert encode_form({"a": 1, "b": [2] * most, "c": [None] * 10}).count(b"&") == most
    with pytest.raises(ExpressionError, match="more than 10000 fields"):
        encode_form({"a": 1, "b": [2] * most, "c": 3})


def test_a_multipart_body_is_written_up_to_its_parts():
    """Fields and files are counted together."""
    body = MultipartBody().field("a", [1] * (MAX_WRITTEN_FIELDS - 1)).file("f", "f.bin", b"x")
    assert body.encode().count(b"Content-Disposition") == MAX_WRITTEN_FIELDS
    for add in (lambda: body.field("b", 1), lambda: body.file("g", "g.bin", b"x")):
        with pytest.raises(ExpressionError, match="more than 10000 parts"):
            add()

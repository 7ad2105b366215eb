"""XML in and out, and the attacks that XML is known for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from xml.parsers import expat

import pytest

from aggregator.codecs.bounds import MAX_ELEMENTS
from aggregator.codecs.formats import xml
from aggregator.codecs.formats.xml import MAX_DEPTH, decode_xml, encode_xml
from aggregator.errors import CallError, Cause, ExpressionError


def test_xml_becomes_objects() -> None:
    """Attributes, text and repeated elements by the conventions of xmltodict."""
    body = b'<?xml version="1.0"?><a x="1"><b>t</b><b/><c y="2">z</c></a>'
    assert decode_xml(body) == {"a": {"@x": "1", "b": ["t", None], "c": {"@y": "2", "#text": "z"}}}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("<a>é</a>".encode(), b"application/xml"),
        ("<a>é</a>".encode("latin-1"), b"text/xml; charset=iso-8859-1"),
        ('<?xml version="1.0" encoding="iso-8859-1"?><a>é</a>'.encode("latin-1"), None),
        ("<a>é</a>".encode("utf-16"), b"application/xml; charset=utf-16"),
    ],
)
def test_the_charset_is_that_of_header_or_declaration(body: bytes, content_type: bytes | None) -> None:
    """The header counts before the declaration (RFC 7303)."""
    assert decode_xml(body, content_type) == {"a": "é"}


LAUGHS = b'<!DOCTYPE a [<!ENTITY l "lol"><!ENTITY m "&l;&l;&l;">]><a>&m;</a>'


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (LAUGHS, "a document type, which is refused"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "a document type, which is refused"),
        (b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1), "nested more than 100 levels deep"),
        (b"<a>" + b"<b/>" * MAX_ELEMENTS + b"</a>", f"more than {MAX_ELEMENTS} elements"),
        (b"<a", "not well-formed"),
        (b"", "not well-formed"),
        (b"<a>&x;</a>", "not well-formed"),
        (b"<a>\xff</a>", "not well-formed"),
        (b'<?xml version="1.0" encoding="rot13"?><a/>', "not well-formed"),
    ],
)
def test_hostile_xml_is_malformed(body: bytes, message: str) -> None:
    """Entities, depth, size and broken text end as a failed call, before anything is built."""
    with pytest.raises(CallError, match=message) as caught:
        decode_xml(body)
    assert caught.value.cause is Cause.MALFORMED


@pytest.mark.parametrize(
    ("value", "inner"),
    [
        ({"user": {"id": 1, "ok": True, "none": None}}, "<user><id>1</id><ok>true</ok><none/></user>"),
        ({"a": 1, "b": "<&>"}, "<response><a>1</a><b>&lt;&amp;&gt;</b></response>"),
        ([1, {"a": 2}], "<response><item>1</item><item><a>2</a></item></response>"),
        ({"users": [1, 2]}, "<response><users>1</users><users>2</users></response>"),
        ({"m": [[1, 2], [3]]}, "<response><m><item>1</item><item>2</item></m><m><item>3</item></m></response>"),
        ({"a": {"@id": 5, "#text": "t"}}, '<a id="5">t</a>'),
        ({"@id": 5}, '<response id="5"/>'),
        ({"a": {"@id": None}}, '<a id=""/>'),
        ("text", "<response>text</response>"),
        (None, "<response/>"),
        ([], "<response/>"),
        ({}, "<response/>"),
    ],
)
def test_values_become_xml(value: Any, inner: str) -> None:
    """One root always: the only key when it is no list, ``response`` otherwise."""
    assert encode_xml(value) == f'<?xml version="1.0" encoding="utf-8"?>\n{inner}'.encode()


@pytest.mark.parametrize(
    "value",
    [
        {"a b": 1},
        {"1a": 1},
        {"": 1},
        {"a><script": 1},
        {"x": {"#comment": "--><evil/><!--"}},
        {"x": {"@a b": 1}},
        {"x": {"@a": {"b": 1}}},
        {"x": "\x00"},
        {"x": "\ud800"},
        {"x": float("nan")},
    ],
)
def test_names_and_characters_that_xml_lacks_are_refused(value: Any) -> None:
    """Nothing from an upstream's keys can become markup."""
    with pytest.raises(ExpressionError):
        encode_xml(value)


def test_a_large_document_is_parsed_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser holds the interpreter while it reads a piece, so what is read or written for minutes takes many."""
    create, sizes = expat.ParserCreate, []

    class Parser:
        """One of expat that notes how much it reads at once."""

        def __init__(self, encoding: str | None = None) -> None:
            self.__dict__["real"] = create(encoding)

        def __setattr__(self, name: str, value: Any) -> None:
            setattr(self.real, name, value)

        def Parse(self, data: Any, is_final: bool) -> None:
            sizes.append(len(data))
            self.real.Parse(data, is_final)

    monkeypatch.setattr(xml, "expat", SimpleNamespace(ParserCreate=Parser, ExpatError=expat.ExpatError))
    text = "é" * 400_001  # a character lies across the edges of pieces
    document = encode_xml({"a": text})
    assert decode_xml(document) == {"a": text}
    assert max(sizes) == 256 * 1024
    assert sum(sizes) == 2 * len(document)


def test_a_document_has_so_many_levels() -> None:
    """A hundred, on the way down alone: those that are closed again count no more."""
    found = decode_xml(b"<a>" * (MAX_DEPTH - 1) + b"<b/><b/>" + b"</a>" * (MAX_DEPTH - 1))
    for _ in range(MAX_DEPTH - 1):
        found = found["a"]
    assert (found, MAX_DEPTH) == ({"b": [None, None]}, 100)


@pytest.mark.long
@pytest.mark.parametrize(("attributes", "elements"), [(b"", 49_999), (b' x="1" y="2"', 49_997)])
def test_a_document_has_so_many_elements(attributes: bytes, elements: int) -> None:
    """Its attributes are counted with them."""
    whole = b"<a" + attributes + b">%b</a>"
    assert len(decode_xml(whole % (b"<b/>" * elements))["a"]["b"]) == elements
    with pytest.raises(CallError) as refused:
        decode_xml(whole % (b"<b/>" * (elements + 1)))
    assert refused.value.message == "The body is XML of more than 50000 elements."

"""Which codec reads which content type, and what each makes of bodies."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from aggregator.codecs import registry
from aggregator.codecs.registry import CODEC_NAMES, codec_for, codec_of_media_type, require
from aggregator.errors import CallError, Cause, ExpressionError, StartupError


@pytest.mark.parametrize(
    ("content_type", "name"),
    [
        (None, "json"),
        (b"application/json", "json"),
        (b"Application/JSON; charset=iso-8859-1", "json"),
        (b"application/json; charset", "json"),
        (b"application/json, text/html", "json"),
        (b"application/problem+json", "json"),
        (b"application/problem+json; <script>", "json"),
        (b"application/vnd.api+json;version=1", "json"),
        (b"text/plain", "text"),
        (b"text/xml", "xml"),
        (b"application/atom+xml", "xml"),
        (b"text/csv; header=present", "csv"),
        (b"application/x-www-form-urlencoded", "form"),
        (b"application/x-ndjson", "ndjson"),
        (b"application/msgpack", "msgpack"),
    ],
)
def test_the_content_type_chooses_the_codec(content_type: bytes | None, name: str) -> None:
    """Parameters and case do not matter, structured suffixes do; without a content type JSON is tried."""
    assert codec_for(content_type).name == name


@pytest.mark.parametrize(
    ("content_type", "shown"),
    [
        (b"text/html; charset=utf-8", "text/html"),
        (b"image/png", "image/png"),
        (b"", "an unreadable content type"),
        (b"json", "an unreadable content type"),
        (b"text/<script>", "an unreadable content type"),
        (b"text/html; <script>", "text/html"),
        (b"a/" + b"b" * 1000, "an unreadable content type"),
    ],
)
def test_what_holds_no_data_is_refused(content_type: bytes, shown: str) -> None:
    """A login page in HTML is no data; the message names the bare type and nothing else the upstream wrote."""
    with pytest.raises(CallError) as caught:
        codec_for(content_type)
    assert caught.value.cause is Cause.CONTENT_TYPE
    assert caught.value.message == f"Data such as JSON was expected, but {shown} came."


def test_long_content_types_are_read_and_not_kept() -> None:
    """A long parameter hides nothing, and nobody can fill the memory with headers."""
    kept = registry.found_codec.cache_info().currsize
    for at in range(20):
        assert codec_for(b'application/hal+json; profile="%b%d"' % (b"x" * 300, at)).name == "json"
    assert registry.found_codec.cache_info().currsize == kept


def test_a_forced_codec_overrules_the_content_type() -> None:
    """An upstream that calls its JSON text/html can be read if the file says so."""
    assert codec_for(b"text/html", "json").decode(b'{"a":1}', b"text/html") == {"a": 1}
    assert codec_for(b"image/png", "raw").decode(b"\x89", b"image/png") == b"\x89"


def test_an_unknown_name_gets_a_suggestion() -> None:
    """At load a typo names what was meant, anything else the list."""
    with pytest.raises(StartupError, match="did you mean `json`"):
        require("jsno")
    with pytest.raises(StartupError, match="one of json, ndjson"):
        require("protocolbuffers")


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """XML without its package: the load says what to install, an upstream that sends it is a failed call."""
    monkeypatch.setattr(registry, "find_spec", lambda _: None)
    for cached in (require, registry.is_installed, registry.found_codec):
        cached.cache_clear()
    try:
        with pytest.raises(StartupError, match=r"pip install 'aggregator-server\[xml\]'"):
            require("xml")
        with pytest.raises(CallError, match="application/xml, whose reader is not installed") as caught:
            codec_for(b"application/xml")
        assert caught.value.cause is Cause.CONTENT_TYPE
    finally:
        for cached in (require, registry.is_installed, registry.found_codec):
            cached.cache_clear()


@pytest.mark.parametrize("name", CODEC_NAMES)
def test_every_codec_reads_what_it_wrote(name: str) -> None:
    """For each format there is a value that goes out and comes back the same."""
    values: dict[str, Any] = {
        "json": {"a": [1, None]}, "ndjson": [{"a": 1}, 2], "text": "é", "xml": {"r": {"a": "1", "b": ["x", "y"]}},
        "csv": [{"a": "1", "b": "x,\"y\"\n"}], "form": {"a": "1", "b": ["x", "y"]}, "msgpack": {"a": [1, None, 1.5]},
        "raw": b"\x00\xff",
    }  # fmt: skip
    codec = require(name)
    assert codec.decode(codec.encode(values[name]), codec.content_type) == values[name]


def test_media_types_of_codecs_lead_back_to_them() -> None:
    """No media type belongs to two codecs."""
    for name in CODEC_NAMES:
        assert all(codec_of_media_type(media_type).name == name for media_type in require(name).media_types)


def test_xml_is_there_when_its_package_is() -> None:
    """The check looks for the real package."""
    assert importlib.util.find_spec("xmltodict") is not None
    assert require("xml").extra == "xml"


def test_raw_bodies_are_text_or_bytes() -> None:
    """A raw body is written as it is; anything else has no bytes."""
    raw = require("raw")
    assert raw.encode("é") == "é".encode()
    with pytest.raises(ExpressionError, match="raw body"):
        raw.encode({"a": 1})


def test_text_is_written_from_scalars() -> None:
    """A text answer is made of a text, number or boolean."""
    assert require("text").encode(True) == b"true"
    with pytest.raises(ExpressionError):
        require("text").encode([1])

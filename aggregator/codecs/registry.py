"""Which codec reads and writes a body: by the name that the file forces, else by the content type.

Called for each upstream body that is read and for each answer that is not JSON. A new codec is one row of
``_CODECS``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from importlib.util import find_spec
from typing import Any

from msgspec import Struct

from aggregator.codecs import json
from aggregator.codecs.charset import decode_text, utf8_of
from aggregator.codecs.formats.csv import decode_csv, encode_csv
from aggregator.codecs.formats.form import decode_form, encode_form, scalar_text
from aggregator.codecs.formats.messagepack import decode_messagepack, encode_messagepack
from aggregator.codecs.formats.ndjson import decode_ndjson, encode_ndjson
from aggregator.codecs.formats.xml import decode_xml, encode_xml
from aggregator.codecs.media_type import LONGEST, parse_media_type, shown
from aggregator.diagnostics import did_you_mean
from aggregator.errors import CallError, Cause, ExpressionError, StartupError


class Codec(Struct, frozen=True):
    """One format of bodies.

    *decode* takes the body and its content type and raises ``CallError``; *encode* gives a body whose
    Content-Type is *content_type* and raises ``ExpressionError``. *package* and *extra* name what has to be
    installed, if anything.
    """

    name: str
    content_type: bytes
    media_types: tuple[str, ...]
    decode: Callable[[bytes, bytes | None], Any]
    encode: Callable[[Any], bytes]
    package: str | None = None
    extra: str | None = None


def _decode_json(body: bytes, content_type: bytes | None) -> Any:
    return json.decode(utf8_of(body, content_type))


def _encode_text(value: Any) -> bytes:
    return scalar_text(value).encode()


def _decode_raw(body: bytes, _content_type: bytes | None) -> bytes:
    return body


def _encode_raw(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    raise ExpressionError("A raw body is built from a text or from bytes.")


_CODECS = (
    Codec("json", b"application/json", ("application/json", "text/json"), _decode_json, json.encode),
    Codec(
        "ndjson",
        b"application/x-ndjson",
        ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"),
        decode_ndjson,
        encode_ndjson,
    ),
    Codec("text", b"text/plain; charset=utf-8", ("text/plain",), decode_text, _encode_text),
    Codec(
        "xml",
        b"application/xml",
        ("application/xml", "text/xml"),
        decode_xml,
        encode_xml,
        package="xmltodict",
        extra="xml",
    ),
    Codec("csv", b"text/csv; charset=utf-8", ("text/csv",), decode_csv, encode_csv),
    Codec(
        "form",
        b"application/x-www-form-urlencoded",
        ("application/x-www-form-urlencoded",),
        decode_form,
        encode_form,
    ),
    Codec(
        "msgpack",
        b"application/vnd.msgpack",
        ("application/vnd.msgpack", "application/msgpack", "application/x-msgpack"),
        decode_messagepack,
        encode_messagepack,
    ),
    Codec("raw", b"application/octet-stream", (), _decode_raw, _encode_raw),
)
_BY_NAME = {codec.name: codec for codec in _CODECS}
_BY_MEDIA_TYPE = {media_type: codec for codec in _CODECS for media_type in codec.media_types}
_BY_SUFFIX = {"xml": _BY_NAME["xml"]}

CODEC_NAMES: tuple[str, ...] = tuple(_BY_NAME)


@cache
def require(name: str) -> Codec:
    """Return the codec *name*, for use at load.

    Raises ``StartupError`` for an unknown name and for a codec whose package is not installed.
    """
    codec = _BY_NAME.get(name)
    if codec is None:
        hint = did_you_mean(name, CODEC_NAMES) or f"one of {', '.join(CODEC_NAMES)}"
        raise StartupError(f"There is no format `{name}`; {hint}.")
    if not is_installed(codec):
        raise StartupError(
            f"The format `{name}` needs the package {codec.package}: pip install 'aggregator-server[{codec.extra}]'."
        )
    return codec


@cache
def is_installed(codec: Codec) -> bool:
    """Return whether the package is there that *codec* needs, if any."""
    return codec.package is None or find_spec(codec.package) is not None


def codec_for(content_type: bytes | None, forced: str | None = None) -> Codec:
    """Return the codec that reads a body: the *forced* one, else that of *content_type*; without both, JSON.

    Raises ``CallError`` (``content_type``) for a type that holds no data, such as ``text/html`` or an image.
    """
    if content_type is not None and len(content_type) > LONGEST:
        return found_codec.__wrapped__(content_type, forced)
    return found_codec(content_type, forced)


@lru_cache(maxsize=512)
def found_codec(content_type: bytes | None, forced: str | None) -> Codec:
    """Return what ``codec_for`` does; what was found lately is kept."""
    if forced is not None:
        return require(forced)
    if content_type is None:
        return _BY_NAME["json"]
    media_type = parse_media_type(content_type)
    codec = None
    if media_type is not None and media_type.is_json:
        codec = _BY_NAME["json"]
    elif media_type is not None:
        codec = _BY_MEDIA_TYPE.get(media_type.essence) or _BY_SUFFIX.get(media_type.suffix or "")
    if codec is None:
        raise _unexpected(shown(content_type))
    if not is_installed(codec):
        raise _unexpected(f"{shown(content_type)}, whose reader is not installed,")
    return codec


def _unexpected(what: str) -> CallError:
    return CallError(Cause.CONTENT_TYPE, f"Data such as JSON was expected, but {what} came.")


def codec_of_media_type(media_type: str) -> Codec:
    """Return the codec whose list of media types holds *media_type*; for offers that were made from codecs."""
    return _BY_MEDIA_TYPE[media_type]

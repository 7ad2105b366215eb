"""XML ↔ values by the conventions of the package xmltodict: attributes ``@name``, text ``#text``.

Before anything is built, one pass over the text refuses document types (and with them every entity), and
bounds depth and number of elements.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from xml.parsers import expat

from aggregator.codecs.bounds import MAX_ELEMENTS, exceeds
from aggregator.codecs.charset import charset_of
from aggregator.codecs.formats.form import scalar_text
from aggregator.errors import CallError, Cause, ExpressionError

MAX_DEPTH = 100
_PIECE = 256 * 1024
"""Bytes that are parsed in a millisecond or two."""
_ROOT = "response"
_ITEM = "item"
_NO_COMMENTS = "\0"  # a name that no key has, so that no key is written as a comment


def decode_xml(body: bytes, content_type: bytes | None = None, lists: frozenset[str] = frozenset()) -> Any:
    """Return the document as an object of its root element; raise ``CallError`` (``malformed``) otherwise.

    Every value is a text, an object, null for an empty element, or a list where an element repeats or has one of the
    paths *lists*, such as ``rss.channel.item``.
    """
    import xmltodict

    charset = charset_of(content_type)
    encoding = None if charset == "utf-16" else charset  # its byte order mark tells which of the two
    try:
        _survey(body, encoding)
        return xmltodict.parse(body, encoding=encoding, force_list=_forcing(lists))
    except (expat.ExpatError, ValueError, LookupError):
        raise CallError(Cause.MALFORMED, "The body is not well-formed XML.") from None


def _forcing(lists: frozenset[str]) -> Callable[[Any, str, Any], bool] | None:
    """Return what tells xmltodict, by the elements around one and its name, whether it is in a list of one."""
    return (lambda around, name, _: ".".join([*(outer for outer, _ in around), name]) in lists) if lists else None


def _survey(body: bytes, encoding: str | None) -> None:
    """Walk the document once; raise for a document type, too much depth or too many elements."""
    depth = elements = 0

    def start(_name: str, attributes: list[str]) -> None:
        nonlocal depth, elements
        depth += 1
        elements += 1 + len(attributes) // 2
        if depth > MAX_DEPTH:
            raise CallError(Cause.MALFORMED, f"The body is XML nested more than {MAX_DEPTH} levels deep.")
        if elements > MAX_ELEMENTS:
            raise CallError(Cause.MALFORMED, f"The body is XML of more than {MAX_ELEMENTS} elements.")

    def end(_name: str) -> None:
        nonlocal depth
        depth -= 1

    def refuse(*_: object) -> None:
        raise CallError(Cause.MALFORMED, "The body is XML with a document type, which is refused.")

    parser = expat.ParserCreate(encoding)
    parser.ordered_attributes = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = refuse
    _parse(parser, body)


def _parse(parser: expat.XMLParserType, body: bytes) -> None:
    """Have *parser* read all of *body*, in pieces: no other thread runs while it reads one."""
    for start in range(0, len(body), _PIECE):
        parser.Parse(memoryview(body)[start : start + _PIECE], False)
    parser.Parse(b"", True)


def encode_xml(value: Any) -> bytes:
    """Return *value* as an XML document in UTF-8.

    An object of one key whose value is no list has that key as its root; anything else is put under
    ``response``, and the items of a list that has no name in ``item`` elements. Raises ``ExpressionError``
    for names and characters that XML lacks, and for more than ``MAX_ELEMENTS`` members.
    """
    import xmltodict

    if exceeds(value, MAX_ELEMENTS):
        raise ExpressionError(f"The value has more than {MAX_ELEMENTS} members, which are too many for XML.")
    try:
        text: str = xmltodict.unparse(_rooted(value), short_empty_elements=True, comment_key=_NO_COMMENTS)
        document = text.encode()
        _parse(expat.ParserCreate(), document)  # control characters are written unchecked
    except (ValueError, TypeError, RecursionError, expat.ExpatError):
        raise ExpressionError("The value holds names or characters that XML cannot carry.") from None
    return document


def _rooted(value: Any) -> dict[str, Any]:
    elements = _elements(value)
    if isinstance(elements, dict) and len(elements) == 1:
        [(key, child)] = elements.items()
        if not isinstance(child, list) and not _is_special(key):
            return elements
    return {_ROOT: {_ITEM: elements} if isinstance(elements, list) else elements}


def _elements(value: Any) -> Any:
    """Return *value* in the terms of xmltodict: numbers and booleans as text, lists in lists under ``item``."""
    if isinstance(value, Mapping):
        return {str(key): _content(str(key), child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        items = [_elements(item) for item in value]
        return [{_ITEM: item} if isinstance(item, list) else item for item in items]
    return value if value is None else scalar_text(value)


def _content(key: str, value: Any) -> Any:
    if _is_special(key):
        return value if value is None else scalar_text(value)
    return _elements(value)


def _is_special(key: str) -> bool:
    """Return whether *key* stands for an attribute or for text, not for an element."""
    return key.startswith("@") or key == "#text"

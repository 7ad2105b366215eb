"""Bodies of upstreams that need more than their format to be read: what a list is in XML, what parts cells in CSV."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from aggregator.codecs.formats.csv import COMMA, decode_csv
from aggregator.codecs.formats.xml import decode_xml
from aggregator.codecs.registry import Codec


class ReadOptions(Struct, frozen=True):
    """*xml_lists* are paths of elements that are lists however often they come; *csv_delimiter* parts cells."""

    xml_lists: frozenset[str] = frozenset()
    csv_delimiter: str = COMMA


PLAIN = ReadOptions()
"""What holds for a body of which the file says nothing."""


def read_body(codec: Codec, body: bytes, content_type: bytes | None, options: ReadOptions = PLAIN) -> Any:
    """Return *body* as *codec* reads it under *options*; raise ``CallError`` for what it cannot be."""
    if options is PLAIN:
        return codec.decode(body, content_type)
    if codec.decode is decode_xml:
        return decode_xml(body, content_type, options.xml_lists)
    if codec.decode is decode_csv:
        return decode_csv(body, content_type, options.csv_delimiter)
    return codec.decode(body, content_type)

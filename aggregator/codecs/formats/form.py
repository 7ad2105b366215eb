"""``application/x-www-form-urlencoded`` bodies, both ways; keys that repeat are lists."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlencode

from aggregator.codecs import json
from aggregator.codecs.bounds import MAX_WRITTEN_FIELDS
from aggregator.codecs.charset import charset_of
from aggregator.errors import CallError, Cause, ExpressionError

MAX_FIELDS = 1000


def decode_form(body: bytes, content_type: bytes | None = None) -> dict[str, Any]:
    """Return the fields as an object: text, or a list of texts for a key that repeats.

    Raises ``CallError`` (``malformed``) for bytes outside the charset or more than ``MAX_FIELDS`` fields.
    """
    charset = charset_of(content_type) or "utf-8"
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            encoding=charset,
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except UnicodeError:
        raise CallError(Cause.MALFORMED, f"The body is not a form in {charset}.") from None
    except ValueError:
        raise CallError(Cause.MALFORMED, f"The body is a form of more than {MAX_FIELDS} fields.") from None
    return _collect(pairs)


def _collect(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for key, value in pairs:
        if key not in fields:
            fields[key] = value
        elif isinstance(fields[key], list):
            fields[key].append(value)
        else:
            fields[key] = [fields[key], value]
    return fields


def encode_form(fields: Mapping[str, Any]) -> bytes:
    """Return *fields* as a form body: lists repeat their key, null is left out, true and false are words.

    Raises ``ExpressionError`` for anything but an object of scalars and lists of scalars, and for more than
    ``MAX_WRITTEN_FIELDS`` fields.
    """
    if not isinstance(fields, Mapping):
        raise ExpressionError("A form is built from an object.")
    pairs: list[tuple[str, str]] = []
    for key, value in fields.items():
        values = [item for item in (value if isinstance(value, list | tuple) else (value,)) if item is not None]
        if len(pairs) + len(values) > MAX_WRITTEN_FIELDS:
            raise ExpressionError(f"The object makes a form of more than {MAX_WRITTEN_FIELDS} fields.")
        pairs.extend((str(key), scalar_text(item)) for item in values)
    try:
        return urlencode(pairs).encode("ascii")
    except UnicodeEncodeError:
        raise ExpressionError("A form field holds half of a surrogate pair.") from None


def scalar_text(value: Any) -> str:
    """Return a text, number or boolean as a form field writes it; raise ``ExpressionError`` otherwise."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float | Decimal):
        return json.encode(value).decode("ascii")
    raise ExpressionError("A form field takes a text, a number or a boolean, not an object or a list.")

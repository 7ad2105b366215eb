"""``text/csv`` (RFC 4180) ↔ a list of objects, keyed by the header row. Values that were read are texts."""

from __future__ import annotations

import csv as stdlib_csv
import io
from collections.abc import Mapping
from itertools import islice
from typing import Any

from aggregator.codecs.bounds import MAX_CELLS
from aggregator.codecs.charset import decode_text
from aggregator.codecs.formats.form import scalar_text
from aggregator.errors import CallError, Cause, ExpressionError

COMMA = ","
_NAMES = {COMMA: "`,`", ";": "`;`", "\t": "tab", "|": "`|`"}
"""Characters that usually stand between cells, and how they are called."""


def is_delimiter(text: str) -> bool:
    """Return whether *text* can stand between the cells of a record."""
    return len(text) == 1 and text not in '"\r\n\0'


def decode_csv(body: bytes, content_type: bytes | None = None, delimiter: str = COMMA) -> list[dict[str, str]]:
    """Return one object for each record, keyed by the header row; empty lines are skipped.

    Raises ``CallError`` (``malformed``) for broken quoting, a header with empty or equal names or with another
    delimiter, records whose length is not that of the header, and more than ``MAX_CELLS`` cells.
    """
    text = decode_text(body, content_type)
    rows = stdlib_csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = next(rows, [])
        _check_header(header, delimiter)
        most = MAX_CELLS // len(header)
        records = [_record(header, row, rows.line_num) for row in islice(filter(None, rows), most + 1)]
    except stdlib_csv.Error:
        raise _malformed(f"line {rows.line_num} is broken") from None
    if len(records) > most:
        raise CallError(Cause.MALFORMED, f"The body is CSV of more than {MAX_CELLS} cells.")
    return records


def _check_header(header: list[str], delimiter: str) -> None:
    if not header:
        raise _malformed("it has no header row")
    if "" in header or len(set(header)) != len(header):
        raise _malformed("the header has empty or equal names")
    others = [name for sign, name in _NAMES.items() if sign != delimiter and sign in header[0]]
    if len(header) == 1 and others:
        ours = _NAMES.get(delimiter, f"`{delimiter}`")
        raise _malformed(f"the header has no {ours}, but {others[0]}, which `csv` would name as its `delimiter`")


def _record(header: list[str], row: list[str], line: int) -> dict[str, str]:
    if len(row) != len(header):
        raise _malformed(f"line {line} has {len(row)} fields, the header {len(header)}")
    return dict(zip(header, row, strict=True))


def _malformed(reason: str) -> CallError:
    return CallError(Cause.MALFORMED, f"The body is not valid CSV: {reason}.")


def encode_csv(value: Any) -> bytes:
    """Return a list of flat objects as CSV; null is empty.

    The header holds every key, in the order of first sight. Raises ``ExpressionError`` for any other shape, and for
    more than ``MAX_CELLS`` cells.
    """
    if not isinstance(value, list | tuple) or not all(isinstance(row, Mapping) for row in value):
        raise ExpressionError("CSV is built from a list of objects.")
    header = list(dict.fromkeys(key for row in value for key in row))
    if len(value) * len(header) > MAX_CELLS:  # every row has a cell for every name that any row has
        raise ExpressionError(f"The list makes more than {MAX_CELLS} cells, which are too many for CSV.")
    out = io.StringIO(newline="")
    writer = stdlib_csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    for row in value:
        cells = (row.get(key) for key in header)
        writer.writerow(["" if cell is None else scalar_text(cell) for cell in cells])
    return out.getvalue().encode()

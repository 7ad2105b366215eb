"""The data of the demo services, read from ``data.json`` when first needed."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from aggregator.demo.messages import DemoError, Request

Record = dict[str, Any]


@cache
def table(name: str) -> Any:
    """Return the records of one kind, such as ``users``; nobody may change them."""
    return _everything()[name]


@cache
def _everything() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(Path(__file__).with_name("data.json").read_text(encoding="utf-8"))
    return data


@cache
def index(name: str, key: str = "id") -> dict[str, Record]:
    """Return the records of one kind by the text of their *key*."""
    return {str(record[key]): record for record in table(name)}


def one(kind: str, request: Request, *, param: str = "id", key: str = "id") -> Record:
    """Return the record that the path parameter *param* names; 404 with an example of one that exists."""
    records = index(kind, key)
    wanted = request.params[param]
    if wanted not in records:
        example = next(iter(records))
        raise DemoError(404, "not_found", f"There is no {kind[:-1]} {wanted}. There is one with {key} {example}.")
    return records[wanted]

"""The memory that JSON takes as data, which docs/operating.md names beside the bound of a body."""

from __future__ import annotations

import json
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aggregator.codecs.json import decode, decode_exact

DOCUMENT = Path(__file__).parents[2] / "docs" / "operating.md"
RECORDS = json.dumps([{"id": n, "name": f"name {n}", "n": 3 * n, "ok": True} for n in range(2000)]).encode()
NESTED = b'{"":' * 200 + b"1" + b"}" * 200


def times(read: Callable[[bytes], Any], text: bytes) -> float:
    """Return how many bytes *read* makes of each byte of *text*."""
    tracemalloc.start()
    try:
        data = read(text)
        size = tracemalloc.get_traced_memory()[0]
        del data
    finally:
        tracemalloc.stop()
    return size / len(text)


@pytest.mark.parametrize("read", [decode, decode_exact])
@pytest.mark.parametrize("one", [b"{}", b"[]", b"1.5", b"1e1", b'{"":{}}', b'{"a":1}', b'{"":1e1}', NESTED])
def test_json_as_data_takes_no_more_than_the_table_says(read: Callable[[bytes], Any], one: bytes) -> None:
    """The shortest texts of objects, lists and numbers are those that take most for each of their bytes."""
    [most] = re.findall(r"up to (\d+) times", DOCUMENT.read_text(encoding="utf-8"))
    assert times(read, b"[" + b",".join([one] * (60_000 // len(one))) + b"]") <= int(most)


def test_json_of_records_takes_about_what_the_table_says() -> None:
    """Members with names and values of a few letters."""
    assert "some 5 times the bytes of records" in DOCUMENT.read_text(encoding="utf-8")
    assert 3 < times(decode, RECORDS) < 8

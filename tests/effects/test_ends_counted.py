"""How many durable effects ended so: counted once each, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.effects.conftest import document, process

SKIPS = "when: \"{{ body.email != 'b' }}\""
BROKEN = 'headers: {x-a: "{{ body.email }}"}'


@pytest.mark.parametrize(
    ("call", "names", "status", "kept", "ends"),
    [
        ("", ("a", "c"), 200, {"sent": 2}, {"sent": 2}), (SKIPS, ("a", "b"), 200, {"sent": 1}, {"sent": 1, "skipped": 1}),
        (SKIPS, ("b", "b"), 200, {}, {"skipped": 2}), ("", ("a",), 404, {"dead": 1}, {"dead": 1}),
        (BROKEN, ("a", "b\n"), 200, {"sent": 1}, {"sent": 1, "unwritten": 1}),
    ],
)  # fmt: skip
def test_each_end_is_counted_once(
    tmp_path: Path, call: str, names: tuple[str, ...], status: int, kept: dict[str, int], ends: dict[str, int]
) -> None:
    """What was sent, what is dead, what its condition left out, and what could not be written."""
    with process(tmp_path, document(call=call), lambda _: httpx.Response(status)) as served:
        served.sign_up(*names)
        served.settle(**kept)
        assert {end: count for end, count in served.outbox.ends.items() if count} == ends

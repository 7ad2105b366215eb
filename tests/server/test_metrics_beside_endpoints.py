"""Where the metrics are: beside the endpoints, before any of them, unless there is an address of administration."""

from __future__ import annotations

import pytest

ENDPOINTS = 'endpoints:\n  GET /{page}: {respond: {body: {page: "{{ page }}"}}}\n'
METRICS = "telemetry: {metrics: {}}\n"
ADMIN = "server: {admin: '127.0.0.1:0'}\n"


@pytest.mark.parametrize(
    ("sections", "is_ours"), [("", False), (METRICS, True), (ADMIN, False), (METRICS + ADMIN, False)],
    ids=["none", "metrics", "admin", "both"],
)  # fmt: skip
def test_who_answers_at_metrics(stage, sections: str, is_ours: bool) -> None:
    """A parameter takes the path when the program has nothing there."""
    answer = stage.gateway(sections + ENDPOINTS).get("/metrics")
    assert answer.status == 200
    assert (b"# TYPE" in answer.body) is is_ours
    assert is_ours or answer.json == {"page": "metrics"}

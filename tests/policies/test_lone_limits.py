"""A limit that stands alone is asked by a shorter way: it tells what the same limit tells beside another one."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable

import pytest

from tests.policies.conftest import Served
from tests.policies.test_limits_told import told

FILE = """
endpoints:
  GET /lone: {{rate_limit: [{lone}], respond: {{body: 1}}}}
  GET /beside: {{rate_limit: [{lone}, {{rate: 1000000/s, fields: none}}], respond: {{body: 1}}}}
"""


@pytest.mark.parametrize(
    "lone",
    [
        "{rate: 7/h}",
        "{rate: 3/m, burst: 5}",
        "{rate: 90/s, burst: 2}",
        "{rate: 1/h}",
        "{rate: 7/h, fields: legacy}",
        "{rate: 7/h, fields: none}",
        "{rate: 7/h, report: true}",
        "{quota: 5/hour}",
        "{rate: 4/h, by: '{{ query.k }}'}",
    ],
)
def test_a_lone_limit_tells_the_same_as_one_of_several(serve: Callable[..., Served], lone: str) -> None:
    """At any moment: how much is left, when all of it is there again, and how long to wait."""
    served, chosen = serve(FILE.format(lone=lone)), random.Random(7)
    statuses = set()
    for _ in range(60):
        served.now += chosen.choice((0.0, 0.0, 0.3, 7.0, 130.0, 600.5))
        key = f"?k={chosen.choice('ab')}" if "by:" in lone else ""
        found, expected = (told(served.get(f"/{path}{key}")) for path in ("lone", "beside"))
        assert found == expected
        statuses.add(found["status"])
    assert statuses == ({"200"} if "report" in lone else {"200", "429"})


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("rate_limit: 1/h", "rate_limit 1/h"),
        ("rate_limit: [1/h, {rate: 1000/s, fields: none}]", "rate_limit 1/h"),
        ("rate_limit: {rate: 5/h, cost: '{{ query.n | int }}'}", "rate_limit 5/h"),
    ],
)
def test_the_log_tells_what_the_client_got(
    serve: Callable[..., Served], caplog: pytest.LogCaptureFixture, said: str, reason: str
) -> None:
    """The same status and cause, and which limit it was."""
    caplog.set_level(logging.INFO, "aggregator.auth")
    served = serve(f"endpoints: {{GET /a: {{{said}, respond: {{body: 1}}}}}}")
    answers = [served.get("/a?n=9") for _ in range(2)]
    refused = answers[-1]
    records = [record.fields for record in caplog.records]  # type: ignore[attr-defined]
    assert (records[-1]["status"], records[-1]["cause"]) == (refused.status_code, refused.json()["cause"])
    assert (refused.status_code, records[-1]["reason"], records[-1]["path"]) == (429, reason, "/a")

"""What is told of idempotent endpoints: by `explain`, the table of outcomes and OpenAPI."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator.config.loading import load_config
from aggregator.plan.compiler import compile_plan
from aggregator.plan.explaining.explain import explain
from aggregator.plan.explaining.text import explanation_text
from aggregator.plan.explaining.truth import outcome_table
from aggregator.plan.types import Plan
from aggregator.server.openapi.document import build_openapi

FILE = """
state: ./state
upstreams: {shop: {url: "http://shop.test"}}
endpoints:
  POST /pay:
    idempotency: {required: true, ttl: 2h}
    call: {method: POST, url: "shop:/pay", body: forward, headers: {content-type: text/plain}}
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Return the plan of an endpoint that needs a key."""
    (tmp_path / "routes.yaml").write_text(f"version: 1\n{FILE}")
    return compile_plan(load_config(tmp_path / "routes.yaml"))


def test_explain_says_what_a_repeat_gets(plan: Plan) -> None:
    """It stands before the calls, and its step behind the inputs."""
    explanation = explain(plan.endpoints[0], plan.secrets)
    shown = explanation_text(explanation)
    assert "When a request comes again\n  by {{ headers['idempotency-key'] }} of a caller, for 2h" in shown
    assert "400 without a key" in shown
    steps = explanation.as_dict()["stack"]["request"]
    assert steps.index("inputs") < steps.index("idempotency") < steps.index("calls")
    assert explanation.as_dict()["idempotency"]["ttl"] == 7200.0


def test_its_refusals_are_in_the_table(plan: Plan) -> None:
    """Each cause has its status."""
    found = {row.case: row.outcome.status for row in outcome_table(plan.endpoints[0]) if row.part == "idempotency"}
    assert found == {"key_missing": 400, "under_way": 409, "key_reused": 422, "state_unavailable": 503}


def test_openapi_lists_them(plan: Plan) -> None:
    """With the header that marks a repeated answer."""
    document = build_openapi(plan)
    said = document["paths"]["/pay"]["post"]["responses"]
    assert said["409"] == {"$ref": "#/components/responses/KeyUnderWay"}
    assert "KeyUnderWay" in document["components"]["responses"]
    assert "idempotency-replayed" in said["200"]["headers"]
    assert {"400", "422", "503"} < set(said)

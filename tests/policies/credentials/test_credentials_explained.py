"""What is told of credentials: their scheme and their place in the order, never what they are."""

from __future__ import annotations

import json

from aggregator.config.loading import load_config
from aggregator.plan.compiler import compile_plan
from aggregator.plan.explaining.explain import explain
from aggregator.plan.explaining.text import explanation_text

FILE = """
version: 1
upstreams:
  a: {url: http://a.test, auth: {bearer: canary-token}}
  b: {url: http://b.test, auth: {basic: {user: shop, password: canary-password}}}
  c: {url: http://c.test, forward: {auth: true}}
  d:
    url: http://d.test
    auth: {oauth2: {token_url: "https://id.test/token", client_id: us, client_secret: canary-secret}}
    status_map: {credentials: 503}
endpoints:
  GET /token: {call: d:/x}
  GET /x: {fan_out: {one: a:/x, two: {url: b:/x, optional: true}, three: c:/x}}
"""
ENCODED = "c2hvcDpjYW5hcnktcGFzc3dvcmQ="


def test_the_scheme_stands_before_the_upstream(tmp_path) -> None:
    """As the last step of a call before it is sent."""
    (tmp_path / "routes.yaml").write_text(FILE)
    plan = compile_plan(load_config(tmp_path / "routes.yaml", {}))
    explained = explain(plan.endpoints[1], plan.secrets)
    assert [words for _, words in explained.stacks[1:]] == [
        ("auth (bearer)", "a"),
        ("optional", "auth (basic)", "b"),
        ("c",),
    ]
    shown = explanation_text(explained) + json.dumps(explained.as_dict()) + explained.diagram
    shown += repr([upstream.credentials for upstream in plan.upstreams])
    assert "authorization: ********" in shown
    assert "authorization: … (the client's)" in shown
    assert "canary" not in shown
    assert ENCODED not in shown
    assert ENCODED in plan.secrets


def test_only_what_is_fetched_can_be_missing(tmp_path) -> None:
    """The table of failures has a column for it, and only there."""
    (tmp_path / "routes.yaml").write_text(FILE)
    plan = compile_plan(load_config(tmp_path / "routes.yaml", {}))
    token, constant = (explain(endpoint, plan.secrets) for endpoint in plan.endpoints)
    assert token.stacks[1][1] == ("auth (oauth2)", "d")
    assert "credentials → 503" in explanation_text(token)
    assert {case.name: case.text for case in token.parts[0].cases}["credentials"] == "503"
    assert "credentials" not in {case.name for part in constant.parts for case in part.cases}
    assert "canary" not in explanation_text(token) + json.dumps(token.as_dict())

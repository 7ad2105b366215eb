"""What answers carry is told before anybody asks: by ``explain`` and in the OpenAPI document."""

from __future__ import annotations

from pathlib import Path

from aggregator import load_config
from aggregator.plan.compiler import compile_plan
from aggregator.plan.explaining.explain import explain
from aggregator.plan.explaining.text import explanation_text
from aggregator.plan.types import Plan
from aggregator.server.openapi import build_openapi

ROUTES = """\
version: 1
server: {headers: {x-key: "s3cret"}, cors: {origins: [https://shop.example.com], credentials: true}}
endpoints:
  GET /hello: {respond: {body: hi}}
  GET /open: {cors: {origins: any}, respond: {body: hi}}
"""


def plan_of(folder: Path, text: str = ROUTES) -> Plan:
    """Return the plan of *text*."""
    (folder / "routes.yaml").write_text(text)
    return compile_plan(load_config(folder / "routes.yaml"))


def test_explain_tells_what_every_answer_carries(tmp_path: Path) -> None:
    """The names of headers and the origins are told, the values, which may be secret, are not."""
    first, second = (explain(endpoint, frozenset()) for endpoint in plan_of(tmp_path).endpoints)
    text = explanation_text(first)
    assert "every answer carries x-key" in text
    assert "pages of https://shop.example.com may read it, with credentials" in text
    assert "s3cret" not in text
    assert first.as_dict()["carries"]["cors"]["origins"] == ["https://shop.example.com"]
    assert "pages of any origin may read it" in explanation_text(second)


def test_the_document_tells_errors_in_the_words_of_the_file(tmp_path: Path) -> None:
    """A status that is sent as another, a body of one's own and a page stand where the problem would."""
    text = (
        "version: 1\nserver: {errors: {422: {status: 400}, 404: {body: {e: 1}, html: <p>x</p>}}}\n"
        "upstreams: {u: {url: 'http://u'}}\n"
        "endpoints: {'GET /n/{n}': {params: {n: integer}, call: 'u:/'}}\n"
    )
    found = build_openapi(plan_of(tmp_path, text))["paths"]["/n/{n}"]["get"]["responses"]
    assert "422" not in found
    assert list(found["400"]["content"]) == ["application/problem+json"]
    assert list(found["404"]["content"]) == ["application/json", "text/html"]


def test_the_document_tells_what_every_answer_carries(tmp_path: Path) -> None:
    """Beside upstreams and deadline stand CORS and the names of headers."""
    paths = build_openapi(plan_of(tmp_path))["paths"]
    shown = paths["/hello"]["get"]["x-aggregator"]
    assert (shown["headers"], shown["cors"]["credentials"]) == (["x-key"], True)
    assert paths["/open"]["get"]["x-aggregator"]["cors"]["origins"] == "any"

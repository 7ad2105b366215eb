"""The paths of the program are never taken by a parameter of an endpoint, whatever stands in the file."""

from __future__ import annotations

import pytest
from tiers import other_cell

from aggregator.plan.analysis import walking

ROUTES = """
server: {drain_delay: 400ms}
endpoints:
  GET /{page}: {respond: {body: {page: "{{ page }}"}}}
  GET /{rest:path}: {respond: {body: {rest: "{{ rest }}"}}}
  POST /{page}: {respond: {body: {posted: "{{ page }}"}}}
  GET /docs/{rest:path}: {respond: {body: {below: "{{ rest }}"}}}
"""


@pytest.fixture(scope="module", params=["direct", other_cell("asgi")])
def gateway(request, shared_stage):
    return shared_stage.gateway(ROUTES, door=request.param)


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/%72eadyz", "/readyz?verbose"])
def test_probes_are_answered_by_the_program(gateway, path):
    """A probe reaches the program, however it is written."""
    answer = gateway.get(path)
    assert (answer.status, answer["cache-control"]) == (200, "no-store")


def test_configuration_and_documents_are_those_of_the_program(gateway):
    """So do the generation, the OpenAPI document, its page and the files of that page."""
    assert gateway.get("/-/config").json["generation"] == 1
    assert gateway.get("/openapi.json").json["openapi"].startswith("3.")
    assert gateway.get("/docs")["content-type"].startswith("text/html")
    assert b"SwaggerUIBundle" in gateway.get("/docs/assets/start.js").body


@pytest.mark.parametrize("path", ["/-/config", "/readyz?verbose"])
def test_what_serves_is_told_without_a_walk_through_all_endpoints(gateway, monkeypatch, path):
    """Thousands of endpoints have as many calls: to look through them held the loop for every probe."""

    def walk(_):
        raise AssertionError("the plan was walked through")

    monkeypatch.setattr(walking, "parts_in", walk)
    assert gateway.get(path).status == 200


def test_what_is_reserved_is_not_served_otherwise(gateway):
    """Below ``/-/`` nothing is an endpoint, and another method on a path of the program is 405."""
    assert gateway.get("/-/other").status == 404
    assert gateway.ask("POST", "/readyz").status == 405


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/readyz2", {"page": "readyz2"}), ("/readyz/x", {"rest": "readyz/x"}), ("/docs/guide", {"below": "guide"}),
        ("/a/readyz", {"rest": "a/readyz"}),
    ],
)  # fmt: skip
def test_what_only_looks_alike_is_an_endpoint(gateway, path, body):
    """A path that begins or ends like one of the program is an endpoint's."""
    assert gateway.get(path).json == body


def test_without_documentation_its_paths_are_free(shared_stage):
    """With ``docs: false`` a parameter takes ``docs``."""
    gateway = shared_stage.gateway(ROUTES.replace("{drain_delay: 400ms}", "{docs: false}"))
    assert gateway.get("/docs").json == {"page": "docs"}
    assert gateway.get("/livez").body == b"ok\n"


@pytest.mark.long
@pytest.mark.parametrize("door", ["direct", other_cell("asgi")])
def test_a_stopping_server_says_so_beside_a_catch_all(stage, door):
    """While the server drains, ``/readyz`` is 503."""
    gateway = stage.gateway(ROUTES, door=door)
    gateway.service.stop()
    stage.until(lambda: gateway.get("/readyz").status == 503)

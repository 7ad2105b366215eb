"""Settings for all endpoints below a path, the end of their life, and redirects to a twin with a slash."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator import load_config
from aggregator.config.model.edge.lifecycle import LifecycleSettings
from aggregator.errors import ConfigError
from aggregator.plan.compiler import compile_plan
from aggregator.server.openapi import build_openapi
from tests.server.conftest import Gateway, Stage

ROUTES = """
server: {redirect_paths: [slash], cors: {origins: [https://shop.example.com]}}
defaults: {response: {headers: {on: always, values: {x-level: defaults}}}}
prefixes:
  /v1:
    deprecated: {since: 2026-06-01, sunset: 2027-01-01, see: /v2}
    cors: {origins: any}
    response: {headers: {on: always, values: {x-level: v1, x-v1: "{{ request.path }}"}}}
  /v1/inner: {cors: none, response: {headers: {on: always, values: {x-level: inner}}}}
endpoints:
  GET /v1: {respond: {body: 1}}
  GET /v1/users: {respond: {body: 1, headers: {link: "</v1/users?page=2>; rel=next"}}}
  GET /v1/own: {deprecated: false, cors: {origins: [https://own.example.com]}, respond: {body: 1}}
  GET /v1/inner/a: {respond: {body: 1, headers: {on: always, values: {x-level: endpoint}}}}
  GET /v1/inner/b/{n}: {params: {n: integer}, respond: {body: 1}}
  GET /v10: {respond: {body: 1}}
  GET /slashed/: {respond: {body: 1}}
  POST /plain: {respond: {body: 1}}
"""
ORIGIN = "origin: https://shop.example.com"


@pytest.fixture(scope="module")
def gateway(shared_stage: Stage, door: str) -> Gateway:
    """The server over these endpoints, by either way."""
    return shared_stage.gateway(ROUTES, door=door)


@pytest.mark.parametrize(
    ("path", "level", "allowed"),
    [
        ("/v1", "v1", "*"),
        ("/v1/users", "v1", "*"),
        ("/v1/nothing", "v1", "*"),
        ("/v10", "defaults", "https://shop.example.com"),
        ("/v1/inner/a", "endpoint", None),
        ("/v1/inner/b/x", "inner", None),
        ("/v1/own", "v1", None),
    ],
)
def test_the_nearest_prefix_counts(gateway: Gateway, path: str, level: str, allowed: str | None) -> None:
    """`/v1` is not `/v10`; a longer prefix beats a shorter one, the endpoint beats both; errors follow too."""
    reply = gateway.get(path, ORIGIN)
    assert reply.all("x-level") == [level]
    assert reply["access-control-allow-origin"] == allowed
    assert reply["x-v1"] == (path if path.startswith("/v1") and path != "/v10" else None)


def test_a_deprecated_path_says_so(gateway: Gateway) -> None:
    """Since when, until when, and what takes its place stand in every answer, beside a link of its own."""
    reply = gateway.get("/v1/users")
    assert reply["deprecation"] == "@1780272000"
    assert reply["sunset"] == "Fri, 01 Jan 2027 00:00:00 GMT"
    assert reply.all("link") == ["</v1/users?page=2>; rel=next", '</v2>; rel="successor-version"']
    assert gateway.get("/v1/nothing")["sunset"] == reply["sunset"]
    assert gateway.get("/v1/own")["deprecation"] is None
    assert gateway.get("/v10")["deprecation"] is None


def test_a_path_is_sent_to_its_twin(gateway: Gateway) -> None:
    """308 keeps the method; where neither is declared it is a 404."""
    reply = gateway.get("/slashed?a=1")
    assert (reply.status, reply["location"]) == (308, "/slashed/?a=1")
    reply = gateway.ask("POST", "/plain/", body=b"x")
    assert (reply.status, reply["location"], reply["x-level"]) == (308, "/plain", None)
    assert gateway.get("/other/").status == 404
    assert gateway.get("//plain/").status == 400


def test_the_document_marks_what_is_deprecated(tmp_path: Path) -> None:
    """Everything below the prefix, but for what says otherwise."""
    (tmp_path / "routes.yaml").write_text("version: 1\n" + ROUTES)
    config = load_config(tmp_path / "routes.yaml")
    paths = build_openapi(compile_plan(config))["paths"]
    assert {path for path in paths if paths[path].get("get", {}).get("deprecated")} == {
        "/v1", "/v1/users", "/v1/inner/a", "/v1/inner/b/{n}",
    }  # fmt: skip
    assert paths["/v1/users"]["get"]["x-aggregator"]["lifecycle"]["deprecation"] == "@1780272000"
    assert isinstance(config.settings.prefixes["/v1"].deprecated, LifecycleSettings)


WRONG = [
    ("prefixes: {v1: {cors: none}}", "bad-prefix"),
    ("prefixes: {/a/: {cors: none}}", "bad-prefix"),
    ('prefixes: {"/a/{b}": {cors: none}}', "bad-prefix"),
    ("prefixes: {/other: {cors: none}}", "unused"),
    ("prefixes: {/a: {deprecated: {since: 2027-01-01, sunset: 2026-01-01}}}", "bad-date"),
    ("prefixes: {/a: {deprecated: {since: soon}}}", "bad-date"),
    ("prefixes: {/a: {deprecated: {see: '</x>'}}}", "bad-url"),
    ("prefixes: {/a: {response: {headers: {x y: '1'}}}}", "header-name"),
]


@pytest.mark.parametrize(("text", "code"), WRONG)
def test_what_cannot_be_is_said_at_load(tmp_path: Path, text: str, code: str) -> None:
    """Each mistake has its code; a prefix without endpoints is a warning."""
    file = tmp_path / "routes.yaml"
    file.write_text(f"version: 1\n{text}\nendpoints: {{GET /a: {{respond: {{body: 1}}}}}}\n")
    try:
        found = [*load_config(file).warnings]
    except ConfigError as error:
        found = [*error.diagnostics]
    assert [problem.code for problem in found if problem.level == "error" or code == "unused"] == [code]

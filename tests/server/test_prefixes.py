"""Settings for all endpoints below a path, the end of their life, and redirects to a twin with a slash."""

from __future__ import annotations

import hashlib
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


def test_the_shortest_path_has_a_twin(stage: Stage) -> None:
    """One letter suffices; the root has none, since nothing would be left of it."""
    short = stage.gateway("server: {redirect_paths: [slash]}\nendpoints: {GET /a: {respond: {body: 1}}}")
    assert (short.get("/a/").status, short.get("/a/")["location"]) == (308, "/a")
    assert short.get("/").status == 404


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


GUARDED = """
server: {cors: {origins: [https://server.example.com]}}
auth: {partners: {api_key: {header: x-key, keys: {file: keys.yaml}}}}
defaults:
  endpoint:
    cors: {origins: [https://defaults.example.com]}
    deny_from: [192.0.2.0/24]
    require: {that: "{{ headers['x-no'] != 'defaults' }}", detail: by defaults}
prefixes:
  /v1:
    auth: partners
    allow_from: [127.0.0.0/8]
    require: {that: "{{ headers['x-no'] != 'v1' and (auth == null or auth.subject != 'banned') }}", detail: by v1}
  /v1/open: {auth: none, deny_from: [198.51.100.0/24]}
  /v1/cors: {cors: none}
endpoints:
  GET /v1/a:
    require: {that: "{{ headers['x-no'] != 'own' }}", detail: by the endpoint}
    respond: {body: "{{ auth.subject }}"}
  GET /v1/open/b: {respond: {body: open}}
  GET /v1/cors/c: {auth: none, respond: {body: c}}
  GET /v10: {respond: {body: 10}}
  GET /own: {cors: {origins: [https://own.example.com]}, respond: {body: own}}
"""
KEYS = f"- {{name: ada, sha256: {hashlib.sha256(b'good').hexdigest()}}}\n"


@pytest.fixture(scope="module")
def guarded(shared_stage: Stage, door: str) -> Gateway:
    """The server over endpoints whose callers are asked for further out."""
    (shared_stage.folder / "keys.yaml").write_text(KEYS)
    return shared_stage.gateway(GUARDED, door=door)


def test_who_may_call_is_said_for_a_prefix(guarded: Gateway) -> None:
    """The nearest word on `auth` counts: endpoint, longest prefix, shorter ones, defaults; `/v1` is not `/v10`."""
    assert (guarded.get("/v1/a").status, guarded.get("/v1/a", "x-key: good").json) == (401, "ada")
    assert [guarded.get(path).status for path in ("/v1/open/b", "/v1/cors/c", "/v10")] == [200, 200, 200]


@pytest.mark.parametrize("word", ["defaults", "v1", "own"])
def test_guards_add_up(guarded: Gateway, word: str) -> None:
    """Those of defaults are asked first, then those of prefixes, then those of the endpoint."""
    answer = guarded.get("/v1/a", "x-key: good", f"x-no: {word}")
    assert (answer.status, answer.json["detail"]) == (403, f"by {'the endpoint' if word == 'own' else word}")


def test_networks_of_a_prefix(shared_stage: Stage) -> None:
    """`deny_from` adds up, of `allow_from` the nearest counts."""
    (shared_stage.folder / "keys.yaml").write_text(KEYS)
    text = GUARDED.replace("server: {", "server: {trusted_proxies: [127.0.0.1], ")
    gateway = shared_stage.gateway(text)

    def status(path: str, client: str) -> int:
        return gateway.get(path, "x-key: good", f"x-forwarded-for: {client}").status

    assert [status("/v1/a", one) for one in ("127.0.0.9", "203.0.113.1", "192.0.2.1")] == [200, 403, 403]
    assert [status("/v10", one) for one in ("203.0.113.1", "192.0.2.1", "198.51.100.1")] == [200, 403, 200]
    gateway.reload(text.replace("allow_from: [127.0.0.0/8]", "allow_from: [0.0.0.0/0]"))
    assert [status("/v1/open/b", one) for one in ("203.0.113.1", "192.0.2.1", "198.51.100.1")] == [200, 403, 403]


@pytest.mark.parametrize(
    ("path", "origin"),
    [("/v1/a", "defaults"), ("/v10", "defaults"), ("/own", "own"), ("/v1/cors/c", None), ("/nothing", "server")],
)
def test_the_nearest_cors_replaces_the_others_whole(guarded: Gateway, path: str, origin: str | None) -> None:
    """Endpoint, prefix, `defaults.endpoint`, server; what comes from no endpoint has the word of the server."""
    allowed = {
        one: guarded.get(path, "x-key: good", f"origin: https://{one}.example.com")["access-control-allow-origin"]
        for one in ("server", "defaults", "own")
    }
    assert [one for one, said in allowed.items() if said is not None] == ([] if origin is None else [origin])


def test_a_prefix_is_checked(tmp_path: Path) -> None:
    """A scheme that is none, and a guard that cannot be read, are found where they stand."""
    file = tmp_path / "routes.yaml"
    file.write_text(
        "version: 1\nprefixes: {/v1: {auth: nobody, require: '{{ request.pth }}'}}\n"
        "endpoints: {GET /v1/a: {respond: {body: 1}}}\n"
    )
    with pytest.raises(ConfigError) as refused:
        load_config(file)
    assert sorted(problem.code for problem in refused.value.diagnostics) == ["unknown-field", "unknown-scheme"]
    assert {problem.path[:2] for problem in refused.value.diagnostics} == {("prefixes", "/v1")}

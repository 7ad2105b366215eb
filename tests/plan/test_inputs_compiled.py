"""Which inputs a plan knows to tell answers apart, and which it reads before its guards are asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aggregator.plan.types import EndpointPlan
from tests.plan.conftest import PlanOf

FILE = """\
upstreams:
  a: {url: 'http://a.test'}
  b: {url: 'http://b.test', forward: {auth: true}}
  c: {route: {by: '{{ headers.shop }}', to: {x: 'http://x.test', y: 'http://y.test'}}}
  d: {url: 'http://d.test', mock: {when: '{{ cookies.m }}', routes: {GET /x: {}}}}
auth: {k: {api_key: {header: X-Key, keys: {file: keys.yaml}}}}
endpoints:
"""
KEYS = '- {name: acme, sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}\n'
NOTHING: dict[str, Any] = {
    "query": (), "headers": (), "cookies": (), "request": (), "auth": (), "body": False, "passed": (), "identity": False,
}  # fmt: skip
OF_CLIENT = ("client", "host", "port", "scheme")

Endpoint = Callable[..., EndpointPlan]


@pytest.fixture
def endpoint(plan_of: PlanOf, tmp_path: Path) -> Endpoint:
    """Return the function from what an endpoint says to its plan."""
    (tmp_path / "keys.yaml").write_text(KEYS)
    return lambda said, method="GET": plan_of(f"{FILE}  {method} /x/{{id}}: {{{said}}}\n").endpoints[0]


@pytest.mark.parametrize(
    ("said", "counted"),
    [
        ("call: 'a:/x/{id}'", {}),
        ("call: 'a:/x/{query.q}?h={headers.h}'", {"query": ("q",), "headers": ("h",)}),
        ("respond: {body: '{{ query.b }}{{ query.a }}{{ cookies.c }}'}", {"query": ("a", "b"), "cookies": ("c",)}),
        ("respond: {body: '{{ query }}'}", {"query": None}),
        ("respond: {body: '{{ headers }}'}", {"headers": None}),
        ("respond: {body: '{{ request.path }}{{ request.id }}{{ request.time }}'}", {"request": ("path",)}),
        ("call: a:/x, forward: {headers: [X-F, x-e], query: [f]}",
         {"headers": ("x-e", "x-f"), "query": ("f",), "passed": ("f",)}),
        ("call: a:/x, forward: {headers: all}", {"headers": None}),
        ("call: a:/x, forward: {query: all}", {"query": None}),
        ("call: {url: a:/x, forward: {client: true}}", {"request": OF_CLIENT}),
        ("fan_out: {x: a:/x, y: {url: a:/y, forward: {client: forwarded}}}", {"request": OF_CLIENT}),
        ("call: a:/x, status_map: {404: {detail: '{{ query.s }}'}}", {"query": ("s",)}),
        ("fan_out: {x: a:/x}, response: {fields: true}", {"query": ("fields",)}),
        ("fan_out: {x: a:/x}, response: {formats: [json, xml]}", {"headers": ("accept",)}),
        ("call: b:/x", {"headers": ("authorization",)}),
        ("auth: k, call: b:/x", {"headers": ("x-key",), "identity": True}),
        ("auth: k, call: a:/x", {"identity": True}),
        ("auth: k, respond: {body: '{{ auth.subject }}'}", {"auth": ("subject",), "identity": True}),
        ("call: c:/x", {"headers": ("shop",)}),
        ("call: d:/x", {"cookies": ("m",)}),
    ],
)  # fmt: skip
def test_answers_are_told_apart_by_what_they_read_or_pass_on(
    endpoint: Endpoint, said: str, counted: dict[str, Any]
) -> None:
    """Each input by its name, or all where no name is said; a moment of a request tells nothing apart."""
    keeping = endpoint(f"cache: 10s, {said}").keeping
    assert keeping is not None
    assert {name: getattr(keeping.key, name) for name in NOTHING} == NOTHING | counted


@pytest.mark.parametrize(
    ("cache", "counted"),
    [
        ("{ttl: 3s}", {"query": None, "headers": None}),
        ("{ttl: 3s, query: [v]}", {"query": ("v",), "headers": None}),
        ("{ttl: 3s, vary: [X-V]}", {"query": None, "headers": ("x-v",)}),
        ("{ttl: 3s, query: [v], vary: [X-V, a]}", {"query": ("v",), "headers": ("a", "x-v")}),
    ],
)
def test_a_file_says_which_of_all_inputs_count(endpoint: Endpoint, cache: str, counted: dict[str, Any]) -> None:
    """Of the query, of the headers, or of both, where all of them are passed on."""
    keeping = endpoint(f"cache: {cache}, call: a:/x, forward: {{headers: all, query: all}}").keeping
    assert keeping is not None
    assert {name: getattr(keeping.key, name) for name in NOTHING} == NOTHING | counted


@pytest.mark.parametrize(
    ("said", "has_own_life"),
    [
        ("call: a:/x", False),
        ("call: a:/x, response: {cache_control: 'max-age=5'}", True),
        ("call: a:/x, response: {cache_control: compute}", True),
        ("call: a:/x, response: {headers: {Cache-Control: no-store}}", True),
        ("call: a:/x, response: {headers: {'on': always, values: {Cache-Control: no-store}}}", True),
        ("call: a:/x, response: {headers: {'on': always, values: {cache-control: '{{ query.c }}'}}}", True),
        ("call: a:/x, response: {headers: {x-a: no-store}}", False),
    ],
)
def test_what_a_file_says_to_caches_is_the_life_of_an_answer(endpoint: Endpoint, said: str, has_own_life: bool) -> None:
    """By whatever way it says it; else clients may keep it for what is left of ours."""
    keeping = endpoint(f"cache: 10s, {said}").keeping
    assert keeping is not None
    assert keeping.has_own_life is has_own_life


READ = "query: {a: integer, b: string}, headers: {X-H: string, x-i: string}, cookies: {c: string, d: string}"


@pytest.mark.parametrize(
    ("that", "names"),
    [
        ("query.a", ["a"]),
        ("query", ["a", "b"]),
        ("query.a and query.b", ["a", "b"]),
        ("headers['x-h']", ["X-H"]),
        ("headers", ["X-H", "x-i"]),
        ("cookies.d", ["d"]),
        ("id", ["id"]),
        ("params.id", ["id"]),
        ("params", ["id"]),
        ("id and query.b and cookies.c", ["id", "b", "c"]),
        ("request.method", []),
    ],
)
def test_a_guard_is_asked_with_what_it_reads(endpoint: Endpoint, that: str, names: list[str]) -> None:
    """Of what is declared: as it is read for the endpoint, and no input that it does not name."""
    plan = endpoint(f'params: {{id: integer}}, {READ}, require: [{{that: "{{{{ {that} }}}}"}}], respond: {{body: 1}}')
    inputs = None if plan.admission.guard_inputs is None else plan.admission.guard_inputs.inputs
    read = [] if inputs is None else [*inputs.params, *inputs.query, *inputs.headers, *inputs.cookies]
    assert [parameter.name for parameter in read] == names


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("url: a:/x", ((), ())),
        ("url: 'a:/x/{y.id}'", ((), ("y",))),
        ("url: 'a:/x/{query.q}', headers: {x-a: '{{ calls.y.status }}', x-b: '{{ params.id }}'}", (("q",), ("y",))),
        ("url: a:/x, when: '{{ y.ok and query.w }}', default: '{{ query.d }}'", (("d", "w"), ("y",))),
    ],
)
def test_a_last_good_value_depends_on_what_its_part_reads(
    endpoint: Endpoint, part: str, said: tuple[tuple[str, ...], tuple[str, ...]]
) -> None:
    """Inputs of the request, and results of other parts by their names."""
    plan = endpoint(f"fan_out: {{x: {{{part}, optional: true, last_good: 3s}}, y: a:/y}}")
    assert plan.fan is not None
    kept = plan.fan.parts[0].last_good
    assert kept is not None
    assert (kept.seconds, kept.key.query, kept.results) == (3.0, *said)
    assert (kept.tags, kept.key.identity, kept.shared) == (("\0upstream a",), False, False)

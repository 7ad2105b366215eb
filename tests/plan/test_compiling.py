"""From settings to plan: what is inherited, what is inferred, and what becomes bytes before the first request."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator.config.loading import load_config
from aggregator.errors import ConfigError
from aggregator.plan.compiler import Compiler, compile_plan


def call(plan, number: int = 0):
    """Return the first call of one endpoint."""
    return plan.endpoints[number].fan.parts[0].calls[0]


def test_equal_files_give_equal_plans(plan_of) -> None:
    """A plan is data: the same text compiles to the same thing, another text to another."""
    text = "endpoints: {GET /a: {fan_out: {x: 'shop:/a?b={query.b}', y: {url: 'shop:/{x.id}', when: '{{ x.n > 1 }}'}}}}"
    assert plan_of(text) == plan_of(text)
    assert plan_of(text) != plan_of(text.replace("> 1", "> 2"))


def test_an_endpoint_that_did_not_change_keeps_its_plan(tmp_path: Path) -> None:
    """A reload compiles only what is new."""
    file = tmp_path / "routes.yaml"
    text = "version: 1\nupstreams: {a: {url: 'http://a.test'}}\nendpoints: {GET /x: {call: 'a:/x'}, GET /y: {call: 'a:/%s'}}"
    compiler = Compiler()
    file.write_text(text % "y")
    before = compiler.compile(load_config(file, {}))
    file.write_text(text % "z")
    after = compiler.compile(load_config(file, {}))
    assert after.endpoints[0] is before.endpoints[0]
    assert after.endpoints[1] is not before.endpoints[1]
    assert after == compile_plan(load_config(file, {}))


LEVELS = """
client: {timeout: 9s}
defaults: {timeout: 8s}
upstreams: {slow: {url: "http://a.test", timeout: 7s}, plain: {url: "http://b.test"}}
endpoints:
  GET /call: {timeout: 6s, call: {url: slow:/, timeout: 5s}}
  GET /endpoint: {timeout: 6s, call: slow:/}
  GET /upstream: {call: slow:/}
  GET /defaults: {call: plain:/}
"""


def test_the_nearest_timeout_counts(plan_of) -> None:
    """Call, upstream, defaults, client; never the deadline of the endpoint."""
    plan = plan_of(LEVELS)
    assert [call(plan, number).timeout for number in range(4)] == [5.0, 7.0, 7.0, 8.0]
    assert call(plan_of(LEVELS.replace("defaults: {timeout: 8s}", "")), 3).timeout == 9.0


def test_background_calls_do_not_extend_the_deadline(plan_of) -> None:
    """What happens after the answer is no part of the time for it."""
    plan = plan_of("endpoints: {GET /a: {call: shop:/a, background: [{url: POST shop:/b, timeout: 90s}]}}")
    assert plan.endpoints[0].timeout < 11
    assert plan.endpoints[0].effects[0].part.calls[0].timeout == 90.0


@pytest.mark.parametrize(
    ("forwarding", "expected"),
    [
        ("call: shop:/a", ("GET", "none")),
        ("call: {url: shop:/a, forward: {body: true}}", ("PUT", "forward")),
        ("call: shop:/a\n    forward: {body: true}", ("PUT", "forward")),
        ("call: {url: POST shop:/a, forward: {body: true}}", ("POST", "forward")),
        ("call: {url: GET shop:/a}\n    forward: {body: true}", ("GET", "none")),
        ("call: {url: shop:/a, json: 1}\n    forward: {body: true}", ("POST", "json")),
        ("call: {url: shop:/a, json: null}", ("POST", "json")),
        ("call: {url: DELETE shop:/a}", ("DELETE", "none")),
    ],
)
def test_method_and_body_follow_from_each_other(plan_of, forwarding: str, expected: tuple[str, str]) -> None:
    """A body makes a POST, the client's body keeps the client's method, and a GET carries none."""
    request = call(plan_of(f"endpoints:\n  PUT /a:\n    {forwarding}")).request
    assert (request.method.decode(), request.body_kind) == expected


def test_headers_become_one_block(plan_of) -> None:
    """What is the same for every request is written once; later levels replace earlier ones by name."""
    request = call(
        plan_of("""
    upstreams: {shop: {url: "http://shop.test:81", headers: {X-Key: k, accept: text/csv}}}
    client: {user_agent: me}
    endpoints: {GET /a: {call: {url: shop:/a, headers: {x-key: own, x-n: 1, X-Dyn: "{{ query.x }}", user-agent: null}}}}
    """)
    ).request
    lines = request.constant_headers.decode().split("\r\n")
    assert [line for line in lines if not line.startswith("accept-encoding")] == [
        "host: shop.test:81", "accept: text/csv", "x-key: own", "x-n: 1", "",
    ]  # fmt: skip
    assert [name for name, _ in request.headers] == [b"x-dyn"]


def test_a_secret_with_a_line_break_never_becomes_a_header(plan_of) -> None:
    """What a variable or a file holds is held to the rules of a header as well."""
    text = (
        'upstreams: {shop: {url: "http://shop.test", headers: {x-key: "${KEY}"}}}\nendpoints: {GET /a: {call: shop:/a}}'
    )
    with pytest.raises(ConfigError):
        plan_of(text, {"KEY": "a\r\nx-evil: 1"})


@pytest.mark.parametrize(
    ("part", "reads"),
    [
        ("url: 'shop:/{item.sku}/{item.size.0}'", ['item["size"][0]', 'item["sku"]']),
        ("url: 'shop:/{item}'", ["item"]),
        ("url: 'shop:/{item.sku}/{index}'", None),
        ("url: 'POST shop:/{item.sku}'", None),
        (
            "url: 'shop:/x', query: {a: '{{ item.a }}'}, success: {when: '{{ this.body.id == item.id }}'}",
            ['item["a"]', 'item["id"]'],
        ),
    ],
)
def test_the_key_of_an_item_is_what_the_call_reads_of_it(plan_of, part: str, reads: list[str] | None) -> None:
    """Items that are equal there are one call; calls that change something, or count, are made for each."""
    plan = plan_of(f"endpoints: {{GET /a: {{fan_out: {{x: {{for_each: '{{{{ query.l }}}}', {part}}}}}}}}}")
    each = plan.endpoints[0].fan.parts[0].each
    assert (None if each.reads is None else [expression.source for expression in each.reads]) == reads


@pytest.mark.parametrize(
    ("endpoint", "raw"),
    [
        ("call: shop:/a", True),
        ("call: {url: shop:/a, optional: true, when: '{{ query.a }}', fallback: [users:/a]}", True),
        ("call: {race: [shop:/a, users:/a]}", True),
        ("call: shop:/a\n    response: {headers: {x-a: '{{ call.id }}'}, etag: true, cache_control: compute}", True),
        ("call: {url: shop:/a, target: data}", False),
        ("call: {url: shop:/a, fallback: [{url: users:/a, target: data}]}", False),
        ("call: {url: shop:/a, graphql: {query: q}}", False),
        ("call: {url: 'shop:/{item}', for_each: '{{ query.l }}'}", False),
        ("call: {fan_out: {a: shop:/a}}", False),
        ("call: shop:/a\n    response: {meta: true}", False),
        ("call: shop:/a\n    response: {formats: [json, xml]}", False),
        ("call: shop:/a\n    response: {body: 1}", False),
        ("fan_out: {a: shop:/a}", False),
    ],
)
def test_a_body_that_nobody_touches_is_not_read(plan_of, endpoint: str, raw: bool) -> None:
    """The plan says whether an answer is the body of one call as it came, and then the call does not decode it."""
    plan = plan_of(f"endpoints:\n  POST /a:\n    {endpoint}")
    assert plan.endpoints[0].raw is raw
    part = plan.endpoints[0].fan.parts[0]
    assert all(one.eager is not raw for one in part.calls)


def test_rows_are_in_the_order_of_their_nearness(plan_of) -> None:
    """Each call has one table: its own rows, those around it, the endpoint's, the upstream's, the defaults."""
    plan = plan_of("""
    defaults: {status_map: {500: 505}}
    upstreams: {shop: {url: "http://shop.test", status_map: {500: 504}}}
    endpoints:
      GET /a:
        status_map: [{on: 500, part: other, status: 599}, {on: 501, part: g, status: 598}, {on: 500, status: 503}]
        fan_out:
          other: shop:/o
          g: {status_map: {500: 502}, fan_out: {inner: {url: shop:/a, status_map: {500: 501}}}}
    """)
    inner = plan.endpoints[0].fan.parts[1].inner[0].calls[0]
    assert [row.status for row in inner.rows] == [501, 502, 598, 503, 504, 505]
    assert [row.status for row in plan.endpoints[0].fan.parts[0].rows] == [599, 503, 504, 505]
    assert [row.status for row in plan.endpoints[0].rows] == [503, 505]


def test_success_is_a_set_of_statuses(plan_of) -> None:
    """Classes and single statuses, in any case of the letters."""
    plan = plan_of("endpoints: {GET /a: {call: {url: shop:/a, success: {status: [2XX, 404, '410']}}}}")
    assert call(plan).success.statuses == frozenset({*range(200, 300), 404, 410})


def test_a_full_url_is_an_upstream_of_its_own(plan_of) -> None:
    """It has the limits of the client; clients read the name of the part instead of where it is."""
    plan = plan_of("endpoints: {GET /a: {fan_out: {rates: 'https://rates.example.com/v1?x=1'}}}")
    upstream = call(plan).upstream
    assert (upstream.name, upstream.label) == ("https://rates.example.com", "rates")
    assert upstream.pool.limits.max_connections == 50

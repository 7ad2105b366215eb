"""What an endpoint of several methods, a static answer, and whoever has to read a body come to in the plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator.plan.types import EndpointPlan
from tests.plan.conftest import PlanOf
from tests.plan.leaves import changes

SCHEMES = """\
auth:
  signed: {signature: {preset: slack, secret: "a-secret-of-sixteen"}}
  basic: {basic: {users: {file: users}}}
"""


def endpoints(plan_of: PlanOf, tmp_path: Path, said: str) -> tuple[EndpointPlan, ...]:
    """Return the plans of the endpoint that is *said*."""
    (tmp_path / "users").write_text("# nobody\n")
    return plan_of(f"{SCHEMES}endpoints:\n  {said}\n").endpoints


@pytest.mark.parametrize(
    ("said", "methods", "bodies"),
    [
        ("POST /x: {body: {type: object}, respond: {}}", ["POST"], [True]),
        ("POST|PUT /x: {body: {type: object}, respond: {}}", ["POST", "PUT"], [True, True]),
        ("GET|POST /x: {body: {type: object}, respond: {}}", ["GET", "POST"], [False, True]),
        ("GET|POST|HEAD /x: {respond: {}}", ["GET", "HEAD", "POST"], [False, False, False]),
        ("DELETE|GET /x: {body: {type: object}, respond: {}}", ["GET", "DELETE"], [False, True]),
    ],
)
def test_a_body_is_declared_for_the_methods_that_have_one(
    plan_of: PlanOf, tmp_path: Path, said: str, methods: list[str], bodies: list[bool]
) -> None:
    """Each method has a plan, and those of several methods a digest each, so that no answer of one is that of another."""
    plans = endpoints(plan_of, tmp_path, said)
    assert [one.method for one in plans] == methods
    assert [one.inputs.body is not None for one in plans] == bodies
    assert [one.inputs.read_body for one in plans] == ["json" if has else "no" for has in bodies]
    assert len({one.digest for one in plans}) == len(plans)


@pytest.mark.parametrize(
    ("said", "reads"),
    [
        ("{respond: {}}", "no"),
        ("{respond: {body: '{{ body.a }}'}}", "json"),
        ("{respond: {}, query: {q: {type: string, default: '{{ body.q }}'}}}", "json"),
        ("{respond: {}, headers: {x-h: {type: string, default: '{{ body.q }}'}}}", "json"),
        ("{respond: {}, cookies: {c: {type: string, default: '{{ body.q }}'}}}", "json"),
        ("{respond: {}, query: {q: {type: string, default: fixed}}}", "no"),
        ("{respond: {}, purge: ['{{ body.t }}']}", "json"),
        ("{respond: {}, require: [{that: '{{ body.t }}'}]}", "json"),
        ("{respond: {}, rate_limit: [{rate: 5/s, cost: '{{ body.n }}'}]}", "json"),
        ("{respond: {headers: {x-a: '{{ body.t }}'}}}", "json"),
        ("{respond: {}, idempotency: {}}", "bytes"),
        ("{respond: {}, idempotency: {key: '{{ body.k }}'}}", "json"),
        ("{respond: {}, auth: signed}", "bytes"),
        ("{respond: {}, auth: basic}", "no"),
        ("{respond: {}, auth: {any: [basic, signed]}}", "bytes"),
        ("{respond: {}, background: [{url: 'POST shop:/a', json: '{{ body }}'}]}", "json"),
        ("{respond: {}, background: [{url: 'POST shop:/a', forward: {body: true}}]}", "bytes"),
        ("{call: {url: 'POST shop:/a', forward: {body: true}}}", "bytes"),
        ("{call: {url: 'POST shop:/a', forward: {body: true}}, stream: true}", "stream"),
        ("{call: {url: 'POST shop:/a', json: 1}}", "no"),
        ("{call: {url: 'POST shop:/a', status_map: {404: {detail: '{{ body.d }}'}}}}", "json"),
    ],
)
def test_a_body_is_read_by_whoever_needs_it(plan_of: PlanOf, tmp_path: Path, said: str, reads: str) -> None:
    """As data where an expression names it, as bytes where it is passed on or judged, and else not at all."""
    [plan] = endpoints(plan_of, tmp_path, f"POST /x: {said}")
    assert plan.inputs.read_body == reads


@pytest.mark.parametrize(
    ("said", "changed"),
    [
        ("status: 418", ["response.status=418"]),
        ("body: {a: 1}", ["response.body={'a': 1}"]),
        ("body: null", ["response.body=None"]),
        ("delay: 20ms", ["response.delay=0.02"]),
        ("headers: {X-A: '1'}", ["response.headers.0.0=x-a", "response.headers.0.1='1'"]),
        (
            "set_cookies: [{name: a, value: b}]",
            [
                "response.cookies.0.attributes.0.0=Path", "response.cookies.0.attributes.0.1=/",
                "response.cookies.0.attributes.1.0=Secure", "response.cookies.0.attributes.1.1=True",
                "response.cookies.0.attributes.2.0=HttpOnly", "response.cookies.0.attributes.2.1=True",
                "response.cookies.0.attributes.3.0=SameSite", "response.cookies.0.attributes.3.1=Lax",
                "response.cookies.0.name=a", "response.cookies.0.value='b'",
            ],
        ),
        (
            "set_cookies: [{name: a, value: b, secure: false, http_only: false, max_age: 0s, path: /p, same_site: strict}]",
            [
                "response.cookies.0.attributes.0.0=Max-Age", "response.cookies.0.attributes.0.1=0",
                "response.cookies.0.attributes.1.0=Path", "response.cookies.0.attributes.1.1=/p",
                "response.cookies.0.attributes.2.0=SameSite", "response.cookies.0.attributes.2.1=Strict",
                "response.cookies.0.name=a", "response.cookies.0.value='b'",
            ],
        ),
    ],
)  # fmt: skip
def test_a_static_answer_is_as_it_is_said(plan_of: PlanOf, tmp_path: Path, said: str, changed: list[str]) -> None:
    """All else is as in an empty one."""
    before, after = (endpoints(plan_of, tmp_path, f"GET /x: {{respond: {{{more}}}}}")[0] for more in ("", said))
    assert changes(before, after) == changed


@pytest.mark.parametrize(
    ("server", "said", "compresses"),
    [
        ("", "respond: {body: 1}", False),
        ("server: {compress: {codings: [gzip]}}", "respond: {body: 1}", True),
        ("server: {compress: {codings: [gzip]}}", "respond: {body: 1, compress: false}", False),
        ("server: {compress: {codings: [gzip]}}", "call: shop:/a", True),
        ("server: {compress: {codings: [gzip]}}", "call: shop:/a, response: {compress: false}", False),
        ("server: {compress: {codings: [gzip]}}", "call: shop:/a, response: {status: 201}", True),
    ],
)
def test_answers_are_compressed_where_the_server_says_so(
    plan_of: PlanOf, server: str, said: str, compresses: bool
) -> None:
    """Unless the endpoint says that its own are not."""
    assert plan_of(f"{server}\nendpoints: {{GET /x: {{{said}}}}}").endpoints[0].compress is compresses


LIMITED = ["failures.burst=20", "failures.count=10", "failures.period=60.0"]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("api_key: {header: X-Key, keys: {file: keys.yaml}}", [*LIMITED, "field=x-key", "name=s", "place=header"]),
        ("api_key: {query: Key, keys: {file: keys.yaml}}", [*LIMITED, "field=Key", "name=s", "place=query"]),
        ("api_key: {cookie: Key, keys: {file: keys.yaml}}, failures: none", ["field=Key", "name=s", "place=cookie"]),
        ("basic: {users: {file: users}}", [*LIMITED, "name=s", "realm=api"]),
        (
            "basic: {realm: R, users: {file: users}}, failures: {rate: 3/s, burst: 7}",
            ["failures.burst=7", "failures.count=3", "failures.period=1.0", "name=s", "realm=R"],
        ),
        (
            "mtls: {subjects: CN=good, from: {header: X-Client, form: subject}}",
            ["field=x-client", "form=subject", "name=s", "rules.subjects.0=CN=good"],
        ),
    ],
)
def test_a_scheme_is_as_it_is_said(plan_of: PlanOf, tmp_path: Path, said: str, found: list[str]) -> None:
    """With how often an address may fail it, where that is limited."""
    (tmp_path / "keys.yaml").write_text("[]")
    (tmp_path / "users").write_text("# nobody\n")
    plan = plan_of(
        "server: {trusted_proxies: [10.0.0.0/8]}\n"
        f"auth: {{s: {{{said}}}}}\nendpoints: {{GET /x: {{auth: s, respond: {{}}}}}}"
    )
    assert changes({}, plan.schemes[0]) == found

"""What the plan of an endpoint knows of each scheme: how callers are refused, and where their credentials are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from aggregator.plan.explaining.admitted import admission_lines, admission_member
from aggregator.policies.credentials.plan import CallerPlace
from tests.plan.conftest import PlanOf

SECRET = "a-secret-of-more-than-thirty-two-bytes"
ISSUER = "issuer: 'https://id.test', audience: shop, algorithms: [HS256]"
SCHEMES = {
    "header": "{api_key: {header: X-Api-Key, keys: {file: keys.yaml}}}",
    "query": "{api_key: {query: key, keys: {file: keys.yaml}}}",
    "unlimited": "{api_key: {header: x-free, keys: {file: keys.yaml}}, failures: none}",
    "basic": "{basic: {users: {file: htpasswd}}}",
    "jwt": f"{{jwt: {{{ISSUER}, key: {{file: secret}}}}}}",
    "limited": f"{{jwt: {{{ISSUER}, key: {{file: secret}}, from: {{cookie: session}}}}, failures: {{rate: 5/m}}}}",
    "document": "{jwt: {issuer: 'https://id.test', audience: shop, jwks: {file: jwks.json}}}",
    "fetching": "{jwt: {issuer: 'https://id.test', audience: shop, jwks: 'https://id.test/jwks'}}",
    "finding": "{jwt: {issuer: 'https://id.test', audience: shop}}",
    "signature": "{signature: {preset: slack, secret: '${SECRET}'}}",
    "introspection": "{introspection: {url: 'https://id.test/ask', client_id: shop, client_secret: '${SECRET}', "
    "audience: shop}}",
    "external": "{external: {url: 'sso:/check', headers: [x-session]}}",
    "mtls": "{mtls: {subjects: CN=good, from: {header: x-client, form: subject}}}",
}


@pytest.fixture
def endpoint_of(plan_of: PlanOf, tmp_path: Path):
    """Return the function that compiles an endpoint whose callers are admitted by *auth*."""
    (tmp_path / "keys.yaml").write_text("[]")
    (tmp_path / "htpasswd").write_text("# nobody")
    (tmp_path / "secret").write_text(SECRET)
    key = ECKey.generate_key("P-256", {"alg": "ES256", "use": "sig"})
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [key.as_dict(private=False)]}))

    def compiled(auth: str, more: str = "", forward: str = ""):
        schemes = "".join(f"  {name}: {scheme}\n" for name, scheme in SCHEMES.items())
        text = (
            "server: {trusted_proxies: [10.0.0.0/8]}\n"
            f"upstreams: {{sso: {{url: 'http://sso.test'}}, up: {{url: 'http://up.test'}}}}\nauth:\n{schemes}"
            f"endpoints:\n  POST /a: {{auth: {auth}{more}, call: {{method: POST, url: up:/x{forward}}}}}\n"
        )
        return plan_of(text, {"SECRET": SECRET}).endpoints[0]

    return compiled


AUTHORIZATION = "authorization"


@pytest.mark.parametrize(
    ("scheme", "refusals", "place"),
    [
        ("header", (429,), ("header", "x-api-key")),
        ("query", (429,), None),
        ("unlimited", (), ("header", "x-free")),
        ("basic", (429,), ("header", AUTHORIZATION)),
        ("jwt", (), ("header", AUTHORIZATION)),
        ("limited", (429,), ("cookie", "session")),
        ("document", (), ("header", AUTHORIZATION)),
        ("fetching", (503,), ("header", AUTHORIZATION)),
        ("finding", (503,), ("header", AUTHORIZATION)),
        ("signature", (409,), None),
        ("introspection", (503,), ("header", AUTHORIZATION)),
        ("external", (403, 503), None),
        ("mtls", (), None),
    ],
)
def test_each_scheme_alone(endpoint_of, scheme: str, refusals: tuple[int, ...], place: tuple[str, str] | None) -> None:
    """The statuses that callers can get beside 401, and the place of what is passed on to an upstream."""
    endpoint = endpoint_of(scheme, forward="" if place is None else ", forward: {auth: true}")
    auth = endpoint.admission.auth
    assert (auth.schemes, auth.every, auth.optional, auth.refusals) == ((scheme,), False, False, refusals)
    assert auth.reads_body is (scheme == "signature")
    (call,) = endpoint.fan.parts[0].calls
    assert call.request.forward_caller == (() if place is None else (CallerPlace(scheme, *place),))


REFUSED = {
    401: "by {}, or 401",
    403: "403 where the upstream that is asked says so",
    409: "409 while the same signed delivery is being answered",
    429: "429 where an address has failed too often",
    503: "503 while nobody can tell whether a credential is right",
}


@pytest.mark.parametrize(
    ("auth", "who", "every", "optional"),
    [
        ("{any: [header, external]}", "header or external", False, False),
        ("{all: [header, external]}", "header and external", True, False),
        ("{any: [header, external], optional: true}", "header or external, or nobody in particular", False, True),
    ],
)
def test_several_schemes(endpoint_of, auth: str, who: str, every: bool, optional: bool) -> None:
    """In words and as data: each status once, in order."""
    admission = endpoint_of(auth).admission
    assert [*admission_lines(admission)] == [
        REFUSED[401].format(who), REFUSED[403], REFUSED[429], REFUSED[503],
    ]  # fmt: skip
    assert admission_member(admission) == {
        "auth": {"all" if every else "any": ["header", "external"], "optional": optional},
        "refusals": [401, 403, 429, 503],
    }


def test_all_that_an_endpoint_asks_for(endpoint_of) -> None:
    """In the order in which a request meets it, in words and as data."""
    admission = endpoint_of(
        "signature",
        ", deny_from: [10.1.0.0/16], allow_from: [10.0.0.0/8, 'unix:'], concurrency: {limit: 4, by: '{{ auth.key }}'}"
        ", rate_limit: [{rate: 5/s, burst: 9}, {quota: 100/day, by: '{{ auth.key }}', zone: Europe/Berlin, report: true}]"
        ", require: [{that: '{{ query.a }}', status: 404, detail: No.}, {that: '{{ body.b }}', detail: Not so.}]",
    ).admission
    assert [*admission_lines(admission)] == [
        "not from 10.1.0.0/16, or 403",
        "from 10.0.0.0/8, unix: alone, or 403",
        "5/s, 9 at once, or 429",
        "by signature, or 401",
        REFUSED[409],
        "a signed delivery that was answered with 2xx before gets 200, and nothing is called",
        'where {{ query.a }} is true, or 404 "No."',
        "100/day in Europe/Berlin, by {{ auth.key }}, told",
        "4 at once by {{ auth.key }}, or 429",
        'where {{ body.b }} is true, or 403 "Not so.", once the body is valid',
    ]
    assert admission_member(admission) == {
        "deny_from": ["10.1.0.0/16"],
        "allow_from": ["10.0.0.0/8", "unix:"],
        "auth": {"any": ["signature"], "optional": False},
        "refusals": [401, 409],
        "require": [
            {"that": "query.a", "status": 404, "detail": "No."},
            {"that": "body.b", "status": 403, "detail": "Not so."},
        ],
        "concurrency": [{"limit": 4, "by": "auth.key"}],
        "rate_limit": [
            {"rate": "5/s", "burst": 9, "report": False},
            {"quota": "100/day", "zone": "Europe/Berlin", "by": "auth.key", "report": True},
        ],
    }

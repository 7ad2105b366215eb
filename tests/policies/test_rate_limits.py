"""Limits of requests: whom they count, where they stand, and what they tell."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.policies.conftest import Served

Serve = Callable[..., Served]
KEYS = "keys.yaml"


def keys(folder: Path, **rates: str) -> str:
    """Write a file of keys, each called like its text, with a rate where one is given; return the scheme."""
    lines = [
        f"- {{name: {name}, sha256: {hashlib.sha256(name.encode()).hexdigest()}{f', rate_limit: {rate}' if rate else ''}}}"
        for name, rate in rates.items()
    ]
    (folder / KEYS).write_text("\n".join(lines))
    return f"auth: {{partners: {{api_key: {{header: x-api-key, keys: {{file: {KEYS}}}}}}}}}"


def test_a_burst_and_then_one_by_one(serve: Serve) -> None:
    """As many as `burst` come at once, then one every 1/rate; a refusal says when the next may, never too early."""
    served = serve("endpoints: {GET /a: {rate_limit: {rate: 2/s, burst: 3}, respond: {body: 1}}}")
    assert served.statuses("/a", 4) == [200, 200, 200, 429]
    refused = served.get("/a")
    assert (refused.headers["retry-after"], refused.json()["cause"]) == ("1", "limited")
    served.now += 0.49
    assert served.statuses("/a", 1) == [429]
    served.now += 0.02
    assert served.statuses("/a", 2) == [200, 429]
    served.now += int(served.get("/a").headers["retry-after"])
    assert served.statuses("/a", 1) == [200]


def test_a_burst_left_out(serve: Serve) -> None:
    """Without `burst` as many come at once as the number of the rate."""
    served = serve("endpoints: {GET /a: {rate_limit: 3/m, respond: {body: 1}}}")
    assert served.statuses("/a", 4) == [200, 200, 200, 429]
    assert served.get("/a").headers["retry-after"] == "20"


def test_what_is_left_is_told(serve: Serve) -> None:
    """Every answer of a limited endpoint has the fields of the draft, a refusal too; `legacy` and `none` as said."""
    served = serve("""
        endpoints:
          GET /draft: {rate_limit: [{rate: 10/m, burst: 5}, 100/h], respond: {body: 1}}
          GET /legacy: {rate_limit: {rate: 1/m, fields: legacy}, respond: {body: 1}}
          GET /none: {rate_limit: {rate: 1/m, fields: none}, respond: {body: 1}}
          GET /free: {respond: {body: 1}}
    """)
    found = served.get("/draft").headers
    assert found["ratelimit-policy"] == '"10/m";q=5;w=30, "100/h";q=100;w=3600'
    assert found["ratelimit"] == '"10/m";r=4;t=6, "100/h";r=99;t=36'
    assert served.get("/missing").status_code == 404
    for status in (200, 429):
        answer = served.get("/legacy")
        told = [answer.headers[f"x-ratelimit-{name}"] for name in ("limit", "remaining", "reset")]
        assert (answer.status_code, told, "ratelimit" in answer.headers) == (status, ["1", "0", "60"], False)
    for path in ("/none", "/none", "/free"):
        assert not [name for name in served.get(path).headers if "ratelimit" in name]


def test_callers_are_counted_apart(serve: Serve) -> None:
    """`by` gives each value a count of its own, an IPv6 network of 64 bits being one; null is one for all."""
    served = serve("""
        endpoints:
          GET /a: {rate_limit: {rate: 1/h, by: "{{ request.client }}"}, respond: {body: 1}}
          GET /b: {rate_limit: {rate: 1/h, by: "{{ headers['x-tenant'] }}"}, respond: {body: 1}}
    """)
    addresses = ("192.0.2.1", "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")
    assert [served.get("/a", address=each).status_code for each in addresses] == [200, 429, 200, 200, 429, 200]
    tenants = ({"x-tenant": "a"}, {"x-tenant": "b"}, {"x-tenant": "a"}, {}, {})
    assert [served.get("/b", headers=each).status_code for each in tenants] == [200, 200, 429, 200, 429]


@pytest.mark.parametrize("by", ["request.client ~ '/' ~ headers.t", "[request.client, headers.t]"])
def test_an_address_within_a_value_stands_for_its_network(serve: Serve, by: str) -> None:
    """Another address of the same /64 network is no way to another count, whatever else the value is made of."""
    served = serve(f"""
        endpoints:
          GET /a: {{rate_limit: {{rate: 1/h, by: "{{{{ {by} }}}}"}}, respond: {{body: 1}}}}
    """)
    asked = [("2001:db8::1", "a"), ("2001:db8::2", "a"), ("2001:db8::2", "b"), ("2001:db8:0:1::1", "a")]
    assert [served.get("/a", address=each, headers={"t": t}).status_code for each, t in asked] == [200, 429, 200, 200]


def test_values_of_different_kinds_are_different(serve: Serve) -> None:
    """The number 1, the text "1", true and null have counts of their own."""
    served = serve("""
        endpoints:
          GET /{kind}:
            params: {kind: {type: integer}}
            rate_limit: {rate: 1/h, by: "{{ [1, '1', true, none, 'null'][kind] }}"}
            respond: {body: 1}
    """)
    assert [served.get(f"/{kind}").status_code for kind in (0, 1, 2, 3, 4)] == [200] * 5
    assert [served.get(f"/{kind}").status_code for kind in (0, 1, 2, 3, 4)] == [429] * 5


def test_one_decision_for_several_windows(serve: Serve) -> None:
    """A request that one window refuses is taken from none of them."""
    served = serve("""
        endpoints: {GET /a: {rate_limit: [{rate: 3/h}, {rate: 1/s}], respond: {body: 1}}}
    """)
    assert served.statuses("/a", 5) == [200, 429, 429, 429, 429]
    served.now += 1
    assert served.statuses("/a", 1) == [200]
    served.now += 1
    assert served.statuses("/a", 1) == [200]
    served.now += 1
    refused = served.get("/a")
    assert (refused.status_code, int(refused.headers["retry-after"])) == (429, 1197)


def test_limits_of_many_endpoints(serve: Serve) -> None:
    """The server's limit and those of prefixes are shared; that of `defaults` is each endpoint's own, or `none`."""
    served = serve("""
        server: {rate_limit: 6/h}
        prefixes: {/v1: {rate_limit: 3/h}}
        defaults: {endpoint: {rate_limit: 2/h}}
        endpoints:
          GET /v1/a: {respond: {body: 1}}
          GET /v1/b: {respond: {body: 1}}
          GET /c: {rate_limit: none, respond: {body: 1}}
    """)
    assert served.statuses("/v1/a", 3) == [200, 200, 429]
    assert served.statuses("/v1/b", 2) == [200, 429]
    assert served.statuses("/c", 4) == [200, 200, 200, 429]
    assert [served.get(path).status_code for path in ("/livez", "/readyz", "/docs")] == [200] * 3


def test_strangers_are_limited_before_they_are_asked_who_they_are(serve: Serve, tmp_path: Path) -> None:
    """A limit that reads nothing of `auth` counts wrong credentials; one that does counts those who are known alone."""
    served = serve(f"""
        {keys(tmp_path, acme="", other="")}
        endpoints:
          GET /early: {{auth: partners, rate_limit: 2/h, respond: {{body: 1}}}}
          GET /known:
            auth: partners
            rate_limit: {{rate: 1/h, by: "{{{{ auth.subject }}}}"}}
            respond: {{body: 1}}
    """)
    assert [served.get("/early").status_code for _ in range(3)] == [401, 401, 429]
    sent = ("acme", "wrong", "acme", "other")
    assert [served.get("/known", headers={"x-api-key": key}).status_code for key in sent] == [200, 401, 429, 200]


def test_a_caller_is_never_taken_for_an_address(serve: Serve, tmp_path: Path) -> None:
    """A subject that reads like an address, and that address without a credential, are counted apart."""
    served = serve(f"""
        {keys(tmp_path, **{"192.0.2.1": ""})}
        endpoints:
          GET /a:
            auth: {{any: [partners], optional: true}}
            rate_limit: {{rate: 1/h, by: "{{{{ auth.subject or request.client }}}}"}}
            respond: {{body: 1}}
    """)
    assert [served.get("/a").status_code for _ in range(2)] == [200, 429]
    assert [served.get("/a", headers={"x-api-key": "192.0.2.1"}).status_code for _ in range(2)] == [200, 429]


def test_the_limit_of_a_key_wins(serve: Serve, tmp_path: Path) -> None:
    """A rate in the file of keys counts in place of the endpoint's, over all endpoints, beside those of the server."""
    served = serve(f"""
        {keys(tmp_path, big="3/h", small="", other="3/h")}
        server: {{rate_limit: {{rate: 6/h, by: "{{{{ auth.scheme }}}}"}}}}
        defaults: {{endpoint: {{auth: partners}}}}
        endpoints:
          GET /a: {{rate_limit: {{rate: 1/h, by: "{{{{ auth.key }}}}"}}, respond: {{body: 1}}}}
          GET /b: {{respond: {{body: 1}}}}
    """)
    big, small, other = ({"x-api-key": name} for name in ("big", "small", "other"))
    assert served.statuses("/a", 2, headers=big) == [200, 200]
    assert served.statuses("/b", 2, headers=big) == [200, 429]
    assert served.statuses("/a", 2, headers=small) == [200, 429]
    assert served.statuses("/b", 3, headers=other) == [200, 200, 429]
    assert '"key 3/h"' in served.get("/a", headers=big).headers["ratelimit"]


def test_only_true_exempts(serve: Serve) -> None:
    """`unless` exempts for which it is true; a text, null and an error exempt nobody."""
    served = serve("""
        endpoints:
          GET /a:
            rate_limit: {rate: 1/h, unless: "{{ headers['x-free'] == 'yes' }}"}
            respond: {body: 1}
          GET /b: {rate_limit: {rate: 1/h, unless: "{{ headers['x-free'] }}"}, respond: {body: 1}}
    """)
    assert served.statuses("/a", 3, headers={"x-free": "yes"}) == [200] * 3
    assert served.statuses("/a", 2) == [200, 429]
    assert served.statuses("/b", 2, headers={"x-free": "yes"}) == [200, 429]


def test_what_a_request_costs(serve: Serve) -> None:
    """A cost is taken whole and rounded up, 1 at least; an invalid request costs nothing, one without a number is 400."""
    served = serve("""
        endpoints:
          GET /a:
            query: {limit: {type: integer, default: 10}, free: string}
            rate_limit: {rate: 10/h, cost: "{{ query.free or query.limit / 20 }}"}
            respond: {body: 1}
    """)
    assert served.get("/a?limit=x").status_code == 422
    assert served.get("/a?free=yes").status_code == 400
    assert served.get("/a").headers["ratelimit"] == '"10/h";r=9;t=360'
    assert served.get("/a?limit=61").headers["ratelimit"] == '"10/h";r=5;t=1800'
    assert served.get("/a?limit=-100").headers["ratelimit"] == '"10/h";r=4;t=2160'
    assert served.get("/a?limit=100").headers["retry-after"] == "360"
    never = served.get("/a?limit=1000")
    assert (never.status_code, "retry-after" in never.headers) == (429, False)


def test_a_limit_that_only_reports(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """`report: true` refuses nobody and logs who would have been."""
    served = serve("endpoints: {GET /a: {rate_limit: {rate: 1/h, report: true}, respond: {body: 1}}}")
    with caplog.at_level("INFO", "aggregator.auth"):
        assert served.statuses("/a", 3) == [200] * 3
    said = [record.getMessage() for record in caplog.records if record.name == "aggregator.auth"]
    assert said == ["A caller would have been refused."] * 2


@pytest.mark.long
def test_a_thousand_at_once(serve: Serve) -> None:
    """Of 1000 requests at once exactly as many pass as the limit grants, each counted once."""
    served = serve("endpoints: {GET /a: {rate_limit: {rate: 100/s, burst: 150}, respond: {body: 1}}}")

    async def flood() -> list[int]:
        return [answer.status_code for answer in await asyncio.gather(*(served.ask("GET", "/a") for _ in range(1000)))]

    assert sorted(served.run(flood())) == [200] * 150 + [429] * 850


def test_a_reload_forgets_nothing(serve: Serve) -> None:
    """What was used stays used after a reload; of another rate the same share is used."""
    text = "endpoints: {{GET /a: {{rate_limit: {}, respond: {{body: {}}}}}}}"
    served = serve(text.format("4/h", 1))
    assert served.statuses("/a", 3) == [200] * 3
    served.reload(text.format("4/h", 2))
    assert served.statuses("/a", 2) == [200, 429]
    served.reload(text.format("8/h", 2))
    assert served.statuses("/a", 1) == [429]


def test_a_clock_that_jumps_back_locks_nobody_out(serve: Serve) -> None:
    """When the clock jumps back by a day, a caller waits no longer than before."""
    served = serve("endpoints: {GET /a: {rate_limit: 1/m, respond: {body: 1}}}")
    assert served.statuses("/a", 2) == [200, 429]
    served.now -= 86_400
    assert served.get("/a").headers["retry-after"] == "60"
    served.now += 60
    assert served.statuses("/a", 1) == [200]


def test_streams_are_limited_too(serve: Serve) -> None:
    """A streaming endpoint has limits like any other, one with a cost included."""
    served = serve("""
        upstreams: {up: {url: "http://up.test"}}
        endpoints:
          GET /a: {rate_limit: 1/h, call: "up:/a", stream: true}
          GET /b/{n}: {params: {n: integer}, rate_limit: {rate: 3/h, cost: "{{ n }}"}, call: "up:/b", stream: true}
    """)
    assert served.statuses("/a", 2) == [200, 429]
    assert served.statuses("/b/2", 2) == [200, 429]
    assert served.get("/a").headers["ratelimit"] == '"1/h";r=0;t=3600'

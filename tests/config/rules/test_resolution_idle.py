"""Where nothing is looked up, `resolve` says so."""

from __future__ import annotations

from tests.config.rules.conftest import Say

AROUND = """\
version: 1
client: {transport: httpx, proxy: "http://proxy.example.com:3128"}
upstreams: {users: {url: https://users.example.com, resolve: dns}}
"""


def test_a_proxy_looks_names_up_itself(say: Say) -> None:
    """Behind one, the addresses of an upstream are none of ours."""
    problems = say("GET /a: {call: users:/a}", AROUND)
    assert [one for one in problems if "resolve" in one] == [
        "no-effect ‹resolve› `resolve` has no effect behind a proxy, which looks names up itself"
    ]

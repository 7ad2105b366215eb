"""The body of a request is read wherever an expression reads it, and taken as data there."""

from __future__ import annotations

import json

import httpx
import pytest

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("upstream", "called"),
    [
        ('route: {by: "{{ body.to }}", to: {one: "http://one.test", two: "http://two.test"}}', "two.test"),
        ('{url: "http://real.test", mock: {when: "{{ body.to == \'two\' }}", routes: {POST /x: {json: 1}}}}', None),
        ('{hosts: ["http://h.test", "http://h.test:81"], balance: {hash: "{{ body.to }}"}}', "h.test"),
    ],
)
def test_what_an_upstream_reads_of_the_body_is_there(serve, upstream: str, called: str | None):
    """An endpoint that reads nothing of it itself has it read for a route, a mock or a choice of hosts."""
    text = f"upstreams: {{u: {upstream if upstream[0] == '{' else '{' + upstream + '}'}}}\nendpoints: {{POST /x: {{call: POST u:/x}}}}"
    gateway = serve(text, lambda _: httpx.Response(200, json=1))
    for _ in range(3):
        answer = gateway.post("/x", content=json.dumps({"to": "two"}), headers=JSON)
        assert answer.status_code == 200, answer.text
    hosts = {request.url.netloc.decode() for request in gateway.upstream.requests}
    assert len(hosts) == (called is not None)
    assert called is None or hosts.pop().startswith(called)

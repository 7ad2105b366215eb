"""A key in a query parameter, which anybody may see who is shown a URL, is shown to nobody."""

from __future__ import annotations

import hashlib
from typing import Any

from .conftest import reply_of

SECRET = "a-secret-of-some-length"
KEY, OTHER = "the-key-of-a-partner", "another-key-that-is-wrong"
ROUTES = f"""\
server: {{admin: {{address: "127.0.0.1:0", secret: {SECRET}}}}}
telemetry: {{recorder: {{keep: 9, bodies: 2kB}}}}
auth: {{partners: {{api_key: {{query: share, keys: {{file: keys.yaml}}}}}}}}
upstreams: {{up: {{url: "${{UP}}"}}}}
endpoints:
  GET /passed: {{auth: partners, query: {{share: string}}, call: "up:/echo?k={{query.share}}"}}
"""


def shown(stage: Any, gateway: Any, target: str) -> str:
    """Return what the address of administration says at *target*."""
    head = f"GET {target} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {SECRET}\r\n\r\n"
    with stage.wire(gateway.admin) as wire:
        return str(wire.send(head.encode()).reply().body.decode())


def test_it_is_nowhere(stage: Any) -> None:
    """Neither the log, nor what is kept of requests, as a page, as data or as HAR, has a right key or a wrong one."""
    (stage.folder / "keys.yaml").write_text(f"- {{name: acme, sha256: {hashlib.sha256(KEY.encode()).hexdigest()}}}\n")
    upstream = stage.upstream()
    upstream["/echo"] = reply_of({"asked": f"/echo?k={KEY}"}, 500)
    gateway = stage.gateway(ROUTES, upstream)
    answers = [gateway.get(f"/passed?share={key}", f"x-request-id: {name}") for name, key in (("a", KEY), ("b", OTHER))]
    assert [answer.status for answer in answers] == [502, 401]
    told = [answer.body.decode() for answer in answers]
    told += [
        shown(stage, gateway, target) for target in ("/-/requests", "/-/requests/a", "/-/requests/a.har", "/-/config")
    ]
    told += [str(record.__dict__) for record in gateway.records]
    assert "passed?share=********" in "".join(told)
    assert [text for text in told if KEY in text or OTHER in text] == []

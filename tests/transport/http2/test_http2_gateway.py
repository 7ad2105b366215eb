"""A file that says `http2: true`, from the request of a client to the streams of an upstream and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from aggregator.server.application.app import create_app

FILE = """
version: 1
client: {transport: httpx, http2: true}
upstreams:
  shop: {url: "https://127.0.0.1:%d", tls: {ca: "%s"}}
endpoints:
  GET /one/{id}:
    call: shop:/items/{id}
  GET /all:
    fan_out:
      a: shop:/items/1
      b: {url: "shop:/items/2", optional: true}
      c: {url: "shop:/reset", optional: true}
  POST /one:
    body: {type: object}
    call: {method: POST, url: "shop:/items", json: "{{ body }}"}
"""


def test_gateway(run: Any, authority: Any, serving: Any, tmp_path: Path) -> None:
    """Calls, fan-outs with a part that fails, and bodies: one connection carries them all."""

    async def answer(stream: Any) -> None:
        if stream.path == "/reset":
            await stream.refuse()
        elif stream.headers[b":method"] == b"POST":
            await stream.answer(stream.body, 201, ("content-type", "application/json"))
        else:
            await stream.answer(
                b'{"path": "%b", "n": 1.0}' % stream.path.encode(), 200, ("content-type", "application/json")
            )

    async def main() -> None:
        async with serving(answer) as upstream:
            path = tmp_path / "routes.yaml"
            path.write_text(FILE % (upstream.port, authority.file))
            app = create_app(path)
            async with (
                app.router.lifespan_context(app),
                httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client,
            ):
                one = await client.get("/one/7")
                assert (one.status_code, one.text) == (200, '{"path": "/items/7", "n": 1.0}')
                everything = (await client.get("/all")).json()
                assert (everything["a"]["path"], everything["b"]["path"], everything["c"]) == (
                    "/items/1",
                    "/items/2",
                    None,
                )
                posted = await client.post("/one", json={"a": 1})
                assert (posted.status_code, posted.json()) == (201, {"a": 1})
                assert (len(upstream.requests), upstream.protocols) == (5, ["h2"])

    run(main())

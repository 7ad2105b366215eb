"""The document and the running application, side by side: nothing is answered that is not documented."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
from fastapi import FastAPI

from aggregator.server.application.app import create_app

CONFIG = """
version: 1
plugins: [statistics]
upstreams:
  users: {url: https://users.example}
  shop:
    url: https://shop.example
    status_map: {409: {status: 409, detail: Out of stock}}
endpoints:
  GET /plain/{id}: {params: {id: integer}, call: "users:/users/{id}"}
  GET /mapped:
    call: users:/users/1
    status_map: {404: {status: 410, detail: Gone for good}, 5xx: 503, timeout: {body: {late: true}}}
  GET /odd: {call: {url: users:/users/1, success: {status: [200, 404]}}}
  GET /passed: {call: {url: users:/users/1, status_map: {4xx: {pass: true}, any: 500}}}
  GET /careless: {call: {url: users:/users/1, optional: true, default: {id: 0}}}
  GET /strict: {call: {url: users:/users/1, success: {when: "{{ this.body.id }}"}, status_map: {unsuccessful: 409}}}
  GET /made: {call: users:/users/1, response: {body: {id: "{{ call.id }}"}}}
  GET /mean: {call: {url: users:/users/1, transform: "statistics:mean", status_map: {fault: {detail: No mean}}}}
  GET /stream: {call: users:/users/1, stream: true}
  GET /export:
    stream: true
    call: {url: users:/users/1, success: {status: [200, 204, 206]}}
    response: {status: 202, headers: {content-disposition: "a; filename={{ query.name | upper }}"}, pass_headers: {x-cost: first}}
    status_map: {expression: 400}
  GET /page:
    fan_out:
      user: users:/users/1
      cart: {url: shop:/carts/1, optional: true}
    response: {etag: true, cache_control: compute}
  GET /board:
    fan_out:
      user: {url: users:/users/1, fallback: [shop:/users/1]}
      cart: {race: [shop:/carts/1, users:/carts/1], status_map: {any: {status: 424, body: no cart today}}}
      more: {fan_out: {stock: shop:/stock, news: {url: users:/news, optional: true}}}
    status_map:
      - {part: user, "on": network, status: 503, headers: {retry-after: "9"}}
      - {"on": any, when: "{{ this.status == 418 }}", status: 400, title: A teapot}
  GET /lines:
    fan_out:
      order: shop:/orders/1
      lines: {for_each: {in: "{{ order.items }}", on_error: "null"}, url: "users:/products/{item}"}
    response:
      status: 203
      body: {lines: "{{ lines }}", count: "{{ order.items | length }}"}
      headers: {x-order: "{{ order.id }}"}
  GET /all:
    fan_out: {a: users:/a, b: shop:/b}
    response: {merge: deep, meta: true, formats: [json, msgpack]}
"""
REQUESTS = [
    ("/plain/{id}", "/plain/1", {}),
    ("/plain/{id}", "/plain/one", {}),
    ("/mapped", "/mapped", {}),
    ("/odd", "/odd", {}),
    ("/passed", "/passed", {}),
    ("/careless", "/careless", {}),
    ("/strict", "/strict", {}),
    ("/made", "/made", {}),
    ("/mean", "/mean", {}),
    ("/stream", "/stream", {}),
    ("/export", "/export?name=a", {}),
    ("/export", "/export?name=a%0Ab", {}),
    ("/page", "/page", {}),
    ("/page", "/page", {"if-none-match": "*"}),
    ("/board", "/board", {}),
    ("/lines", "/lines", {}),
    ("/all", "/all", {}),
    ("/all", "/all", {"accept": "application/vnd.msgpack"}),
    ("/all", "/all", {"accept": "text/html"}),
]
"""What is asked for: the path in the document, the path of the request, its headers."""
UNREADABLE = [(("fine", "fine"), (path, f"{url.partition('?')[0]}?%ff", {})) for path, url, _ in REQUESTS]
"""What no endpoint takes: a query that is not percent-encoded UTF-8."""

Behaviour = Callable[[httpx.Request], httpx.Response]


def answers(status: int, **content: Any) -> Behaviour:
    """Return an upstream that always answers so."""
    return lambda request: httpx.Response(status, **content)


def fails(error: type[httpx.TransportError]) -> Behaviour:
    """Return an upstream that cannot be reached, or not in time."""

    def behave(request: httpx.Request) -> httpx.Response:
        raise error("no", request=request)

    return behave


BEHAVIOURS: dict[str, Behaviour] = {
    "fine": answers(200, json={"id": 1, "items": [1, 2]}),
    "created": answers(201, json={"id": 2, "items": [1, "two"]}),
    "list": answers(200, json=[1]),
    "new list": answers(201, json=[1]),
    "text": answers(200, text="hello"),
    "part": answers(206, json={"id": 1, "items": [1]}),
    "broken": answers(200, content=b'{"id": ', headers={"content-type": "application/json"}),
    "moved": answers(302, headers={"location": "https://elsewhere.example"}),
    "missing": answers(404, json={"message": "no such thing"}),
    "teapot": answers(418),
    "conflict": answers(409),
    "busy": answers(503, headers={"retry-after": "7"}),
    "down": answers(500, text="secret stack trace"),
    "refused": fails(httpx.ConnectError),
    "slow": fails(httpx.ReadTimeout),
    "cut off": fails(httpx.ReadError),
    "crowded": fails(httpx.PoolTimeout),
}
PAIRS = [pair for name in BEHAVIOURS for pair in ((name, name), (name, "fine"), ("fine", name))]


@pytest.fixture
def upstreams() -> dict[str, Behaviour]:
    """Return how each upstream behaves, by host; a test changes it as it goes."""
    return {"users.example": BEHAVIOURS["fine"], "shop.example": BEHAVIOURS["fine"]}


@pytest.fixture
def app(tmp_path: Path, upstreams: dict[str, Behaviour]) -> FastAPI:
    """Return the application over those upstreams."""
    file = tmp_path / "routes.yaml"
    file.write_text(CONFIG)
    return create_app(file, transport=httpx.MockTransport(lambda request: upstreams[request.url.host](request)))


def follow(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """Return what *node* is, or refers to, in *document*."""
    while "$ref" in node:
        reference = node["$ref"].split("/")[1:]
        node = document
        for key in reference:
            node = node[key]
    return node


def announced(operation: dict[str, Any], answer: httpx.Response) -> str | None:
    """Return the key under which *operation* announces the status of *answer*."""
    status = str(answer.status_code)
    return next((key for key in (status, f"{status[0]}XX") if key in operation["responses"]), None)


Validators = dict[int, jsonschema_rs.Draft202012Validator]
"""Of media types in a document that stays, by their identity; to make one takes longer than an answer."""


def undocumented(
    document: dict[str, Any], operation: dict[str, Any], answer: httpx.Response, validators: Validators
) -> Iterator[str]:
    """Yield what of *answer* the *operation* does not announce."""
    key = announced(operation, answer)
    if key is None:
        yield f"status {answer.status_code}"
        return
    declared = follow(document, operation["responses"][key])
    usual = {"content-type", "content-length", "x-request-id", "cache-control"}
    yield from (f"header {name}" for name in answer.headers if name not in declared["headers"].keys() | usual)
    kind = answer.headers.get("content-type", "").split(";")[0]
    content = declared.get("content", {})
    media = content.get(kind, content.get("*/*"))
    if media is None and answer.content:
        yield f"media type {kind}"
    elif media is not None and kind.endswith("json") and "schema" in media:
        if id(media) not in validators:
            schema = media["schema"] | {"components": document["components"]}
            validators[id(media)] = jsonschema_rs.Draft202012Validator(schema)
        yield from (str(error) for error in validators[id(media)].iter_errors(answer.json()))


@pytest.mark.long
def test_document_and_application_agree(app: FastAPI, upstreams: dict[str, Behaviour]) -> None:
    """Whatever upstreams do, status, headers, media type and body are documented; what is documented happens."""
    document = app.openapi()
    silent = {path: set(item["get"]["responses"]) for path, item in document["paths"].items()}
    wrong: list[str] = []
    validators: Validators = {}

    async def main() -> None:
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client,
        ):
            for (one, other), (path, url, headers) in (*itertools.product(PAIRS, REQUESTS), *UNREADABLE):
                upstreams.update({"users.example": BEHAVIOURS[one], "shop.example": BEHAVIOURS[other]})
                answer = await client.get(url, headers=headers)
                operation = document["paths"][path]["get"]
                silent[path].discard(announced(operation, answer))
                found = undocumented(document, operation, answer, validators)
                wrong.extend(f"{url} with users {one}, shop {other}: {what}" for what in found)

    asyncio.run(main())
    assert wrong == []
    assert {path: keys for path, keys in silent.items() if keys} == {}

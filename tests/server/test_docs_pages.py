"""``/openapi.json`` and ``/docs``: served from the plan, without internet, under any prefix, and only while wanted."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from aggregator.codecs import json as json_codec
from aggregator.config.loading import load_config
from aggregator.edge.coding import Compression
from aggregator.errors import StartupError
from aggregator.plan.compiler import compile_plan
from aggregator.plan.types import Plan
from aggregator.server.application import docs
from aggregator.server.application.docs import add_docs

CONFIG = """
version: 1
server: {title: "<Shop> & more"}
endpoints: {GET /hello: {respond: {body: hello}}}
"""


class Plans:
    """The plan that is served; a test puts another in its place, as a reload does."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def __call__(self) -> Plan:
        return self.plan


@pytest.fixture
def plans(tmp_path: Path) -> Plans:
    """Return the plan of a small file."""
    file = tmp_path / "routes.yaml"
    file.write_text(CONFIG)
    return Plans(compile_plan(load_config(file)))


@pytest.fixture
def app(plans: Plans) -> FastAPI:
    """Return an application with the documents of that plan and nothing else."""
    application = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    add_docs(application, plans)
    return application


def fetch(app: FastAPI, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    """Return the answer of *app* to one request."""

    async def main() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.request(method, path, headers=sent)

    return asyncio.run(main())


def test_document_is_served_as_json(app: FastAPI) -> None:
    """`/openapi.json` is the document, the same as `app.openapi()` gives to tools."""
    answer = fetch(app, "/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == app.openapi()
    assert list(answer.json()["paths"]) == ["/hello"]


def test_document_has_a_tag(app: FastAPI) -> None:
    """A client that has the document already gets 304 and no body."""
    tag = fetch(app, "/openapi.json").headers["etag"]
    again = fetch(app, "/openapi.json", if_none_match=tag)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert fetch(app, "/openapi.json", if_none_match='"other"').status_code == 200


def test_document_is_built_once_for_a_plan(app: FastAPI, plans: Plans, monkeypatch: pytest.MonkeyPatch) -> None:
    """Building starts with the first request and happens once for each plan, however many ask at the same time."""
    built: list[str] = []
    build = docs.build_openapi
    monkeypatch.setattr(docs, "build_openapi", lambda plan, host: built.append(plan.digest) or build(plan, host))

    async def main() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
            await asyncio.gather(*(client.get("/openapi.json") for _ in range(5)))

    assert built == []
    asyncio.run(main())
    assert built == [plans.plan.digest]
    plans.plan = replace(plans.plan, digest="another", server=replace(plans.plan.server, title="Another"))
    assert app.openapi()["info"]["title"] == "Another"
    assert built[1:] == ["another"]


def test_tools_get_a_document_of_their_own(app: FastAPI) -> None:
    """Whoever changes what `app.openapi()` gave changes nothing for others."""
    app.openapi()["paths"].clear()
    assert list(app.openapi()["paths"]) == ["/hello"]


def test_document_under_a_prefix(app: FastAPI) -> None:
    """Mounted below a path, the document names it as its server, so that requests from the page arrive."""
    outer = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    outer.mount("/shop/api", app)
    prefixed = fetch(outer, "/shop/api/openapi.json")
    assert prefixed.json() == {"servers": [{"url": "/shop/api"}], **app.openapi()}
    assert prefixed.headers["etag"] != fetch(app, "/openapi.json").headers["etag"]


def test_page_is_complete_without_internet(app: FastAPI) -> None:
    """Everything that the page loads is there, by relative addresses that change with the content."""
    page = fetch(app, "/docs")
    loaded = re.findall(r'(?:href|src)="(.*?)"', page.text)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "://" not in page.text
    assert not [address for address in loaded if address.startswith("/")]
    kinds = {}
    for address in loaded:
        if not address.startswith("data:"):
            answer = fetch(app, f"/{address}")
            kinds[address.split("?")[0]] = (answer.status_code, answer.headers["content-type"])
    assert kinds == {
        "docs/assets/swagger-ui.css": (200, "text/css; charset=utf-8"),
        "openapi.json": (200, "application/json"),
        "docs/assets/swagger-ui-bundle.js": (200, "text/javascript; charset=utf-8"),
        "docs/assets/start.js": (200, "text/javascript; charset=utf-8"),
    }


def test_page_shows_the_title_as_text(app: FastAPI) -> None:
    """The title of the file is text on the page, whatever it holds."""
    assert "<title>&lt;Shop&gt; &amp; more</title>" in fetch(app, "/docs").text


def test_page_may_only_load_its_own(app: FastAPI) -> None:
    """The policy of the page allows its own scripts, styles and requests, and no inline script."""
    headers = fetch(app, "/docs").headers
    policy = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert (policy["script-src"], policy["style-src"], policy["connect-src"]) == ("'self'", "'self'", "'self'")
    assert policy["frame-ancestors"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert "<script>" not in fetch(app, "/docs").text


def test_assets_are_kept_by_version(app: FastAPI) -> None:
    """A file asked for by its version may be kept for a year; under any other address it is asked for again."""
    [css] = re.findall(r'href="(docs/assets/.*?)"', fetch(app, "/docs").text)
    kept = fetch(app, f"/{css}")
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert fetch(app, "/docs/assets/swagger-ui.css?v=old").headers["cache-control"] == "no-cache"
    assert fetch(app, f"/{css}", if_none_match=kept.headers["etag"]).status_code == 304


def test_licence_is_served_beside_the_files(app: FastAPI) -> None:
    """The licence of Swagger UI can be read where its files are."""
    assert "Apache License" in fetch(app, "/docs/assets/LICENSE").text


@pytest.mark.parametrize(
    "name",
    ["missing.js", "..%2F..%2F__init__.py", "%2e%2e/%2e%2e/__init__.py", "swagger%2FLICENSE", "//etc/passwd", ""],
)
def test_no_other_file_can_be_reached(app: FastAPI, name: str) -> None:
    """Files are found in a table, not by path: nothing else can be named."""
    assert fetch(app, f"/docs/assets/{name}").status_code == 404


def test_head_and_other_methods(app: FastAPI) -> None:
    """The pages can be read, and nothing else."""
    assert fetch(app, "/openapi.json", "HEAD").status_code == 200
    assert fetch(app, "/docs", "POST").status_code == 405


def test_a_file_can_switch_the_pages_off(app: FastAPI, plans: Plans) -> None:
    """`server.docs: false` takes the pages away, also by a reload; tools still get the document."""
    plans.plan = replace(plans.plan, server=replace(plans.plan.server, docs=None))
    paths = ("/docs", "/openapi.json", "/docs/assets/start.js")
    assert [fetch(app, path).status_code for path in paths] == [404, 404, 404]
    assert list(app.openapi()["paths"]) == ["/hello"]


def test_missing_package_is_named(plans: Plans, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package that holds Swagger UI the application does not start, and says what to install."""
    monkeypatch.setattr(docs, "find_spec", lambda name: None)
    with pytest.raises(StartupError, match="pip install fastapi-standalone-docs"):
        add_docs(FastAPI(), plans)


def test_page_holds_nothing_of_the_document(app: FastAPI) -> None:
    """The page holds nothing of the document, so that it is at once there for the largest file."""
    assert b"hello" not in fetch(app, "/docs").content
    assert json_codec.decode(fetch(app, "/openapi.json").content)["paths"]["/hello"]


def test_the_page_says_that_it_rounds(app: FastAPI) -> None:
    """The browser reads numbers as floats: whoever looks up an id of 64 bits there is told not to trust its last digits."""
    assert "beyond 9007199254740991 are rounded on this page" in fetch(app, "/docs").text


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/docs/assets/swagger-ui-bundle.js"])
@pytest.mark.parametrize("accepted", ["zstd", "br", "gzip", "identity"])
def test_they_are_compressed_where_answers_are(app: FastAPI, plans: Plans, path: str, accepted: str) -> None:
    """In the coding that the client takes, with the tag that fits; a client that takes none gets them as they are."""
    plain = fetch(app, path)
    assert "vary" not in plain.headers
    plans.plan = replace(plans.plan, server=replace(plans.plan.server, compress=Compression(above=100)))
    coded = fetch(app, path, accept_encoding=accepted)
    assert (coded.content, coded.headers["vary"]) == (plain.content, "accept-encoding")
    assert coded.headers.get("content-encoding", "identity") == accepted
    if "etag" in plain.headers:
        weak = "" if accepted == "identity" else "W/"
        assert coded.headers["etag"] == weak + plain.headers["etag"]
        again = fetch(app, path, accept_encoding=accepted, if_none_match=coded.headers["etag"])
        assert (again.status_code, again.headers["etag"]) == (304, coded.headers["etag"])
    if accepted != "identity":
        assert int(coded.headers["content-length"]) < len(plain.content)

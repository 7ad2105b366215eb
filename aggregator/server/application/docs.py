"""The OpenAPI document and a page to read it: ``/openapi.json``, ``/docs`` and all that this page loads.

Nothing comes from the internet: Swagger UI (Apache-2.0) is served from the package fastapi-standalone-docs. Every
address in the page is relative, so that it works under any prefix.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from hashlib import blake2b
from html import escape
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

from fastapi import FastAPI
from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from aggregator.codecs import json as json_codec
from aggregator.codecs.etag import etag_of, if_none_match
from aggregator.edge.forwarded import Origin
from aggregator.errors import StartupError
from aggregator.plan.serving import DOCS
from aggregator.plan.types import Plan
from aggregator.server.application.coded import code
from aggregator.server.application.docs_place import DocsRoute
from aggregator.server.openapi import build_openapi
from aggregator.server.routing.dispatch import origin_in

GetPlan = Callable[[], Plan]
HostOf = Callable[[Scope], str]
Refused = Callable[[Scope], Awaitable[Response | None]]

_PACKAGE = "fastapi_standalone_docs"
_FILES = {
    "swagger-ui.css": ("static/swagger/swagger-ui.css", "text/css; charset=utf-8"),
    "swagger-ui-bundle.js": ("static/swagger/swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
    "LICENSE": ("static/swagger/LICENSE", "text/plain; charset=utf-8"),
}
_START = """\
window.ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  displayRequestDuration: true,
  showExtensions: true,
  validatorUrl: null,
});
"""
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{page}/assets/swagger-ui.css?v={css}">
</head>
<body>
<div id="swagger-ui"></div>
<p>Whole numbers beyond 9007199254740991 are rounded on this page, by the browser; what the server sends is exact.</p>
<noscript>This page needs JavaScript; the document behind it is <a href="openapi.json">openapi.json</a>.</noscript>
<script src="{page}/assets/swagger-ui-bundle.js?v={bundle}"></script>
<script src="{page}/assets/start.js?v={start}"></script>
</body>
</html>
"""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_REVALIDATED = "no-cache"
_KEPT = "public, max-age=31536000, immutable"


async def _everybody(_: Scope) -> None:
    """Refuse nobody."""


def add_docs(app: FastAPI, get_plan: GetPlan, host_of: HostOf = lambda _: "", refused: Refused = _everybody) -> None:
    """Add routes to *app* that serve the document of the plan *get_plan* returns; ``app.openapi()`` returns it too.

    *host_of* tells which virtual host a request is for; each has a document of its own. *refused* answers those who may
    not read it. A plan whose ``server.docs`` is off has no page: 404. Raises ``StartupError`` when Swagger UI is not
    installed.
    """
    document = Document(get_plan)
    app.router.routes.extend(docs_routes(document, get_plan, host_of, refused))
    app.openapi = document.as_dict  # type: ignore[method-assign]


class Document:
    """The documents of the current plan, one for each host: built when they are asked for, and once for each plan."""

    __slots__ = ("_get_plan", "_latest", "_lock")

    def __init__(self, get_plan: GetPlan) -> None:
        self._get_plan = get_plan
        self._latest: tuple[str, dict[str, bytes]] = ("", {})
        self._lock = Lock()

    async def read(self, host: str = "") -> bytes:
        """Return the document of *host* as JSON; a large one is built in a thread, beside the requests being served."""
        known = self._known(host)
        return await run_in_threadpool(self._build, host) if known is None else known

    def as_dict(self) -> dict[str, Any]:
        """Return the document of hosts without a name as a dict of the caller's own."""
        document: dict[str, Any] = json_codec.decode(self._known("") or self._build(""))
        return document

    def _known(self, host: str) -> bytes | None:
        digest, documents = self._latest
        return documents.get(host) if digest == self._get_plan().digest else None

    def _build(self, host: str) -> bytes:
        with self._lock:
            plan = self._get_plan()
            if (known := self._known(host)) is not None:
                return known
            body = json_codec.encode(build_openapi(plan, host))
            digest, documents = self._latest
            self._latest = (plan.digest, {**(documents if digest == plan.digest else {}), host: body})
            return body


def docs_routes(document: Document, get_plan: GetPlan, host_of: HostOf, refused: Refused) -> list[DocsRoute]:
    """Return the routes of *document*, of the page, and of the files that it loads."""
    _static_folder()

    async def openapi(request: Request) -> Response:
        origin = origin_in(request.scope, get_plan().server.trusted_proxies)
        body = under(origin, request.scope.get("root_path", ""), await document.read(host_of(request.scope)))
        return _conditional(request, body, "application/json", etag_of(body), _REVALIDATED)

    async def page(_: Request) -> Response:
        server = get_plan().server
        text = await run_in_threadpool(page_text, server.title, (server.docs or DOCS).path.rpartition("/")[2])
        headers = {"content-security-policy": _POLICY, "cache-control": _REVALIDATED, "referrer-policy": "no-referrer"}
        return Response(text, media_type="text/html", headers=headers)

    async def assets(request: Request) -> Response:
        name: str = request.path_params["name"]
        if name != "start.js" and name not in _FILES:
            raise HTTPException(404)
        asset = await run_in_threadpool(load_asset, name)
        kept = _KEPT if request.query_params.get("v") == asset.version else _REVALIDATED
        return _conditional(request, asset.body, asset.media_type, f'"{asset.version}"'.encode(), kept)

    found = {"/openapi.json": openapi, "/docs": page, "/docs/assets/{name}": assets}
    return [
        DocsRoute(path, _to_readers(serve, get_plan, refused), lambda: get_plan().server.docs)
        for path, serve in found.items()
    ]


def _to_readers(
    serve: Callable[[Request], Awaitable[Response]], get_plan: GetPlan, refused: Refused
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        server = get_plan().server
        if (refusal := await refused(request.scope)) is not None:
            return refusal
        response = await serve(request)
        if server.docs is not None and server.docs.auth is not None:
            response.headers["cache-control"] = "private, " + response.headers["cache-control"].removeprefix("public, ")
        response.headers["x-content-type-options"] = "nosniff"
        if server.compress is not None:
            await code(request, response, server.compress)
        return response

    return endpoint


def under(origin: Origin, root_path: str, document: bytes) -> bytes:
    """Return *document* with the address by which it is reached as its server (OpenAPI 3.1 §4.8.5).

    That is the host for which a trusted proxy asks, and the prefix under which it is served; without either the
    document says nothing, and its server is the one that it came from.
    """
    address = root_path.rstrip("/")
    if origin.is_forwarded and origin.host:
        is_usual = origin.port == (443 if origin.scheme == "https" else 80)
        address = f"{origin.scheme}://{origin.host}{'' if is_usual else f':{origin.port}'}{address}"
    return document if not address else b'{"servers":[{"url":%s}],' % json_codec.encode(address) + document[1:]


def page_text(title: str, page: str = "docs") -> str:
    """Return the page called *page* that shows the document; the address of each file changes with its content."""
    names = {"css": "swagger-ui.css", "bundle": "swagger-ui-bundle.js", "start": "start.js"}
    return _PAGE.format(
        title=escape(title), page=page, **{key: load_asset(name).version for key, name in names.items()}
    )


class Asset(Struct, frozen=True):
    """A file that the page loads; *version* is a hash of its content."""

    media_type: str
    body: bytes
    version: str


@cache
def load_asset(name: str) -> Asset:
    """Return the file *name* of those that the page loads; no other file can be named."""
    if name == "start.js":
        body, media_type = _START.encode(), "text/javascript; charset=utf-8"
    else:
        path, media_type = _FILES[name]
        body = (_static_folder() / path).read_bytes()
    return Asset(media_type, body, blake2b(body, digest_size=8).hexdigest())


def _static_folder() -> Path:
    """Return where Swagger UI lies, without importing the package that brings it."""
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise StartupError("The page /docs needs a package that is missing: pip install fastapi-standalone-docs.")
    return Path(next(iter(spec.submodule_search_locations)))


def _conditional(request: Request, body: bytes, media_type: str, tag: bytes, kept: str) -> Response:
    """Return *body*, or 304 when the client has it already (RFC 9110 §15.4.5)."""
    headers = {"etag": tag.decode("ascii"), "cache-control": kept}
    sent = request.headers.get("if-none-match")
    if sent is not None and if_none_match(sent.encode("latin-1"), tag):
        return Response(status_code=304, headers=headers)
    response = Response(body, headers=headers)
    response.headers["content-type"] = media_type
    return response

"""A real browser: what pages of other origins may ask and read, cookies, compressed and streamed answers, /docs."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme
from ports import free_port

from .browser import Browser, PageError

pytestmark = pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")

ROUTES = """
version: 1
telemetry: {log: {access: all, format: json}}
server:
  cors:
    origins: ["https://shop.example.com:PORT", "https://*.preview.example.com:PORT"]
    headers: [authorization, content-type, x-wanted]
    expose: [x-request-id, x-made]
    credentials: true
    max_age: 10m
  security_headers: strict
  compress: {}
upstreams: {up: {url: "http://127.0.0.1:UPSTREAM"}}
endpoints:
  GET /page:
    respond:
      headers: {content-type: text/html, content-security-policy: "default-src 'self'; connect-src *"}
      body: "<!doctype html><title>page</title>"
  GET /me: {respond: {headers: {x-made: "yes"}, body: {session: "{{ cookies.session | default(null) }}"}}}
  PUT /items/{id}: {body: {type: object}, respond: {headers: {x-made: "{{ id }}"}, body: "{{ body }}"}}
  DELETE /items/{id}: {respond: {status: 204}}
  POST /login:
    respond: {body: {welcome: true}, set_cookies: [{name: session, value: "a b;c", path: /, max_age: 1h}]}
  POST /logout:
    respond: {status: 204, set_cookies: [{name: session, value: "", path: /, max_age: 0s}]}
  GET /limited: {require: "{{ false }}", respond: {body: 1}}
  GET /large: {respond: {headers: {content-type: text/plain}, body: "LARGE"}}
  GET /stream: {stream: true, call: up:/large}
  GET /events: {stream: true, call: up:/events}
""".replace("LARGE", "word " * 20_000)


class Events(BaseHTTPRequestHandler):
    """An upstream that sends an event, and the next one when somebody has set *go_on*."""

    go_on = threading.Event()

    def do_GET(self) -> None:
        """Answer with two events, or with a large text of unknown length."""
        is_events = self.path == "/events"
        self.send_response(200)
        self.send_header("content-type", "text/event-stream" if is_events else "text/plain")
        self.end_headers()
        if not is_events:
            self.wfile.write(b"word " * 20_000)
            return
        self.wfile.write(b"id: 1\ndata: first\n\n")
        self.wfile.flush()
        Events.go_on.wait(30)
        self.wfile.write(b"event: last\nid: 2\ndata: second\n\n")

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that the server writes its log into."""
    return tmp_path_factory.mktemp("browser") / "log.json"


@pytest.fixture(scope="module")
def port(log: Path) -> Iterator[int]:
    """The port of a server that all hosts of the tests lead to."""
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), Events)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    with serving(ROUTES.replace("UPSTREAM", str(upstream.server_port)), log.parent, log) as port:
        yield port
    upstream.shutdown()
    upstream.server_close()


@contextmanager
def serving(text: str, folder: Path, log: Path | None = None) -> Iterator[int]:
    """Serve *text* by TLS on a free port, in which PORT stands for that, and tell into *log*; the port."""
    trustme.CA().issue_cert("*.example.com").private_key_and_cert_chain_pem.write_to_path(folder / "api.pem")
    port = free_port()
    listening = f"server:\n  host: 127.0.0.1\n  port: {port}\n  tls: {{cert: api.pem}}\n"
    (folder / "routes.yaml").write_text(text.replace("server:\n", listening, 1).replace("PORT", str(port)))
    command = [sys.executable, "-m", "aggregator", "run", str(folder / "routes.yaml")]
    said = log or folder / "log.json"
    with said.open("wb") as told, subprocess.Popen(command, stderr=told) as process:
        deadline = time.monotonic() + 60
        while True:
            assert process.poll() is None, said.read_text()
            assert time.monotonic() < deadline, "the server does not listen"
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield port
        process.terminate()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests."""
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def shop(browser: Browser, port: int) -> Browser:
    """The browser on a page of the shop, with a function `api` that asks another host, without cookies of before."""
    browser.call("Network.clearBrowserCookies")
    browser.call("Network.clearBrowserCache")
    return on_page(browser, port, "shop.example.com")


def on_page(browser: Browser, port: int, host: str) -> Browser:
    """Return *browser* on a page of *host*."""
    browser.open(f"https://{host}:{port}/page")
    browser.run(f"window.api = (path, more) => fetch('https://api.example.com:{port}' + path, more);")
    return browser


JSON = "method: 'PUT', headers: {'content-type': 'application/json', authorization: 'Bearer x'}, body: '{\"a\": 1}'"


def test_a_preflight_is_asked_once_and_the_request_follows(shop: Browser) -> None:
    """JSON with credentials in a header needs one; it is remembered, and exposed headers can be read."""
    script = f"""
        const one = await api('/items/7', {{{JSON}}});
        return [one.status, await one.json(), one.headers.get('x-made'), one.headers.get('x-request-id') !== null];
    """
    assert shop.run(script) == [200, {"a": 1}, "7", True]
    assert shop.run(script) == [200, {"a": 1}, "7", True]
    assert sorted(shop.requests("/items/7")) == ["OPTIONS", "PUT", "PUT"]


def test_a_method_of_the_path_is_allowed_and_another_is_not(shop: Browser, log: Path) -> None:
    """`DELETE` is declared, `PATCH` is not: that request never leaves the browser."""
    with pytest.raises(PageError, match="Failed to fetch"):
        shop.run("await api('/items/9', {method: 'PATCH'});")
    assert shop.run("return (await api('/items/8', {method: 'DELETE'})).status;") == 204
    assert answered(log, "/items/8", 1) == ["DELETE /items/{id}"]  # it came last: all before it are told, too
    assert answered(log, "/items/9", 0) == []


def answered(log: Path, path: str, count: int) -> list[str]:
    """Return the endpoints that requests for *path* have come to, empty for none, as the server tells it.

    Its lines are written in order, by a thread: *count* of them are waited for.
    """
    deadline = time.monotonic() + 30
    while True:
        lines = [json.loads(line) for line in log.read_text().splitlines(keepends=True) if line.endswith("}\n")]
        endpoints = [line.get("endpoint", "") for line in lines if line.get("path") == path]
        if len(endpoints) >= count or time.monotonic() > deadline:
            return endpoints
        time.sleep(0.05)


def test_a_header_that_is_not_allowed_stops_the_request(shop: Browser) -> None:
    """Only those of `headers` may be set."""
    assert shop.run("return (await api('/me', {headers: {'x-wanted': '1'}})).status;") == 200
    with pytest.raises(PageError, match="Failed to fetch"):
        shop.run("await api('/me', {headers: {'x-unwanted': '1'}});")


def test_what_is_not_exposed_cannot_be_read(shop: Browser) -> None:
    """A response header is a page's only when `expose` names it."""
    assert shop.run("return (await api('/me')).headers.get('x-content-type-options');") is None


def test_cookies_go_with_credentials_and_are_no_business_of_scripts(shop: Browser) -> None:
    """A session that is set by one answer is sent with the next request, and only when the page says so."""
    assert shop.run("return await (await api('/login', {method: 'POST', credentials: 'include'})).json();") == {
        "welcome": True
    }
    with_cookie = shop.run("return await (await api('/me', {credentials: 'include'})).json();")
    assert with_cookie == {"session": "a%20b%3Bc"}
    assert shop.run("return await (await api('/me')).json();") == {"session": None}
    assert shop.run("return document.cookie;") == ""
    kept = shop.call("Network.getCookies", urls=[shop.run("return location.href;").replace("shop", "api")])["cookies"]
    assert [(one["name"], one["secure"], one["httpOnly"], one["sameSite"]) for one in kept] == [
        ("session", True, True, "Lax")
    ]
    assert shop.run("return (await api('/logout', {method: 'POST', credentials: 'include'})).status;") == 204
    assert shop.run("return await (await api('/me', {credentials: 'include'})).json();") == {"session": None}


@pytest.mark.parametrize("host", ["evil.example.net", "shop.example.com.evil.example.net", "preview.example.com"])
def test_a_refused_origin_reads_nothing_and_changes_nothing(browser: Browser, port: int, log: Path, host: str) -> None:
    """Neither an answer nor an error; what needs a preflight is not even asked."""
    page = on_page(browser, port, host)
    for more in (f", {{{JSON}}}", "", ", {credentials: 'include'}"):
        with pytest.raises(PageError, match="Failed to fetch"):
            page.run(f"await api('/items/{host}'{more});")
    assert all("CORS policy" in text for text in page.complaints() if "items" in text)
    assert answered(log, f"/items/{host}", 2) == ["", ""]  # the two simple ones, to which GET is not declared
    with pytest.raises(PageError, match="Failed to fetch"):  # by cross-origin-resource-policy
        page.run("await api('/me', {mode: 'no-cors'});")


def test_a_pattern_allows_its_hosts(browser: Browser, port: int) -> None:
    """`*` is one or more labels."""
    for host in ("pr-1.preview.example.com", "a.b.preview.example.com"):
        assert on_page(browser, port, host).run("return (await api('/me')).status;") == 200


@pytest.mark.parametrize(
    ("path", "more", "status"),
    [
        ("/nothing", "", 404),
        ("/me", ", {method: 'POST'}", 405),
        ("/limited", "", 403),
        ("/items/7", f", {{{JSON.replace('1}', '1')}}}", 400),
        ("/items/7", f", {{{JSON.replace(chr(123) + chr(34), '[' + chr(34)).replace(': 1}', ']')}}}", 422),
        ("/items/7", ", {method: 'PUT', body: 'text'}", 415),
    ],
)
def test_failures_can_be_read_by_the_page(shop: Browser, path: str, more: str, status: int) -> None:
    """An allowed origin sees why it gets nothing, instead of a network error without a word."""
    got, problem = shop.run(f"const got = await api('{path}'{more}); return [got.status, await got.json()];")
    assert (got, problem["status"]) == (status, status)


@pytest.mark.parametrize("path", ["/large", "/stream"])
def test_compressed_answers_are_read_as_they_were(browser: Browser, port: int, path: str) -> None:
    """The browser asks for codings, gets one over TLS, whole or as a stream, and unpacks it."""
    page = on_page(browser, port, "api.example.com")
    coding, text = page.run(
        f"const got = await api('{path}'); return [got.headers.get('content-encoding'), await got.text()];"
    )
    assert text == "word " * 20_000
    assert coding in ("zstd", "br", "gzip")
    sizes = page.run(f"""
        const one = performance.getEntriesByType('resource').find(entry => entry.name.endsWith('{path}'));
        return [one.encodedBodySize, one.decodedBodySize];
    """)
    assert sizes[0] < 2000
    assert sizes[1] == 100_000


def test_events_are_there_when_they_happen(shop: Browser, port: int) -> None:
    """The first is read while the second has not been sent, compressed or not, and from another origin."""
    Events.go_on.clear()
    shop.run(f"""
        window.seen = [];
        window.source = new EventSource('https://api.example.com:{port}/events');
        const first = new Promise(done => source.onmessage = event => {{ seen.push(event.data); done(); }});
        window.last = new Promise(done => source.addEventListener('last', event => {{ seen.push(event.data); source.close(); done(); }}));
        await first;
    """)
    assert shop.run("return seen;") == ["first"]
    Events.go_on.set()
    shop.run("await last;")
    assert shop.run("return seen;") == ["first", "second"]


def test_docs_work_under_strict_headers(browser: Browser, port: int) -> None:
    """The page shows every operation and asks one, and the browser finds nothing to refuse."""
    browser.open(f"https://api.example.com:{port}/docs")
    asked = browser.run("""
        const until = async found => {
            for (;;) { const one = found(); if (one) return one; await new Promise(done => setTimeout(done, 20)); }
        };
        const block = await until(() => [...document.querySelectorAll('.opblock-get')]
            .find(one => one.querySelector('.opblock-summary-path')?.dataset.path === '/me'));
        block.querySelector('.opblock-summary-control').click();
        (await until(() => block.querySelector('.try-out__btn'))).click();
        (await until(() => block.querySelector('.execute'))).click();
        const answer = await until(() => block.querySelector('.live-responses-table .response .microlight'));
        return [document.querySelectorAll('.opblock').length, answer.textContent];
    """)
    assert asked[0] == 10
    assert '"session": null' in asked[1]
    assert browser.complaints() == []
    if pictures := os.environ.get("AGGREGATOR_PICTURES"):
        browser.picture(Path(pictures) / "docs.png")


RECIPES = Path(__file__).parents[2] / "docs/cookbook/edge.md"


def test_the_recipe_of_a_single_page_app(tmp_path: Path) -> None:
    """The page logs in, asks as who it is, and logs out; its script never sees the session."""
    section = RECIPES.read_text().partition("## A single-page app\n")[2]
    text = section.partition("```yaml\n")[2].partition("```")[0]
    with serving(text, tmp_path) as port:
        hosts = f"MAP *.example.com:443 127.0.0.1:{port}, MAP * 127.0.0.1"
        with Browser(tmp_path / "profile", hosts) as browser:
            browser.open("https://shop.example.com/docs")  # any page of the shop will do
            browser.call("Page.setBypassCSP", enabled=True)
            browser.open("https://shop.example.com/docs")
            script = """
                const api = (path, more) =>
                    fetch('https://api.example.com' + path, {credentials: 'include', headers: {'content-type': 'application/json'}, ...more});
                const before = await api('/me');
                const login = await api('/login', {method: 'POST', body: JSON.stringify({name: 'ada', password: 'x'})});
                const me = await (await api('/me')).json();
                const out = await api('/logout', {method: 'POST'});
                return [before.status, await login.json(), me, out.status, (await api('/me')).status, document.cookie];
            """
            assert browser.run(script) == [401, {"name": "ada"}, {"sent": "Bearer t-ada"}, 204, 401, ""]
            browser.open("https://evil.example.com/docs")
            with pytest.raises(PageError, match="Failed to fetch"):
                browser.run("await fetch('https://api.example.com/me', {credentials: 'include'});")

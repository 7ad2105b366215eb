"""The page of administration in a real browser: every view, a narrow one, many endpoints, a reload, hostile texts."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from .browser import Browser

pytestmark = pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")

SECRET = "canary-of-administration"
HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
ROUTES = """
version: 1
server: {{port: 0, admin: {{address: "127.0.0.1:0", secret: {secret}}}}}
telemetry: {{recorder: {{slow: 10s, bodies: 4KiB, headers: [content-type, x-hostile]}}}}
upstreams: {{hostile: {{url: "{upstream}"}}, users: {{url: "demo://users"}}}}
endpoints:
  GET /page/{{id}}:
    summary: '{hostile}'
    fan_out: {{user: "users:/users/1", bad: {{url: "hostile:/x", optional: true, default: 1}}}}
  GET /broken: {{call: "hostile:/x"}}
"""
VIEWS = ("now", "requests", "upstreams", "background", "configuration", "try")


class Hostile(BaseHTTPRequestHandler):
    """An upstream that fails, and says markup in every field."""

    def do_GET(self) -> None:
        """Answer with 500."""
        body = json.dumps({HOSTILE: HOSTILE}).encode()
        self.send_response(500, HOSTILE)
        for name, value in {
            "content-type": "application/json",
            "x-hostile": HOSTILE,
            "content-length": len(body),
        }.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@pytest.fixture
def upstream() -> Iterator[str]:
    """The URL of the hostile upstream."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def serve(tmp_path: Path, upstream: str) -> Iterator[Callable[[str], tuple[str, str, Path]]]:
    """Return a function that serves a text, and gives the public URL, that of administration, and the file."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(text: str = ROUTES) -> tuple[str, str, Path]:
        file = tmp_path / "routes.yaml"
        file.write_text(text.format(secret=SECRET, upstream=upstream, hostile=HOSTILE.replace("'", "''")))
        command = [sys.executable, "-m", "aggregator", "run", str(file), "--log-format", "json"]
        with (tmp_path / "log").open("w") as log:
            processes.append(subprocess.Popen(command, stderr=log, stdout=log, env={**os.environ}))
        deadline = time.monotonic() + 60
        while True:
            urls = re.findall(r"http://127\.0\.0\.1:\d+", (tmp_path / "log").read_text())
            if len(urls) >= 2:
                return urls[0], urls[1], file
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.05)

    yield start
    for process in processes:
        process.terminate()
        process.wait(30)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """A browser."""
    with Browser(tmp_path / "profile") as made:
        yield made


def _get(url: str) -> None:
    try:
        urllib.request.urlopen(url, timeout=30).read()
    except urllib.error.HTTPError as error:
        error.close()


def _until(browser: Browser, condition: str) -> Any:
    """Wait until *condition*, an expression of the page, is truthy; return it."""
    return browser.run(f"""
        for (let n = 0; n < 600; n++) {{
          const found = {condition};
          if (found) return found;
          await new Promise((resolve) => setTimeout(resolve, 50));
        }}
        throw new Error("never: " + document.body.innerText.slice(0, 2000));
    """)


def _text(browser: Browser, condition: str) -> None:
    _until(browser, f"document.body.innerText.includes({json.dumps(condition)})")


def _clean(browser: Browser) -> None:
    """Nothing was thrown or refused, no text became a script, and nothing is wider than the page."""
    assert browser.complaints() == []
    assert browser.run("return [window.hacked, document.querySelectorAll('main script').length]") in ([None, 0], [0])


def test_every_view_wide_and_narrow(serve, browser, tmp_path):
    """With hostile texts in every field; nothing is cut off at 360 pixels."""
    public, admin, _ = serve()
    browser.open(f"{admin}/-/")
    _text(browser, "generation 1")
    for _ in range(3):
        _get(f"{public}/page/%3Cimg%20src=x%20onerror=hacked=1%3E?q=%3Cscript%3E")
        _get(f"{public}/broken")
    _text(browser, "bad: status")
    places = [*VIEWS, "endpoint/" + "GET%20%2Fpage%2F%7Bid%7D"]
    identity = _until(
        browser, "[...document.querySelectorAll('main a[href^=\"#request/\"]')].map((one) => one.hash)[0]"
    )
    for width in (1280, 360):
        browser.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=1400, deviceScaleFactor=1, mobile=width < 500
        )
        for place in [*places, identity.removeprefix("#")]:
            browser.run(f"location.hash = {json.dumps('#' + place)}")
            title = place.partition("/")[0]
            _until(browser, "document.querySelector('main h1')")
            _until(
                browser,
                f"!document.querySelector('#notice:not([hidden])') && location.hash === {json.dumps('#' + place)}",
            )
            browser.run("await new Promise((resolve) => setTimeout(resolve, 400))")
            browser.picture(tmp_path / f"{title}-{width}.png")
            assert browser.run("return document.documentElement.scrollWidth <= innerWidth"), (place, width)
    _clean(browser)
    text = browser.run("return document.body.innerText")
    assert "<img src=x" in text
    assert SECRET not in text


def test_a_trial_needs_the_secret_and_shows_its_calls(serve, browser):
    """It is asked for, used, and kept nowhere."""
    _, admin, _ = serve()
    browser.open(f"{admin}/-/#try/GET%20%2Fpage%2F%7Bid%7D")
    _until(browser, "document.querySelector('[name=\"param.id\"]')")
    send = (
        "document.querySelector('[name=\"param.id\"]').value = '7'; document.querySelector('form.try').requestSubmit();"
    )
    browser.run(send)
    _text(browser, "This needs the secret of `server.admin`")
    browser.run(f"""
        document.querySelector('[name=secret]').value = {json.dumps(SECRET)};
        document.getElementById('secret').requestSubmit();
    """)
    _until(browser, "document.querySelector('[name=secret]').placeholder === 'in use'")
    _until(browser, "document.querySelector('[name=\"param.id\"]').value === ''")
    browser.run(send)
    _text(browser, "Its answer now: 200")
    kept = browser.run(
        "return [document.cookie, localStorage.length, sessionStorage.length, document.documentElement.outerHTML]"
    )
    assert kept[:3] == ["", 0, 0]
    assert SECRET not in kept[3]


def test_the_last_hour_is_there_when_the_page_is_opened(serve, browser):
    """What was asked for before is drawn at once, failures in a colour of their own; an endpoint tells its numbers."""
    public, admin, _ = serve()
    for _ in range(3):
        _get(f"{public}/page/1")
        _get(f"{public}/broken")
    browser.open(f"{admin}/-/")
    plots = "[...document.querySelectorAll('main tr')].filter((row) => row.innerText.includes('GET /broken'))"
    drawn = _until(browser, f"{plots}.map((row) => row.querySelectorAll('path[d^=M]').length)[0]")
    assert drawn == 2
    browser.run("location.hash = '#endpoint/' + encodeURIComponent('GET /broken')")
    row = _until(
        browser,
        "[...document.querySelectorAll('main tr')].map((one) => one.innerText).find((text) => text.startsWith('hour'))",
    )
    assert "100.0%" in row
    _clean(browser)


def test_a_reload_while_it_is_open(serve, browser):
    """The new endpoint is there, and then why the next file was refused."""
    _, admin, file = serve()
    browser.open(f"{admin}/-/")
    _text(browser, "generation 1")
    good = file.read_text()
    file.write_text(good + "  GET /fresh: {respond: {body: 1}}\n")
    _text(browser, "GET /fresh")
    file.write_text(good + "  GET /fresh: {respnd: 1}\n")
    _text(browser, "The saved file is refused.")
    browser.run("location.hash = '#configuration'")
    _text(browser, "respnd")
    _clean(browser)


def test_many_endpoints(serve, browser, tmp_path):
    """Of 500, those that matter are there; what has the focus keeps it while numbers change."""
    many = "".join(f"  GET /e{number}/{{{{id}}}}: {{{{respond: {{{{body: 1}}}}}}}}\n" for number in range(500))
    public, admin, _ = serve(ROUTES + many)
    browser.open(f"{admin}/-/")
    _text(browser, "482 more endpoints are quieter.")
    _get(f"{public}/e499/1")
    _text(browser, "GET /e499/{id}")
    browser.run("document.querySelector('main a').focus(); window.before = document.querySelector('main table')")
    _until(browser, "document.querySelector('main table') !== window.before")
    assert browser.run("return document.activeElement.textContent") == "GET /e499/{id}"
    browser.picture(tmp_path / "many.png")
    _clean(browser)

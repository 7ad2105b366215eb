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
ACTED = """
version: 1
state: state
server: {{port: 0, admin: {{address: "127.0.0.1:0", secret: {secret}}}}}
upstreams:
  hostile: {{url: "{upstream}", idempotent: true, breaker: {{failures: 100, pause: 5s}}}}
endpoints:
  GET /n:
    fan_out: {{one: "hostile:/x", two: {{url: "hostile:/y", optional: true}}}}
  POST /order:
    body: {{type: object}}
    respond: {{status: 202}}
    background:
      - {{name: kept, durable: true, url: "POST hostile:/z", json: "{{{{ body }}}}", retry: {{attempts: 2, backoff: 1s..1s, on: [network]}}}}
      - {{name: gone, url: "POST hostile:/z", json: "{{{{ body }}}}"}}
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

    def do_POST(self) -> None:
        """Answer with 500, to what came with a body."""
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.do_GET()

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
            assert processes[-1].poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.05)

    yield start
    for process in processes:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The one browser of these tests."""
    with Browser(tmp_path_factory.mktemp("profile")) as made:
        yield made


@pytest.fixture
def browser(started: Browser) -> Browser:
    """The browser, which knows nothing of the tests before."""
    started.renew()
    return started


def _get(url: str) -> None:
    try:
        urllib.request.urlopen(url, timeout=30).read()
    except urllib.error.HTTPError as error:
        error.close()


def _read(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def _post(url: str, given: Any, **headers: str) -> None:
    request = urllib.request.Request(url, json.dumps(given).encode(), {"content-type": "application/json", **headers})
    urllib.request.urlopen(request, timeout=30).read()


def _act(admin: str, action: str, given: Any) -> None:
    _post(f"{admin}/-/{action}", given, authorization=f"Bearer {SECRET}")


def _until(browser: Browser, condition: str) -> Any:
    """Wait until *condition*, an expression of the page, is truthy; return it."""
    return browser.run(f"""
        for (let n = 0; n < 600; n++) {{
          const found = {condition};
          if (found) return found;
          await new Promise((resolve) => setTimeout(resolve, 50));
        }}
        throw new Error("never: " + document.getElementById("action")?.innerText + document.body.innerText.slice(0, 2000));
    """)


def _text(browser: Browser, condition: str) -> None:
    _until(browser, f"document.body.innerText.includes({json.dumps(condition)})")


def _clean(browser: Browser, *, refused: bool = False) -> None:
    """Nothing was thrown, or refused unless that was to be, no text became a script."""
    complaints = [
        one for one in browser.complaints() if not (refused and "the server responded with a status of 40" in one)
    ]
    assert complaints == []
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
    places = [*VIEWS, "endpoint/" + "GET%20%2Fpage%2F%7Bid%7D", "upstream/hostile"]
    identity = _until(
        browser, "[...document.querySelectorAll('main a[href^=\"#request/\"]')].map((one) => one.hash)[0]"
    )
    for width, scheme in ((1280, "light"), (360, "dark")):
        browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
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


def test_a_phone_shows_what_hurts(serve, browser):
    """At 360 pixels the share of partial answers is there, and the path of a request is not broken into pieces."""
    public, admin, _ = serve()
    size = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    browser.call("Emulation.setDeviceMetricsOverride", **size)
    _get(f"{public}/page/dashboard-1")
    browser.open(f"{admin}/-/#requests")
    link = "document.querySelector('main a[href^=\"#request/\"]')"
    _until(browser, link)
    assert browser.run(f"return {link}.getClientRects().length") <= 2
    browser.run("location.hash = '#now'")
    _text(browser, "partial")
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")


def test_a_trial_needs_the_secret_and_shows_its_calls(serve, browser):
    """It is asked for, used, and kept nowhere."""
    _, admin, _ = serve()
    browser.open(f"{admin}/-/#try/GET%20%2Fpage%2F%7Bid%7D")
    _until(browser, "document.querySelector('[name=\"param.id\"]')")
    assert browser.run("return document.querySelector('form.try button').disabled")
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
        "[...document.querySelectorAll('main tr')].map((one) => one.innerText).find((text) => text.includes('since its start'))",
    )
    assert "100.0%" in row
    _clean(browser)


def _press(browser: Browser, label: str, title: str, **given: str) -> None:
    """Press the button *label*, fill in the dialog *title*, and send it."""
    button = f"[...document.querySelectorAll('main button')].find((one) => one.textContent === {json.dumps(label)})"
    _until(browser, button)
    browser.run(f"{button}.click()")
    assert _until(browser, "document.querySelector('dialog[open] h2')?.textContent") == title
    for name, value in given.items():
        browser.run(f"document.querySelector('dialog [name={name}]').value = {json.dumps(value)}")
    browser.run("document.querySelector('dialog form').requestSubmit()")


def _done(browser: Browser, words: str) -> None:
    """Wait for *words* in the dialog, and close it; the view has the focus again."""
    _until(browser, f"document.querySelector('dialog [role]')?.textContent.includes({json.dumps(words)})")
    browser.run("document.querySelector('dialog').close()")
    assert browser.run("return document.getElementById('view').contains(document.activeElement)")


def test_where_nothing_can_be_done_buttons_are_disabled(serve, browser):
    """Instead of being shown and refused; the page says why, once for all of them, and each does."""
    _, admin, _ = serve(ACTED.replace(", secret: {secret}", ""))
    browser.open(f"{admin}/-/#upstream/hostile")
    _text(browser, "Nothing can be done here until `server.admin` declares a `secret`.")
    offered = "[...document.querySelectorAll('main button[aria-haspopup]')]"
    _until(browser, f"{offered}.length > 3 && {offered}.every((one) => one.disabled && one.title)")
    _clean(browser)


def test_what_changed_before_the_page_was_opened_is_shown(serve, browser):
    """The process keeps it: who comes after a breaker was opened sees when and why."""
    _, admin, _ = serve(ACTED)
    _act(admin, "breaker", {"upstream": "hostile", "order": "open", "why": HOSTILE})
    browser.open(f"{admin}/-/")
    _text(browser, "A breaker has changed.")
    _text(browser, "forced_open")
    _clean(browser)


def test_an_upstream_is_switched_off_and_on(serve, browser):
    """With the secret, for a time, and with a reason that others read; without it nothing is sent, and a wrong one is told."""
    _, admin, _ = serve(ACTED)
    browser.open(f"{admin}/-/#upstream/hostile")
    _press(browser, "Switch off…", "Switch off upstream hostile", why=HOSTILE)
    _until(browser, "document.querySelector('dialog [name=secret]').matches(':invalid')")
    browser.run("document.querySelector('dialog [name=secret]').value = 'a secret of somewhere else'")
    browser.run("document.querySelector('dialog form').requestSubmit()")
    _until(browser, "document.querySelector('dialog [role=alert]')?.textContent.includes('server.admin')")
    browser.run(f"document.querySelector('dialog [name=secret]').value = {json.dumps(SECRET)}")
    browser.run("document.querySelector('dialog [name=for]').value = '10m'")
    browser.run("document.querySelector('dialog form').requestSubmit()")
    _done(browser, "It is switched off until")
    _press(browser, "Switch on…", "Switch on upstream hostile")
    _done(browser, "It is switched on.")
    for kind, part in (("endpoint", None), ("part", "two")):
        target = {"turn": "off", "kind": kind, "name": "GET /n", "why": HOSTILE} | ({"part": part} if part else {})
        _act(admin, "switch", target)
    browser.run("location.hash = '#upstreams'")
    _text(browser, "part two of GET /n")
    _press(browser, "Switch on…", "Switch on endpoint GET /n")
    _done(browser, "It is switched on.")
    browser.run("location.hash = '#endpoint/' + encodeURIComponent('GET /n')")
    _until(browser, "document.querySelector('main h1')?.textContent === 'GET /n'")
    _press(browser, "Switch off…", "Switch off endpoint GET /n", why="it is not well")
    _done(browser, "It is switched off until somebody switches it on.")
    offs = "[...document.querySelectorAll('main button')].filter((one) => one.textContent === 'Switch on…')"
    _until(browser, f"{offs}.length === 2")  # the first one is that of the endpoint, once it is drawn
    _press(browser, "Switch on…", "Switch on endpoint GET /n", why="it is well")
    _done(browser, "It is switched on.")
    _clean(browser, refused=True)


def test_a_breaker_takes_orders(serve, browser):
    """Open for a while, closed, and as the file says again; an order that cannot be says why, and others read why."""
    _, admin, _ = serve(ACTED)
    browser.open(f"{admin}/-/#upstream/hostile")
    _press(browser, "Open…", "Open the breaker of hostile", secret=SECRET, **{"for": "soon"})
    _until(browser, "document.querySelector('dialog [role=alert]')?.textContent.includes('such as 10m')")
    browser.run("document.querySelector('dialog [name=for]').value = '10m'")
    browser.run("document.querySelector('dialog form').requestSubmit()")
    _done(browser, "It is called no more.")
    _text(browser, "forced open")
    _press(browser, "Close…", "Close the breaker of hostile", why="it is well", by="me")
    _done(browser, "It is called whatever happens.")
    assert [one["reason"] for one in _read(f"{admin}/-/breakers")] == ["ordered by me: it is well"]
    _press(browser, "Release…", "Release the breaker of hostile")
    _done(browser, "It decides by itself.")
    _text(browser, "closed")
    _clean(browser, refused=True)


def test_effects_are_listed_shown_retried_and_discarded(serve, browser):
    """Those that died, with what came of them last, and what failed without being kept."""
    public, admin, _ = serve(ACTED)
    for _ in range(2):
        _post(f"{public}/order", {"text": HOSTILE})
    browser.open(f"{admin}/-/#background/dead")
    for _ in range(600):
        if [one["state"] for one in _read(f"{admin}/-/effects")] == ["dead", "dead"]:
            break
        time.sleep(0.05)
    browser.run("location.hash = '#background'; location.hash = '#background/dead'")
    _until(browser, "document.querySelectorAll('main a[href^=\"#effect/\"]').length === 2")
    _text(browser, "gone")
    tops = "new Set([...document.querySelectorAll('.orders')[0].children].map((one) => one.offsetTop)).size"
    assert browser.run(f"return [{tops}, document.querySelector('.orders').children.length]") == [1, 2]
    _press(browser, "Retry all dead kept…", "Retry all dead effects kept", secret=SECRET)
    _done(browser, "2 of them: will be sent.")
    for _ in range(600):
        if [one["state"] for one in _read(f"{admin}/-/effects")] == ["dead", "dead"]:
            break
        time.sleep(0.05)
    browser.run("location.hash = '#effect/' + " + json.dumps(_read(f"{admin}/-/effects")[0]["id"]))
    _text(browser, "onerror")
    _press(browser, "Discard…", "Discard the effect kept")
    _done(browser, "1 of them: removed.")
    assert len(_read(f"{admin}/-/effects")) == 1
    _clean(browser, refused=True)


def test_the_log_and_the_file_take_orders(serve, browser):
    """Another level for a while, and a reload, which says what it came to."""
    _, admin, file = serve(ACTED)
    browser.open(f"{admin}/-/#configuration")
    _press(browser, "Change the log…", "Change the log", level="debug", secret=SECRET, **{"for": "5m"})
    _done(browser, "The log writes debug, as json.")
    _text(browser, "is written at debug, as json, until ")
    _press(browser, "Load the file again…", "Load the file again", reason=HOSTILE)
    _done(browser, "It is unchanged: generation 1.")
    file.write_text(file.read_text() + "  GET /fresh: {respond: {body: 1}}\n")
    _text(browser, "GET /fresh: {respond: {body: 1}}")
    _text(browser, "endpoints added")
    assert SECRET not in browser.run("return document.body.innerText")
    _clean(browser)


def test_the_times_of_calls_are_on_the_graph(serve, browser):
    """While the view is open, and of those that failed how many."""
    public, admin, _ = serve(ACTED)
    browser.open(f"{admin}/-/#endpoint/GET%20%2Fn")
    _until(browser, "document.querySelector('svg.graph')")
    for _ in range(600):
        _get(f"{public}/n")
        if browser.run("return [...document.querySelectorAll('svg.graph .live.bad')].length") == 2:
            break
        time.sleep(0.05)
    assert "100.0% fail" in browser.run("return document.querySelector('svg.graph .live').textContent")
    row = browser.run("return [...document.querySelectorAll('main tr')].map((one) => one.innerText)[2]")
    assert "since its start" in row
    _clean(browser, refused=True)


def test_now_does_not_wait_for_the_last_hour(serve, browser):
    """A history that does not come keeps nothing else from being shown."""
    public, admin, _ = serve()
    browser.open("about:blank")
    browser.call("Page.addScriptToEvaluateOnNewDocument", source="""
        const real = window.fetch;
        window.fetch = (path, ...more) => String(path).startsWith('/-/history') ? new Promise(() => {}) : real(path, ...more);
    """)  # fmt: skip
    browser.open(f"{admin}/-/")
    _text(browser, "GET /broken")
    _get(f"{public}/broken")
    _until(browser, "[...document.querySelectorAll('main tr')].some((one) => one.innerText.includes('100.0%'))")
    _clean(browser)


def test_keys_choose_views_and_leave_a_dialog(serve, browser):
    """Numbers go from view to view; in a dialog they are what one types, Escape leaves it, and focus returns."""
    _, admin, _ = serve(ACTED)
    browser.open(f"{admin}/-/")
    _text(browser, "GET /n")
    browser.call("Input.dispatchKeyEvent", type="keyDown", key="5", text="5")
    browser.call("Input.dispatchKeyEvent", type="keyUp", key="5")
    _until(browser, "location.hash === '#configuration' && [...document.querySelectorAll('main button')][1]")
    browser.run("const button = document.querySelectorAll('main button')[1]; button.focus(); button.click();")
    _until(browser, "document.querySelector('dialog[open]')")
    browser.call("Input.dispatchKeyEvent", type="keyDown", key="1", text="1")
    browser.call("Input.dispatchKeyEvent", type="keyUp", key="1")
    for kind in ("rawKeyDown", "keyUp"):
        browser.call("Input.dispatchKeyEvent", type=kind, key="Escape", code="Escape", windowsVirtualKeyCode=27)
    _until(browser, "!document.querySelector('dialog[open]')")
    assert browser.run("return [location.hash, document.activeElement.textContent]") == [
        "#configuration", "Change the log…",
    ]  # fmt: skip
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
    _text(browser, "A new configuration was refused; the running one stays.")
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

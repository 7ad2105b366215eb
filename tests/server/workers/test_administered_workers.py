"""The address of administration in front of several workers, in processes of their own."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from tests.server.workers.conftest import PATIENCE, Workers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers need Linux")

SECRET = "a-secret-of-some-length"
ROUTES = f"""
version: 1
server: {{workers: 2, admin: {{address: 127.0.0.1:0, secret: {SECRET}}}}}
telemetry: {{metrics: {{}}, recorder: {{keep: 50, slow: 1h}}}}
endpoints:
  GET /n: {{respond: {{body: 1}}}}
  GET /bad: {{respond: {{status: 500, body: 1}}}}
"""
SWITCH = {"turn": "off", "kind": "endpoint", "name": "GET /n"}


class Administration:
    """The address of administration of *running*."""

    def __init__(self, running: Workers) -> None:
        self._running = running
        (line,) = running.until_said("   administration")
        url = re.findall(r"http://\S+", line)[0]
        self.client = httpx.Client(base_url=url, headers={"authorization": f"Bearer {SECRET}"}, timeout=PATIENCE)

    def get(self, path: str) -> Any:
        """Return what is shown at *path* once no worker is missing, as one may be on a busy machine."""

        def found() -> httpx.Response | None:
            answer = self.client.get(path)
            assert answer.status_code == 200, answer.text
            is_whole = "x-workers-missing" not in answer.headers and '"missing":[]' in f'{answer.text}"missing":[]'
            return answer if is_whole else None

        answer: httpx.Response = self._running.until(found)
        return answer.json() if answer.headers["content-type"] == "application/json" else answer.text

    def kept(self, count: int) -> list[dict[str, Any]]:
        """Return the requests that are recorded once there are *count*: one is recorded after its client has its answer."""

        def found() -> list[dict[str, Any]] | None:
            requests: list[dict[str, Any]] = self.get("/-/requests")["requests"]
            return requests if len(requests) >= count else None

        requests: list[dict[str, Any]] = self._running.until(found)
        return requests

    def counted(self, sample: str) -> float:
        """Return the value of *sample* in a scrape."""
        return float(re.findall(rf"^{re.escape(sample)} (\S+)$", self.get("/metrics"), re.MULTILINE)[0])


@pytest.fixture
def administration() -> Iterator[Callable[[Workers], Administration]]:
    """Return what opens the address of administration of running workers; it is left in the end."""
    with ExitStack() as stack:

        def opened(running: Workers) -> Administration:
            found = Administration(running)
            stack.callback(found.client.close)
            return found

        yield opened


Opened = Callable[[Workers], Administration]


def test_one_address_tells_of_all_workers(workers: Callable[..., Workers], administration: Opened) -> None:
    """What they are, have kept and counted, also before one was killed; and what was ordered holds for its follower."""
    running = workers(ROUTES)
    admin = administration(running)
    ids = {running.get("/bad").headers["x-request-id"] for _ in range(10)}  # as many as one worker records in a second
    told = admin.get("/-/config")
    assert {(one["pid"], one["generation"]) for one in told["workers"]} == {(pid, 1) for pid in running.pids()}
    assert (told["generation"], told["endpoints"], told["last_refusal"]) == (1, 2, None)
    kept = admin.kept(10)
    assert {one["id"] for one in kept} == ids
    assert len({one["id"].partition("-")[0] for one in kept}) == len({one["worker"] for one in kept})
    assert admin.get(f"/-/requests/{kept[0]['id']}")["id"] == kept[0]["id"]
    refused = admin.client.get("/-/events?endpoint=GET%20/bat")
    assert (refused.status_code, refused.json()["detail"]) == (
        404, "There is no endpoint `GET /bat`; did you mean `GET /bad`?",
    )  # fmt: skip
    sample = 'aggregator_requests_total{endpoint="GET /bad",status="5xx"}'
    assert admin.counted(sample) == 10

    running.until(lambda: admin.client.post("/-/switch", json=SWITCH).status_code == 200)
    os.kill(running.pids()[0], signal.SIGKILL)
    running.until_said("A worker serves.", 3)
    assert [running.get("/n").status_code for _ in range(6)] == [503] * 6
    assert {one["pid"] for one in admin.get("/-/config")["workers"]} == set(running.pids()[1:])
    assert admin.counted(sample) == 10
    assert [one["name"] for one in admin.get("/-/switches")] == ["GET /n"]

    running.write(ROUTES.replace("body: 1", "body: 2"))
    assert admin.client.post("/-/reload").json()["generation"] == 2
    assert {one["generation"] for one in admin.get("/-/config")["workers"]} == {2}
    running.process.terminate()
    assert running.end() == 0


KEEPING = f"""
version: 1
state: ./state
server: {{workers: 2, admin: {{address: 127.0.0.1:0, secret: {SECRET}}}}}
telemetry: {{metrics: {{otlp: "http://user:canary-of-an-address@127.0.0.1:9", every: 1s, headers: {{x-key: "${{KEPT}}"}}}}}}
upstreams: {{hook: {{url: "http://127.0.0.1:9/", idempotent: true, headers: {{authorization: "Bearer ${{KEPT}}"}}}}}}
endpoints:
  POST /order:
    body: {{type: object}}
    respond: {{status: 202}}
    background:
      - {{name: sent, durable: true, url: "POST hook:/${{KEPT}}", json: {{note: "${{KEPT}}", own: "{{{{ body }}}}"}}}}
"""


def test_what_waits_shows_no_secret(
    workers: Callable[..., Workers], administration: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever worker keeps it; nor does anything else of the address, or what is written of a collector that is down."""
    monkeypatch.setenv("KEPT", "canary-of-kept")
    running = workers(KEEPING, "--log-level", "debug")
    admin = administration(running)
    body = {"said": "canary-of-kept", "password": "canary-of-a-password", "n": 1}
    for _ in range(4):
        running.until(lambda: httpx.post(f"{running.url}/order", json=body, timeout=PATIENCE).status_code == 202)
    kept = admin.get("/-/effects")
    assert [one["name"] for one in kept] == ["sent"] * 4
    whole = [sent for one in kept for sent in admin.get(f"/-/effects?id={one['id']}")]
    assert {one["request"]["target"] for one in whole} == {"/********"}
    shown = '{"note":"********","own":{"said":"********","password":"********","n":1}}'
    assert {one["request"]["body"] for one in whole} == {shown}
    running.until_said("Metrics were lost")
    told = [str(admin.get(f"/-/{path}")) for path in ("config", "lately", "background", "upstreams", "endpoints")]
    assert [text for text in (str(whole), str(kept), *told, *running.lines) if "canary" in text] == []
    running.process.terminate()
    assert running.end() == 0

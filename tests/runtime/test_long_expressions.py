"""No expression that reads a long body is evaluated in the loop, whichever setting it stands in."""

from __future__ import annotations

import importlib
import json
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from aggregator.config.loading import load_config
from aggregator.config.model.root import RootSettings
from aggregator.errors import ConfigError
from aggregator.runtime import coding
from aggregator.runtime.background.effects import EffectQueue
from aggregator.templates.expressions.bounds import Budget
from tests.runtime.conftest import Gateway, Upstream
from tests.settings import DUMPER, SETTINGS, written

JSON = {"content-type": "application/json"}
LONG = 8 * 1024
"""What counts as long here, in place of far more; all else is in proportion."""
BODY = json.dumps({"a": [1] * (LONG // 2 + 100), "items": [{"id": 1}]}, separators=(",", ":"))
"""Longer than what the loop works on; each evaluation goes through all of it."""
TRUE, LIST = "{{ body.a | min > 0 }}", "{{ body.a | unique }}"
LITTLE = LONG
"""The work that the loop may do, far below what going through the body once takes."""
PLACE = "POST /x/{id}"


def place_of(number: int) -> str:
    return f"POST /x{number}/{{id}}"


def endpoints() -> dict[str, tuple[str, Any]]:
    """Every text setting of an endpoint, in an endpoint of its own: its name and the endpoint, by the key of that."""
    found = {}
    nested = ("fan_out", "race", "fallback")
    paths = [path for path in SETTINGS if path[:2] == ("endpoints", PLACE)]
    for number, path in enumerate(path for path in paths if sum(map(path.count, nested)) < 2):
        text = LIST if path[-2:] == ("for_each", "in") else TRUE
        found[place_of(number)] = (".".join(map(str, path[2:])), written(RootSettings, path, text)["endpoints"][PLACE])
    return found


def readable(found: dict[str, tuple[str, Any]], file: Path) -> dict[str, tuple[str, Any]]:
    """Those of *found* whose setting may read the body."""
    file.write_text(of_file({place: one for place, (_, one) in found.items()}))
    try:
        load_config(file, {})
    except ConfigError as error:
        refused = {one.path[1] for one in error.diagnostics if one.level == "error"}
        return {place: one for place, one in found.items() if place not in refused}
    return found


def of_file(places: dict[str, Any], **more: Any) -> str:
    root = {
        "version": 1,
        "upstreams": {"u": {"url": "http://u.test", "retry": {"attempts": 2, "on": ["refused"]}}},
        **more,
        "endpoints": places,
    }
    return yaml.dump(root, Dumper=DUMPER, sort_keys=False)


class Work:
    """How much expressions have gone through, by the kind of thread."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.by: Counter[str] = Counter()
        real = Budget.spend

        def spend(budget: Budget, work: int) -> None:
            self.by[threading.current_thread().name.partition("-")[0]] += work
            real(budget, work)

        monkeypatch.setattr(Budget, "spend", spend)

    def take(self) -> tuple[int, int]:
        """What was gone through since the last time: by the loop, and by threads."""
        loop, whole = self.by["MainThread"], self.by.total()
        self.by.clear()
        return loop, whole - loop


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    return Work(monkeypatch)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body is long from ``LONG`` bytes on, wherever that is asked."""
    importlib.import_module("aggregator.server.application.app")  # all that ask it
    usual = coding.LARGE
    for name, module in list(sys.modules.items()):
        for constant in ("LARGE", "_LARGE"):
            if name.startswith(ASKING) and getattr(module, constant, None) == usual:
                monkeypatch.setattr(module, constant, LONG)


ASKING = ("aggregator.runtime.", "aggregator.policies.")
ANSWERS = ([200], [500], [500, 200])
"""What an upstream answers to one request after the other, the last status to all others."""


class Answers:
    """Answers whose statuses are *statuses*, the last one again and again; `begin` begins with the first."""

    def __init__(self) -> None:
        self.statuses = [200]

    def begin(self, statuses: list[int]) -> None:
        self.statuses = list(statuses)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return httpx.Response(
            status, json=[{"id": 1}] if request.url.host in ("kept.test", "marked.test") else {"a": 1}
        )


def is_reached(works: list[tuple[int, int]]) -> bool:
    """Whether something has gone through the body in one of *works*."""
    return any(max(both) > LITTLE for both in works)


@pytest.fixture
def settle(monkeypatch: pytest.MonkeyPatch) -> Callable[[Gateway], None]:
    """Waits until every background call has ended."""
    queues: set[EffectQueue] = set()
    put = EffectQueue.put

    def noted(queue: EffectQueue, *given: Any, **named: Any) -> None:
        queues.add(queue)
        put(queue, *given, **named)

    monkeypatch.setattr(EffectQueue, "put", noted)

    def settle(gateway: Gateway) -> None:
        while queues:
            gateway.wait_for(queues.pop().settled())

    return settle


@pytest.mark.long
def test_no_setting_of_an_endpoint_computes_over_a_long_body_in_the_loop(
    tmp_path: Path, work: Work, settle: Callable[[Gateway], None]
) -> None:
    """Each that may read the body is reached, whether the upstream fails or not, and by threads alone."""
    file = tmp_path / "routes.yaml"
    places = readable(endpoints(), file)
    file.write_text(of_file({place: one for place, (_, one) in places.items()}))
    done: dict[str, list[tuple[int, int]]] = {}
    answers = Answers()
    gateway = Gateway(file, Upstream(answers), {})
    for statuses in ANSWERS:
        for place, (name, _) in places.items():
            if not is_reached(done.get(name, [])):
                answers.begin(statuses)
                work.take()
                gateway.post(place.removeprefix("POST ").replace("{id}", "1"), content=BODY, headers=JSON)
                settle(gateway)
                done.setdefault(name, []).append(work.take())
    gateway.close()
    frozen = {name: works for name, works in done.items() if any(loop > LITTLE for loop, _ in works)}
    unread = [name for name, works in done.items() if not is_reached(works)]
    assert len(done) > 50
    assert (frozen, unread) == ({}, [])


TOGETHER = """
version: 1
state: STATE
upstreams:
  u: {url: "http://u.test", retry: {attempts: 2, on: [refused]}}
  kept: {url: "http://kept.test", cache: {ttl: 60s, methods: [POST], tags: [TRUE]}}
  marked: {url: "http://marked.test", cache: {ttl: 60s, methods: [POST], tags: [MARK]}}
  obeyed: {url: "http://obeyed.test", cache: {rfc: true, methods: [POST]}}
  near: {hosts: ["http://near1.test", "http://near2.test"], balance: {hash: TRUE}}
  frail: {url: "http://frail.test", breaker: {failures: 5, per: TRUE}}
  routed: {route: {by: KEY, to: {a: "http://routed1.test", b: "http://routed2.test"}}}
  maybe: {url: "http://maybe.test", mock: {when: TRUE, routes: {POST /x: {json: 1}}}}
  fake:
    mock: {routes: {POST /json: {json: TRUE}, POST /body: {body: TRUE}, POST /headers: {json: 1, headers: {a: TRUE}}}}
  named: {url: "http://named.test", headers: {a: TRUE}, query: {a: TRUE}}
endpoints:
  POST /kept: {call: {url: POST kept:/x, json: SORTED}}
  POST /tagged: {call: {url: kept:/x, query: {a: "{{ body.items | length }}"}, method: POST}}
  POST /obeyed: {call: {url: POST obeyed:/x, json: SORTED}}
  POST /together: {call: {url: u:/x, query: {a: TRUE}, coalesce: true}}
  POST /twice: {fan_out: {a: {url: u:/x, query: {a: TRUE}}, b: {url: u:/x, query: {a: TRUE}}}}
  POST /near: {call: {url: POST near:/x}}
  POST /frail: {call: {url: POST frail:/x}}
  POST /routed: {call: {url: POST routed:/x}}
  POST /maybe: {call: {url: POST maybe:/x}}
  POST /json: {call: {url: POST fake:/json, json: "{{ body }}"}}
  POST /body: {call: {url: POST fake:/body, json: "{{ body }}"}}
  POST /headers: {call: {url: POST fake:/headers, json: "{{ body }}"}}
  POST /named: {call: {url: POST named:/x}}
  POST /dry: {respond: {body: 1}, background: {url: POST u:/x, json: SORTED, dry_run: true}}
  POST /chosen: {call: {choose: [{url: u:/x, weight: 1}, {url: u:/y, weight: 1}], sticky: TRUE}}
  POST /shadowed: {call: {url: POST u:/x, json: SORTED}, shadow: [{share: 100%, url: "POST named:/y"}]}
  POST /batched:
    call:
      for_each: {in: "{{ body.items }}", batch: {key: id, size: 1}, key: "{{ item.id }}"}
      url: POST kept:/x
      json: {ids: "{{ keys }}", all: SORTED}
  POST /marked:
    call:
      for_each: {in: "{{ body.items }}", batch: {key: id, size: 1}, key: "{{ item.id }}"}
      url: POST marked:/x
      json: "{{ keys }}"
  POST /durable:
    respond: {body: 1}
    background:
      - {url: POST u:/x, name: a, durable: accepted, json: SORTED}
      - {url: POST u:/x, name: b, durable: accepted, order: TRUE}
      - {url: POST u:/x, name: c, durable: accepted, dedupe: {key: TRUE}}
      - {url: POST u:/x, name: d, durable: accepted, at: "{{ body.a | min }}"}
      - {url: POST u:/x, name: e, durable: accepted, when: TRUE}
      - {url: "POST u:/x/{item}", name: f, durable: accepted, for_each: LIST}
"""
"""What settings of an endpoint need besides: other settings of the call, of its upstream, or of the file."""


@pytest.mark.long
def test_no_setting_that_needs_others_computes_over_a_long_body_in_the_loop(
    tmp_path: Path, work: Work, settle: Callable[[Gateway], None]
) -> None:
    """Keys of caches and flights, of hosts and choices, mocks and what durable calls are made of."""
    file, texts = tmp_path / "routes.yaml", {"TRUE": TRUE, "LIST": LIST, "SORTED": "{{ body.a | sort }}"}
    texts["MARK"] = "{{ (keys | join) ~ (body.a | min) }}"
    texts["KEY"] = "{{ 'a' if body.a | min > 0 else 'b' }}"
    text = TOGETHER.replace("STATE", str(tmp_path / "state"))
    for name, expression in texts.items():
        text = text.replace(name, f'"{expression}"')
    file.write_text(text)
    gateway = Gateway(file, Upstream(Answers()), {})
    done = {}
    for place in yaml.safe_load(text)["endpoints"]:
        work.take()
        answer = gateway.post(place.removeprefix("POST "), content=BODY, headers=JSON)
        assert answer.status_code == 200, (place, answer.text)
        settle(gateway)
        done[place] = work.take()
    gateway.close()
    assert {place: both for place, both in done.items() if both[0] > LITTLE or both[1] <= LITTLE} == {}

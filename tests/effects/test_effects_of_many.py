"""A durable call for each item of a list, or of a fan-out, is an effect by itself; one with alternatives is one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from aggregator.server.once.checking import check_file
from aggregator.stores.effects.contract import Filter
from tests.effects.conftest import Application, process

FILE = """
state: ./state
upstreams:
  mail: {url: 'http://mail.test', idempotent: true}
  post: {url: 'http://post.test', idempotent: true}
background: {durable: {sync: normal%s}}
groups: {audits: {audit: {url: POST mail:/audit, json: 1}}}
endpoints:
  POST /signup:
    body: {type: object}
    respond: {status: 201}
    background:
      - name: told
        durable: true
%s
"""
EACH = "for_each: '{{ body.all }}'\nurl: POST mail:/send\njson: {to: '{{ item.to | upper }}', n: '{{ index }}'}"
PAIR = "fan_out:\n  one: {url: POST mail:/one, json: '{{ body.n }}'}\n  two: {url: POST post:/two, retry: none}"
ELSE = "url: POST mail:/one\njson: 1\nfallback: [{url: POST post:/two, json: '{{ body.n }}', timeout: 2s}]"
TWO = {"all": [{"to": "a"}, {"to": "b"}]}


def document(call: str, durable: str = "") -> str:
    """Return a file with the durable *call*."""
    return FILE % (durable, "\n".join(f"        {line}" for line in call.splitlines()))


def sent(served: Application) -> list[tuple[str, Any]]:
    """Return the path of each request that upstreams got, and its body as data, in order of the paths."""
    calls = ((request.url.path, json.loads(request.content or b"null")) for request in served.requests)
    return sorted(calls, key=str)


def kept(served: Application) -> list[dict[str, Any]]:
    """Return the effects that are kept."""
    return served.run(served.outbox.ask(lambda store: store.find(Filter())))


def test_each_item_is_an_effect(tmp_path: Path) -> None:
    """With a key of its own, of one request."""
    with process(tmp_path, document(EACH)) as served:
        assert served.post(json=TWO).status_code == 201
        served.settle(sent=2)
        assert [body for _, body in sent(served)] == [{"to": "A", "n": 0}, {"to": "B", "n": 1}]
        assert len({request.headers["idempotency-key"] for request in served.requests}) == 2
        assert len({one["request_id"] for one in kept(served)}) == 1


def test_an_item_that_fails_is_sent_again_alone(tmp_path: Path) -> None:
    """The others are not."""
    answers = iter([503, 200, 200])
    call = f"{EACH}\nretry: {{attempts: 3, backoff: 1s..1s}}"
    with process(tmp_path, document(call), lambda _: httpx.Response(next(answers))) as served:
        served.post(json=TWO)
        served.until(lambda: len(served.requests) == 2)
        served.now += 2
        served.settle(sent=2)
        assert [request.headers["aggregator-attempt"] for request in served.requests] == ["1", "1", "2"]


def test_order_and_dedupe_are_of_each_item(tmp_path: Path) -> None:
    """Keys read the item."""
    call = f"{EACH}\norder: '{{{{ item.to }}}}'\ndedupe: {{key: '{{{{ item.to }}}}'}}"
    with process(tmp_path, document(call)) as served:
        served.post(json={"all": [{"to": "a"}, {"to": "a"}, {"to": "b"}]})
        served.settle(sent=2)
        assert [one["key"] for one in kept(served)] == ["a", "b"]


def test_an_item_that_cannot_be_written_costs_no_other_its_effect(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The log tells of it."""
    call = EACH.replace("mail:/send", "mail:/send/{item.to}")
    with process(tmp_path, document(call)) as served:
        served.post(json={"all": [{}, {"to": "b"}]})
        served.settle(sent=1)
        assert [path for path, _ in sent(served)] == ["/send/b"]
        assert served.outbox.ends["unwritten"] == 1
        assert "A durable call could not be written." in caplog.text


def test_all_effects_of_a_request_are_kept_or_none(tmp_path: Path) -> None:
    """Where three do not fit, the answer says so and none of them is there; two fit."""
    with process(tmp_path, document(EACH, ", max: {count: 2}")) as served:
        assert served.post(json={"all": [{"to": "a"}, {"to": "b"}, {"to": "c"}]}).status_code == 503
        assert served.outbox.kept.number == 0
        assert served.post(json=TWO).status_code == 201


def test_each_call_of_a_fan_out_is_an_effect(tmp_path: Path) -> None:
    """By a name of its own, with its own retry: one is dead, the other arrives. Those of groups too."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(503 if request.url.host == "post.test" else 200)

    call = PAIR.replace("fan_out:\n", "fan_out:\n  use: audits\n")
    with process(tmp_path, document(call), answer) as served:
        served.post(json={"n": 7})
        served.settle(sent=2, dead=1)
        assert sent(served) == [("/audit", 1), ("/one", 7), ("/two", None)]
        assert [(one["name"], one["state"]) for one in kept(served)] == [
            ("told.audit", "sent"), ("told.one", "sent"), ("told.two", "dead"),
        ]  # fmt: skip


def test_a_call_of_a_fan_out_has_its_own_condition_and_list(tmp_path: Path) -> None:
    """As without `durable`."""
    call = (
        "fan_out:\n  one: {url: POST mail:/one, when: '{{ body.go }}'}\n"
        "  two: {url: 'POST mail:/two/{item.to}', for_each: '{{ body.all }}'}"
    )
    with process(tmp_path, document(call)) as served:
        served.post(json=TWO)
        served.settle(sent=2)
        assert [path for path, _ in sent(served)] == ["/two/a", "/two/b"]


def test_alternatives_are_tried_in_one_delivery(tmp_path: Path) -> None:
    """Under one key; each sends its own."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(500 if request.url.host == "mail.test" else 200)

    with process(tmp_path, document(ELSE), answer) as served:
        served.post(json={"n": 7})
        served.settle(sent=1)
        assert sent(served) == [("/one", 1), ("/two", 7)]
        assert len({request.headers["idempotency-key"] for request in served.requests}) == 1
        assert {request.headers["aggregator-attempt"] for request in served.requests} == {"1"}


def test_it_is_sent_again_where_any_alternative_may_succeed(tmp_path: Path) -> None:
    """The last one refuses for good; the first is tried again."""
    answers = iter([503, 404, 200])
    with process(
        tmp_path, document(f"{ELSE}\nretry: {{attempts: 3, backoff: 1s..1s}}"), lambda _: httpx.Response(next(answers))
    ) as served:
        served.post(json={"n": 7})
        served.until(lambda: len(served.requests) == 2)
        served.now += 2
        served.settle(sent=1)
        assert [request.url.path for request in served.requests] == ["/one", "/two", "/one"]


def test_alternatives_outlive_the_call_that_declared_them(tmp_path: Path) -> None:
    """The file of today has no such call: both go to their upstreams still, and an operator sees them."""
    with process(
        tmp_path, document(f"{ELSE}\nretry: {{attempts: 3, backoff: 1s..1s}}"), lambda _: httpx.Response(503)
    ) as served:
        served.post(json={"n": 7})
        served.until(lambda: len(served.requests) == 2)
        served.settle(waiting=1)
        (one,) = kept(served)
        shown = served.run(served.outbox.ask(lambda store, one=one: store.show(one["id"])))
        assert [(other["upstream"], other["target"], other["body"]) for other in shown["fallback"]] == [
            ("post", "/two", "7")
        ]

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(503 if request.url.host == "mail.test" else 200)

    with process(tmp_path, document("url: mail:/other"), answer, now=served.now + 10) as served:
        served.settle(sent=1)
        assert sent(served) == [("/one", 1), ("/two", 7)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("fan_out: {one: mail:/one, two: 'mail:/two/{one.id}'}",
         "`two` cannot read `one`: what is sent is fixed when the request ends"),
        ("fan_out: {one: {fan_out: {two: mail:/two}}}", "what is kept by itself is one call"),
        ("fan_out: {one: {url: 'mail:/{item}', for_each: '{{ body.all }}'}}\ndedupe: {key: '{{ body.n }}'}",
         "the key is the same for every item, so one of them alone is kept"),
        (f"{EACH}\ndedupe: {{key: '{{{{ body.n }}}}'}}",
         "the key is the same for every item, so one of them alone is kept"),
        ("fan_out: {one: {url: POST mail:/one, headers: {cookie: '{{ body.n }}'}}}",
         "`cookie` is not kept: credentials are never written to the disk"),
        ("url: mail:/one\nfallback: [{url: mail:/two, query: {a: '{{ headers.authorization }}'}}]",
         "`headers.authorization` is not kept: credentials are never written to the disk"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_told(tmp_path: Path, call: str, message: str) -> None:
    """Before anything is served."""
    (tmp_path / "routes.yaml").write_text(f"version: 1\n{document(call)}", encoding="utf-8")
    found = check_file(str(tmp_path / "routes.yaml")).diagnostics
    assert message in {problem.message for problem in found if problem.level == "error"}

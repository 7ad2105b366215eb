"""Call budgets: a request makes so many calls, and fetches so many bytes; what is beyond fails, or is cut."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import httpx
import pytest

from aggregator.config.loading import load_config
from aggregator.plan.compiler import compile_plan
from aggregator.plan.explaining.explain import explain
from aggregator.plan.explaining.text import explanation_text
from aggregator.plan.explaining.truth import outcome_table
from tests.policies.conftest import Served

Serve = Callable[..., Served]


def _shop(request: httpx.Request) -> httpx.Response:
    if request.url.path == "/ids":
        return httpx.Response(200, json=[1, 2, 3, 4, 5])
    if request.url.path.startswith("/down"):
        return httpx.Response(503)
    return httpx.Response(200, json={"of": request.url.path})


LIST = """
    upstreams: {shop: {url: "http://shop.test"}}
    endpoints:
      GET /feed:
        call_budget: {BUDGET}
        fan_out:
          ids: shop:/ids
          each: {url: "shop:/each/{item}", for_each: {in: "{{ ids }}", on_error: ON_ERROR}}
"""


def _list(budget: str, on_error: str = "fail") -> str:
    return LIST.replace("BUDGET", budget).replace("ON_ERROR", on_error)


@pytest.mark.parametrize("on_error", ["fail", "skip"])
def test_a_list_is_cut(serve: Serve, on_error: str) -> None:
    """Items beyond the budget are left out, however failures count, and the parts say how many."""
    served = serve(_list("calls: 4, over: cut", on_error), _shop)
    answer = served.get("/feed")
    assert answer.status_code == 200
    assert answer.json()["each"] == [{"of": "/each/1"}, {"of": "/each/2"}, {"of": "/each/3"}]
    assert "each;state=ok;lost=2;cause=over_budget" in answer.headers["aggregator-parts"]
    assert len(served.requests) == 4


def test_a_cut_item_is_null_where_places_count(serve: Serve) -> None:
    """With `on_error: null` each item keeps its place."""
    served = serve(_list("calls: 2, over: cut", "'null'"), _shop)
    assert served.get("/feed").json()["each"] == [{"of": "/each/1"}, None, None, None, None]


def test_each_request_has_a_budget_of_its_own(serve: Serve) -> None:
    """What one request has spent is not missing in the next."""
    served = serve(_list("calls: 6"), _shop)
    assert served.statuses("/feed", 3) == [200, 200, 200]


def test_a_request_beyond_is_refused(serve: Serve) -> None:
    """With `over: fail` the answer is 503 with the cause, and nothing more is called."""
    served = serve(_list("calls: 4"), _shop)
    answer = served.get("/feed")
    assert (answer.status_code, answer.json()["cause"]) == (503, "over_budget")
    assert len(served.requests) <= 4


def test_a_batch_is_one_call(serve: Serve) -> None:
    """The keys of a batch that is not called are cut together."""
    served = serve(
        """
        upstreams: {shop: {url: "http://shop.test"}}
        endpoints:
          GET /feed:
            call_budget: {calls: 2, over: cut}
            fan_out:
              ids: shop:/ids
              each:
                url: shop:/many?ids={keys}
                for_each: {in: "{{ ids }}", key: "{{ item }}", batch: {key: id, size: 2}}
        """,
        lambda request: (
            _shop(request) if request.url.path == "/ids" else httpx.Response(200, json=[{"id": 1}, {"id": 2}])
        ),
    )
    assert served.get("/feed").json()["each"] == [{"id": 1}, {"id": 2}]
    assert len(served.requests) == 2


def test_attempts_count(serve: Serve) -> None:
    """A retry is a call; one for which nothing is left is not made, and the failure before it stands."""
    served = serve(
        """
        upstreams: {shop: {url: "http://shop.test", retry: {attempts: 5, on: [503], backoff: 1ms..1ms}}}
        endpoints:
          GET /feed:
            call_budget: {calls: 3}
            fan_out: {a: "shop:/a", b: {url: "shop:/down", needs: [a]}}
        """,
        _shop,
    )
    answer = served.get("/feed")
    assert (answer.status_code, answer.json()["cause"]) == (502, "status")
    assert served.lines == ["GET /a", "GET /down", "GET /down"]


def test_bytes_are_bounded(serve: Serve) -> None:
    """The reply that goes beyond is not used, and no further call is made."""
    size = len(json.dumps({"of": "/each/1"}, separators=(",", ":")))
    ids = len(httpx.Response(200, json=[1, 2, 3, 4, 5]).content)
    served = serve(_list(f"bytes: {ids + 2 * size + 1}, over: cut").replace("{in:", "{concurrency: 1, in:"), _shop)
    answer = served.get("/feed")
    assert answer.json()["each"] == [{"of": "/each/1"}, {"of": "/each/2"}]
    assert len(served.requests) == 4


def test_what_is_not_sent_is_not_counted(serve: Serve) -> None:
    """A call that may not leave takes nothing, nor does one that is answered from a cache."""
    served = serve(
        """
        upstreams:
          shop: {url: "http://shop.test"}
          fx: {url: "http://fx.test", rate_limit: {rate: 1/h, burst: 1}}
        endpoints:
          GET /kept:
            call_budget: {calls: 1}
            fan_out:
              a: {url: "fx:/a", optional: true}
              b: {url: "shop:/b", cache: 1h, needs: [a]}
              c: {url: "shop:/c", needs: [b], optional: true}
          GET /fx: {call: "fx:/fx"}
        """,
        _shop,
    )
    assert served.get("/fx").status_code == 200
    assert served.get("/kept").json() == {"a": None, "b": {"of": "/b"}, "c": None}
    assert served.get("/kept").json() == {"a": None, "b": {"of": "/b"}, "c": {"of": "/c"}}


def test_a_cut_answer_is_not_kept(serve: Serve) -> None:
    """What is not whole is not given to others."""
    text = _list("calls: 4, over: cut").replace("fan_out:", "cache: 1h\n        fan_out:")
    served = serve(text, _shop)
    served.get("/feed")
    served.get("/feed")
    assert len(served.requests) == 8


def test_a_row_of_a_status_map_speaks_of_it(serve: Serve) -> None:
    """`over_budget` is a cause as any other."""
    text = _list("calls: 4").replace("fan_out:", "status_map: {over_budget: 413}\n        fan_out:")
    assert serve(text, _shop).get("/feed").status_code == 413


def test_calls_in_the_background_are_not_counted(serve: Serve) -> None:
    """They run when the answer has left, and belong to nobody's budget."""
    again = asyncio.Event()

    def respond(request: httpx.Request) -> httpx.Response:
        if len(served.requests) == 3:
            again.set()
        return _shop(request)

    served = serve(
        """
        upstreams: {shop: {url: "http://shop.test", retry: {attempts: 2, on: [503], backoff: 1ms..1ms}}}
        endpoints:
          GET /a:
            call_budget: {calls: 1}
            call: shop:/a
            background: [{url: "POST shop:/down", idempotent: true}]
        """,
        respond,
    )
    assert served.get("/a").status_code == 200
    served.run(again.wait())
    assert served.lines == ["GET /a", "POST /down", "POST /down"]


@pytest.mark.parametrize(("over", "is_told"), [("fail", True), ("cut", False)])
def test_the_ways_to_fail_tell_of_it(serve: Serve, over: str, *, is_told: bool) -> None:
    """OpenAPI declares what the cause becomes where a list can fail by it; one that is cut does not fail."""
    served = serve(f"""
        upstreams: {{shop: {{url: "http://shop.test"}}}}
        endpoints:
          GET /a:
            call_budget: {{calls: 1, over: {over}}}
            status_map: {{over_budget: 413}}
            fan_out:
              x: {{url: "shop:/x/{{item}}", for_each: {{in: "{{{{ [1, 2] }}}}"}}}}
    """)
    responses = served.get("/openapi.json").json()["paths"]["/a"]["get"]["responses"]
    assert ("413" in responses) is is_told


def test_explain_tells_of_it(tmp_path: Path) -> None:
    """The order of a call has the budget, and the table what a call beyond becomes: 503, or a lost item."""
    path = tmp_path / "routes.yaml"
    path.write_text("version: 1\n" + dedent(_list("calls: 4, bytes: 20MiB, over: cut")))
    plan = compile_plan(load_config(path))
    text = explanation_text(explain(plan.endpoints[0], frozenset()))
    assert "for_each → call_budget 4 calls, 20MiB, over: cut → shop" in text
    rows = [row for row in outcome_table(plan.endpoints[0]) if row.case == "over_budget"]
    assert [(row.part, row.outcome.kind) for row in rows] == [("ids", "problem"), ("each", "lost")]

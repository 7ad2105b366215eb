"""The last good value of a part stands in for it: for the same inputs, for a while, and never for what is gone."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from aggregator.policies.cache.purging import purge_tags, purge_upstream
from tests.policies.conftest import Served

Serve = Callable[..., Served]
FILE = """
    upstreams: {up: {url: "http://up.test"}}
    endpoints:
      GET /a/{id}:
        fan_out:
          x: {url: "up:/x/{id}", last_good: 1h}
          y: {for_each: "{{ x.list }}", url: "up:/y/{item}", last_good: 1h, optional: true}
        response: {meta: true}
"""


class Failing:
    """An upstream that answers with the path, its number, and *statuses* by the beginning of the path."""

    def __init__(self) -> None:
        self.count = 0
        self.statuses: dict[str, int] = {}
        self.list = [1, 2]
        self.headers: dict[str, str] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.count += 1
        path = request.url.path
        status = next((status for start, status in self.statuses.items() if path.startswith(start)), 200)
        return httpx.Response(status, json={"path": path, "n": self.count, "list": self.list}, headers=self.headers)


def test_a_value_stands_in_for_a_failure(serve: Serve) -> None:
    """The part says so by its state and age, in the header and in `meta`; the answer is stored by nobody."""
    served = serve(FILE, upstream := Failing())
    assert served.get("/a/1").json()["x"]["n"] == 1
    upstream.statuses = {"/x": 503}
    served.now += 90
    answer = served.get("/a/1")
    assert (answer.status_code, answer.json()["x"]["n"]) == (200, 1)
    assert "x;state=stale;status=200;cause=status;age=90" in answer.headers["aggregator-parts"]
    assert [part["age"] for part in answer.json()["meta"]["parts"] if part["state"] == "stale"] == [90]
    assert answer.headers["cache-control"] == "no-store"
    served.now += 3600
    assert served.get("/a/1").status_code == 502


@pytest.mark.parametrize(("age", "status"), [(0, 200), (3599.75, 200), (3600, 502)])
def test_a_value_stands_in_for_its_time(serve: Serve, age: float, status: int) -> None:
    """To the second."""
    served = serve(FILE, upstream := Failing())
    served.get("/a/1")
    upstream.statuses = {"/x": 503}
    served.now += age
    assert served.get("/a/1").status_code == status


@pytest.mark.parametrize(
    ("status", "answer"), [(399, 200), (400, 502), (401, 502), (404, 404), (499, 502), (500, 200), (599, 200)]
)
def test_what_the_client_is_to_know_is_not_hidden(serve: Serve, status: int, answer: int) -> None:
    """A 4xx is what the upstream says of the request; any other failure is one of its own."""
    served = serve(FILE, upstream := Failing())
    served.get("/a/1")
    upstream.statuses = {"/x": status}
    assert served.get("/a/1").status_code == answer


def test_only_for_the_same_inputs(serve: Serve) -> None:
    """Another parameter, and another result that the part reads, have values of their own."""
    served = serve(FILE, upstream := Failing())
    served.get("/a/1")
    upstream.statuses = {"/y": 503}
    upstream.list = [3]
    assert served.get("/a/1").json()["y"] is None
    upstream.list, upstream.statuses = [1, 2], {"/x": 503}
    assert served.get("/a/2").status_code == 502
    assert served.get("/a/1").json()["x"]["list"] == [3]  # the last one


def test_what_came_with_a_cookie_is_no_good_value(serve: Serve) -> None:
    """It may be for one client alone, so that it stands in for nobody's failure."""
    served = serve(FILE, upstream := Failing())
    upstream.headers = {"set-cookie": "session=1"}
    assert served.get("/a/1").status_code == 200
    upstream.statuses = {"/x": 503}
    assert served.get("/a/1").status_code == 502


def test_a_group_that_lacks_something_is_no_good_value(serve: Serve) -> None:
    """What has lost a part is given out, and does not replace the last whole value."""
    served = serve("""
        upstreams: {up: {url: "http://up.test"}}
        endpoints:
          GET /a: {fan_out: {g: {fan_out: {a: up:/a, b: {url: up:/b, optional: true}}, last_good: 1h}}}
    """, upstream := Failing())  # fmt: skip

    def numbers() -> list[int | None]:
        return [one and one["n"] for one in served.get("/a").json()["g"].values()]

    assert numbers() == [1, 2]
    upstream.statuses = {"/b": 503}
    assert numbers() == [3, None]
    upstream.statuses = {"/a": 503}
    assert numbers() == [1, 2]


def test_what_is_gone_is_not_shown(serve: Serve) -> None:
    """A 4xx of the upstream is no failure that a value stands in for."""
    served = serve(FILE, upstream := Failing())
    served.get("/a/1")
    upstream.statuses = {"/x": 404}
    assert served.get("/a/1").status_code == 404


def test_after_a_reload_no_old_shape_is_served(serve: Serve) -> None:
    """An endpoint that has changed has no last good value yet."""
    served = serve(FILE, upstream := Failing())
    served.get("/a/1")
    served.reload(FILE.replace("meta: true", "meta: false"))
    upstream.statuses = {"/x": 503}
    assert served.get("/a/1").status_code == 502


def test_it_is_purged_with_what_it_was_made_of(serve: Serve) -> None:
    """A group goes by the tags of the calls in it, and by their upstream, as answers do."""
    served = serve("""
        upstreams: {up: {url: "http://up.test"}}
        endpoints:
          GET /a:
            fan_out: {g: {fan_out: {a: {url: up:/a, cache: {ttl: 1s, tags: [ones]}}}, last_good: 1h}}
    """, upstream := Failing())  # fmt: skip
    states = served.app.running.states
    for purge in (lambda: purge_tags(states, ["ones"]), lambda: purge_upstream(states, "up")):
        upstream.statuses = {}
        assert served.get("/a").status_code == 200
        served.now += 10
        upstream.statuses = {"/a": 503}
        assert served.get("/a").status_code == 200
        purge()
        assert served.get("/a").status_code == 502

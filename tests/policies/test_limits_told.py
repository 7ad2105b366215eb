"""What clients are told of several limits: of which, in which order, and what is left of each when one refuses."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from aggregator.policies.rate_limit.keys import ALL, counted
from aggregator.policies.rate_limit.quotas import uses
from aggregator.policies.rate_limit.sharing import share_of_quota, share_of_rate
from aggregator.stores.quota import Quota
from aggregator.stores.rate import Rate
from aggregator.stores.used import Used
from tests.policies.conftest import Served

Serve = Callable[..., Served]


def told(answer: httpx.Response) -> dict[str, str]:
    """Return the status of *answer* and all that it tells of limits, by the ends of their names."""
    names = (
        "ratelimit",
        "ratelimit-policy",
        "retry-after",
        *(f"x-ratelimit-{one}" for one in ("limit", "remaining", "reset")),
    )
    found = {name.removeprefix("x-ratelimit-"): answer.headers[name] for name in names if name in answer.headers}
    return {"status": str(answer.status_code)} | found


def limited(serve: Serve, limits: str, more: str = "") -> Served:
    """Return an application whose endpoint has these *limits*."""
    return serve(f"{more}\nendpoints: {{GET /a: {{rate_limit: {limits}, respond: {{body: 1}}}}}}")


def test_a_window_that_would_have_granted_is_told_as_it_is(serve: Serve) -> None:
    """Nothing is taken from it when the other one refuses."""
    served = limited(serve, "[3/h, 1/s]")
    policy = '"3/h";q=3;w=3600, "1/s";q=1;w=1'
    assert told(served.get("/a")) == {
        "status": "200",
        "ratelimit-policy": policy,
        "ratelimit": '"3/h";r=2;t=1200, "1/s";r=0;t=1',
    }
    assert told(served.get("/a")) == {
        "status": "429", "ratelimit-policy": policy, "ratelimit": '"3/h";r=2;t=1200, "1/s";r=0;t=1', "retry-after": "1",
    }  # fmt: skip


@pytest.mark.parametrize("limits", ["[1/h, 1/m]", "[1/m, 1/h]"])
def test_the_longest_of_two_waits_is_told(serve: Serve, limits: str) -> None:
    """Whichever stands first; before it is over nothing would be granted."""
    served = limited(serve, limits)
    assert told(served.get("/a"))["status"] == "200"
    assert told(served.get("/a"))["retry-after"] == "3600"


def test_a_window_that_only_reports_is_told_and_refuses_nobody(serve: Serve) -> None:
    """Beside one that does."""
    served = limited(serve, "[{rate: 1/h, report: true}, 2/h]")
    lines = [told(served.get("/a")) for _ in range(3)]
    assert [(line["status"], line["ratelimit"]) for line in lines] == [
        ("200", '"1/h";r=0;t=3600, "2/h";r=1;t=1800'), ("200", '"1/h";r=0;t=3600, "2/h";r=0;t=3600'),
        ("429", '"1/h";r=0;t=3600, "2/h";r=0;t=3600'),
    ]  # fmt: skip


def test_the_legacy_fields_speak_of_one_window(serve: Serve) -> None:
    """That of which the least share is left; the draft tells of all of its own, and `none` of nothing."""
    served = limited(
        serve, "[{rate: 10/m, fields: legacy}, {rate: 4/h, fields: legacy}, 5/h, {rate: 9/h, fields: none}]"
    )
    assert told(served.get("/a")) == {
        "status": "200", "ratelimit-policy": '"5/h";q=5;w=3600', "ratelimit": '"5/h";r=4;t=720',
        "limit": "4", "remaining": "3", "reset": "900",
    }  # fmt: skip


def test_limits_of_all_places_are_told(serve: Serve) -> None:
    """In the order in which a request meets them; what has not been asked says nothing, and what has been is taken."""
    served = serve("""
        server: {rate_limit: [4/h, {rate: 8/h, fields: none}]}
        endpoints:
          GET /a:
            query: {n: {type: integer, default: 1}}
            rate_limit: {rate: 2/h, cost: "{{ query.n }}"}
            respond: {body: 1}
    """)
    first, second, _, _, last = (told(served.get("/a")) for _ in range(5))
    assert (first["status"], first["ratelimit"]) == ("200", '"4/h";r=3;t=900, "2/h";r=1;t=1800')
    assert (second["status"], second["ratelimit"]) == ("200", '"4/h";r=2;t=1800, "2/h";r=0;t=3600')
    assert (last["status"], last["ratelimit"], last["retry-after"]) == ("429", '"4/h";r=0;t=3600', "900")


@pytest.mark.parametrize(
    ("rate", "processes", "share"),
    [(Rate(10, 1.0, 20), 1, Rate(10, 1.0, 20)), (Rate(10, 1.0, 20), 3, Rate(10, 3.0, 6)), (Rate(10, 1.0, 2), 3, Rate(10, 3.0, 1))],
)  # fmt: skip
def test_the_share_of_a_rate(rate: Rate, processes: int, share: Rate) -> None:
    """As many in a longer time, and so many fewer at once, one at least."""
    assert share_of_rate(rate, processes) == share


def test_the_share_of_a_quota() -> None:
    """Rounded down, and one at least, in the same calendar."""
    shares = [share_of_quota(Quota(10, "day", "Europe/Berlin"), processes) for processes in (1, 3, 11)]
    assert shares == [Quota(count, "day", "Europe/Berlin") for count in (10, 3, 1)]


def test_who_has_used_most_is_told_first() -> None:
    """With what is left, nothing at least; by a value all whose key ends with it, whoever sent it."""
    used = Used(Quota(5, "day"), lambda: 1000.0)
    keys = {name: counted(name) for name in ("a", "b", "c")} | {"a of x": counted("a", "x", "y")}
    for name, count in (("a", 2), ("b", 5), ("c", 3), ("a of x", 1)):
        used.take(keys[name], count)
    used.note(keys["c"], 7)
    assert [tuple(one) for one in uses(used, None)] == [
        (keys["c"], 7, 0), (keys["b"], 5, 0), (keys["a"], 2, 3), (keys["a of x"], 1, 4),
    ]  # fmt: skip
    assert [tuple(one) for one in uses(used, "a")] == [(keys["a"], 2, 3), (keys["a of x"], 1, 4)]
    assert uses(used, ALL) == []

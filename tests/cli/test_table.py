"""The screen of `aggregator top` as a whole, at several sizes."""

from __future__ import annotations

import pytest

from aggregator.cli.following import Event
from aggregator.cli.watching.table import Table

ENDPOINTS = {
    "GET /b": [20, 1, 0, {"0": 19, "10": 1}],
    "GET /a": [20, 1, 0, {"3": 20}],
    "GET /c": [30, 1, 3, {"0": 30}],
    "GET /d": [40, 0, 0, {"0": 40}],
    "": [1, 0, 0, {"0": 1}],
}
UPSTREAMS = {f"up{n}": [10 + n, n % 2, 100.0 * n + 5] for n in range(10)}


def watched(only: str = "") -> Table:
    """Return a table of two seconds."""
    table = Table(only)
    table.take(Event("config", {"generation": 3, "refused": None}))
    table.take(Event("counts", {"in_flight": 2, "endpoints": ENDPOINTS, "upstreams": UPSTREAMS}))
    later = {"endpoints": {"GET /b": [20, 0, 0, {"0": 20}]}, "upstreams": {"up0": [10, 0, 0.0]}}
    table.take(Event("counts", {"in_flight": 5} | later))
    return table


@pytest.mark.parametrize(
    ("width", "height", "lines"),
    [
        (80, 40, [
            "generation 3   5 in flight",
            "",
            "ENDPOINT                           req/s     5xx    part     p50     p95     p99",
            "GET /b                              20.0    2.5%    0.0%       1       1       9",
            "GET /c                              15.0    3.3%   10.0%       1       1       1",
            "GET /a                              10.0    5.0%    0.0%       2       2       2",
            "GET /d                              20.0    0.0%    0.0%       1       1       1",
            "(no endpoint)                        0.5    0.0%    0.0%       1       1       1",
            "",
            "UPSTREAM                                                 calls/s  failed    mean",
            "up9                                                          9.5    5.3%      48",
            "up7                                                          8.5    5.9%      41",
            "up5                                                          7.5    6.7%      34",
            "up3                                                          6.5    7.7%      23",
            "up1                                                          5.5    9.1%      10",
            "up0                                                         10.0    0.0%       0",
            "up8                                                          9.0    0.0%      45",
            "up6                                                          8.0    0.0%      38",
        ]),
        (80, 14, [
            "generation 3   5 in flight",
            "",
            "ENDPOINT                           req/s     5xx    part     p50     p95     p99",
            "GET /b                              20.0    2.5%    0.0%       1       1       9",
            "GET /c                              15.0    3.3%   10.0%       1       1       1",
            "GET /a                              10.0    5.0%    0.0%       2       2       2",
            "GET /d                              20.0    0.0%    0.0%       1       1       1",
            "(no endpoint)                        0.5    0.0%    0.0%       1       1       1",
            "",
            "UPSTREAM                                                 calls/s  failed    mean",
            "up9                                                          9.5    5.3%      48",
            "up7                                                          8.5    5.9%      41",
            "up5                                                          7.5    6.7%      34",
            "up3                                                          6.5    7.7%      23",
        ]),
        (60, 9, [
            "generation 3   5 in flight",
            "",
            "ENDPOINT            req/s    5xx   part    p50    p95    p99",
            "GET /b               20.0   2.5%   0.0%      1      1      9",
            "4 more",
            "",
            "UPSTREAM                               calls/s failed   mean",
            "up9                                        9.5   5.3%     48",
            "up7                                        8.5   5.9%     41",
        ]),
        (40, 9, [
            "generation 3   5 in flight",
            "",
            "ENDPOINT      req/s    5xx   part    p95",
            "GET /b         20.0   2.5%   0.0%      1",
            "4 more",
            "",
            "UPSTREAM           calls/s failed   mean",
            "up9                    9.5   5.3%     48",
            "up7                    8.5   5.9%     41",
        ]),
        (30, 9, [
            "generation 3   5 in flight",
            "",
            "ENDPOINT          req/s    5xx",
            "GET /b             20.0   2.5%",
            "4 more",
            "",
            "UPSTREAM        calls/s failed",
            "up9                 9.5   5.3%",
            "up7                 8.5   5.9%",
        ]),
        (24, 8, [
            "generation 3   5 in flig",
            "",
            "ENDPOINT           req/s",
            "GET /b              20.0",
            "4 more",
            "",
            "UPSTREAM         calls/s",
            "up9                  9.5",
        ]),
        (16, 6, [
            "generation 3   5",
            "",
            "ENDPOINT   req/s",
            "GET /b      20.0",
            "GET /c      15.0",
            "3 more",
        ]),
        (15, 5, [
            "generation 3   ",
            "",
            "ENDPOINT       ",
            "GET /b         ",
            "4 more",
        ]),
    ],
)  # fmt: skip
def test_a_screen_of_any_size(width: int, height: int, lines: list[str]) -> None:
    """What fails comes first, then what is asked most; a narrow one has fewer numbers, a low one fewer lines."""
    assert watched().text(width, height).split("\n") == lines


def test_the_head_of_a_screen() -> None:
    """What is known of the process, from before it is reached until after it has gone."""
    table = Table()
    heads = [table.text(100, 3).splitlines()[0]]
    for event in (
        Event("config", {"generation": 3, "refused": None}),
        Event("counts", {"in_flight": 2, "endpoints": {}, "upstreams": {}}),
        Event("config", {"generation": 4, "refused": {"summary": "1 error"}}),
        Event("gone", {}),
        Event("back", {}),
        Event("config", {"generation": None, "refused": None}),
    ):
        table.take(event)
        heads.append(table.text(100, 3).splitlines()[0])
    assert heads == [
        "connecting",
        "generation 3",
        "generation 3   2 in flight",
        "generation 4   the saved file is refused: aggregator status",
        "the server has gone; waiting for it   the saved file is refused: aggregator status",
        "the server has gone; waiting for it   the saved file is refused: aggregator status",
        "generation 0",
    ]


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (74, ["generation 3   2 in flight   the saved file is refused: aggregator status", ""]),
        (44, ["generation 3   2 in flight", "the saved file is refused: aggregator status"]),
        (40, ["generation 3   2 in flight", "refused: aggregator status"]),
    ],
)
def test_a_refused_file_is_told_on_a_narrow_screen(width: int, lines: list[str]) -> None:
    """In whole, below what else the head says where there is no room beside that."""
    table = Table()
    for event in (
        Event("config", {"generation": 3, "refused": {"summary": "1 error"}}),
        Event("counts", {"in_flight": 2, "endpoints": {}, "upstreams": {}}),
    ):
        table.take(event)
    assert table.text(width, 5).split("\n")[:2] == lines


def test_many_requests_a_second_have_no_tenths() -> None:
    """They would stand against the name on a narrow screen."""
    table = Table()
    table.take(Event("counts", {"in_flight": 2, "endpoints": {"GET /a": [12345, 0, 0, {"0": 12345}]}, "upstreams": {}}))
    assert table.text(40, 5).split("\n")[3] == "GET /a        12345   0.0%   0.0%      1"


def test_a_screen_of_one_that_has_gone_is_empty() -> None:
    """What was counted is not what is."""
    table = watched("GET /b")
    table.take(Event("parts", {"parts": {"ads": [2, 1, 30.0]}}))
    assert (len(table.data()["endpoints"]), len(table.data()["parts"])) == (1, 1)
    table.take(Event("gone", {}))
    assert (table.data()["endpoints"], table.data()["parts"]) == ([], [])


def test_numbers_as_data() -> None:
    """Rounded to what they are good for."""
    upstream = watched().data()["upstreams"][0]
    assert upstream == {"upstream": "up9", "per_second": 9.5, "failed": 0.0526, "mean": 47.6316}

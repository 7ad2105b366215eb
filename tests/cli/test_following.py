"""``aggregator tail`` and ``top``: what they print, and what they do when the server goes and comes back."""

from __future__ import annotations

import itertools

import httpx
import pytest

from aggregator.cli import following
from aggregator.cli.administration import AdminTarget
from aggregator.cli.commands.acting.tail import line_of
from aggregator.cli.following import Event, StoppingError, follow, parse
from aggregator.cli.watching.leaving import until_left
from aggregator.cli.watching.table import Table
from aggregator.diagnostics.display import cells
from aggregator.errors import AggregatorError

TARGET = AdminTarget("http://127.0.0.1:9")
REQUEST = {
    "at": 0.0, "id": "1", "endpoint": "GET /x", "method": "GET", "path": "/x", "status": 200, "how": "answered",
    "cause": None, "partial": True, "ms": 12.3, "size": 1,
    "parts": [
        {"name": "ads", "state": "default", "status": 500, "cause": "status", "ms": 1.0, "upstream": "up"},
        {"name": "main", "state": "ok", "status": 200, "cause": None, "ms": 1.0, "upstream": "up"},
    ],
}  # fmt: skip


def _lives(monkeypatch: pytest.MonkeyPatch, *lives: object) -> list[float]:
    """Have a process live as each of *lives* says, and return the pauses between."""
    left = list(lives)

    def events(*_: object):
        life = left.pop(0)
        if isinstance(life, Exception):
            raise life
        yield from life

    monkeypatch.setattr(following, "_events", events)
    return []


def test_a_server_that_goes_is_waited_for(monkeypatch):
    """Pauses grow, and begin anew when it was back; what refuses then ends it."""
    gone = httpx.ConnectError("refused")
    first, second = Event("config", {"generation": 1}), Event("config", {"generation": 2})
    pauses = _lives(monkeypatch, [first], gone, gone, [second], AggregatorError("the end"))
    with pytest.raises(AggregatorError, match="the end"):
        list(follow(TARGET, {}, pauses.append))
    assert pauses == [0.5, 1.0, 2.0, 0.5]


def test_a_server_that_stops_is_waited_for(monkeypatch):
    """It may still answer, that it tells of nothing; one that does at first is not waited for."""
    stops, first = StoppingError("The workers stop."), Event("config", {"generation": 1})
    pauses = _lives(monkeypatch, [first], stops, [first], AggregatorError("the end"))
    with pytest.raises(AggregatorError, match="the end"):
        list(follow(TARGET, {}, pauses.append))
    assert pauses == [0.5, 1.0, 0.5]
    _lives(monkeypatch, stops)
    with pytest.raises(StoppingError):
        list(follow(TARGET, {}, pauses.append))


def test_what_is_heard_when_it_goes(monkeypatch):
    """In order."""
    gone = httpx.ReadError("reset")
    first = Event("config", {"generation": 1})
    pauses = _lives(monkeypatch, [first], gone, [first])
    events = follow(TARGET, {}, pauses.append)
    assert [next(events).name for _ in range(4)] == ["config", "gone", "back", "config"]


def test_a_server_that_was_never_there(monkeypatch):
    """It is an error at once, with its address."""
    pauses = _lives(monkeypatch, httpx.ConnectError("refused"))
    with pytest.raises(AggregatorError, match=r"Nothing answers at http://127\.0\.0\.1:9: refused\."):
        next(follow(TARGET, {}, pauses.append))


def test_an_event_stream_is_read():
    """Signs of life are none, and its last event ends it."""
    lines = [
        ": alive",
        "",
        "event: config",
        'data: {"generation": 1}',
        "",
        "event: end",
        "data: {}",
        "event: x",
        "data: 1",
    ]
    assert [*parse(lines)] == [Event("config", {"generation": 1})]


def test_a_line_says_what_was_wrong():
    """Status, time, path, and the parts that were not as they should be; nothing that a terminal obeys."""
    words = line_of(REQUEST, color=False).split()
    assert words[1:] == ["200", "12", "ms", "GET", "/x", "ads=status"]
    assert "\x1b" not in line_of(REQUEST | {"path": "/\x1b[31m"}, color=False)
    assert "\x1b[33m" in line_of(REQUEST, color=True)
    assert line_of(REQUEST | {"status": 499, "how": "gone", "parts": []}, color=False).endswith("gone")


def _counts(endpoints: dict, upstreams: dict | None = None) -> Event:
    return Event("counts", {"at": 0.0, "in_flight": 2, "endpoints": endpoints, "upstreams": upstreams or {}})


def test_a_screen_has_the_worst_first():
    """Rates are those of the seconds that were seen, at most ten; percentiles are the ends of their buckets."""
    table = Table()
    table.take(Event("config", {"generation": 3, "refused": None}))
    table.take(
        _counts({"GET /good": [10, 0, 0, {"0": 10}], "GET /bad": [4, 2, 1, {"10": 3, "20": 1}]}, {"up": [4, 1, 40.0]})
    )
    text = table.text(80, 24).splitlines()
    assert text[0].split() == ["generation", "3", "2", "in", "flight"]
    assert text[3].split() == ["GET", "/bad", "4.0", "50.0%", "25.0%", "9", "87", "87"]
    assert text[4].split() == ["GET", "/good", "10.0", "0.0%", "0.0%", "1", "1", "1"]
    assert text[7].split() == ["up", "4.0", "25.0%", "10"]


def test_a_screen_forgets_what_is_older_than_its_window():
    """After ten seconds without a request an endpoint is not there any more."""
    table = Table()
    table.take(_counts({"GET /x": [10, 0, 0, {"0": 10}]}))
    for _ in range(10):
        assert "GET /x" in table.text(80, 24)
        table.take(_counts({}))
    assert "GET /x" not in table.text(80, 24)


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_a_screen_is_as_large_as_its_terminal(width):
    """However many endpoints there are, and whatever they are called."""
    table = Table()
    table.take(_counts({f"GET /{'x' * 200}/\x1b[31m{number}": [1, 0, 0, {"0": 1}] for number in range(500)}))
    lines = table.text(width, 24).splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= width
    assert "\x1b" not in "".join(lines)
    assert lines[-1].strip() == "480 more"


def test_wide_letters_stay_in_their_columns():
    """They take two cells each, and combining marks none, so that numbers stand below each other."""
    table = Table()
    names = ["\u65e5\u672c" * 30, "e\u0301" * 60, "a"]
    table.take(_counts({f"GET /{name}": [1, 0, 0, {"0": 1}] for name in names}, {"\u65e5\u672c" * 30: [1, 0, 1.0]}))
    for width in range(1, 120):
        assert max(map(cells, table.text(width, 24).split("\n"))) <= width
    *_, first, second, third = (line for line in table.text(80, 24).splitlines() if line.startswith("GET"))
    assert cells(first) == cells(second) == cells(third) == 80


def test_a_screen_may_be_of_any_size():
    """Of the narrowest there are names alone, and a great number pushes nothing out."""
    table = Table()
    table.take(_counts({"GET /x": [10**12, 0, 0, {"0": 10**12}]}, {"up": [10**12, 0, 1e15]}))
    for width, height in itertools.product(range(1, 81), (1, 2, 12)):
        lines = table.text(width, height).split("\n")
        assert len(lines) <= height
        assert max(map(len, lines)) <= width
        assert ("req/s" in "".join(lines)) == (width >= 16 and height > 2)


def test_a_screen_says_that_the_server_has_gone():
    """And why the saved file is not served."""
    table = Table()
    table.take(Event("gone", {}))
    assert table.text(80, 24).splitlines()[0] == "the server has gone; waiting for it"
    table.take(Event("back", {}))
    table.take(Event("config", {"generation": 1, "refused": {"a": 1}}))
    assert "the saved file is refused" in table.text(80, 24)


@pytest.mark.long
def test_a_narrow_table_keeps_what_says_most():
    """Rate, failures, partial answers and p95 are there at 40 columns, and no line is folded; of few lines both blocks have some."""
    table = Table()
    table.take(
        _counts(
            {f"GET /{number}": [1, 0, 0, {"0": 1}] for number in range(20)}, {f"up{n}": [1, 0, 1.0] for n in range(9)}
        )
    )
    lines = table.text(40, 12).splitlines()
    assert lines[2].split() == ["ENDPOINT", "req/s", "5xx", "part", "p95"]
    assert lines[-4].split() == ["UPSTREAM", "calls/s", "failed", "mean"]
    assert len(lines) <= 12
    assert max(map(len, lines)) <= 40


def test_one_endpoint_has_its_parts():
    """Others are left out, and its parts stand where upstreams do."""
    table = Table("GET /x")
    table.take(_counts({"GET /x": [2, 1, 0, {"0": 2}], "GET /y": [1, 0, 0, {"0": 1}]}, {"up": [3, 0, 1.0]}))
    table.take(Event("parts", {"at": 0.0, "parts": {"ads": [2, 1, 30.0]}}))
    assert table.data() == {
        "generation": 0, "refused": False, "in_flight": 2,
        "endpoints": [
            {"endpoint": "GET /x", "per_second": 2.0, "failed": 0.5, "partial": 0.0, "p50": 1.0, "p95": 1.0, "p99": 1.0}
        ],
        "parts": [{"part": "ads", "per_second": 2.0, "failed": 0.5, "mean": 15.0}],
    }  # fmt: skip


@pytest.mark.parametrize("error", [KeyboardInterrupt, BrokenPipeError])
def test_who_has_seen_enough_ends_it_well(error, monkeypatch, tmp_path):
    """An interruption, and a reader that has gone, are no failure."""
    with (tmp_path / "stdout").open("w") as stdout:
        monkeypatch.setattr("sys.stdout", stdout)
        with pytest.raises(SystemExit) as ended, until_left():
            raise error
    assert ended.value.code == 0

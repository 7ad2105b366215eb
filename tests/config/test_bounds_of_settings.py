"""The numbers that settings take: the last that is taken, the first that is not, and the way out that is told for it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from aggregator.config.model.edge.lifecycle import DEPRECATED, NOT_DEPRECATED, Deprecated, LifecycleSettings
from aggregator.config.model.listening.workers import Blocked
from aggregator.config.model.telemetry.metrics import MetricsSettings
from aggregator.config.model.telemetry.shares import Objective, Sample
from aggregator.config.model.upstreams.forward import ForwardSettings
from aggregator.fields import Duration, StatusKey, Timeout, duration_text, parse_size, size_text
from aggregator.policies.concurrency.settings import Limit
from aggregator.policies.hedge.settings import HedgeSettings, quantile_of
from aggregator.policies.mock.settings import DelaySettings
from aggregator.policies.rate_limit.settings import RateText
from aggregator.policies.retry.settings import long_form
from aggregator.policies.routing.settings import RouteSettings


def problem_of(kind: Any, value: Any) -> tuple[str, str] | None:
    """Return the code and the hint of what is wrong with *value* as a *kind*; None when it is taken."""
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        [one] = error.errors()
        return one["type"], one.get("ctx", {}).get("hint", "")
    return None


def boundaries(count: int) -> dict[str, list[str]]:
    """Return the settings of metrics with so many boundaries."""
    return {"buckets": [f"{number}ms" for number in range(1, count + 1)]}


def routes(count: int) -> dict[str, Any]:
    """Return the settings of a route with so many keys."""
    return {"by": "{{ query.k }}", "to": {f"k{number}": "http://up.test" for number in range(count)}}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Blocked, "2s"),
        (Timeout, "1ms"),
        (Duration, "0s"),
        (Duration, "36500d"),
        (Objective, "0.1%"),
        (Objective, "99.99%"),
        (Sample, "0%"),
        (Sample, "100%"),
        (MetricsSettings, boundaries(1)),
        (MetricsSettings, boundaries(30)),
        (LifecycleSettings, {"since": "2027-01-01", "sunset": "2027-01-01"}),
        (LifecycleSettings, {"since": "2027-01-01"}),
        (LifecycleSettings, {"sunset": "2027-01-01T12:00:00Z"}),
        (LifecycleSettings, {"see": "/v2?a=b"}),
        (Limit, 1),
        (Limit, 100_000),
        (Limit, "adaptive"),
        (HedgeSettings, {"after": "p50"}),
        (HedgeSettings, {"after": "p99"}),
        (HedgeSettings, {"after": "1ms"}),
        (DelaySettings, {"p50": "20ms", "p99": "20ms"}),
        (RateText, "1/m"),
        (RouteSettings, routes(1)),
        (RouteSettings, routes(1000)),
        (StatusKey, 100),
        (StatusKey, "599"),
        (StatusKey, "5xx"),
    ],
    ids=lambda one: None if isinstance(one, str | int) else "",
)
def test_the_last_that_is_taken(kind: Any, value: Any) -> None:
    """It stands for itself."""
    assert problem_of(kind, value) is None


@pytest.mark.parametrize(
    ("kind", "value", "code", "hint"),
    [
        (Blocked, "1999ms", "bad-duration", "write 2s or more"),
        (Timeout, "0s", "bad-duration", "leave the key out"),
        (Duration, "36501d", "bad-duration", "write 36500d or less"),
        (Duration, True, "bad-duration", "like"),
        (Duration, 5, "bad-duration", "write `5s` or `5ms`"),
        (Duration, {"total": "5s"}, "bad-duration", "write one duration"),
        (Duration, "5 sec", "bad-duration", "write `5s`"),
        (Objective, "0%", "bad-share", "more than 0% and less than 100%"),
        (Objective, "100%", "bad-share", "more than 0% and less than 100%"),
        (Sample, "100.1%", "bad-share", "from 0% to 100%"),
        (Sample, 0.5, "bad-share", "like 1%"),
        (MetricsSettings, boundaries(0), "bad-buckets", "write them like"),
        (MetricsSettings, boundaries(31), "bad-buckets", "write them like"),
        (MetricsSettings, {"buckets": ["1s", "1s"]}, "bad-buckets", "write them like"),
        (LifecycleSettings, {"since": "2027-01-02", "sunset": "2027-01-01"}, "bad-date", "the later of the two"),
        (LifecycleSettings, {"since": "soon"}, "bad-date", "write it like"),
        (LifecycleSettings, {"since": 2027}, "bad-date", "write it like"),
        (LifecycleSettings, {"see": "/a b"}, "bad-url", "percent-encode"),
        (LifecycleSettings, {"see": "/ä"}, "bad-url", "percent-encode"),
        (LifecycleSettings, {"see": "/a\n"}, "bad-url", "percent-encode"),
        (Limit, 0, "limits", "from 1 to 100000"),
        (Limit, 100_001, "limits", "from 1 to 100000"),
        (Limit, True, "limits", "from 1 to 100000"),
        (Limit, "10/s", "limits", "`rate_limit: 10/s`"),
        (HedgeSettings, {"after": "p49"}, "bad-hedge", "write p50 to p99"),
        (HedgeSettings, {"after": "0s"}, "bad-hedge", "`race`"),
        (DelaySettings, {"p50": "0s", "p99": "20ms"}, "bad-mock", "the shorter one"),
        (DelaySettings, {"p50": "21ms", "p99": "20ms"}, "bad-mock", "the shorter one"),
        (RateText, 1, "bad-rate", "`1/s`, `1/m` or `1/30s`"),
        (RateText, 0, "bad-rate", "write it like"),
        (RateText, True, "bad-rate", "write it like"),
        (RateText, "soon", "bad-rate", "write it like"),
        (RouteSettings, routes(0), "bad-route", "write keys and URLs"),
        (RouteSettings, routes(1001), "bad-route", "tells tenants apart"),
        (StatusKey, 99, "bad-status-key", "use 404"),
        (StatusKey, 600, "bad-status-key", "use 404"),
        (StatusKey, "99", "bad-status-key", "use 404"),
        (StatusKey, "600", "bad-status-key", "use 404"),
        (StatusKey, True, "bad-status-key", "use 404"),
        (StatusKey, "*", "bad-status-key", "write `any`"),
    ],
    ids=lambda one: None if isinstance(one, str | int) else "",
)
def test_the_first_that_is_not(kind: Any, value: Any, code: str, hint: str) -> None:
    """It has a code and a way out."""
    found = problem_of(kind, value)
    assert found is not None
    assert (found[0], hint in found[1]) == (code, True)


@pytest.mark.parametrize(("value", "settings"), [(1, {"attempts": 2}), (4, {"attempts": 5}), ({"a": 1}, {"a": 1})])
def test_retries_are_attempts_but_for_the_first(value: Any, settings: Any) -> None:
    """A number is the short form; what is none is read as settings."""
    assert long_form(5)(value) == settings


@pytest.mark.parametrize(("value", "hint"), [(0, "write `none`, or leave it out"), (5, "write 1 to 4")])
def test_too_few_and_too_many_retries(value: int, hint: str) -> None:
    """None are said by a word."""
    with pytest.raises(Exception, match="not a number of retries") as caught:
        long_form(5)(value)
    assert caught.value.context["hint"] == hint  # type: ignore[attr-defined]


@pytest.mark.parametrize(("value", "size"), [(0, 0), (2**50, 2**50), ("1GiB", 2**30), ("64KiB", 65536), ("1kB", 1000)])
def test_sizes(value: Any, size: int) -> None:
    """Bytes, or a number with a unit; a pebibyte is the largest."""
    assert parse_size(value) == size


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (2**50 + 1, "write 1GiB or less"),
        ("1048577GiB", "write 1GiB or less"),
        (-1, "like"),
        (True, "like"),
        ("64 kib", "write `64KiB`"),
        ("64 k", "write `64kB`"),
    ],
)
def test_what_is_no_size(value: Any, hint: str) -> None:
    """More than that, less than nothing, and a unit that is written in another way."""
    with pytest.raises(Exception, match=r"not a size|more than a machine") as caught:
        parse_size(value)
    assert hint in caught.value.context["hint"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0s"), (0.25, "250ms"), (0.999, "999ms"), (1.0, "1s"), (10.05, "10.05s"), (3599.0, "3599s"),
     (3600.0, "1h"), (3601.0, "3601s"), (7200.0, "2h")],
)  # fmt: skip
def test_seconds_as_the_file_writes_them(seconds: float, text: str) -> None:
    """Below a second in milliseconds, whole hours in hours."""
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0"), (1000, "1000"), (1024, "1KiB"), (1025, "1025"), (2**20, "1MiB"), (2**20 + 1024, "1025KiB"),
     (2**30, "1GiB")],
)  # fmt: skip
def test_bytes_as_the_file_writes_them(size: int, text: str) -> None:
    """In the largest unit of which they are a whole number."""
    assert size_text(size) == text


@pytest.mark.parametrize(("after", "quantile"), [("p50", 0.5), ("p99", 0.99), ("200ms", None), ("p100", None)])
def test_percentiles(after: str, quantile: float | None) -> None:
    """Two digits behind a `p`."""
    assert quantile_of(after) == quantile


@pytest.mark.parametrize(
    ("value", "settings"),
    [(True, DEPRECATED), (False, NOT_DEPRECATED), ({"see": "/v2"}, LifecycleSettings(see="/v2"))],
)
def test_an_end_may_be_said_by_a_word(value: Any, settings: LifecycleSettings) -> None:
    """That there is one, that there is none, or what is known of it."""
    read = TypeAdapter(Deprecated).validate_python(value)
    assert read == settings
    assert isinstance(value, dict) or read is settings


@pytest.mark.parametrize(
    "value", ["2027-01-31T12:00:00", "2027-01-31T12:00:00Z", datetime(2027, 1, 31, 12), "2027-01-31T13:00:00+01:00"]
)
def test_moments(value: Any) -> None:
    """Without a zone they are those of UTC."""
    assert LifecycleSettings(since=value).since == datetime(2027, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize("value", ["2027-01-31", date(2027, 1, 31)])
def test_days(value: Any) -> None:
    """They begin at midnight."""
    assert LifecycleSettings(since=value).since == datetime(2027, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({}, (False, (), False, ())),
        ({"headers": ["accept"], "query": ["page"]}, (False, ("accept",), False, ("page",))),
        ({"headers": "all", "query": "all"}, (True, (), True, ())),
        ({"headers": ["all", "authorization"]}, (True, ("authorization",), False, ())),
        ({"headers": "all", "except": ["x-a"]}, (True, (), False, ())),
    ],
)
def test_what_is_passed_on(value: Any, said: tuple[Any, ...]) -> None:
    """All, or what is named; beside `all` those that never go unless they are."""
    settings = ForwardSettings.model_validate(value)
    assert (settings.all_headers, settings.named_headers, settings.all_query, settings.named_query) == said


@pytest.mark.parametrize(("more", "is_taken"), [({"headers": "all"}, True), ({"query": "all"}, True), ({}, False)])
def test_exceptions_are_from_all(more: dict[str, Any], is_taken: bool) -> None:
    """Of headers or of parameters."""
    assert (problem_of(ForwardSettings, {"except": ["a"], **more}) is None) is is_taken

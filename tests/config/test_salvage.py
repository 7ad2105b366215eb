"""What is left of a wrong mapping is checked on in the same run."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from aggregator.config.model.endpoint import EndpointSettings
from aggregator.config.model.root import RootSettings
from aggregator.config.text.values import Steps
from aggregator.config.validation.salvage import salvage


def names_in(places: frozenset[Steps]) -> set[str]:
    """Return every key and index on the way to *places*."""
    return {str(step) for place in places for step in place}


def left_of(value: Any) -> tuple[dict[str, Any] | None, set[str]]:
    """Return what is left of *value* as an endpoint, and the names that were lost."""
    with pytest.raises(ValidationError) as caught:
        EndpointSettings.model_validate(value)
    settings, lost = salvage(EndpointSettings, value, caught.value)
    return None if settings is None else settings.model_dump(exclude_unset=True, by_alias=True), names_in(lost)


@pytest.mark.parametrize(
    ("value", "left", "lost"),
    [
        ({"call": "u:/", "zzz": 1}, {"call": {"url": "u:/"}}, {"zzz"}),
        ({"call": {"url": "u:/", "method": "get"}}, {"call": {"url": "u:/"}}, {"call", "method"}),
        ({"fan_out": {"a": {"u": 1}, "b": "u:/"}}, {"fan_out": {"b": {"url": "u:/"}}}, {"fan_out", "a", "u"}),
        ({"call": "u:/", "tags": ["a", 5]}, {"call": {"url": "u:/"}}, {"tags"}),
        (
            {"call": "u:/", "status_map": [{"on": 404}, {"on": "zz", "status": 500}]},
            {"call": {"url": "u:/"}, "status_map": ({"on": "404"}, {"status": 500})},
            {"status_map", "1", "on"},
        ),
        ({"call": {"url": "u:/", "for_each": {"inn": "x"}}}, {"call": {"url": "u:/"}}, {"call", "for_each", "inn"}),
        ({"call": "u:/", "fan_out": {"b": "u:/"}}, None, set()),
        ({"call": 5}, None, {"call"}),
        (5, None, set()),
    ],
)
def test_what_is_left(value: Any, left: dict[str, Any] | None, lost: set[str]) -> None:
    """Wrong keys go, wrong calls go whole, the items of lists keep their numbers."""
    assert left_of(value) == (left, lost)


def test_the_value_itself_stays() -> None:
    """What the caller holds is not changed."""
    value = {"call": {"url": "u:/", "zzz": 1}}
    left_of(value)
    assert value == {"call": {"url": "u:/", "zzz": 1}}


def test_a_missing_key_at_the_root_hides_no_other() -> None:
    """What has been said is known while `version` is missing: nothing is told to be missing that is there."""
    with pytest.raises(ValidationError) as caught:
        RootSettings.model_validate({"state": "./state"})
    settings, lost = salvage(RootSettings, {"version": 1, "state": "./state"}, caught.value)
    assert settings is not None
    assert (settings.state, lost) == ("./state", frozenset())

"""Each setting of a call says where it has an effect, and the rules refuse it everywhere else."""

from __future__ import annotations

from typing import Annotated

import pytest

from aggregator.config.marks import EVERYWHERE, Works, keys_without_effect, marks_of
from aggregator.config.model.calls.background import BackgroundCallSettings
from aggregator.config.model.calls.call import CallSettings
from tests.config.rules.conftest import Say


class Unmarked(CallSettings):
    """A call with a setting that says nothing of where it works."""

    attempts: int = 1


class MarkedTwice(CallSettings):
    """A call with a setting that contradicts itself."""

    attempts: Annotated[int, Works.CALL, Works.PART] = 1


class Marked(CallSettings):
    """A call with a setting that works on a part alone."""

    attempts: Annotated[int, Works.PART] = 1


@pytest.mark.parametrize("model", [Unmarked, MarkedTwice])
def test_a_setting_without_one_mark_does_not_import(model: type[CallSettings]) -> None:
    """``call.py`` asks for the marks of its models at its end, so a forgotten one ends every import of it."""
    with pytest.raises(TypeError, match="attempts needs one mark"):
        marks_of(model)


@pytest.mark.parametrize("model", [CallSettings, BackgroundCallSettings])
def test_every_key_is_marked(model: type[CallSettings]) -> None:
    """The table has the keys of the file, ``json`` and not ``json_``, and none of them works nowhere."""
    marks = marks_of(model)
    assert marks.keys() == {field.alias or name for name, field in model.model_fields.items()}
    assert all(mark & EVERYWHERE for mark in marks.values())


@pytest.mark.parametrize("place", [place for place in Works if place is not Works.PART])
def test_a_new_key_is_refused_wherever_its_mark_does_not_name(place: Works) -> None:
    """The rules derive their lists, so they know a key that was added a moment ago."""
    assert "attempts" in keys_without_effect(Marked, place)
    assert "attempts" not in keys_without_effect(Marked, Works.PART)


PLACES = {
    "on a single call": "GET /x:\n  call: {{url: users:/a, {}}}",
    "in a race; write it on the part itself": (
        "GET /x:\n  call:\n    race:\n      - users:/a\n      - {{url: shop:/a, {}}}"
    ),
    "in an alternative; write it on the call itself": (
        "GET /x:\n  call:\n    url: users:/a\n    fallback:\n      - {{url: shop:/a, {}}}"
    ),
    "in `background`, whose results nobody reads": (
        "GET /x:\n  call: users:/a\n  background:\n    - {{url: shop:/a, {}}}"
    ),
    "beside `race`": "GET /x:\n  call: {{race: [users:/a, shop:/a], {}}}",
    "beside `fan_out`": "GET /x:\n  fan_out:\n    a: {{fan_out: {{b: users:/a}}, {}}}",
}  # fmt: skip
SAMPLES = {
    "on a single call": "needs: [a]",
    "in a race; write it on the part itself": "optional: true",
    "in an alternative; write it on the call itself": 'when: "{{ query.a }}"',
    "in `background`, whose results nobody reads": "transform: a:b",
    "beside `race`": "redirects: 1",
    "beside `fan_out`": "max_body: 1KB",
}


@pytest.mark.parametrize("where", PLACES)
def test_a_key_without_effect_is_refused_in_each_place(say: Say, where: str) -> None:
    """In each place of a call one key that its mark leaves out is a problem."""
    found = say(PLACES[where].format(SAMPLES[where]))
    assert any(f"has no effect {where}" in line for line in found), found

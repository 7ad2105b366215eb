"""States by kind and name, calls that wait for one thing together, and orders of switches: each told in whole."""

from __future__ import annotations

import asyncio
from math import inf, nextafter
from typing import Any

import pytest

from aggregator.errors import CallError, Cause
from aggregator.exchange import Exchange
from aggregator.parts.names import Names
from aggregator.plan.compiling.expressions import one_expression
from aggregator.policies.credentials.oauth import waiting as waiting_module
from aggregator.policies.credentials.oauth.waiting import Waiting
from aggregator.policies.registry import Kind, Registry
from aggregator.policies.routing.plan import ChancePlan
from aggregator.policies.routing.routed import target_of
from aggregator.policies.switches.calendar import hours_of
from aggregator.policies.switches.offs import offs_at
from aggregator.policies.switches.plan import MaintenancePlan, OffPlan
from aggregator.policies.switches.table import Change, Switch, Switches, Target


class State:
    """A state that counts how often it adopts settings."""

    def __init__(self, settings: int) -> None:
        self.settings = settings
        self.adopted: list[int] = []


KIND: Kind[int, State] = Kind("one", State, lambda state, settings: state.adopted.append(settings))
OTHER: Kind[int, State] = Kind("other", State)


def test_states_are_found_by_kind() -> None:
    """All of one, in the order of their names; one by its name; none of another kind."""
    registry = Registry()
    draft = registry.draft()
    made = {name: draft.hold(KIND, name, 1) for name in ("b", "a", "c")}
    apart = draft.hold(OTHER, "a", 1)
    assert (registry.all("one"), registry.each("one")) == ([], {})
    draft.commit()
    assert registry.all("one") == [made["a"], made["b"], made["c"]]
    assert (registry.each("one"), registry.each("other")) == (made, {"a": apart})
    assert (registry.of(KIND, "a"), registry.of(OTHER, "a"), registry.of(OTHER, "b")) == (made["a"], apart, None)


def test_a_state_adopts_settings_that_are_others_and_no_more() -> None:
    """The same ones, a first time and a second, are nothing new."""
    registry = Registry()
    first = registry.draft()
    state = first.hold(KIND, "a", 1)
    first.commit()
    first.commit()
    for settings in (1, 2, 2):
        draft = registry.draft()
        assert draft.hold(KIND, "a", settings) is state
        draft.commit()
    assert (state.settings, state.adopted) == (1, [2])


def test_all_who_wait_are_told_once_in_their_order() -> None:
    """Each its own copy of an error; who has left is not, and who comes later waits for the next."""
    told: list[tuple[str, Any]] = []

    async def scene() -> None:
        waiting: Waiting[str] = Waiting()
        for name in "abc":
            waiter = waiting.add(lambda outcome, name=name: told.append((name, outcome)), None)  # type: ignore[misc]
            if name == "b":
                waiter.cancel()
        error = CallError(Cause.CREDENTIALS, "No.", retry_after=3.0)
        waiting.tell(error)
        waiting.tell("late")
        waiting.add(lambda outcome: told.append(("d", outcome)), None)
        waiting.tell("token")
        (first, one), (second, other), last = told
        assert (first, second, last) == ("a", "c", ("d", "token"))
        assert len({id(error), id(one), id(other)}) == 3
        assert {(each.cause, str(each), each.retry_after) for each in (one, other)} == {(Cause.CREDENTIALS, "No.", 3.0)}

    asyncio.run(scene())


def test_who_waits_until_its_deadline_is_told_that() -> None:
    """And nothing more; one beyond the bound is refused in the next turn of the loop."""
    told: list[CallError] = []

    async def scene(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(waiting_module, "MOST", 1)
        loop = asyncio.get_running_loop()
        waiting: Waiting[str] = Waiting()
        over = asyncio.Event()
        waiting.add(lambda outcome: (told.append(outcome), over.set()), loop.time())  # type: ignore[arg-type, func-returns-value]
        waiting.add(told.append, None)  # type: ignore[arg-type]
        assert told == []
        await over.wait()
        waiting.tell("token")
        await asyncio.sleep(0)

    with pytest.MonkeyPatch.context() as monkeypatch:
        asyncio.run(scene(monkeypatch))
    assert [(error.cause, str(error), error.retry_after) for error in told] == [
        (Cause.QUEUE_FULL, "Too many calls wait for credentials.", 1.0),
        (Cause.CREDENTIALS, "Credentials for the upstream could not be had in time.", None),
    ]


@pytest.mark.parametrize(
    ("by", "found"),
    [("query.k", 1), ("'a'", 1), ("5", 2), ("true", 3), ("none", None), ("query.x", None), ("['a']", None),
     ("{'a': 1}", None), ("headers.x", None), ("'A'", None), ("query.k + 1", None)],
)  # fmt: skip
def test_the_service_of_a_key(by: str, found: int | None) -> None:
    """By the text of its value; what is no one value, or cannot be told, is nobody's, and the key is not said."""
    names = Names(Exchange("GET", "/", b"k=a", []))
    targets = {"a": 1, "5": 2, "true": 3, "null": 4, "": 5}
    if found is not None:
        assert target_of(one_expression(f"{{{{ {by} }}}}"), targets, "up", names) == found
        return
    with pytest.raises(CallError) as failed:
        target_of(one_expression(f"{{{{ {by} }}}}"), targets, "up", names)
    error = failed.value
    assert (error.cause, str(error), error.attempts) == (
        Cause.UNKNOWN_KEY, "The upstream 'up' has no route for the key of this request.", 0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("weights", "sticky", "words"),
    [((1, 1), None, "choose 50% 50%"), ((1, 2), None, "choose 33.3333% 66.6667%"),
     ((0, 3), "query.k", "choose 0% 100% by {{ query.k }}")],
)  # fmt: skip
def test_a_choice_in_words(weights: tuple[int, ...], sticky: str | None, words: str) -> None:
    """Shares of the whole, and by what they stay."""
    key = None if sticky is None else one_expression(f"{{{{ {sticky} }}}}")
    assert ChancePlan(("a", "b"), weights, key).words == words


TARGET = Target("endpoint", "GET /a")


def test_the_time_of_an_order() -> None:
    """Now, or a moment behind what is known: the next that can be told from it, where a thousandth cannot."""
    table = Switches()
    assert table.after(TARGET, 5.0) == 5.0
    for at, later in ((4.0, 5.0), (5.0, 5.001), (7.0, 7.001), (1e15, nextafter(1e15, inf))):
        table.merge({TARGET: Change(at, Switch(None, at, "", ""))}, 5.0)
        assert table.after(TARGET, 5.0) == later


def test_a_table_tells_of_each_change() -> None:
    """What is known of a target, whether any ends by itself, and that nothing has changed."""
    table, off = Switches(), Switch(9.0, 1.0, "me", "why")
    assert (table.known(TARGET), table.has_ends, table.version) == (None, False, 0)
    assert table.merge({TARGET: Change(1.0, off)}, 2.0)
    version = table.version
    assert (table.known(TARGET), table.has_ends, version > 0) == (Change(1.0, off), True, True)
    assert not table.merge({TARGET: Change(1.0, off)}, 2.0)
    assert table.version == version
    assert table.merge({TARGET: Change(1.5, None)}, 2.0)
    assert (table.known(TARGET), table.has_ends, table.version > version) == (Change(1.5, None), False, True)


@pytest.mark.parametrize(
    ("target", "text"),
    [(TARGET, "endpoint GET /a"), (Target("part", "GET /a", "page.ads"), "part GET /a page.ads"),
     (Target("effect", "", "mail"), "effect mail")],
)  # fmt: skip
def test_a_target_in_words(target: Target, text: str) -> None:
    """By what there is of it."""
    assert str(target) == text


def test_of_times_that_end_at_once_the_first_is_told() -> None:
    """In the order of the file; what is over is not."""
    plans = []
    for every, status in (("00:00-01:00", 501), ("02:00-04:00", 502), ("03:00-04:00", 503)):
        hours = hours_of(every)
        assert hours is not None
        plans.append(MaintenancePlan(("GET /a", "GET /b"), hours, every, "UTC", status, "Soon."))
    told = OffPlan(502, "Soon.", 14_400.0)
    assert offs_at(10_800.0, tuple(plans), {}) == {TARGET: told, Target("endpoint", "GET /b"): told}
    assert offs_at(14_400.0, tuple(plans), {}) == {}
    assert plans[0].words == "00:00-01:00 UTC (501)"

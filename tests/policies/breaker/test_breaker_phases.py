"""A breaker opens by what is declared, lets one call try, and closes again; each change is an era."""

from __future__ import annotations

import asyncio
import random

import pytest

from aggregator.causes import Cause
from aggregator.policies.breaker.breaker import REFUSED, Breaker, Phase
from aggregator.policies.breaker.plan import BreakerPlan
from aggregator.policies.breaker.table import MOST, Breakers, refusal
from aggregator.policies.values import Span
from aggregator.templates import compile_expression

PLAN = BreakerPlan(
    failures=None, rate=None, of=20, window=10.0, over=None, slow=1.0, pause=Span(5.0, 20.0),
    statuses=frozenset(range(500, 600)), causes=frozenset({Cause.RESET}),
)  # fmt: skip


def plan(**said) -> BreakerPlan:
    """Return the plan with what is *said*."""
    known = {name: getattr(PLAN, name) for name in PLAN.__struct_fields__}
    return BreakerPlan(**(known | said))


def breaker(**said) -> Breaker:
    """Return a breaker whose pauses are not shortened."""
    return Breaker("users", plan(**said), draw=lambda: 0.0)


def call(one: Breaker, now: float, *, failed: bool = False, seconds: float = 0.1) -> bool:
    """Make a call that ends *now*; return whether it was let through."""
    era = one.enter(now)
    if era != REFUSED:
        one.ended(era, now, failed=failed, seconds=seconds)
    return era != REFUSED


@pytest.mark.parametrize("phase", [Phase.FORCED_OPEN, Phase.FORCED_CLOSED])
def test_an_order_that_is_over_is_shown_as_none(phase):
    """Also while no call comes that would end it."""
    one = Breakers(("users", PLAN))
    one.whole.order(phase, 100.0, 10.0, "ordered")
    assert one.whole.as_dict(109.9)["phase"] == phase
    assert one.is_open(109.9) is (phase is Phase.FORCED_OPEN)
    shown = one.whole.as_dict(110.0)
    assert (shown["phase"], shown["for"], shown["reason"]) == ("closed", None, "the time of the order is over")
    assert not one.is_open(110.0)


def test_an_order_holds_for_keys_to_come():
    """As long as it does for those that are there."""
    breakers = Breakers(("users", plan(failures=1)))
    breakers.of("a", 1.0)
    for one in (breakers.whole, breakers.of("a", 1.0)):
        one.order(Phase.FORCED_OPEN, 1.0, 60.0, "ordered")
    assert not call(breakers.of("b", 2.0), 2.0)
    assert call(breakers.of("b", 2.0), 61.0)
    assert call(breakers.of("c", 61.0), 61.0)


def test_failures_one_after_the_other_open_it():
    """A success in between begins the count anew."""
    one = breaker(failures=3)
    for failed in (True, True, False, True, True):
        call(one, 1.0, failed=failed)
    assert one.phase is Phase.CLOSED
    call(one, 1.0, failed=True)
    assert one.phase is Phase.OPEN
    assert not call(one, 1.0)


def test_a_rate_needs_calls_enough():
    """Below `of` calls in the window nothing is said of their share."""
    one = breaker(rate=0.5, of=10)
    for _ in range(9):
        call(one, 1.0, failed=True)
    assert one.phase is Phase.CLOSED
    call(one, 1.0, failed=True)
    assert one.phase is Phase.OPEN


def test_a_rate_below_its_share_opens_nothing():
    """Four of ten are less than half."""
    one = breaker(rate=0.5, of=10)
    for number in range(100):
        call(one, 1.0, failed=number % 5 in (0, 2))
    assert one.phase is Phase.CLOSED


def test_the_window_forgets():
    """What has left the window is no part of the share; a clock that jumps back forgets all of it."""
    for later in (12.0, -500.0):
        one = breaker(rate=0.5, of=10)
        for _ in range(9):
            call(one, 1.0, failed=True)
        call(one, later, failed=True)
        assert one.phase is Phase.CLOSED


def test_slow_calls_open_it():
    """A share of calls that take longer, although they succeed."""
    one = breaker(over=2.0, slow=0.6, of=10)
    for number in range(10):
        call(one, 1.0, seconds=3.0 if number >= 4 else 0.1)
    assert one.phase is Phase.OPEN
    other = breaker(failures=3)
    for _ in range(100):
        call(other, 1.0, seconds=99.0)
    assert other.phase is Phase.CLOSED


def opened(now: float = 100.0, **said) -> Breaker:
    """Return a breaker that has opened *now*."""
    one = breaker(**({"failures": 1} | said))
    call(one, now, failed=True)
    assert one.phase is Phase.OPEN
    return one


def test_one_call_tries():
    """After the pause exactly one goes through, whoever else comes meanwhile; its success closes the breaker."""
    one = opened()
    assert one.enter(104.9) == REFUSED
    era = one.enter(105.0)
    assert era != REFUSED
    assert [one.enter(105.0) for _ in range(1000)] == [REFUSED] * 1000
    one.ended(era, 105.1, failed=False, seconds=0.1)
    assert one.phase is Phase.CLOSED
    assert call(one, 105.1)


def test_pauses_grow_up_to_the_longest():
    """Each time that the call which tries fails, it is twice as long."""
    one, now = opened(), 100.0
    for pause in (5.0, 10.0, 20.0, 20.0):
        assert one.wait(now) == pytest.approx(pause)
        assert one.enter(now + pause - 0.01) == REFUSED
        now += pause
        assert call(one, now, failed=True)
    assert one.phase is Phase.OPEN


def test_pauses_are_jittered_and_bounded():
    """Up to a fifth is taken off, so that processes do not all try at once."""
    waits = set()
    for seed in range(50):
        one = Breaker("users", plan(failures=1), draw=random.Random(seed).random)
        call(one, 0.0, failed=True)
        waits.add(one.wait(0.0))
    assert len(waits) == 50
    assert all(4.0 <= wait <= 5.0 for wait in waits)


def test_after_a_good_time_pauses_begin_short():
    """One that was closed for longer than the longest pause has forgotten; one that flaps has not."""
    one = opened()
    call(one, 105.0)
    call(one, 106.0, failed=True)
    assert one.wait(106.0) == pytest.approx(10.0)
    call(one, 116.0)
    call(one, 200.0, failed=True)
    assert one.wait(200.0) == pytest.approx(5.0)


def test_a_probe_that_is_given_up_makes_room():
    """It was cancelled, or lost a race: the next call that comes is the probe."""
    one = opened()
    era = one.enter(105.0)
    one.given_up(era, 105.5)
    assert one.enter(105.5) != REFUSED
    assert one.enter(105.5) == REFUSED


def test_calls_of_an_earlier_era_count_for_nothing():
    """What was sent before it opened neither closes it nor keeps it open, however it ends."""
    one = breaker(failures=2)
    old = [one.enter(100.0) for _ in range(4)]
    one.ended(old[0], 100.0, failed=True, seconds=0.1)
    one.ended(old[1], 100.0, failed=True, seconds=0.1)
    one.ended(old[2], 100.1, failed=False, seconds=0.1)
    assert one.phase is Phase.OPEN
    probe = one.enter(105.0)
    one.ended(old[3], 105.1, failed=False, seconds=5.1)
    one.given_up(old[3], 105.1)
    assert one.phase is Phase.TRYING
    one.ended(probe, 105.2, failed=False, seconds=0.1)
    assert one.phase is Phase.CLOSED


def test_a_clock_that_jumps_back_keeps_nobody_out():
    """A pause that would begin only later is over."""
    one = opened(now=10_000.0)
    assert one.enter(10.0) != REFUSED


def test_a_slow_probe_is_no_success():
    """Where slow calls count."""
    one = opened(over=2.0)
    era = one.enter(105.0)
    one.ended(era, 108.0, failed=False, seconds=3.0)
    assert one.phase is Phase.OPEN


def test_an_operator_decides():
    """Open and closed hold against what is counted, for a time or until `auto`."""
    one = breaker(failures=1)
    one.order(Phase.FORCED_OPEN, 100.0, 60.0, "deploy")
    assert not call(one, 159.0)
    assert call(one, 160.0)
    one.order(Phase.FORCED_CLOSED, 200.0, None, "drill")
    for _ in range(10):
        assert call(one, 201.0, failed=True)
    one.order(Phase.CLOSED, 202.0, None, "over")
    call(one, 203.0, failed=True)
    assert not call(one, 203.0)


def test_each_change_is_logged(caplog):
    """With what it was, what it is, and why."""
    with caplog.at_level("INFO"):
        one = opened()
        call(one, 105.0)
    changes = [(r.fields["before"], r.fields["now"], r.fields["reason"]) for r in caplog.records]
    assert changes == [
        ("closed", "open", "a failure"),
        ("open", "trying", "its pause is over"),
        ("trying", "closed", "a call succeeded"),
    ]


def test_other_settings_leave_it_open():
    """A reload in the middle changes by what it opens, and not what it is."""
    breakers = Breakers(("users", plan(failures=1)))
    call(breakers.whole, 100.0, failed=True)
    breakers.adopt(("users", plan(failures=5, window=3.0)))
    assert breakers.whole.phase is Phase.OPEN
    era = breakers.whole.enter(200.0)
    breakers.adopt(("users", plan(failures=2)))
    breakers.whole.ended(era, 200.0, failed=False, seconds=0.1)
    assert breakers.whole.phase is Phase.CLOSED


def test_breakers_by_key_are_bounded():
    """The closed ones that were used longest ago make room; an open one stays."""
    breakers = Breakers(("users", plan(failures=1)))
    call(breakers.of("bad", 1.0), 1.0, failed=True)
    for number in range(2 * MOST):
        call(breakers.of(str(number), 1.0), 1.0)
    assert breakers.of("bad", 1.0).phase is Phase.OPEN
    assert len(breakers.keys) == MOST


@pytest.mark.parametrize(
    ("said", "calls", "reason"),
    [
        ({"failures": 1}, [(0, True, 0.1)], "a failure"),
        ({"failures": 2}, [(0, True, 0.1)] * 2, "2 failures one after the other"),
        ({"rate": 0.5, "of": 10}, [(0, False, 0.1)] * 5 + [(0, True, 0.1)] * 5, "5 of 10 calls failed"),
        ({"rate": 0.5, "of": 10}, [(0, True, 0.1)] * 4 + [(0, False, 0.1)] * 6, None),
        ({"rate": 0.1, "of": 10}, [(0, False, 0.1)] * 9 + [(1, True, 0.1)], "1 of 10 calls failed"),
        ({"rate": 0.5, "of": 10, "over": 2.0}, [(0, True, 0.1)] * 4 + [(0, False, 2.1)] * 6, None),
        ({"over": 2.0, "slow": 0.5, "of": 10}, [(0, False, 0.1)] * 5 + [(1, False, 2.1)] * 5, "5 of 10 calls were slow"),
        ({"over": 2.0, "slow": 0.5, "of": 10}, [(0, False, 0.1)] * 5 + [(1, False, 2.0)] * 5, None),
        ({"over": 2.0, "slow": 0.5, "of": 10}, [(0, False, 2.1)] * 9 + [(9.9, True, 2.1)], "10 of 10 calls were slow"),
        ({"over": 2.0, "slow": 0.5, "of": 10}, [(0, False, 2.1)] * 9 + [(10, True, 2.1)], None),
    ],
)  # fmt: skip
def test_why_it_opens(said: dict[str, object], calls: list[tuple[float, bool, float]], reason: str | None) -> None:
    """By as many calls as are declared, at their share, and no sooner: those of the last ten slots of its window."""
    one = breaker(**said)
    for later, failed, seconds in calls:
        call(one, 1000.0 + later, failed=failed, seconds=seconds)
    assert (one.phase, one.reason) == ((Phase.CLOSED, "") if reason is None else (Phase.OPEN, reason))


def test_the_window_forgets_slot_by_slot():
    """Each tenth of it at once; the calls of the others still count."""
    for later, phase in ((10.9, Phase.OPEN), (11.0, Phase.CLOSED)):
        one = breaker(rate=0.5, of=10)
        for at, times in ((1.5, 5), (2.5, 4)):
            for _ in range(times):
                call(one, at, failed=True)
        call(one, later, failed=True)
        assert one.phase is phase


@pytest.mark.parametrize(("at", "pause"), [(124.9, 10.0), (125.0, 10.0), (125.1, 5.0)])
def test_a_good_time_is_longer_than_the_longest_pause(at: float, pause: float) -> None:
    """It counts from the moment at which the breaker has closed."""
    one = opened()
    call(one, 105.0)
    call(one, at, failed=True)
    assert one.wait(at) == pytest.approx(pause)


def test_how_long_a_call_waits_that_is_refused():
    """Until the pause is over, a second at least; as long as the first pause where nobody knows."""
    one = opened()
    assert [one.wait(now) for now in (100.0, 103.5, 104.5, 200.0)] == [5.0, 1.5, 1.0, 1.0]
    one.enter(105.0)
    assert (one.phase, one.wait(105.0)) == (Phase.TRYING, 5.0)
    one.order(Phase.FORCED_OPEN, 106.0, None, "ordered")
    assert one.wait(106.0) == 5.0
    one.order(Phase.FORCED_OPEN, 106.0, 30.0, "ordered")
    assert one.wait(106.0) == 30.0


def test_what_there_is_to_know_of_it():
    """Its phase with the reason and the seconds left, and what was counted since the last change."""
    one = breaker(failures=3, over=1.0, of=100)

    def shown(now: float) -> tuple[object, ...]:
        known = one.as_dict(now)
        assert known.pop("name") == "users"
        return tuple(known.values())

    nothing = {"calls": 0, "failures": 0, "slow": 0}
    assert list(one.as_dict(100.0)) == ["name", "phase", "reason", "for", "consecutive_failures", "window"]
    assert shown(100.0) == ("closed", None, None, 0, nothing)
    call(one, 100.0)
    call(one, 100.0, failed=True, seconds=1.1)
    assert shown(100.0) == ("closed", None, None, 1, {"calls": 2, "failures": 1, "slow": 1})
    for _ in range(2):
        call(one, 100.0, failed=True)
    counted = {"calls": 4, "failures": 3, "slow": 1}
    assert shown(101.5) == ("open", "3 failures one after the other", 3.5, 0, counted)
    assert shown(106.0) == ("open", "3 failures one after the other", 0.0, 0, counted)
    one.enter(106.0)
    assert shown(107.0) == ("trying", "its pause is over", None, 0, counted)
    one.order(Phase.FORCED_OPEN, 107.0, None, "ordered")
    assert shown(108.0) == ("forced_open", "ordered", None, 0, counted)
    one.order(Phase.CLOSED, 109.0, None, "auto")
    assert shown(109.0) == ("closed", "auto", None, 0, nothing)


def test_what_opens_is_a_warning(caplog):
    """It tells how long calls are kept away; what closes is none."""
    with caplog.at_level("INFO"):
        one = opened()
        call(one, 105.0)
        one.order(Phase.FORCED_OPEN, 106.0, None, "ordered")
        one.order(Phase.FORCED_CLOSED, 106.0, None, "ordered")
    told = [(r.levelname, r.fields["breaker"], r.fields["now"], r.fields.get("pause")) for r in caplog.records]
    assert told == [
        ("WARNING", "users", "open", 5.0), ("INFO", "users", "trying", None), ("INFO", "users", "closed", None),
        ("WARNING", "users", "forced_open", None), ("INFO", "users", "forced_closed", None),
    ]  # fmt: skip


@pytest.mark.long
def test_breakers_by_key_are_called_by_it():
    """By its first hundred characters; the one that was used longest ago makes room, be all of them open."""
    breakers = Breakers(("users", plan(failures=1)))
    assert breakers.of("k" * 101, 1.0).name == "users " + "k" * 100
    breakers = Breakers(("users", plan(failures=1)))
    for number in range(MOST):
        call(breakers.of(str(number), 1.0), 1.0, failed=True)
    breakers.of("0", 1.0)
    breakers.of("one more", 1.0)
    assert ("0" in breakers.keys, "1" in breakers.keys, len(breakers.keys)) == (True, False, MOST)


def test_calls_of_the_next_slot_stay_when_the_one_before_is_forgotten():
    """What was counted in it is its own."""
    one = breaker(rate=0.5, of=10)
    for at, times in ((1.5, 4), (2.5, 5), (11.0, 4)):
        for _ in range(times):
            call(one, at, failed=True)
    assert one.phase is Phase.CLOSED
    call(one, 11.0, failed=True)
    assert (one.phase, one.reason) == (Phase.OPEN, "10 of 10 calls failed")


def test_milliseconds_are_told_of_a_pause(caplog):
    """In the log, and of what is left of it."""
    one = Breaker("users", plan(failures=1), draw=lambda: 0.123456)
    call(one, 100.0, failed=True)
    assert caplog.records[-1].fields["pause"] == 4.877
    assert one.as_dict(100.00004)["for"] == 4.877


def test_a_call_that_is_kept_away_was_never_sent():
    """It fails by the breaker, after no attempt, and says when it may be made."""
    error = refusal(opened(), "users", 102.0)
    assert (error.cause, error.attempts, error.retry_after) == (Cause.BREAKER_OPEN, 0, 3.0)
    assert error.message == "The upstream 'users' is left alone for now: its breaker is open."


def test_breakers_of_hosts_are_open_when_all_of_them_are():
    """A host without a breaker takes calls, one that has gone takes none; what an operator orders holds for hosts to come."""
    breakers = Breakers(("users", plan(failures=1, by_host=True)))
    call(breakers.of("a", 1.0), 1.0, failed=True)
    assert (breakers.is_open(1.0, ["a"]), breakers.is_open(1.0, ["a", "b"])) == (True, False)
    call(breakers.of("b", 1.0), 1.0, failed=False)
    assert (breakers.is_open(1.0, ["a", "b"]), breakers.is_open(1.0, ["a"])) == (False, True)
    call(breakers.of("b", 1.0), 1.0, failed=True)
    assert breakers.is_open(1.0, ["a", "b"])
    assert not breakers.is_open(1.0, ["c"])


@pytest.mark.parametrize("hosts", [[], ["a"], ["a", "b"]])
def test_what_an_operator_opens_is_open_for_all_hosts(hosts):
    """Those that no call has chosen yet too."""
    breakers = Breakers(("users", plan(failures=1, by_host=True)))
    breakers.of("a", 1.0)
    assert not breakers.is_open(1.0, hosts)
    breakers.whole.order(Phase.FORCED_OPEN, 1.0, 60.0, "ordered")
    breakers.of("a", 1.0).order(Phase.FORCED_OPEN, 1.0, 60.0, "ordered")
    assert breakers.is_open(1.0, hosts)


def test_breakers_by_key_play_no_part_where_all_calls_have_one():
    """What counts is the one of calls without a key."""
    breakers = Breakers(("users", plan(failures=1)))
    call(breakers.of("a", 1.0), 1.0, failed=True)
    assert not breakers.is_open(1.0)
    call(breakers.whole, 1.0, failed=True)
    assert breakers.is_open(1.0)


def test_all_breakers_of_an_upstream_are_shown_and_ordered():
    """That of all calls first, unless each host has one; an order is one to each of them."""

    async def shown(*, by_host: bool) -> list[tuple[object, object]]:
        breakers = Breakers(("users", plan(failures=1, by_host=by_host)))
        before = [one["name"] for one in breakers.as_list()]
        breakers.of("a", 1.0)
        breakers.order(Phase.FORCED_OPEN, 60.0, "deploy")
        assert (before, breakers.keeps_away) == (["users"], True)
        return [(one["name"], one["phase"]) for one in breakers.as_list()]

    assert asyncio.run(shown(by_host=False)) == [("users", "forced_open"), ("users a", "forced_open")]
    assert asyncio.run(shown(by_host=True)) == [("users a", "forced_open")]


def test_breakers_of_other_keys_begin_anew():
    """A reload that tells calls apart in another way forgets them; any other one keeps them."""
    breakers = Breakers(("users", plan(failures=1)))
    call(breakers.of("a", 1.0), 1.0, failed=True)
    breakers.adopt(("users", plan(failures=2)))
    assert list(breakers.keys) == ["a"]
    breakers.adopt(("users", plan(failures=2, by_host=True)))
    assert list(breakers.keys) == []
    assert breakers.only is breakers.whole
    breakers.of("a", 1.0)
    breakers.adopt(("users", plan(failures=2, by_host=True, key=compile_expression("tenant"))))
    assert (list(breakers.keys), breakers.only) == ([], None)
    breakers.of("a", 1.0)
    breakers.adopt(("users", plan(failures=3, by_host=True, key=compile_expression("tenant"))))
    assert list(breakers.keys) == ["a"]

"""What a single part can be told: when it is wanted, whether it is needed, what stands in for it, what success is."""

from __future__ import annotations

import pytest

from aggregator.errors import Cause
from aggregator.exchange import State

ADS = """
    fan_out:
      user: a:/user
      ads: {url: a:/ads, %s}
"""


def test_a_condition_that_does_not_hold_skips_the_call(rig):
    """A skipped part is null, and no call is made for it."""
    one = rig("""
        fan_out:
          user: a:/user
          ads: {url: a:/ads, when: "{{ user.ads }}"}
    """).start()
    one["/user"].answer({"ads": False})
    assert one.targets == ["/user"]
    assert one.body == {"user": {"ads": False}, "ads": None}


def test_skipped_is_not_failed(rig):
    """An answer with a skipped part is complete: nothing marks it, and it may be cached."""
    one = rig("""
        fan_out:
          user: a:/user
          ads: {url: a:/ads, when: "{{ false }}"}
        response: {headers: {cache-control: max-age=5}}
    """).start()
    one["/user"].answer({})
    assert one.answer.status == 200
    assert one.header("aggregator-parts") is None
    assert one.header("cache-control") == "max-age=5"


def test_a_condition_that_holds_lets_the_call_start(rig):
    """A condition can read parameters, query, headers, and earlier results."""
    one = rig("""
        fan_out:
          ads: {url: a:/ads, when: "{{ query.ads == 'yes' and headers['x-plan'] == 'free' }}"}
    """).start(query="ads=yes", headers={"x-plan": "free"})
    assert one.targets == ["/ads"]


def test_a_default_stands_in_for_a_skipped_part(rig):
    """A default takes the place of what is not there, skipped or failed; the state tells which."""
    one = rig("""
        fan_out:
          user: a:/user
          ads: {url: a:/ads, when: "{{ user.ads }}", default: []}
    """).start()
    one["/user"].answer({"ads": False})
    assert one.body["ads"] == []
    assert one.header("aggregator-parts") is None


def test_what_waits_for_a_skipped_part_reads_its_default(rig):
    """A skipped part does not hold up those that name it."""
    one = rig("""
        fan_out:
          plan: {url: a:/plan, when: "{{ false }}", default: {id: basic}}
          price: a:/prices/{plan.id}
    """).start()
    assert one.targets == ["/prices/basic"]


def test_a_condition_that_cannot_be_evaluated_fails_the_part(rig):
    """A condition does not count as false because its data does not fit."""
    one = rig("""
        fan_out:
          user: a:/user
          ads: {url: a:/ads, when: "{{ user.age > 17 }}"}
    """).start()
    one["/user"].answer({"age": "old"})
    assert (one.answer.status, one.body["cause"]) == (502, "expression")


@pytest.mark.parametrize(("when", "state"), [("user.age > 17", State.DEFAULT), ("false and user", State.SKIPPED)])
def test_a_part_that_was_never_asked_has_the_time_of_its_condition(rig, when, state):
    """Its bar stands where its condition was read, within the request, not at the beginning of the clock."""
    one = rig(f"""
        fan_out:
          user: a:/user
          ads: {{url: a:/ads, optional: true, when: "{{{{ {when} }}}}"}}
    """).start()
    one.loop.now += 0.5
    one["/user"].answer({"age": "old"})
    ads = one.run.ended_results()[1]
    assert (ads.state, ads.attempts) == (state, 0)
    assert (ads.started, ads.ended) == (100.5, 100.5)


@pytest.mark.parametrize("cause", [Cause.REFUSED, Cause.DEADLINE, Cause.MALFORMED])
def test_an_optional_part_that_fails_becomes_its_default(rig, cause):
    """The answer goes out without it, says so with the reason, and is not to be cached."""
    one = rig(ADS % "optional: true, default: {count: 0}").start()
    one["/user"].answer({"id": 1})
    one["/ads"].fail(cause)
    assert one.answer.status == 200
    assert one.body == {"user": {"id": 1}, "ads": {"count": 0}}
    assert f"ads;state=default;cause={cause.value}" in one.header("aggregator-parts")
    assert one.header("cache-control") == "no-store"


def test_an_optional_part_without_default_is_null(rig):
    """Null is what stands in when the file says nothing else."""
    one = rig(ADS % "optional: true").start()
    one["/ads"].answer({}, status=500)
    one["/user"].answer({"id": 1})
    assert one.body == {"user": {"id": 1}, "ads": None}
    assert "ads;state=default;status=500;cause=status" in one.header("aggregator-parts")


def test_a_default_can_be_made_from_earlier_results(rig):
    """A default is a template like any other value."""
    one = rig("""
        fan_out:
          user: a:/user
          name: {url: a:/name, optional: true, default: {first: "{{ user.name }}"}, needs: [user]}
    """).start()
    one["/user"].answer({"name": "Ada"})
    one["/name"].fail()
    assert one.body["name"] == {"first": "Ada"}


def test_a_default_that_cannot_be_made_is_null(rig):
    """An optional part never fails the answer, not even by its default."""
    one = rig("""
        fan_out:
          user: a:/user
          total: {url: a:/total, optional: true, default: "{{ user.sum + 1 }}", needs: [user]}
    """).start()
    one["/user"].answer({"sum": "x"})
    one["/total"].fail()
    assert (one.answer.status, one.body["total"]) == (200, None)
    assert "total;state=default" in one.header("aggregator-parts")


def test_a_single_call_with_a_default_is_answered_with_200(rig):
    """The default is a good answer: it does not carry the status of the failure that it stands in for."""
    one = rig("call: {url: a:/x, optional: true, default: {id: 0}}").start()
    one["/x"].answer({"error": 1}, status=503)
    assert (one.answer.status, one.body) == (200, {"id": 0})
    assert one.header("content-type") == "application/json"


@pytest.mark.parametrize(("status", "answered"), [(200, 502), (404, 200), (299, 502), (410, 200)])
def test_success_is_what_the_file_says(rig, status, answered):
    """``success.status`` replaces 2xx: single statuses and classes."""
    one = rig("fan_out: {x: {url: a:/x, success: {status: [4xx]}}}").start()
    one["/x"].answer({}, status=status)
    assert one.answer.status == answered


def test_an_upstream_that_says_200_and_means_no(rig):
    """``success.when`` looks at status, headers and body; what it refuses is a failure with a cause of its own."""
    text = "fan_out: {x: {url: a:/x, success: {when: \"{{ this.body.ok and this.headers['x-v'] == '2' }}\"}}}"
    good = rig(text).start()
    good["/x"].answer({"ok": True}, x_v="2")
    assert good.answer.status == 200
    bad = rig(text).start()
    bad["/x"].answer({"ok": False, "reason": "secret"}, x_v="2")
    assert (bad.answer.status, bad.body["cause"]) == (502, "unsuccessful")
    assert b"secret" not in bad.answer.body


def test_success_can_be_judged_against_earlier_results(rig):
    """The condition sees what the call itself could name."""
    one = rig("""
        fan_out:
          order: a:/order
          buyer: {url: 'a:/users/{order.user}', success: {when: "{{ this.body.id == order.user }}"}}
    """).start()
    one["/order"].answer({"user": 7})
    one["/users/7"].answer({"id": 8})
    assert one.body["part"] == "buyer"

"""Order from references: a call starts the moment its last input is there; all end when a needed one fails."""

from __future__ import annotations

import pytest

from aggregator.errors import Cause, ConfigError


def test_calls_that_name_nothing_start_at_once(rig):
    """Independent calls are all under way before any of them has ended."""
    one = rig("""
        fan_out:
          first: a:/1
          second: b:/2
          third: c:/3
    """).start()
    assert one.targets == ["/1", "/2", "/3"]


def test_a_call_starts_when_its_last_input_is_there(rig):
    """A call waits for what it names, and for nothing else: not for a stage to be over."""
    one = rig("""
        fan_out:
          slow: a:/slow
          order: a:/order
          buyer: a:/users/{order.user}
          city: a:/cities/{buyer.city}
          both: a:/both/{slow.id}/{buyer.id}
    """).start()
    assert one.targets == ["/slow", "/order"]
    one["/order"].answer({"user": 7})
    assert one.targets[2:] == ["/users/7"]
    one["/users/7"].answer({"id": 7, "city": "Graz"})
    assert one.targets[3:] == ["/cities/Graz"], "`both` still waits for `slow`"
    one["/slow"].answer({"id": 1})
    assert one.targets[4:] == ["/both/1/7"]


@pytest.mark.parametrize(
    "named",
    [
        "url: 'b:/x/{first.id}'",
        "url: b:/x\nquery: {id: '{{ first.id }}'}",
        "url: b:/x\nheaders: {x-id: '{{ first.id }}'}",
        "url: POST b:/x\njson: {deep: ['{{ first.id }}']}",
        "url: POST b:/x\nform: {id: '{{ first.id }}'}",
        "url: POST b:/x\nmultipart: {id: '{{ first.id }}'}",
        "url: POST b:/x\nbody: 'id {{ first.id }}'\nheaders: {content-type: text/plain}",
        "url: b:/x\ngraphql: {query: q, variables: {id: '{{ first.id }}'}}",
        "url: b:/x\nwhen: '{{ first.id }}'",
        "url: 'b:/x/{item}'\nfor_each: '{{ first.list }}'",
        "url: 'b:/x/{item}'\nfor_each: {in: '{{ query.x }}', key: '{{ first.id }}'}",
        "url: b:/x\noptional: true\ndefault: '{{ first.id }}'",
        "url: b:/x\nsuccess: {when: '{{ this.body.id == first.id }}'}",
        "url: b:/x\nselect: '{{ this.body[first.id] }}'",
        "url: b:/x\nstatus_map: {404: {detail: 'not {{ first.id }}'}}",
        "url: b:/x\nwhen: '{{ calls.first.status == 200 }}'",
        "url: b:/x\nfallback: ['c:/x/{first.id}']",
        "race: [b:/x, 'c:/x/{first.id}']",
        "fan_out: {inner: 'b:/x/{first.id}'}",
        "url: b:/x\nneeds: [first]",
        "fan_out: {inner: {url: b:/x, when: '{{ first.id }}'}}",
    ],
)
def test_every_place_that_names_a_call_makes_one_wait(rig, named):
    """URL, query, headers, bodies, conditions, lists, defaults, judgements, alternatives, groups, and ``needs``."""
    second = "".join(f"\n            {line}" for line in named.split("\n"))
    one = rig(f"""
        fan_out:
          second:{second}
          first: a:/first
    """).start()
    assert one.targets == ["/first"]


def test_calls_of_a_group_make_the_part_that_uses_it_wait(rig):
    """What the calls of a named group refer to counts for the part that the group is used in."""
    one = rig("""
        groups:
          people: {buyer: 'b:/users/{order.user}'}
        endpoints:
          GET /x:
            fan_out:
              order: a:/order
              more: {fan_out: {use: people}}
    """).start()
    assert one.targets == ["/order"]
    one["/order"].answer({"user": 7})
    one["/users/7"].answer({"name": "Ada"})
    assert one.body == {"order": {"user": 7}, "more": {"buyer": {"name": "Ada"}}}


def test_needs_give_an_order_without_data(rig):
    """``needs`` waits until the other has ended, whatever it answered."""
    one = rig("""
        fan_out:
          first: a:/first
          second: {url: a:/second, needs: [first]}
    """).start()
    assert one.targets == ["/first"]
    one["/first"].answer(None)
    assert one.targets == ["/first", "/second"]


def test_a_circle_is_a_load_error(plan_of):
    """A cycle is refused at load, and printed."""
    with pytest.raises(ConfigError) as refused:
        plan_of("endpoints: {GET /x: {fan_out: {one: 'a:/{two.id}', two: 'a:/{one.id}'}}}")
    assert "one → two → one" in refused.value.diagnostics[0].message


def test_a_reference_to_nothing_is_a_load_error(plan_of):
    """A name that cannot exist is refused at load, with what was meant."""
    with pytest.raises(ConfigError) as refused:
        plan_of("endpoints: {GET /x: {fan_out: {order: a:/o, lines: 'a:/{ordre.id}'}}}")
    assert "order" in str(refused.value.diagnostics[0].hint)


def test_a_required_part_that_fails_ends_the_answer(rig):
    """The rest is cancelled, nothing that waited is started, and the client gets the mapped status at once."""
    one = rig("""
        fan_out:
          slow: a:/slow
          bad: a:/bad
          after: a:/after/{slow.id}
    """).start()
    one["/bad"].fail(Cause.REFUSED)
    assert one.answer.status == 502
    assert one["/slow"].cancelled
    assert one.targets == ["/slow", "/bad"]


def test_nothing_that_waits_for_a_failed_part_is_called(rig):
    """A call whose input failed is never made."""
    one = rig("""
        fan_out:
          order: a:/order
          buyer: a:/users/{order.user}
    """).start()
    one["/order"].answer({}, status=500)
    assert one.targets == ["/order"]
    assert one.answer.status == 502


def test_a_missing_value_in_a_url_fails_the_call_that_needs_it(rig):
    """An input that is there without the field that is read is a failure of its own, not a call to `/users/`."""
    one = rig("""
        fan_out:
          order: a:/order
          buyer: a:/users/{order.user}
    """).start()
    one["/order"].answer({"id": 1})
    assert one.targets == ["/order"]
    assert (one.answer.status, one.body["cause"], one.body["part"]) == (502, "expression", "buyer")


def test_each_call_gets_what_is_left_of_the_deadline(rig):
    """A call that starts late has less time: its own limit is cut to what the endpoint has left."""
    one = rig("""
        timeout: 3s
        fan_out:
          first: {url: a:/first, timeout: 1s}
          second: {url: 'a:/second/{first.id}', timeout: 10s}
    """).start()
    began = one.loop.now
    assert one["/first"].deadline == began + 1
    one.loop.now += 0.5
    one["/first"].answer({"id": 1})
    assert one["/second/1"].deadline == pytest.approx(began + 3 - 0.05)


def test_cancelling_a_run_cancels_every_call(rig):
    """A client that hangs up takes all calls with it, and no answer is made."""
    one = rig("fan_out: {x: a:/x, y: a:/y}").start()
    one.run.cancel()
    assert [call.cancelled for call in one.sent] == [True, True]
    assert one.answers == []


def test_calls_know_what_follows_them(rig):
    """A call is told how many must follow before the request is answered, groups included."""
    one = rig("""
        fan_out:
          alone: a:/alone
          user: a:/user
          basket:
            fan_out:
              items: a:/items/{user.id}
              prices: a:/prices/{items.id}
          offers: a:/offers/{basket.prices.id}
    """).start()
    assert {call.target: call.steps for call in one.sent} == {"/alone": 0, "/user": 3}
    one["/user"].answer({"id": 1})
    assert one["/items/1"].steps == 2


def test_calls_know_that_their_request_is_under_way(rig):
    """Calls that start when another one has been answered are told so: they go before those of new requests."""
    one = rig("""
        fan_out:
          user: a:/user
          orders: a:/orders/{user.id}
    """).start()
    assert not one["/user"].under_way
    one["/user"].answer({"id": 1})
    assert one["/orders/1"].under_way

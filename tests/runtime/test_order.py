"""Order from references: a call starts the moment its last input is there."""

from __future__ import annotations


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

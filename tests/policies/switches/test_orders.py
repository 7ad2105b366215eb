"""An order to switch something has the time of this machine; what a supervisor orders of its workers has its own."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from aggregator.codecs import json as json_codec
from aggregator.policies.switches.table import Change, Switch, Switches, Target
from aggregator.server.admin.actions import ActionError, Actions
from aggregator.server.admin.switches import switch_action
from aggregator.server.workers.administering.switches import KeptSwitches
from aggregator.server.workers.answering import Answering
from aggregator.server.workers.channel import Channel
from aggregator.server.workers.messages import Ask, Told
from tests.policies.conftest import Served

FILE = "endpoints: {GET /a: {respond: {body: 1}}}"
TARGET = Target("endpoint", "GET /a")
OFF = {"turn": "off", "kind": "endpoint", "name": "GET /a"}
ON = {**OFF, "turn": "on"}


def told(served: Served, given: dict[str, Any]) -> int:
    """Return the status with which a worker answers to an order of its supervisor."""
    actions = Actions()
    actions.add(switch_action(served.app.running))
    ask = Ask(1, "switch", given=json_codec.encode(given), is_action=True)

    async def answered() -> Told:
        ours, theirs = socket.socketpair()
        channel = await Channel.over(ours)
        try:
            return await Answering(served.app.running, actions).answer(ask, channel)
        finally:
            channel.close()
            theirs.close()

    return served.run(answered()).status


def is_off(served: Served) -> bool:
    """Return whether the endpoint is off."""
    return TARGET in served.app.running.switching.table.off(served.app.running.now())


def test_an_operator_gives_no_time(serve: Callable[..., Served]) -> None:
    """With one far ahead, no later order would count on any machine."""
    served = serve(FILE)
    with pytest.raises(ActionError, match="and no `since`") as raised:
        served.run(switch_action(served.app.running).run({**OFF, "since": 1e15}))
    assert (raised.value.status, is_off(served)) == (400, False)


def test_a_supervisor_takes_no_time_from_an_operator() -> None:
    """It is refused as one process refuses it, and not left out."""
    with pytest.raises(ActionError, match="and no `since`"):
        KeptSwitches().timed({**OFF, "since": 1e15})


def test_a_worker_takes_the_time_of_its_supervisor(serve: Callable[..., Served]) -> None:
    """What it has heard of otherwise is done; what comes behind a later order is not, and it says so."""
    served = serve(FILE)
    now = served.app.running.now()
    assert (told(served, {**OFF, "since": now + 1}), is_off(served)) == (200, True)
    assert told(served, {**OFF, "since": now + 1}) == 200
    assert (told(served, {**ON, "since": now}), is_off(served)) == (409, True)
    assert (told(served, {**ON, "since": now + 2}), is_off(served)) == (200, False)


@pytest.mark.parametrize("at", [0.0, 1e12, 1e15, 1e300])
def test_an_order_is_behind_all_that_is_known(at: float) -> None:
    """A copy may have come with any time."""
    table = Switches()
    table.merge({TARGET: Change(at, Switch(None, at, "", ""))}, 5.0)
    assert table.merge({TARGET: Change(table.after(TARGET, 5.0), None)}, 5.0)
    assert table.off(5.0) == {}

"""Those of one process who look for the same share one question to the store."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, cast

from aggregator.policies.cache.shared.leases import ALONE, Begun, Held, Wish
from aggregator.policies.cache.shared.level import SharedLevel
from aggregator.policies.cache.shared.looking import Look
from aggregator.stores.level.contract import Lease, Looked


class _Leased:
    """A level whose store has nothing: another process fetches it."""

    patient = 0

    async def ask(self, there: bytes, key: bytes, lease: Lease) -> Looked:
        """Return whose lease it is."""
        return Looked(7, None, holder=b"another")

    def hold(self, there: bytes, token: bytes, number: int) -> Held:
        """Fail: the lease is another's."""
        raise AssertionError


async def _some_turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def _gone_on() -> dict[str, Begun]:
    """Return who has gone on while another process has the lease: *early* looked before the store answered."""
    gone: dict[str, Begun] = {}
    now = asyncio.get_running_loop().time()
    wish = Wish(lambda: False, 600, now + 600)
    look = Look(_Leased(), b"there", b"key", wish)

    def join(name: str, wish: Wish | None) -> None:
        look.join(lambda begun: gone.update({name: begun}), wish)

    join("patient", wish)
    join("early", None)
    asking = asyncio.ensure_future(look.run())
    await _some_turns()
    join("late", None)
    await _some_turns()
    asking.cancel()
    with suppress(asyncio.CancelledError):
        await asking
    look.end()
    return dict(gone)


def test_who_wants_nothing_of_the_store_waits_for_no_other_process() -> None:
    """It goes on once the store has answered; who takes what another process fetches waits for that."""
    gone = asyncio.run(_gone_on())
    assert sorted(gone) == ["early", "late"]
    assert [begun.number for begun in gone.values()] == [7, 7]


class _Ticket:
    """What follows a look, until it is cancelled."""

    is_cancelled = False

    def cancel(self) -> None:
        """Note that."""
        self.is_cancelled = True


def _level(*, is_there: bool) -> SharedLevel[str]:
    store = SimpleNamespace(level=SimpleNamespace(is_there=is_there, end_lease=lambda *_: None))
    return SharedLevel(cast("Any", None), cast("Any", store), b"space", cast("Any", None))


def test_what_this_process_fetches_is_joined_without_a_question() -> None:
    """Whoever joins goes on at once after the same purges, and what it has begun can be given up."""
    level, ticket, gone = _level(is_there=True), _Ticket(), list[Begun]()
    held = level.hold(b"key", b"token", 7)

    def go_on(begun: Begun) -> _Ticket:
        gone.append(begun)
        return ticket

    lookup = level.look(b"key", (), go_on)
    assert [(begun.number, begun.held) for begun in gone] == [(7, held)]
    assert lookup is not None
    lookup.cancel()
    assert ticket.is_cancelled


def test_nobody_looks_into_a_store_that_is_away() -> None:
    """It goes on alone, and what cancels it is what follows."""
    ticket, gone = _Ticket(), list[Begun]()

    def go_on(begun: Begun) -> _Ticket:
        gone.append(begun)
        return ticket

    assert _level(is_there=False).look(b"key", (), go_on) is ticket
    assert gone == [ALONE]

"""Those of one process who look for the same share one question to the store."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aggregator.policies.cache.shared.leases import Begun, Held, Wish
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

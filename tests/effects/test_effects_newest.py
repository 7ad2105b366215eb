"""What is tried of an upstream that fails: the newest, and nothing else of it is read."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aggregator.stores.effects.contract import Bounds, Turn
from aggregator.stores.effects.file import EffectsInFile
from aggregator.stores.effects.records import FixedRequest
from tests.effects.conftest import record
from tests.policies.conftest import START

PAGE, LONG = 4096, 20_000


def ruin(file: Path, filler: bytes) -> None:
    """Have the row with a body of *filler* fail when it is read whole: its first page of overflow leads nowhere."""
    found = bytearray(file.read_bytes())
    full = filler * (PAGE - 4)
    place = next(at for at in range(0, len(found), PAGE) if found[at + 4 : at + PAGE] == full)
    found[place : place + 4] = b"\xff" * 4
    file.write_bytes(found)


def test_only_what_is_claimed_is_read_whole(tmp_path: Path) -> None:
    """Bodies are up to megabytes, and what waits is ordered by the thread that writes: the older one is not read."""
    bodies = {"old": b"o", "new": b"n"}

    async def run() -> list[str]:
        store = EffectsInFile(tmp_path, "normal")
        for number, (name, filler) in enumerate(bodies.items()):
            request = FixedRequest(b"POST", b"/send", b"", filler * LONG)
            one = record(number, id=name, request=request, due=START + number)
            assert await store.put_all([[one]], Bounds(10, 10**6)) == [True]
        await store.aclose()
        ruin(tmp_path / "effects.db", b"o")
        store = EffectsInFile(tmp_path, "normal")
        turned = await store.turn(Turn(START + 9, room={"mail": 1}, most=1, newest=frozenset({"mail"})))
        await store.aclose()
        return [one.id for one in turned.claimed]

    assert asyncio.run(run()) == ["new"]

"""An upstream that is dead for an hour, at 200 effects a second.

Run as ``PYTHONPATH=tests python -m benchmarks.soak.dead_sink``, with ``--seconds`` for less than an hour.

The hour is one of a clock that the scene moves; what is kept, the breaker, and deliveries are those of the application.
It fails when an effect is lost or dead, when memory grows with what waits, when what waits is looked at in vain, and
when deliveries do not go on once the upstream is back.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

import httpx

from aggregator.server.metrics.process import gauges
from aggregator.server.sharing import effects as kept
from aggregator.stores.effects.contract import Turn, Turned
from aggregator.stores.effects.file import EffectsInFile
from aggregator.telemetry.metrics.families import MEMORY
from tests.effects.conftest import Application, document, process, record

A_SECOND, RECOVERED, MOST_MEMORY, MOST_CLAIMED = 200, 2000, 64 * 1024 * 1024, 10
"""Effects; effects that have to arrive; bytes beside what there was; effects that are claimed a second while it is
dead.
"""


class Looking(EffectsInFile):
    """The file of effects, which counts what its turns claim."""

    claimed = 0

    async def turn(self, turn: Turn) -> Turned:
        """Take a turn, and count."""
        turned = await super().turn(turn)
        Looking.claimed += len(turned.claimed)
        return turned


def main() -> int:
    """Run the scene; 0 when all went well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=3600)
    seconds = parser.parse_args().seconds
    statuses = [503]
    text = document(upstream="breaker: {failures: 5, pause: 1s..5s}", moment="accepted")
    text = text.replace("attempts: 3, backoff: 1s..1s", "attempts: 100, backoff: 1s..1h")
    kept.EffectsInFile = Looking  # type: ignore[misc]
    with (
        tempfile.TemporaryDirectory() as name,
        process(Path(name), text, lambda _: httpx.Response(statuses[0])) as served,
    ):
        wrong = _dead(served, seconds)
        statuses[0] = 200
        wrong += _alive(served)
    for sentence in wrong:
        print(f"wrong: {sentence}")
    return int(bool(wrong))


def _dead(served: Application, seconds: int) -> list[str]:
    """Return what is wrong after so many seconds with a dead upstream."""
    before, began = _memory(), time.perf_counter()
    for second in range(seconds):
        served.run(_accept(served, second))
        served.now += 1
    grown, requests, waiting = _memory() - before, len(served.requests), served.outbox.kept.counts["waiting"]
    served.requests.clear()
    took = time.perf_counter() - began
    print(f"dead for {seconds} s ({took:.0f} s here): {waiting} wait, {Looking.claimed} claimed, {requests} in vain, "
          f"{grown / 1024 / 1024:.1f} MiB more memory")  # fmt: skip
    live = served.outbox.kept.counts["waiting"] + served.outbox.kept.counts["leased"]
    return [
        *(["effects are lost or dead"] if live != seconds * A_SECOND else []),
        *(["memory grows with what waits"] if grown > MOST_MEMORY else []),
        *(["what waits is looked at in vain"] if Looking.claimed > MOST_CLAIMED * max(seconds, took) else []),
    ]


async def _accept(served: Application, second: int) -> None:
    now = served.now
    for number in range(A_SECOND):
        one = record(second * A_SECOND + number, endpoint="POST /signup", created=now, due=now)
        served.outbox.accept([one], _fail)
    while served.outbox.kept.number < (second + 1) * A_SECOND:
        await served.outbox.look(60.0)


def _fail() -> None:
    raise AssertionError("An effect was not kept.")


def _alive(served: Application) -> list[str]:
    """Return what is wrong after the upstream has come back."""
    began = time.perf_counter()
    while len(served.requests) < RECOVERED and time.perf_counter() - began < 60:
        served.now += 1
        served.outbox.wake()
        served.run(asyncio.sleep(0.05))
    sent = served.outbox.kept.counts["sent"]
    print(f"back: {sent} delivered in {time.perf_counter() - began:.1f} s here")
    return [] if len(served.requests) >= RECOVERED else ["deliveries do not go on"]


def _memory() -> float:
    return next(value for family, value in gauges() if family is MEMORY)


if __name__ == "__main__":
    sys.exit(main())

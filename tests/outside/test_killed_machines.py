"""Machines that share a store are killed while they store and deliver, and so is the store: nothing is lost."""

from __future__ import annotations

import random

from tests.effects.test_killed_processes import delivered, judge, killed
from tests.valkey import Valkey

_KILLS = 6


def test_nothing_that_was_acknowledged_is_lost() -> None:
    """What machines had under way when they were killed is taken over; the store keeps what it has acknowledged."""
    draw, said = random.Random(7), list[list[str]]()
    server = Valkey("--appendonly", "yes", "--appendfsync", "always").start()
    try:
        for number in range(_KILLS):
            said += killed(server.url, str(number), draw.randint(1, 150))
            if number % 2:
                server.kill()
                server.start()
        server.age_effects(60)  # nobody has heard of them for a minute
        said += delivered(server.url)
    finally:
        server.close()
    judge(said, _KILLS)

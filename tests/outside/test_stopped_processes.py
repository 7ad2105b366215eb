"""A process that is stopped, and one that is killed, while it delivers effects that it shares with another."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from aggregator.stores.effects.claiming import claim
from aggregator.stores.effects.contract import Bounds
from aggregator.stores.effects.keeping import put_all
from aggregator.stores.effects.table import EffectTable
from tests.effects.conftest import record
from tests.policies.conftest import START

CLAIMS = """
import sys
from pathlib import Path
from aggregator.stores.effects.claiming import claim
from aggregator.stores.effects.table import EffectTable
table = EffectTable(Path(sys.argv[1]), "full")
print(len(claim(table, {"mail": 2}, 2, float(sys.argv[2]))), flush=True)
sys.stdin.read()
"""


def test_a_stopped_process_keeps_its_leases_and_a_killed_one_gives_them_back(tmp_path: Path) -> None:
    """Nobody delivers beside one that may go on any moment; what a killed one had is free at once."""
    path = tmp_path / "effects.db"
    table = EffectTable(path, "full")
    put_all(table, [[record(number) for number in range(3)]], Bounds(10, 10**6))
    asked = [sys.executable, "-c", CLAIMS, str(path), str(START)]
    with subprocess.Popen(asked, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"2\n"
        other.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, other.pid, os.WSTOPPED | os.WNOWAIT)
        assert table.take_back() == 0
        assert len(claim(table, {"mail": 5}, 5, START)) == 1
        other.kill()
        other.wait()
        assert table.take_back() == 2
        assert [each.attempts for each in claim(table, {"mail": 5}, 5, START)] == [2, 2]
    table.close()

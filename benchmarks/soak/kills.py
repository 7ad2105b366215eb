"""Two hundred kills (SIGKILL) under load: ``python -m benchmarks.soak.kills``; fails when an effect is lost.

Each process stores and delivers durable effects until it is killed; the last one delivers what is left. What was
acknowledged has to be sent, each key with one body, and twice only what was under way.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.effects.test_killed_processes import WORKERS, killed, start


def main() -> int:
    """Run the scene; 0 when nothing was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        return _scene(Path(name), wanted.kills, random.Random(wanted.seed))


def _scene(folder: Path, kills: int, draw: random.Random) -> int:
    said: list[list[str]] = []
    for number in range(kills):
        said += killed(folder, str(number), draw.randint(1, 400))
    with start(folder, "-") as process:
        assert process.stdout is not None
        said += [line.split() for line in process.stdout]
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, "the last process")
    stored = {id_ for word, id_, _ in said if word == "stored"}
    sent = Counter((id_, body) for word, id_, body in said if word == "sent")
    lost = stored - {id_ for id_, _ in sent}
    odd = [id_ for id_, body in sent if body != f"body-of-{id_}"]
    twice = sum(count - 1 for count in sent.values())
    print(f"{kills} kills: {len(stored)} stored, {len(lost)} lost, {twice} sent twice, {len(odd)} with another body")
    return int(bool(lost or odd or twice > kills * WORKERS))


if __name__ == "__main__":
    sys.exit(main())

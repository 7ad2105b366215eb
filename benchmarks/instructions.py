"""What a feature costs in instructions of the processor: ``python benchmarks/instructions.py [SCENE …]``.

The server runs under valgrind, which counts what it executes outside the kernel. The count hardly depends on what else
the machine does, so that it shows on a busy one what rates and times do not. It is no time: what a cache misses or the
kernel does is not in it. Each scene that compares a feature with the same without it is run four times, with few and
with many requests of each, so that starting and stopping do not count.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness.aggregator_peer import command_of
from harness.costs import free_port, until_there
from harness.scenes import SCENES
from harness.scenes.edge import Beside

CLIENTS, FEW, MANY = 32, 10, 50
"""How many ask at once, and how often each of them does."""
BODY = b'{"id": 1, "name": "Ada Lovelace", "email": "ada@example.com"}'
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)
_HOST = "127.0.0.1"
_SLOW = 300.0
"""Seconds within which a server starts under valgrind on a busy machine."""
_SAME = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
"""What makes two runs execute the same."""


async def main(names: Sequence[str], python: Path) -> int:
    """Print a line for each of the scenes *names*: instructions a request without and with the feature."""
    if shutil.which("valgrind") is None:
        print("valgrind is not installed (Debian: apt-get install valgrind)", file=sys.stderr)
        return 2
    upstream = await asyncio.start_server(_upstream, _HOST, 0)
    origin = f"http://{_HOST}:{upstream.sockets[0].getsockname()[1]}"
    async with upstream:
        for scene in (SCENES[name] for name in names):
            assert isinstance(scene, Beside)
            without = await _a_request(scene, origin, python, is_on=False)
            given = await _a_request(scene, origin, python, is_on=True)
            print(f"{scene.name}: {without:.0f} without, {given:.0f} with, {given / without - 1:+.1%}", flush=True)
    return 0


async def _a_request(scene: Beside, origin: str, python: Path, *, is_on: bool) -> float:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "routes.yaml"
        scene.write(config, (origin,) * 3, is_on=is_on)
        few, many = [await _counted(scene, config, python, times) for times in (FEW, MANY)]
    return (many - few) / (MANY - FEW) / CLIENTS


async def _counted(scene: Beside, config: Path, python: Path, times: int) -> int:
    """Return the instructions of a server from its start to its end, which answers each client *times* times."""
    port = free_port()
    valgrind = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
    aggregator = (str(python), str(command_of(python)), "run", str(config), "--port", str(port))
    report = config.with_name("report")
    with report.open("wb") as written:
        server = await asyncio.create_subprocess_exec(
            *valgrind, *aggregator, stdout=asyncio.subprocess.DEVNULL, stderr=written, env={**os.environ, **_SAME}
        )
    try:
        await until_there(port, within=_SLOW)
        await asyncio.gather(*(_ask(port, scene, times) for _ in range(CLIENTS)))
    finally:
        server.terminate()
        await server.wait()
    found = re.search(r"I\s+refs:\s+([\d,]+)", report.read_text(errors="replace"))
    if found is None:
        raise RuntimeError(f"valgrind counted nothing:\n{report.read_text(errors='replace')[-2000:]}")
    return int(found[1].replace(",", ""))


async def _ask(port: int, scene: Beside, times: int) -> None:
    reader, writer = await asyncio.open_connection(_HOST, port)
    lines = "".join(f"{line}\r\n" for line in scene.lines)
    for _ in range(times):
        writer.write(f"GET {scene.path} HTTP/1.1\r\nhost: x\r\n{lines}\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head[:16]:
            raise RuntimeError(f"{scene.path} was answered with {head!r}")
        if length := re.search(rb"content-length: (\d+)", head):
            await reader.readexactly(int(length[1]))
        else:
            await reader.readuntil(b"\r\n0\r\n\r\n")
    writer.close()


async def _upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer each request with the same small JSON until its connection ends."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            if length := re.search(rb"content-length: (\d+)", head.lower()):
                await reader.readexactly(int(length[1]))
            writer.write(_ANSWER)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


if __name__ == "__main__":
    besides = [name for name, scene in SCENES.items() if type(scene) is Beside]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help=f"one of {', '.join(besides)}; all without one")
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="of the environment that is measured")
    options = parser.parse_args()
    if unknown := [name for name in options.scenes if name not in besides]:
        parser.error(f"no such scene: {', '.join(unknown)}")
    sys.exit(asyncio.run(main(options.scenes or besides, options.python)))

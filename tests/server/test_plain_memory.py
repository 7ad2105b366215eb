"""One switch leaves memory as Python and the C library treat it."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest

from aggregator.server.process import memory


@pytest.mark.parametrize(("switch", "is_touched"), [("plain", False), ("", True), (None, True)])
def test_one_switch_turns_all_of_it_off(monkeypatch: pytest.MonkeyPatch, switch: str | None, is_touched: bool) -> None:
    """The collector, what is kept out of its sight, holes, arenas and large blocks: all are as ever, or none is."""
    asked: list[object] = []
    libc = SimpleNamespace(mallopt=lambda *said: asked.append(("mallopt", *said)))
    monkeypatch.setattr(gc, "freeze", lambda: asked.append("freeze"))
    monkeypatch.setattr(gc, "set_threshold", lambda *said: asked.append(("set_threshold", *said)))
    monkeypatch.setattr(gc, "disable", lambda: asked.append("disable"))
    monkeypatch.setattr(memory, "_filling", lambda *_: asked.append("fill"))
    monkeypatch.setattr(ctypes, "CDLL", lambda _: libc)
    if switch is None:
        monkeypatch.delenv(memory.SWITCH, raising=False)
    else:
        monkeypatch.setenv(memory.SWITCH, switch)
    memory.share_arenas()
    memory.keep_loaded()
    memory.collect_seldom()
    asyncio.run(memory.Holes().fill())
    memory.keep_large_blocks()
    with memory.collection_paused():
        pass
    one_arena, mapped, trimmed = (-8, 1), (-3, 64 * 1024 * 1024), (-1, 128 * 1024 * 1024)  # as in malloc.h
    every = [
        ("mallopt", *one_arena), "freeze", "freeze", ("set_threshold", 200_000, 20, 20), "fill",
        ("mallopt", *mapped), ("mallopt", *trimmed), "disable",
    ]  # fmt: skip
    assert asked == (every if is_touched else [])


THREADS = """
import threading
from aggregator.server.process.memory import share_arenas
share_arenas()
taken, ready = [], threading.Barrier(9)
def take():
    taken.append([bytes(4000) for _ in range(100)])
    ready.wait()
threads = [threading.Thread(target=take) for _ in range(8)]
for thread in threads: thread.start()
ready.wait()
spans = [[int(side, 16) for side in line.split()[0].split("-")] + [line.split()[1]] for line in open("/proc/self/maps")]
pairs = zip(spans, spans[1:])
print(sum(start % 2**26 == 0 and rights == "---p" and stop == start + 2**26 for (start, *_), (_, stop, rights) in pairs))
"""


@pytest.mark.processes
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="arenas are those of glibc")
def test_threads_share_what_they_take_memory_from() -> None:
    """Else each that has once loaded a generation has room for one ever after; an arena is 64 MiB from a multiple of them on, its rest reserved."""
    done = subprocess.run([sys.executable, "-c", THREADS], capture_output=True, text=True, check=True, timeout=300)
    assert int(done.stdout) == 0

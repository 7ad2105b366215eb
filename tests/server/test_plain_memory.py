"""One switch leaves memory as Python and the C library treat it."""

from __future__ import annotations

import asyncio
import ctypes
import gc

import pytest

from aggregator.server.process import memory


@pytest.mark.parametrize(("switch", "is_touched"), [("plain", False), ("", True), (None, True)])
def test_one_switch_turns_all_of_it_off(monkeypatch: pytest.MonkeyPatch, switch: str | None, is_touched: bool) -> None:
    """The collector, what is kept out of its sight, holes and large blocks: all are as ever, or none is."""
    asked: list[str] = []
    monkeypatch.setattr(gc, "freeze", lambda: asked.append("freeze"))
    monkeypatch.setattr(gc, "set_threshold", lambda *_: asked.append("set_threshold"))
    monkeypatch.setattr(gc, "disable", lambda: asked.append("disable"))
    monkeypatch.setattr(memory, "_filling", lambda *_: asked.append("fill"))
    monkeypatch.setattr(ctypes, "CDLL", lambda _: asked.append("libc"))
    if switch is None:
        monkeypatch.delenv(memory.SWITCH, raising=False)
    else:
        monkeypatch.setenv(memory.SWITCH, switch)
    memory.keep_loaded()
    memory.collect_seldom()
    asyncio.run(memory.Holes().fill())
    memory.keep_large_blocks()
    with memory.collection_paused():
        pass
    every = ["freeze", "freeze", "set_threshold", "fill", "libc", "disable"]
    assert asked == (every if is_touched else [])

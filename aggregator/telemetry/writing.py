"""Writes text to a file descriptor in a thread, so that nobody who logs ever waits for who reads.

States of the writer's thread:

- *idle*: waits until there is something to write;
- *gathering*: lets a few milliseconds pass, so that what one turn of the loop says is written at once;
- *writing*: in ``write(2)``, for as long as a full pipe takes; lines beyond the bound of the buffer are lost meanwhile;
- *ended*: ``close`` was called; what could not be written in time is given up.
"""

from __future__ import annotations

import io
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TextIO

MOST = 1024 * 1024
"""Characters that wait to be written; lines beyond are lost, and counted."""
_GATHER, _AGAIN = 0.002, 0.05
"""Seconds between the first line and the write, and after a write that failed."""
_GRACE = 1.0
"""Seconds that ``close`` waits until everything is written."""


class Writer(io.TextIOBase):
    """Text for *stream*, written through its descriptor by a thread of its own.

    *lost* counts the lines that found the buffer full or could not be written. When lines are written again after
    some were lost, *on_loss* is called in the thread with the number of those lost since it was called last.
    """

    def __init__(self, stream: TextIO, on_loss: Callable[[int], None] | None = None, most: int = MOST) -> None:
        super().__init__()
        self.lost = 0
        self._descriptor = stream.fileno()
        self._is_terminal = stream.isatty()
        self._on_loss = on_loss
        self._most = most
        self._waiting: deque[str] = deque()
        self._size = self._told = 0
        self._guard = threading.Lock()
        self._wake, self._ending, self._done = threading.Event(), threading.Event(), threading.Event()
        threading.Thread(target=self._run, name="log-writer", daemon=True).start()

    def isatty(self) -> bool:
        """Return whether the text goes to a terminal."""
        return self._is_terminal

    def writable(self) -> bool:
        """Return true."""
        return True

    def write(self, text: str) -> int:
        """Take *text*, of whole lines, to be written soon; return its length. Never waits."""
        with self._guard:  # held for moments only, never during a write
            if self._size + len(text) > self._most or self._ending.is_set():
                self.lost += text.count("\n") or 1
                return len(text)
            self._waiting.append(text)
            self._size += len(text)
        if not self._wake.is_set():
            self._wake.set()
        return len(text)

    def close(self) -> None:
        """Write what waits, for a second at most, and end the thread."""
        if not self._ending.is_set():
            self._ending.set()
            self._wake.set()
            self._done.wait(_GRACE)
        super().close()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._ending.wait(_GATHER)
            self._wake.clear()
            self._write_all()
            if self._ending.is_set() and not self._waiting:
                self._done.set()
                return

    def _write_all(self) -> None:
        with self._guard:
            lines, size = tuple(self._waiting), self._size
            self._waiting.clear()  # what is being written still counts, so that the bound holds
        written = self._write_out("".join(lines).encode("utf-8", "backslashreplace"))
        with self._guard:
            self._size -= size
            self.lost += 0 if written else sum(line.count("\n") or 1 for line in lines)
            missing = self.lost - self._told
            self._told += missing if written else 0
        if written and missing and self._on_loss is not None:
            self._on_loss(missing)

    def _write_out(self, text: bytes) -> bool:
        """Write *text* whole; return whether that was possible."""
        left = memoryview(text)
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:  # whoever shares the descriptor made it so
                if self._ending.is_set():
                    return False
                time.sleep(_AGAIN)
            except OSError:  # closed, or a full disk
                self._ending.wait(_AGAIN)
                return False
        return True

"""Writes text to a file descriptor in a thread, so that nobody who logs ever waits for who reads.

States of the writer's thread:

- *not begun*: nothing was written yet, so there is no thread;
- *idle*: waits until there is something to write;
- *gathering*: lets some hundredths of a second pass, unless the buffer is half full before: to be woken, and to take
  the interpreter from the loop, costs more than to write what many turns of the loop say;
- *writing*: in ``write(2)``, for as long as a full pipe takes; lines beyond the bound of the buffer are lost meanwhile;
- *failing*: the last write was refused, as on a full disk; each is tried, and its lines are lost where it is refused;
- *ended*: ``close`` was called; what could not be written in time is given up.
"""

from __future__ import annotations

import io
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any, TextIO, TypeAlias, TypeVar

MOST = 1024 * 1024
"""Characters that wait to be written; lines beyond are lost, and counted."""
_GATHER, _AGAIN = 0.05, 0.05
"""Seconds between the first line and the write, and after a write that failed."""
_TOLD = 60.0
"""Seconds between two times that a failure is told."""
_GRACE = 1.0
"""Seconds that ``close`` waits until everything is written."""

Thing = TypeVar("Thing")
Later: TypeAlias = "tuple[Callable[[list[Any]], str], Any]"
"""What makes the lines of several things, and one of them."""


class Writer(io.TextIOBase):
    """Text for *stream*, written through its descriptor by a thread of its own.

    *lost* counts the lines that found the buffer full or could not be written. When lines are written again after
    some were lost, *on_loss* is called in the thread with the number of those lost since it was called last. When
    writes begin to fail, *on_failure* is called there, at most once a minute.
    """

    def __init__(
        self, stream: TextIO, on_loss: Callable[[int], None] | None = None, most: int = MOST,
        on_failure: Callable[[OSError], None] | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.lost = 0
        self._descriptor = stream.fileno()
        self._is_terminal = stream.isatty()
        self._on_loss, self._on_failure = on_loss, on_failure
        self._is_failing = self._is_torn = False
        self._failure_told = -_TOLD
        self._most = most
        self._waiting: deque[str | Later] = deque()
        self._next: int | None = None
        self._size = self._told = 0
        self._guard = threading.Lock()
        self._wake, self._ending, self._done = threading.Event(), threading.Event(), threading.Event()
        self._hurry = threading.Event()
        self._thread: threading.Thread | None = None

    def isatty(self) -> bool:
        """Return whether the text goes to a terminal."""
        return self._is_terminal

    def writable(self) -> bool:
        """Return true."""
        return True

    def write(self, text: str) -> int:
        """Queue *text*, of whole lines, to be written soon; return its length. Never waits."""
        with self._guard:  # held for moments only, never during a write
            if self._size + len(text) > self._most or self._ending.is_set():
                self.lost += text.count("\n") or 1
                return len(text)
            self._waiting.append(text)
            self._size += len(text)
            if self._size * 2 > self._most:
                self._hurry.set()
            self._begin()
        if not self._wake.is_set():
            self._wake.set()
        return len(text)

    def write_later(self, render: Callable[[list[Thing]], str], thing: Thing, weight: int) -> None:
        """Queue *thing*, which counts as *weight* characters until *render* makes a line of it in the thread.

        It is given all those that follow each other, since what is done once for many costs less for each.
        """
        with self._guard:
            if self._size + weight > self._most or self._ending.is_set():
                self.lost += 1
                return
            is_first = not self._waiting
            self._waiting.append((render, thing))
            self._size += weight
            if self._size * 2 > self._most:
                self._hurry.set()
            if is_first:
                self._begin()
        if is_first:
            self._wake.set()

    def go_on(self, descriptor: int) -> None:
        """Write to *descriptor* from the next lines on, and close the one before."""
        with self._guard:
            before, self._next = self._next, descriptor
            self._begin()
        if before is not None:
            os.close(before)
        self._wake.set()

    def close(self) -> None:
        """Write what waits, for a second at most, and end the thread."""
        if not self._ending.is_set():
            with self._guard:
                self._ending.set()
                begun = self._thread is not None
            self._hurry.set()
            self._wake.set()
            if begun:
                self._done.wait(_GRACE)
            else:
                self._done.set()
        super().close()

    def _begin(self) -> None:
        """Start the thread, unless it runs; a process that has written nothing yet has one thread, and may fork."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
            self._thread.start()

    def close_descriptor(self) -> None:
        """Close what was written to; only for who opened it."""
        if self._done.is_set():  # else the thread may still be writing
            os.close(self._descriptor)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._hurry.wait(_GATHER)
            self._hurry.clear()
            self._wake.clear()
            self._write_all()
            if self._ending.is_set() and not self._waiting:
                self._done.set()
                return

    def _write_all(self) -> None:
        with self._guard:
            taken, size = tuple(self._waiting), self._size
            self._waiting.clear()  # what is being written still counts, so that the bound holds
            fresh, self._next = self._next, None
        if fresh is not None:
            os.close(self._descriptor)
            self._descriptor, self._is_torn = fresh, False
        text = "".join(_rendered(taken)).encode("utf-8", "backslashreplace")
        left = self._write_out(b"\n" + text if self._is_torn and text else text)[-len(text) :]
        is_written = not left
        with self._guard:
            self._size -= size
            self.lost += max(1, left.count(b"\n")) if left else 0
            missing = self.lost - self._told
            self._told += missing if is_written else 0
        if is_written and missing and self._on_loss is not None:
            self._on_loss(missing)

    def _write_out(self, text: bytes) -> bytes:
        """Write *text*; return what could not be written of it. A line of which a part was written is torn."""
        left = memoryview(text)
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:  # whoever shares the descriptor made it so
                if self._ending.is_set():
                    break
                time.sleep(_AGAIN)
            except OSError as error:  # closed, or a full disk
                self._note_failure(error)
                self._ending.wait(_AGAIN)
                break
        if text and not left:
            self._is_failing = self._is_torn = False
        elif len(left) < len(text):
            self._is_torn = text[-len(left) - 1 : -len(left)] != b"\n"
        return bytes(left)

    def _note_failure(self, error: OSError) -> None:
        now = time.monotonic()
        if not self._is_failing and self._on_failure is not None and now >= self._failure_told + _TOLD:
            self._failure_told = now
            self._on_failure(error)
        self._is_failing = True


def _rendered(taken: Iterable[str | Later]) -> Iterator[str]:
    """Yield the texts of *taken*, in order; each has one line or more."""
    for render, group in groupby(taken, key=lambda line: None if isinstance(line, str) else line[0]):
        if render is None:
            yield from map(str, group)
        else:
            yield _lines_of(render, [line[1] for line in group])


def _lines_of(render: Callable[[list[Any]], str], things: list[Any]) -> str:
    """Return the lines of *things*; a fault of the program costs the line alone that it is in, not the thread."""
    try:
        return render(things)
    except Exception as error:
        if len(things) > 1:
            return "".join([_lines_of(render, [thing]) for thing in things])
        return f"A line of the log could not be written, by a fault of the program: {type(error).__name__}\n"

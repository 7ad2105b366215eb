"""A terminal that shows one text after another in the same place, and afterwards what it showed before.

States of the terminal:

- *as it was*: before, after, and while the process is stopped (Ctrl-Z);
- *taken*: the alternate screen without a cursor, where keys arrive one by one and are not echoed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import termios
import threading
import time
import tty
from collections.abc import Callable
from types import FrameType
from typing import Any, TextIO

_TAKE, _GIVE_BACK = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_AGAIN = 0.2
"""Seconds until keys are read again, where another process has the terminal."""
_TOP, _CLEAR_LINE, _CLEAR_BELOW = "\x1b[H", "\x1b[K", "\x1b[J"


class FullScreen:
    """Shows on *stdout* what *text* returns for a number of columns and lines.

    ``q`` on *stdin*, if that is a terminal, interrupts the process as Ctrl-C does.
    """

    def __init__(self, text: Callable[[int, int], str], stdin: TextIO, stdout: TextIO) -> None:
        self._text = text
        self._in, self._out, self._encoding = stdin.fileno(), stdout.fileno(), stdout.encoding
        self._mode: list[Any] | None = None
        self._signals: dict[int, Any] = {}

    def __enter__(self) -> FullScreen:
        handlers = {
            signal.SIGINT: signal.default_int_handler,  # which a shell script has ignored where it starts us by `&`
            signal.SIGTERM: _end, signal.SIGTSTP: self._stop, signal.SIGWINCH: self._redraw,
        }  # fmt: skip
        self._signals = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        self._take()
        if self._mode is not None:
            threading.Thread(target=self._read_keys, name="keys", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._give_back()
        for number, handler in self._signals.items():
            signal.signal(number, handler)

    def draw(self) -> None:
        """Show the text as it is now, unless another process has the terminal, which would be drawn over."""
        if self._is_in_background():
            return
        size = shutil.get_terminal_size((100, 50))
        *lines, last = self._text(size.columns, size.lines).split("\n")
        # cleared before it is written: after a line of full width, its last character would be cleared, too
        self._write(_TOP + "".join(f"{_CLEAR_LINE}{line}\n" for line in lines) + _CLEAR_BELOW + last)

    def _is_in_background(self) -> bool:
        try:
            return os.tcgetpgrp(self._out) != os.getpgrp()
        except OSError:  # no terminal that could be another's
            return False

    def _write(self, text: str) -> None:
        # past the buffer of stdout, in which a signal that redraws could find another write half done
        data = text.encode(self._encoding, "replace")
        while data:
            data = data[os.write(self._out, data) :]

    def _take(self) -> None:
        if os.isatty(self._in):
            self._mode = termios.tcgetattr(self._in)
            tty.setcbreak(self._in, termios.TCSADRAIN)
        self._write(_TAKE)

    def _give_back(self) -> None:
        if self._mode is not None:
            termios.tcsetattr(self._in, termios.TCSADRAIN, self._mode)
        self._write(_GIVE_BACK)

    def _redraw(self, *_: object) -> None:
        self.draw()

    def _stop(self, number: int, _: FrameType | None) -> None:
        self._give_back()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        signal.signal(number, self._stop)  # it goes on
        self._take()
        self.draw()

    def _read_keys(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # they are for the thread that waits
        with contextlib.suppress(OSError):  # the terminal has gone
            while key := self._key():
                if key == b"q":
                    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def _key(self) -> bytes:
        """Return the next key, none at the end of the keys. Raises ``OSError`` when the terminal has gone."""
        while True:
            try:
                return os.read(self._in, 1)
            except OSError:  # also in the background, since SIGTTIN, which would stop us there, is blocked
                os.tcgetpgrp(self._in)
                time.sleep(_AGAIN)


def _end(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)

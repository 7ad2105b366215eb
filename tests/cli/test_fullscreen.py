"""``aggregator top`` on a terminal: it takes the whole of it, and leaves it as it was."""

from __future__ import annotations

import errno
import os
import pty
import signal
import termios
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple, TextIO

import pytest

from aggregator.cli.watching.fullscreen import FullScreen


class Terminal(NamedTuple):
    """The end that a person has, and the one that is stdin and stdout."""

    person: int
    stdin: TextIO
    stdout: TextIO

    def screen(self, text: Callable[[int, int], str] = lambda _, __: "") -> FullScreen:
        """Return a screen that shows *text* there."""
        return FullScreen(text, self.stdin, self.stdout)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """Return a terminal."""
    person, program = pty.openpty()
    with open(program, encoding="utf-8") as stdin, open(program, "w", encoding="utf-8", closefd=False) as stdout:
        yield Terminal(person, stdin, stdout)
        os.close(person)  # which ends whoever reads keys


def told(terminal: Terminal, end: bytes) -> bytes:
    """Return what *terminal* was told since it was asked last, when *end* has come."""
    data = b""
    while not data.endswith(end):
        data += os.read(terminal.person, 65536)
    return data


def test_a_terminal_is_left_as_it_was(terminal: Terminal) -> None:
    """Screen, cursor, echo and signals: all are given back."""
    before, handlers = termios.tcgetattr(terminal.stdin), [signal.getsignal(number) for number in _SIGNALS]
    with terminal.screen(lambda _, __: "first\nlast") as screen:
        assert not termios.tcgetattr(terminal.stdin)[3] & termios.ECHO
        screen.draw()
        assert told(terminal, b"last") == b"\x1b[?1049h\x1b[?25l\x1b[H\x1b[Kfirst\r\n\x1b[Jlast"
    assert told(terminal, b"1049l") == b"\x1b[?25h\x1b[?1049l"
    assert termios.tcgetattr(terminal.stdin) == before
    assert [signal.getsignal(number) for number in _SIGNALS] == handlers


_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGTSTP, signal.SIGWINCH)


def wait_in(screen: FullScreen, begin: Callable[[], object]) -> None:
    """Take the terminal, *begin* something, and wait for what ends it."""
    with screen:
        begin()
        threading.Event().wait(60)


def test_q_ends_it(terminal: Terminal) -> None:
    """As Ctrl-C does, also while nothing happens; other keys do nothing."""
    with pytest.raises(KeyboardInterrupt):
        wait_in(terminal.screen(), lambda: os.write(terminal.person, b"xq"))


def test_q_ends_it_after_it_was_in_the_background(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """There reading fails: keys are read again when the terminal is ours."""
    read, refused = os.read, threading.Event()

    def refuse(descriptor: int, size: int) -> bytes:
        if refused.is_set():
            return read(descriptor, size)
        refused.set()
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("os.read", refuse)
    monkeypatch.setattr("os.tcgetpgrp", lambda descriptor: os.getpgrp() + 1)
    with pytest.raises(KeyboardInterrupt):
        wait_in(terminal.screen(), lambda: os.write(terminal.person, b"q"))
    assert refused.is_set()


def test_an_order_to_end_gives_it_back(terminal: Terminal) -> None:
    """SIGTERM ends it with the code that shells tell it by."""
    with pytest.raises(SystemExit) as ended:
        wait_in(terminal.screen(), lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert ended.value.code == 143
    told(terminal, b"\x1b[?1049l")


def test_nothing_is_drawn_over_the_process_that_has_the_terminal(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the background neither another size nor news are shown, and all is again when it comes back."""
    foreground = os.getpgrp()
    monkeypatch.setattr("os.tcgetpgrp", lambda descriptor: foreground)
    with terminal.screen(lambda _, __: "text") as screen:
        foreground += 1
        os.kill(os.getpid(), signal.SIGWINCH)
        screen.draw()
        foreground -= 1
        screen.draw()
    assert told(terminal, b"1049l").count(b"text") == 1


def test_another_size_is_drawn_at_once(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text is that of the columns and lines which the terminal has then."""
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("LINES", "20")
    with terminal.screen(lambda columns, lines: f"{columns}x{lines}"):
        os.kill(os.getpid(), signal.SIGWINCH)
        told(terminal, b"40x20")

"""The present state of a process's log: as the file declares it, unless an option or an order says otherwise.

An order counts before an option, an option before the file.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TextIO, cast

from msgspec import Struct

from aggregator.errors import StartupError
from aggregator.telemetry.logging import LogFormat, configure_logging, log, tell_loss
from aggregator.telemetry.redaction import Masker
from aggregator.telemetry.writing import Writer

_log = logging.getLogger("aggregator.server")


class Order(Struct, frozen=True):
    """An operator's order for the log of a running process; None for what it leaves alone.

    *until* is when it ends, in the words of RFC 3339; None when only another order ends it.
    """

    level: str | None = None
    format: LogFormat | None = None
    until: str | None = None


class LogControl:
    """The log on *stream*: *format* and *level* are those of options, *masker* knows the secrets to hide."""

    def __init__(self, stream: TextIO, masker: Masker, format: LogFormat | None = None, level: str = "info") -> None:
        self._stream = stream
        self._masker = masker
        self._asked, self._asked_level = format, level
        self._declared: LogFormat = "text"
        self._order = Order()
        self._file: _File | None = None
        self._configure()

    @property
    def format(self) -> LogFormat:
        """The form of lines."""
        return self._order.format or self._asked or self._declared

    @property
    def level(self) -> str:
        """The least level that is written."""
        return self._order.level or self._asked_level

    def follow(self, format: LogFormat, file: Path | None) -> None:
        """Log as the file declares from now on. Raises ``StartupError`` when *file* cannot be opened."""
        before = self._file
        if file != (None if before is None else before.path):
            self._file = None if file is None else _File(file)
        else:
            before = None
        self._declared = format
        self._configure()
        if before is not None:
            before.close()

    def order(self, order: Order) -> None:
        """Carry out *order* from now on, until another order or the end of the process."""
        self._order = order
        self._configure()

    @property
    def ordered(self) -> Order:
        """The present order."""
        return self._order

    def reopen(self) -> None:
        """Open the file again, which somebody has moved away."""
        if self._file is not None:
            self._file.reopen()

    def close(self) -> None:
        """Write what waits for the file, and close it."""
        if self._file is not None:
            self._file.close()
            self._file = None
            self._configure()

    def _configure(self) -> None:
        own = None if self._file is None else cast("TextIO", self._file)
        configure_logging(self.format, self.level, self._stream, self._masker, own, self._order.until)


class _File(Writer):
    """A file that grows by lines, written in a thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            stream = open(_opened(path), "w", closefd=False)  # noqa: SIM115 - the writer keeps the descriptor
        except OSError as error:
            raise StartupError(f"The log file {path} cannot be opened: {error.strerror}.") from None
        super().__init__(stream, tell_loss, on_failure=self._tell_failure)

    def reopen(self) -> None:
        """Write to what is at the path now; the file before stays when that cannot be opened."""
        try:
            self.go_on(_opened(self.path))
        except OSError as error:
            log(_log, logging.ERROR, "The log file could not be opened again; the old one is written on.",
                file=str(self.path), reason=str(error.strerror))  # fmt: skip

    def _tell_failure(self, error: OSError) -> None:
        reason = str(error.strerror)
        log(_log, logging.ERROR, "The log file cannot be written; its lines are lost until it can.",
            file=str(self.path), reason=reason)  # fmt: skip

    def close(self) -> None:
        """Write what waits, and close the descriptor."""
        super().close()
        self.close_descriptor()


def _opened(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

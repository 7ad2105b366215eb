"""Recent changes in the process: breakers, hosts, switches, reloads; a bounded ring beside the log.

The log may be set to say less, and is elsewhere; who opens the page afterwards wants to know, too.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from msgspec import Struct

from aggregator.telemetry.logging import log
from aggregator.telemetry.redaction import Masker, redact_text

MOST, LONGEST = 200, 300
"""Changes that are kept, and characters of each of their values."""


class Happened(Struct, frozen=True):
    """One change: the *sentence* of its log line, its level and its *fields*; *at* is Unix time."""

    at: float
    level: str
    sentence: str
    fields: dict[str, str]


class Lately:
    """The last changes, the newest of ``MOST``, by the Unix time of *clock*.

    Secrets that are known when a change comes are not kept: when it is shown, nobody may know any more that they were
    some.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._ring: deque[Happened] = deque(maxlen=MOST)
        self._masker = Masker()

    def learn(self, secrets: Iterable[str]) -> None:
        """Mask *secrets* from now on."""
        self._masker.learn(secrets)

    def note(self, level: int, sentence: str, fields: Mapping[str, Any]) -> None:
        """Keep one change, in place of the oldest where there are too many."""
        said = {name: _text(value) for name, value in fields.items() if value not in (None, "")}
        told = {name: redact_text(self._masker(value))[:LONGEST] for name, value in said.items()}
        self._ring.append(Happened(self._clock(), logging.getLevelName(level).lower(), sentence, told))

    def shown(self, clean: Callable[[str], str]) -> list[dict[str, Any]]:
        """Return the changes as data, the newest first; *clean* takes secrets out of values."""
        return [
            {
                "at": round(one.at, 3), "level": one.level, "text": one.sentence,
                "fields": {name: clean(value) for name, value in one.fields.items()},
            }
            for one in reversed(tuple(self._ring))
        ]  # fmt: skip


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple | set | frozenset) else str(value)


LATELY: Final = Lately()
"""That of the process, as its log is."""


def log_change(logger: logging.Logger, level: int, sentence: str, /, **fields: Any) -> None:
    """Write *sentence* as ``log`` does, and keep it among what has changed lately, whatever the log is set to."""
    LATELY.note(level, sentence, fields)
    log(logger, level, sentence, **fields)

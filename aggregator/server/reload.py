"""What a reload came to."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aggregator.diagnostics import Diagnostic


class Verdict(StrEnum):
    """How a reload ended."""

    SWAPPED = "swapped"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ReloadOutcome:
    """The end of one reload; *report* is what a terminal shows of a refusal, *summary* one line for the log."""

    verdict: Verdict
    generation: int
    seconds: float = 0.0
    summary: str = ""
    report: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()
    at: float = field(default_factory=time.time)

    def as_dict(self) -> dict[str, Any]:
        """Give the refusal as data for ``/-/config``."""
        return {
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.at)),
            "summary": self.summary,
            "problems": [
                {
                    "code": d.code,
                    "message": d.message,
                    "file": d.position.file,
                    "line": d.position.line,
                    "column": d.position.column,
                }
                for d in self.diagnostics[:100]
            ],
        }

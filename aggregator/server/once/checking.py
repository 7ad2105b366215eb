"""One file, checked the way the server would load it, without serving it; for ``check``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from aggregator.config.loading import Loader
from aggregator.diagnostics import Diagnostic, Source, as_json, summary
from aggregator.errors import ConfigError
from aggregator.plan.compiler import compile_plan
from aggregator.plan.explaining.summary import counts_text, notes_of
from aggregator.plan.types import Plan


class Checked(Struct, frozen=True):
    """The result of a check: every problem in reading order, and the plan when no error is among them.

    *sources* are the texts that the problems speak of; *seconds* is how long it took.
    """

    path: str
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, Source]
    plan: Plan | None
    seconds: float

    @property
    def errors(self) -> int:
        """The number of errors."""
        return sum(diagnostic.level == "error" for diagnostic in self.diagnostics)

    @property
    def warnings(self) -> int:
        """The number of warnings."""
        return len(self.diagnostics) - self.errors

    def is_fine(self, *, deny_warnings: bool = False) -> bool:
        """Return whether the file may be served; *deny_warnings* makes a warning count."""
        return not self.errors and not (deny_warnings and self.warnings)

    def summary(self) -> str:
        """Return one line: what was found, what the file declares, how long it took."""
        counts = "" if self.plan is None else f"   {counts_text(self.plan)}"
        return f"{self.path}: {summary(self.diagnostics)}{counts}   {self.seconds * 1000:.0f} ms"

    @property
    def notes(self) -> list[str]:
        """Notes on what an operator may not expect, though it is right."""
        return [] if self.plan is None else notes_of(self.plan)

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as data for machines."""
        return {
            "path": self.path,
            "valid": not self.errors,
            "errors": self.errors,
            "warnings": self.warnings,
            "endpoints": None if self.plan is None else len(self.plan.declared),
            "notes": self.notes,
            "diagnostics": as_json(self.diagnostics, self.sources),
        }


def check_file(path: str, env: Mapping[str, str] | None = None) -> Checked:
    """Load and compile *path* as a server would; touches no network, no plug-in and no file but those it names."""
    started = time.perf_counter()
    plan: Plan | None = None
    try:
        config = Loader(Path(path), env).load()
        plan, diagnostics, sources = compile_plan(config), config.warnings, config.sources
    except ConfigError as error:
        diagnostics, sources = error.diagnostics, error.sources
    return Checked(path, tuple(diagnostics), sources, plan, time.perf_counter() - started)

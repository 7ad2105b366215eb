"""Where plans come from: files that may change, or a configuration that was loaded before."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aggregator.config.loading import Config, Loader
from aggregator.diagnostics import render_text
from aggregator.errors import ConfigError
from aggregator.plan.compiler import Compiler
from aggregator.plan.types import Plan
from aggregator.server.memory import collection_paused


class PlanFiles:
    """A file and what it includes; what did not change since the last load is neither parsed nor compiled again."""

    def __init__(self, path: Path, env: Mapping[str, str] | None = None) -> None:
        self._loader = Loader(path, env)
        self._compiler = Compiler()
        self.files: tuple[Path, ...] = (path,)

    def load(self) -> Plan:
        """Give the plan as the files say now; raises ``ConfigError``."""
        with collection_paused():
            config = self._loader.load()
            self.files = config.files
            return self._compiler.compile(config)

    def describe(self, error: ConfigError, *, color: bool = False) -> str:
        """Give the text that a terminal shows for *error*."""
        return render_text(error.diagnostics, self._loader.sources, color=color)


class FixedSource:
    """A configuration that was loaded before; a reload finds it unchanged."""

    def __init__(self, config: Config) -> None:
        self._plan = Compiler().compile(config)

    def load(self) -> Plan:
        """Give its plan."""
        return self._plan

    def describe(self, error: ConfigError) -> str:
        """Give the text of *error*."""
        return str(error)

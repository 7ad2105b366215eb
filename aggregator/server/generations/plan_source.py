"""The sources of plans: files that may change, or a configuration loaded before."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from aggregator.config.loading import Config, Loader
from aggregator.diagnostics import Diagnostic, render_text
from aggregator.errors import ConfigError
from aggregator.plan.compiler import Compiler
from aggregator.plan.types import Plan
from aggregator.templates import forget_texts


class PlanSource(Protocol):
    """The source of the first plan and of those of later reloads.

    *folder* is where plug-ins may lie beside the configuration.
    """

    folder: Path | None

    @property
    def texts(self) -> Mapping[str, str]:
        """The texts of the files that the last attempt read, by the names that operators know them by."""

    def load(self) -> Plan:
        """Return the plan as the files say now; raises ``ConfigError``. May be called in a thread."""

    def describe(self, error: ConfigError) -> str:
        """Return the text that a terminal shows for *error*."""


class PlanFiles:
    """A file and what it includes; what did not change since the last load is neither parsed nor compiled again.

    *warnings* are those of the last plan; *config* is what it was made of, for who *keeps* it, until ``forget``.
    Problems name the file *name*, or *path* as given, and are shown in *width* columns.
    """

    def __init__(
        self,
        path: Path,
        env: Mapping[str, str] | None = None,
        *,
        width: int = 120,
        name: str | None = None,
        keeps: bool = False,
    ) -> None:
        self.name = str(path) if name is None else name
        absolute = path
        with suppress(FileNotFoundError):  # there is no current folder
            absolute = path.absolute()  # the folder may be replaced by another of its name while this one serves
        self.path = absolute
        self._loader = Loader(absolute, env, self.name)
        self._compiler = Compiler()
        self._plan: Plan | None = None
        self._width = width
        self.folder: Path | None = absolute.parent
        self.warnings: tuple[Diagnostic, ...] = ()
        self.config: Config | None = None
        self._keeps = keeps

    def load(self) -> Plan:
        """Return the plan as the files say now, the same object while nothing changes; raise ``ConfigError``."""
        if self._plan is not None and self._loader.stands():
            return self._plan
        self._plan = self.config = None
        self._plan = self._compiled(self._loader.load())
        return self._plan

    def resume(self, config: Config) -> Plan:
        """Return the plan of *config*, which these files have given before, without a look at what they say now."""
        self._loader.files, self._loader.folders = config.files, config.folders
        self._loader.sources = config.sources
        return self._compiled(config)

    def _compiled(self, config: Config) -> Plan:
        try:
            plan = self._compiler.compile(config)
        finally:
            forget_texts()
        self.warnings = config.warnings
        self.config = config if self._keeps else None
        return plan

    def forget(self) -> None:
        """Keep no loaded configuration, now or later: it is handed to no worker."""
        self._keeps, self.config = False, None

    @property
    def texts(self) -> Mapping[str, str]:
        """The texts that the last attempt read."""
        return {name: source.text for name, source in self._loader.sources.items()}

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that the last attempt read, or looked for."""
        return self._loader.files

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders in which the last attempt looked for files by pattern."""
        return self._loader.folders

    def describe(self, error: ConfigError, *, color: bool = False) -> str:
        """Return the text that a terminal shows for *error*."""
        return render_text(error.diagnostics, error.sources or self._loader.sources, color=color, width=self._width)

    def describe_warnings(self, *, color: bool = False) -> str:
        """Return the text that a terminal shows for the warnings; empty when there are none."""
        sources = self._loader.sources
        return render_text(self.warnings, sources, color=color, width=self._width) if self.warnings else ""


class FixedSource:
    """A configuration that was loaded before; a reload finds it unchanged."""

    def __init__(self, config: Config) -> None:
        self._plan = Compiler().compile(config)
        self.folder: Path | None = config.files[0].absolute().parent if config.files else None
        self.texts: Mapping[str, str] = {}

    def load(self) -> Plan:
        """Return its plan."""
        return self._plan

    def describe(self, error: ConfigError) -> str:
        """Return the text of *error*."""
        return str(error)


class Committed:
    """*files* that may have changed since *plan* was made of them: it is what serves until they are loaded again."""

    def __init__(self, files: PlanFiles, plan: Plan) -> None:
        self._files = files
        self._plan: Plan | None = plan
        self.folder = files.folder

    @property
    def texts(self) -> Mapping[str, str]:
        """The texts that the last attempt read."""
        return self._files.texts

    def load(self) -> Plan:
        """Return the plan at first, and what the files say from then on; raise ``ConfigError``."""
        plan, self._plan = self._plan, None
        return self._files.load() if plan is None else plan

    def describe(self, error: ConfigError) -> str:
        """Return the text that a terminal shows for *error*."""
        return self._files.describe(error)

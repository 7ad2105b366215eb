"""The messages of a server to its operator: text in a terminal, or records of the log when machines read it.

``start`` chooses one of the two; both say the same.
"""

from __future__ import annotations

import logging
import shlex
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TextIO

from aggregator.diagnostics import Diagnostic
from aggregator.diagnostics.display import cells, has_color, padded
from aggregator.errors import ConfigError, ServingError, StartupError
from aggregator.plan.explaining.summary import calls_text
from aggregator.plan.types import Plan
from aggregator.server.generations.plan_source import PlanFiles
from aggregator.server.generations.reload import ReloadOutcome, Verdict
from aggregator.server.listeners.opening import Role
from aggregator.telemetry.logging import LogFormat, log

_log = logging.getLogger("aggregator.server")
_SHOWN = 12
_MOST_RECORDS = 100
_NOTES: Mapping[Role, str] = {"public": "", "admin": "   administration", "redirect": "   sends on to https"}
"""What an operator reads behind a URL."""


class Announcer(ABC):
    """Tells of *files* under the name *path*, from their first load on. Reloads go on when nobody can read it."""

    def __init__(self, path: str, files: PlanFiles) -> None:
        self._path = path
        self._files = files
        self._warned: tuple[Diagnostic, ...] = ()

    def warn(self) -> None:
        """Show the warnings of the file, unless they are those shown last."""
        if self._files.warnings != self._warned:
            self._warned = self._files.warnings
            self._show_warnings()

    def tell(self, outcome: ReloadOutcome) -> None:
        """Show the problems or warnings of a reload, which the log has one line of."""
        if outcome.verdict is Verdict.SWAPPED:
            self.warn()
        elif outcome.verdict is Verdict.REFUSED:
            self._show_refusal(outcome)

    @abstractmethod
    def greet(self, plan: Plan, urls: Mapping[str, Role]) -> None:
        """Announce that *plan* is served at *urls*, each with its role."""

    @abstractmethod
    def refuse(self, error: ConfigError) -> None:
        """Show the problems for which the file is not served."""

    @abstractmethod
    def fail(self, error: StartupError) -> None:
        """Show the reason for which the server did not start, or could not go on."""

    @abstractmethod
    def _show_warnings(self) -> None:
        """Show each warning."""

    @abstractmethod
    def _show_refusal(self, outcome: ReloadOutcome) -> None:
        """Show each problem of a refused reload."""


def announcer(form: LogFormat, path: str, files: PlanFiles, stream: TextIO) -> Announcer:
    """Return the one for log lines in *form*: beside text an operator reads *stream*, beside JSON a machine does."""
    return Records(path, files) if form == "json" else Terminal(path, files, stream)


class Terminal(Announcer):
    """Text with frames on *stream*, in colour where that is a terminal."""

    def __init__(self, path: str, files: PlanFiles, stream: TextIO) -> None:
        super().__init__(path, files)
        self._stream = stream
        self._color = has_color(stream)

    def greet(self, plan: Plan, urls: Mapping[str, Role]) -> None:
        """Print the number of endpoints, the first of them, and the URLs."""
        self._print(welcome(self._path, plan, urls))

    def refuse(self, error: ConfigError) -> None:
        """Print each problem with its place in the file."""
        self._print(self._files.describe(error, color=self._color))

    def fail(self, error: StartupError) -> None:
        """Print the reason as one sentence."""
        self._print(f"error: {error}")

    def _show_warnings(self) -> None:
        if self._warned:
            self._print(self._files.describe_warnings(color=self._color))

    def _show_refusal(self, outcome: ReloadOutcome) -> None:
        head = f"{self._path} changed and was refused; generation {outcome.generation} stays."
        self._print(f"{head}\n{outcome.report}")

    def _print(self, text: str) -> None:
        with suppress(OSError):
            self._stream.write(f"{text}\n")
            self._stream.flush()


class Records(Announcer):
    """Records of the log, one for each problem."""

    def greet(self, plan: Plan, urls: Mapping[str, Role]) -> None:
        """Log the number of endpoints and the URLs."""
        where: dict[str, str] = {}
        for url, role in urls.items():
            field = "address" if role == "public" else role
            where[field] = f"{where[field]}, {url}" if field in where else url
        log(_log, logging.INFO, "The server listens.", **where, file=self._path, config=plan.digest[:12],
            endpoints=len(plan.declared), upstreams=len(plan.upstreams))  # fmt: skip

    def refuse(self, error: ConfigError) -> None:
        """Log each problem with its place in the file, and that nothing is served."""
        _log_each(error.diagnostics)
        log(_log, logging.ERROR, "The server could not start.", reason=str(error))

    def fail(self, error: StartupError) -> None:
        """Log the reason."""
        has_served = isinstance(error, ServingError)
        said = "The server could not go on." if has_served else "The server could not start."
        log(_log, logging.ERROR, said, reason=str(error))

    def _show_warnings(self) -> None:
        _log_each(self._warned)

    def _show_refusal(self, outcome: ReloadOutcome) -> None:
        _log_each(outcome.diagnostics)


def _log_each(diagnostics: Sequence[Diagnostic]) -> None:
    for one in diagnostics[:_MOST_RECORDS]:
        error = one.level == "error"
        sentence = "The configuration has an error." if error else "The configuration has a warning."
        hint = {} if one.hint is None else {"hint": one.hint}
        log(_log, logging.ERROR if error else logging.WARNING, sentence, at=str(one.position), code=one.code,
            problem=one.message, **hint)  # fmt: skip
    if len(diagnostics) > _MOST_RECORDS:
        more = len(diagnostics) - _MOST_RECORDS
        log(_log, logging.WARNING, "There are more; `aggregator check` shows them all.", more=more)


def welcome(path: str, plan: Plan, urls: Mapping[str, Role]) -> str:
    """Return the lines that greet the operator: what is served, and where."""
    effects = sum(len(endpoint.effects) for endpoint in plan.declared)
    counts = f"{_count(len(plan.declared), 'endpoint')} · {_count(len(plan.upstreams), 'upstream')}"
    if effects:
        counts += f" · {_count(effects, 'background call')}"
    where = [f"  {url}{_NOTES[role]}" for url, role in urls.items()]
    lines = [f"{path}  {counts}", *(f"  {line}" for line in _some(path, plan)), *where]
    if plan.server.docs is not None:
        lines[-len(urls)] += f"   docs {plan.server.docs.path}"
    return "\n".join(lines)


def _some(path: str, plan: Plan) -> list[str]:
    shown = plan.declared[:_SHOWN]
    width = max((cells(endpoint.key) for endpoint in shown), default=0)
    lines = [f"{padded(endpoint.key, width)}  {calls_text(endpoint)}" for endpoint in shown]
    if len(plan.declared) > len(shown):
        command = "aggregator routes" if path == "routes.yaml" else f"aggregator routes {shlex.quote(path)}"
        lines.append(f"… and {len(plan.declared) - len(shown)} more; `{command}` lists them")
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"

"""The outcomes of the reloads of one application: counted, remembered, logged."""

from __future__ import annotations

import logging
from typing import Any

from msgspec.structs import replace

from aggregator.diagnostics import Diagnostic, Source, render_text
from aggregator.errors import ConfigError, StartupError, place_of
from aggregator.plan.types import Plan
from aggregator.server.changes.lines import veil_report
from aggregator.server.generations.reload import ReloadOutcome, Verdict, needs_restart
from aggregator.telemetry.lately import LATELY, log_change
from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.server")


def _starred(error: ConfigError) -> dict[str, Source]:
    """Return the sources of *error* with as many stars in the place of each secret: a frame may show a part of one."""
    longest_first = sorted(error.secrets, key=len, reverse=True)
    starred = dict(error.sources)
    for name, source in error.sources.items():
        text = source.text
        for secret in longest_first:
            text = text.replace(secret, "*" * len(secret))
        starred[name] = Source(source.name, text)
    return starred


def _veiled(error: ConfigError, served: frozenset[str]) -> tuple[str, tuple[Diagnostic, ...]]:
    """Return the line for the log and the problems of *error* without its secrets and those that are *served*."""
    clean = veil_report(error.secrets | served)
    problems = [
        replace(one, message=clean(one.message), hint=one.hint and clean(one.hint)) for one in error.diagnostics
    ]
    return clean(str(error)), tuple(problems)


class Outcomes:
    """The outcomes of reloads since the start with the plan *first*.

    What is told of a refusal holds no secret of the files that are served or were refused, *report* apart, which is for
    who runs the process. *applied* and *refused* count configurations. *last_refusal* is the one that stands: None once
    the files say again what is served, or what is served is new.
    """

    def __init__(self, first: Plan) -> None:
        self.applied = self.refused = 0
        self.last_refusal: ReloadOutcome | None = None
        self._first = first
        self._served = first.secrets
        LATELY.learn(first.secrets)
        self._problems: ConfigError | None = None
        self._waiting: tuple[str, ...] = ()
        self._shown: tuple[ReloadOutcome, frozenset[str], dict[str, Any]] | None = None  # asked for four times a second

    @property
    def refused_secrets(self) -> frozenset[str]:
        """The secrets of the last refused files; those of the served plan are not among them."""
        return frozenset() if self._problems is None else self._problems.secrets

    def refusal_shown(self, secrets: frozenset[str]) -> dict[str, Any] | None:
        """Return the refusal that stands, as data without *secrets* and those of its files; None without one."""
        refusal = self.last_refusal
        if refusal is None:
            return None
        if self._shown is None or self._shown[:2] != (refusal, secrets):
            self._shown = (refusal, secrets, refusal.as_dict(veil_report(secrets | self.refused_secrets)))
        return self._shown[2]

    def unchanged(self, generation: int, *, asked: bool) -> ReloadOutcome:
        """Return that the files say what *generation* serves; it is told if somebody *asked*, or after a refusal."""
        if asked or self.last_refusal is not None:
            log(_log, logging.INFO, "The configuration is the one that is served.", generation=generation)
        self.last_refusal = self._problems = None
        return ReloadOutcome(Verdict.UNCHANGED, generation)

    def refuse(self, generation: int, why: str, secrets: frozenset[str] = frozenset()) -> ReloadOutcome:
        """Return a refusal in words, for which no place in a file stands; *secrets* are those of what was refused."""
        said = veil_report(secrets | self._served)(why)
        return self._refuse(ReloadOutcome(Verdict.REFUSED, generation, 0.0, said, said))

    def refuse_failed(self, generation: int, error: Exception, plan: Plan | None = None) -> ReloadOutcome:
        """Return the refusal of *plan*, which could not be made ready by *error*: a fault of ours or of the machine."""
        if isinstance(error, StartupError):
            return self.refuse(generation, str(error), frozenset() if plan is None else plan.secrets)
        _log.debug("The fault.", exc_info=error)
        return self.refuse(generation, f"It failed by a fault of the program: {place_of(error)}")

    def refuse_problems(self, generation: int, error: ConfigError, report: str, *, asked: bool) -> ReloadOutcome:
        """Return the refusal of files with problems, which *report* shows on a terminal.

        A saved file may be noticed more than once: unless somebody *asked*, the same problems of the same texts are
        neither counted nor told again.
        """
        known = self._problems
        is_known = known is not None and (known.diagnostics, known.sources) == (error.diagnostics, error.sources)
        if is_known and not asked:
            return ReloadOutcome(Verdict.UNCHANGED, generation)
        self._problems = error
        shown = render_text(error.diagnostics, _starred(error)) if error.sources else report
        summary, problems = _veiled(error, self._served)
        return self._refuse(ReloadOutcome(Verdict.REFUSED, generation, 0.0, summary, report, problems, shown=shown))

    def swapped(self, generation: int, plan: Plan, seconds: float, *, said: str, workers: int = 0) -> ReloadOutcome:
        """Return that *generation* serves *plan*, prepared in *seconds*; the log says it by *said*."""
        self.applied += 1
        self._served = plan.secrets
        LATELY.learn(plan.secrets)
        self.last_refusal = self._problems = None
        count = len(plan.endpoints)
        log_change(_log, logging.INFO, said, generation=generation, config=plan.digest[:12], endpoints=count,
            **{"workers": workers} if workers else {}, ms=round(seconds * 1000))  # fmt: skip
        waiting = needs_restart(self._first, plan)
        if waiting and waiting != self._waiting:
            log_change(_log, logging.WARNING, "Some settings take effect when the server is restarted.",
                settings=waiting)  # fmt: skip
        self._waiting = waiting
        return ReloadOutcome(Verdict.SWAPPED, generation, seconds, f"{count} endpoints")

    def _refuse(self, outcome: ReloadOutcome) -> ReloadOutcome:
        self.last_refusal = outcome
        self.refused += 1
        log_change(_log, logging.ERROR, "A new configuration was refused; the running one stays.",
            generation=outcome.generation, reason=outcome.summary)  # fmt: skip
        return outcome

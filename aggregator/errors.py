"""Every exception that the package raises, drawn as one tree.

::

    AggregatorError
    ├── ConfigError            the file is wrong; carries every diagnostic
    │   └── FactoryConfigError the same, and it ends a process that does not handle it (also a SystemExit)
    ├── StartupError           the file is right, the process cannot serve it (port taken, plug-in missing)
    ├── ExpressionError        an expression or template met data that it cannot use
    ├── StoreError             a store is full or cannot be reached
    └── CallError              one call to an upstream failed; carries its cause

No class here knows an HTTP status: what a failure becomes for the client is decided by the plan.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Self, TypeAlias, TypeVar

from aggregator.causes import Cause as Cause

if TYPE_CHECKING:
    from aggregator.diagnostics import Diagnostic, Source

_Error = TypeVar("_Error", bound=BaseException)
References: TypeAlias = frozenset[tuple[str, ...]]
"""Paths that an expression reads, root first: ``order.id`` is ``("order", "id")``."""


class AggregatorError(Exception):
    """Base of everything that the package raises on purpose."""


class ConfigError(AggregatorError):
    """The configuration was refused; *diagnostics* holds every problem found, in reading order.

    *sources* are the texts that they speak of, for whoever renders them; *secrets* are what nobody else may see of
    these, as far as they could be read.
    """

    def __init__(
        self,
        diagnostics: Sequence[Diagnostic],
        sources: Mapping[str, Source] | None = None,
        secrets: frozenset[str] = frozenset(),
    ) -> None:
        self.diagnostics = tuple(diagnostics)
        self.sources = dict(sources or {})
        self.secrets = secrets
        super().__init__(_summary(self.diagnostics))


class FactoryConfigError(ConfigError, SystemExit):
    """The configuration of a process that is named in its environment was refused.

    A server that calls a factory handles no exceptions of it. Left unhandled, this one ends the process with 1 and
    *report* on stderr, as the command does, where another would be a traceback.
    """

    def __init__(self, refused: ConfigError, report: str) -> None:
        super().__init__(refused.diagnostics, refused.sources, refused.secrets)
        self.code = report


def _summary(diagnostics: Sequence[Diagnostic]) -> str:
    """Return one line for logs and for who sees nothing but the exception: how many, and the first with its place.

    Warnings refuse nothing: they count where there is no error.
    """
    if not diagnostics:
        return "no problem in the configuration"
    wrong = [one for one in diagnostics if one.level == "error"] or diagnostics
    first, more = wrong[0], len(wrong) - 1
    at = first.position
    rest = f" (and {more} more problem{'s' if more > 1 else ''})" if more else ""
    return f"{at.file}:{at.line}:{at.column}: {first.message}{rest}"


def place_of(error: BaseException) -> str:
    """Return what kind of *error* a fault of the program is, and where it arose; what it says may hold a secret."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    code = trace.tb_frame.f_code
    return f"{type(error).__name__} in {code.co_qualname}, {PurePath(code.co_filename).name}:{trace.tb_lineno}"


def without_frames(error: _Error) -> _Error:
    """Return *error* without the frames that it and what it arose from went through: these hold whole bodies."""
    one: BaseException | None = error
    while one is not None:
        one.__traceback__, one = None, one.__context__
    return error


def shortage_behind(error: BaseException | None) -> str | None:
    """Return what to do where *error* is a want of descriptors, or came after one: who tidies up may fail as well."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
            return f"{error.strerror}: raise the limit (ulimit -n, LimitNOFILE=)."
        error = error.__context__
    return None


class StartupError(AggregatorError):
    """The configuration is right, but the process cannot serve it; the message names the fix."""


class ServingError(StartupError):
    """The process has served, and cannot go on."""


class ExpressionError(AggregatorError):
    """An expression or template met data that it cannot use, such as a missing value in a URL.

    *references* are the paths that were read for it, root first, as far as that is known.
    """

    references: References = frozenset()

    def reading(self, references: References) -> Self:
        """Return this error, which *references* were read for, unless it knows better."""
        self.references = self.references or references
        return self


class StoreError(AggregatorError):
    """A store is full or cannot be reached; what that means is up to the policy that asked it."""


class CallError(AggregatorError):
    """One call to an upstream failed.

    *message* is a sentence that is safe to show to a client: it never holds an address, a URL or
    upstream text. *retry_after* is in seconds. *lasts* tells that trying again soon cannot help. *attempts* is how
    often the request was sent, *met* what each time but the last one met, where that was no connection that broke.
    *fault* names which rule of HTTP was broken, in a parser's words; it is for the log and for who may read details,
    and holds no upstream text either.
    """

    fault: str | None = None
    retry_after: float | None = None
    lasts = False
    attempts = 1
    met: tuple[str, ...] = ()

    def __init__(
        self, cause: Cause, message: str, *, retry_after: float | None = None, fault: str | None = None,
        lasts: bool = False,
    ) -> None:  # fmt: skip
        self.cause = cause  # no `super`: nothing is left to it, and it would cost a third of this
        self.message = message
        if retry_after is not None:  # most have none of these, and an upstream that fails has thousands a second
            self.retry_after = retry_after
        if fault is not None:
            self.fault = fault
        if lasts:
            self.lasts = lasts

    def __str__(self) -> str:
        return self.message

    def __repr__(self) -> str:
        return f"CallError({self.cause.value}: {self.message})"

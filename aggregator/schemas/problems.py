"""What is wrong with a declaration (found at load) and with a request (found when it comes)."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from aggregator.errors import AggregatorError

Path = tuple[str | int, ...]
"""Keys and indexes from the root of a declaration to the place in question."""


class SchemaProblem(Struct, frozen=True):
    """One mistake in a declaration: a sentence, where it is below the declaration, and how to fix it."""

    message: str
    path: Path = ()
    hint: str | None = None


class InvalidSchema(AggregatorError):  # noqa: N818 - said of the declaration
    """A declaration cannot be used; *problems* holds every mistake, in the order of the declaration."""

    def __init__(self, problems: Sequence[SchemaProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problem.message for problem in problems))


class Violation(Struct, frozen=True):
    """One way in which a request breaks its declaration; every text of it may be shown to the client.

    *pointer* (RFC 6901) leads into the body, or names a parameter: ``/page``, ``/tags/1``. *location* is
    path, query, header or body. *message* goes on from the name: "must be at least 1". *keyword* is the rule
    that was broken.
    """

    pointer: str
    location: str
    message: str
    keyword: str


class InvalidInput(AggregatorError):  # noqa: N818 - said of the request
    """A parameter does not fit its declaration."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        self.violations = tuple(violations)
        super().__init__("; ".join(f"{violation.pointer} {violation.message}" for violation in violations))


def pointer_to(path: Sequence[str | int], longest: int = 64) -> str:
    """Return a JSON pointer (RFC 6901) for *path*; keys longer than *longest* characters are cut short."""
    return "".join(f"/{_token(str(key), longest)}" for key in path)


def _token(key: str, longest: int) -> str:
    if len(key) > longest:
        key = key[: longest - 1] + "…"
    return key.replace("~", "~0").replace("/", "~1")

"""Mocks as data."""

from __future__ import annotations

from msgspec import Struct

from aggregator.templates import Expression, PathPattern, Template


class DelayPlan(Struct, frozen=True):
    """Seconds within which half of the answers come, and 99 of 100."""

    p50: float
    p99: float


class FailPlan(Struct, frozen=True):
    """A failure of a *share* of calls: a *status*, no answer (*timeout*), a *reset*, or a body cut after *bytes*."""

    share: float
    status: int | None = None
    timeout: bool = False
    reset: bool = False
    bytes: int | None = None


class MockRoutePlan(Struct, frozen=True):
    """One answer; *body* is JSON unless *is_text*.

    Only requests that have the pairs of *query*, in any order and among others, are answered so.
    """

    method: str
    pattern: PathPattern
    status: int
    body: Template | None
    is_text: bool
    headers: tuple[tuple[bytes, Template], ...]
    delay: DelayPlan | None
    fail: FailPlan | None
    query: frozenset[bytes] = frozenset()


class MockPlan(Struct, frozen=True):
    """A mock: *routes*, the more particular ones first, and what holds for each call. *is_alone*: nothing is behind it.

    Only calls for which *when* is true meet it, all of them when it is None.
    """

    routes: tuple[MockRoutePlan, ...]
    delay: DelayPlan | None
    fail: FailPlan | None
    when: Expression | None
    is_alone: bool
    prefix: bytes

    @property
    def words(self) -> str:
        """The mock as `explain` prints it: ``mock of 2 routes``."""
        what = f"mock of {len(self.routes)} route{'' if len(self.routes) == 1 else 's'}" if self.routes else "mock"
        return what if self.when is None else f"{what} when {{{{ {self.when.source} }}}}"

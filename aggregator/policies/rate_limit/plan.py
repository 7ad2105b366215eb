"""Limits as data."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from aggregator.stores.quota import Quota
from aggregator.stores.rate import Rate
from aggregator.templates import Expression

Fields = Literal["draft", "legacy", "none"]


class WindowPlan(Struct, frozen=True):
    """One limit, a rate or a quota: *state* names its counts, *title* is what clients and logs read.

    Without *by* all requests count together. *reads_caller*: what *by* gives is unique within a scheme and issuer
    alone. One that *is_own* of its endpoint gives way to that of a caller's key, but for a quota.
    """

    state: str
    title: str
    limit: Rate | Quota
    by: Expression | None = None
    unless: Expression | None = None
    cost: Expression | None = None
    report: bool = False
    fields: Fields = "draft"
    reads_caller: bool = False
    is_own: bool = False


class LimitsPlan(Struct, frozen=True):
    """The limits of an endpoint at the three places where a request meets them; one decision at each.

    *early* ones read nothing of the caller, *known* ones do, and *valid* ones need inputs that were found valid.
    """

    early: tuple[WindowPlan, ...] = ()
    known: tuple[WindowPlan, ...] = ()
    valid: tuple[WindowPlan, ...] = ()

    @property
    def windows(self) -> tuple[WindowPlan, ...]:
        """All windows in the order in which a request meets them."""
        return (*self.early, *self.known, *self.valid)


UNLIMITED = LimitsPlan()


class CallRatePlan(Struct, frozen=True):
    """The rate of calls to an upstream; a call may *wait* so many seconds for its turn."""

    rate: Rate
    wait: float = 0.0

"""What an endpoint asks of its callers, as data."""

from __future__ import annotations

from msgspec import Struct

from aggregator.edge.networks import Networks
from aggregator.policies.rate_limit.plan import UNLIMITED, LimitsPlan
from aggregator.templates import Expression


class AuthPlan(Struct, frozen=True):
    """Schemes of which any, or *every* one, has to admit; *optional* admits callers without a credential, too.

    *reads_body* tells that one of them judges the body, which has to be read for it.
    """

    schemes: tuple[str, ...]
    every: bool = False
    optional: bool = False
    reads_body: bool = False


class GuardPlan(Struct, frozen=True):
    """What has to be true, and the refusal where it is not."""

    that: Expression
    status: int
    detail: str


class AdmissionPlan(Struct, frozen=True):
    """What a request meets: networks, then *auth*, then *guards*, with *limits* between; None and empty ask nothing."""

    allow: Networks | None = None
    deny: Networks | None = None
    auth: AuthPlan | None = None
    guards: tuple[GuardPlan, ...] = ()
    limits: LimitsPlan = UNLIMITED


OPEN = AdmissionPlan()

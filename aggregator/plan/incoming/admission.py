"""What an endpoint asks of its callers, as data."""

from __future__ import annotations

from msgspec import Struct

from aggregator.edge.networks import Networks
from aggregator.plan.incoming.inputs import GuardInputs
from aggregator.policies.callers.plan import AtOncePlan
from aggregator.policies.rate_limit.plan import UNLIMITED, LimitsPlan
from aggregator.policies.switches.plan import OffPlan
from aggregator.templates import Expression


class AuthPlan(Struct, frozen=True):
    """Schemes of which any, or *every* one, has to admit; *optional* admits callers without a credential, too.

    *reads_body* tells that one of them judges the body, which has to be read for it. *refusals* are the statuses
    beside 401 that their callers can get.
    """

    schemes: tuple[str, ...]
    every: bool = False
    optional: bool = False
    reads_body: bool = False
    refusals: tuple[int, ...] = ()


class GuardPlan(Struct, frozen=True):
    """A condition of an endpoint, and the refusal where it does not hold."""

    that: Expression
    status: int
    detail: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


class AdmissionPlan(Struct, frozen=True):
    """The checks that a request meets: networks, then *auth*, then *guards*, with *limits* between; None is no check.

    It comes no further than the networks when the endpoint is *off*.

    *guard_inputs* are validated for the guards. *body_guards* read the body, so they come when the inputs are valid.
    """

    allow: Networks | None = None
    deny: Networks | None = None
    auth: AuthPlan | None = None
    guards: tuple[GuardPlan, ...] = ()
    limits: LimitsPlan = UNLIMITED
    at_once: tuple[AtOncePlan, ...] = ()
    guard_inputs: GuardInputs | None = None
    body_guards: tuple[GuardPlan, ...] = ()
    off: OffPlan | None = None


OPEN = AdmissionPlan()

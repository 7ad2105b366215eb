"""Who may call, as data: the schemes of a file, and what an endpoint asks for.

*failures* of a scheme is how often an address may send a wrong credential, None for any number.
"""

from __future__ import annotations

from msgspec import Struct

from aggregator.edge.networks import Networks
from aggregator.identity.keys import KeyEntry
from aggregator.identity.signatures import SignatureRules
from aggregator.identity.tokens import TokenRules
from aggregator.policies.rate_limit.plan import UNLIMITED, LimitsPlan
from aggregator.stores.rate import Rate
from aggregator.templates import Expression


class ApiKeyPlan(Struct, frozen=True):
    """Keys in the header, query parameter or cookie (*place*) called *field*."""

    name: str
    place: str
    field: str
    entries: tuple[KeyEntry, ...]
    failures: Rate | None = None


class BasicPlan(Struct, frozen=True):
    """Names and the hashes of their passwords."""

    name: str
    realm: str
    users: tuple[tuple[str, str], ...]
    failures: Rate | None = None


class JwtPlan(Struct, frozen=True):
    """Tokens of an issuer.

    The keys are a JWKS (*document*), a PEM file, a shared *secret*, or behind *jwks_url*; without any of these they are
    found by discovery. *cookie* is where the token is, if not in ``Authorization``.
    """

    name: str
    rules: TokenRules
    document: bytes | None = None
    pem: bytes | None = None
    secret: bytes | None = None
    jwks_url: str | None = None
    cookie: str | None = None
    failures: Rate | None = None


class SignaturePlan(Struct, frozen=True):
    """Bodies that a sender signs by *rules* with one of *secrets*."""

    name: str
    rules: SignatureRules
    secrets: tuple[bytes, ...]
    failures: Rate | None = None


SchemePlan = ApiKeyPlan | BasicPlan | JwtPlan | SignaturePlan


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

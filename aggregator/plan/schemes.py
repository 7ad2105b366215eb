"""The schemes of a file, as data.

*failures* of a scheme is how often an address may send a wrong credential, None for any number.
"""

from __future__ import annotations

from msgspec import Struct

from aggregator.identity.answers import AnswerRules
from aggregator.identity.certificates import CertificateRules
from aggregator.identity.keys import KeyEntry
from aggregator.identity.revoked import Revocations
from aggregator.identity.signatures import SignatureRules
from aggregator.identity.tokens import TokenRules
from aggregator.plan.calls import CallPlan
from aggregator.policies.credentials.plan import Secret
from aggregator.stores.rate import Rate
from aggregator.telemetry.redaction import MASK
from aggregator.templates import Expression


class Secrets(Struct, frozen=True):
    """Keys that nobody may read: their *values* are for what verifies with them."""

    values: tuple[bytes, ...]

    def __repr__(self) -> str:
        return f"Secrets({MASK})"


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
    revoked: Revocations | None = None
    failures: Rate | None = None


class SignaturePlan(Struct, frozen=True):
    """Bodies that a sender signs by *rules* with one of *secrets*."""

    name: str
    rules: SignatureRules
    secrets: Secrets
    failures: Rate | None = None


class IntrospectionPlan(Struct, frozen=True):
    """Tokens about which *url* is asked, as *client_id* with *client_secret*.

    *cache* is how many seconds an answer is remembered, *timeout* how many it may take.
    """

    name: str
    url: str
    client_id: str
    client_secret: Secret
    cache: float
    timeout: float
    rules: AnswerRules
    failures: Rate | None = None


class ExternalPlan(Struct, frozen=True):
    """Requests about which an upstream is asked by *call*, with the request headers called *fields*.

    *subject*, *scopes* and *roles* are taken from its answer. *cache* is how many seconds an answer is remembered,
    *timeout* how many it may take.
    """

    name: str
    call: CallPlan
    fields: tuple[bytes, ...]
    cache: float
    timeout: float
    subject: Expression | None = None
    scopes: Expression | None = None
    roles: Expression | None = None
    failures: Rate | None = None


class MtlsPlan(Struct, frozen=True):
    """Certificates of clients: those of the connection, or in the header *field* of a trusted proxy, in *form*."""

    name: str
    rules: CertificateRules
    field: str | None = None
    form: str = ""
    failures: Rate | None = None


SchemePlan = ApiKeyPlan | BasicPlan | JwtPlan | SignaturePlan | IntrospectionPlan | ExternalPlan | MtlsPlan

"""Which names an expression may read where it stands, and what is known of the fields below them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct, field

RESULT_FIELDS = ("status", "headers", "cookies", "body", "state", "cause")
"""What ``this`` and ``calls.NAME`` have."""

REQUEST_FIELDS = ("method", "path", "id", "client", "scheme", "host", "port", "tls", "time")
TLS_FIELDS = ("client",)
CERTIFICATE_FIELDS = ("subject", "san", "fingerprint")
OF_ONE_REQUEST = frozenset({("now",), ("request",), ("request", "time"), ("request", "id")})
"""What is another value in each request: whatever is kept by a key that reads it is never found again."""

RESPONSE_FIELDS = ("status", "headers", "body")
INPUT_NAMES = ("query", "headers", "cookies", "body", "request", "params", "now")
AUTH_FIELDS = ("subject", "claims", "scopes", "roles", "scheme", "key")
LOCAL_NAMES = ("item", "index", "keys", "this", "response")

RESERVED = frozenset({*INPUT_NAMES, *LOCAL_NAMES, "calls", "call", "meta", "use", "auth"})
"""Names that neither a part nor a path parameter may have."""


class Inputs(Struct, frozen=True):
    """What the client may send, as far as the endpoint declares it; None where it declares nothing.

    *certain_query* are the parameters that always have a value. *body_fields* are the properties of the
    declared body, and *body_closed* tells that there can be no others. *has_auth* tells whether it asks who calls.
    """

    params: tuple[str, ...] = ()
    query: frozenset[str] | None = None
    certain_query: frozenset[str] = frozenset()
    headers: frozenset[str] = frozenset()
    cookies: frozenset[str] | None = None
    body_fields: frozenset[str] | None = None
    body_closed: bool = False
    has_body: bool = True
    has_auth: bool = False


class Scope(Struct, frozen=True):
    """The names that can be read at one place.

    *results* are the parts by name, *local* the fields of each name that exists only there. An *open* scope
    belongs to a group: which inputs there are is known only where the group is used.
    """

    inputs: Inputs = field(default_factory=Inputs)
    results: tuple[str, ...] = ()
    local: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    is_open: bool = False

    def within(self, results: Iterable[str]) -> Scope:
        """The same scope with more results."""
        together = tuple(dict.fromkeys((*results, *self.results)))
        return Scope(self.inputs, together, self.local, self.is_open)

    def having(self, **local: tuple[str, ...] | None) -> Scope:
        """The same scope with more local names."""
        return Scope(self.inputs, self.results, {**self.local, **local}, self.is_open)

    @property
    def names(self) -> list[str]:
        """All names that can be read, nearest first."""
        inputs = [name for name in INPUT_NAMES if name != "body" or self.inputs.has_body]
        views = (["auth"] if self.inputs.has_auth else []) + (["calls"] if self.results else [])
        return [*self.local, *self.results, *self.inputs.params, *inputs, *views]

"""The settings of caches, compiled."""

from __future__ import annotations

from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from aggregator.fields import duration_text
from aggregator.policies.cache.purged.naming import NamingPlan
from aggregator.templates import Expression, Template

SIZE = 64 * 2**20


class ElementsPlan(Struct, frozen=True):
    """The elements of replies to calls for many keys, with *separator* between those in a URL.

    *path* leads to the list of them, *key* to the key of each. *meaning* tells those apart that find and judge elements
    in another way; so does what they *read* of a request.
    """

    path: str | None
    key: str
    separator: str
    meaning: bytes
    reads: tuple[Expression, ...] = ()


class CachePlan(Struct, frozen=True, dict=True):
    """How long replies are kept: *ttl* in seconds by status or class (``"404"``, ``"5xx"``).

    With *obeys* it is as they say who sent them (RFC 9111). A reply is given out *stale* seconds longer while it is
    fetched anew, and *on_error* longer in place of a failure. With *elements* those of a batch are kept one by one.
    What is *shared* is kept in the store of all processes, too.
    """

    ttl: tuple[tuple[str, float], ...]
    stale: float = 0.0
    on_error: float = 0.0
    tags: tuple[Template, ...] = ()
    obeys: bool = False
    elements: ElementsPlan | None = None
    shared: bool = False

    def life(self, status: int) -> float:
        """Return for how many seconds a reply with *status* is of use: fresh, stale, or in place of a failure."""
        return self.seconds(status) + max(self.stale, self.on_error)

    def seconds(self, status: int) -> float:
        """Return how long a reply with *status* is kept; 0.0 for one that is not."""
        found = self._known.get(status)
        if found is None:
            said = dict(self.ttl)
            found = self._known[status] = said.get(str(status), said.get(f"{status // 100}xx", 0.0))
        return found

    @cached_property
    def _known(self) -> dict[int, float]:
        """Seconds by status, computed once each: they are asked for with each hit."""
        return {}


def cache_text(plan: CachePlan) -> str:
    """Return what *plan* says in few words: ``60s (404 10s), stale 5m, on_error 1h``."""
    said = dict(plan.ttl)
    others = [f"{status} {duration_text(seconds)}" for status, seconds in said.items() if status != "200"]
    first = "as RFC 9111 says" if plan.obeys else duration_text(said["200"]) if "200" in said else ""
    words = [first, f"({', '.join(others)})" if others else ""]
    more = [
        f", {name} {duration_text(seconds)}"
        for name, seconds in (("stale", plan.stale), ("on_error", plan.on_error))
        if seconds
    ]
    whose = "" if plan.elements is None else " of each key"
    shared = ", shared" if plan.shared else ""
    return " ".join(filter(None, words)) + whose + "".join(more) + shared


class AnswerKeyPlan(Struct, frozen=True):
    """The key of the answers of one endpoint.

    *start* is the endpoint and a digest of all that it rests on. None of *query* and *headers* means all there are.
    *passed* are names of the query that calls pass on in the order in which they came. *request* are fields
    of ``request``, *auth* those of ``auth``; *identity* is whether callers have answers apart.
    """

    start: bytes
    query: tuple[str, ...] | None = ()
    headers: tuple[str, ...] | None = ()
    cookies: tuple[str, ...] = ()
    request: tuple[str, ...] = ()
    auth: tuple[str, ...] = ()
    identity: bool = False
    body: bool = False
    passed: tuple[str, ...] = ()

    @property
    def vary(self) -> tuple[bytes, ...]:
        """The members of ``Vary``: ``*`` where all headers, or the address of the client, are in the key.

        Caches on the way know neither then, and give such an answer to nobody else (RFC 9110 §12.5.5).
        """
        if self.headers is None or "client" in self.request:
            return (b"*",)
        names = (name.encode() for name in self.headers)
        return tuple(dict.fromkeys((*names, *((b"cookie",) if self.cookies else ()))))

    @property
    def words(self) -> tuple[str, ...]:
        """The key as `explain` prints it: ``path``, ``query.q``, ``headers`` for all of them, ``caller``."""
        named = (("query", self.query), ("headers", self.headers), ("cookies", self.cookies),
                 ("request", self.request), ("auth", self.auth))  # fmt: skip
        found = [
            word
            for root, names in named
            for word in ((root,) if names is None else (f"{root}.{name}" for name in names))
        ]
        return ("path", *found, *(("caller",) if self.identity else ()), *(("body",) if self.body else ()))


class LastGoodPlan(Struct, frozen=True):
    """How many *seconds* the last good value of a part stands in for a failure; it depends on *key* and *results*.

    *results* are the names of the parts that it reads, *tags* those of its upstreams. What is *shared* is kept in the
    store of all processes, too.
    """

    seconds: float
    key: AnswerKeyPlan
    results: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    shared: bool = False

    @property
    def words(self) -> str:
        """The setting as `explain` prints it."""
        return f"last_good {duration_text(self.seconds)}{', shared' if self.shared else ''}"


class AnswerCachePlan(Struct, frozen=True):
    """How long answers are kept, and by what key. *obeys*: clients may ask past it. *has_own_life*: the file says how
    long clients may keep one, from when it is made.

    *tags* are those that every answer has: its endpoint and its upstreams. *own* are those with the ones that the
    endpoint declares, *all* with those of its calls besides.
    """

    keep: CachePlan
    key: AnswerKeyPlan
    public: bool = False
    obeys: bool = False
    has_own_life: bool = False
    tags: tuple[str, ...] = ()
    own: NamingPlan = NamingPlan()
    all: NamingPlan = NamingPlan()


def with_code(plan: AnswerCachePlan, code: bytes) -> AnswerCachePlan:
    """Return *plan* with keys of answers that this *code* of plug-ins has made: other code makes others."""
    return replace(plan, key=replace(plan.key, start=plan.key.start + code)) if code else plan


_UPSTREAM, _ENDPOINT = "\0upstream ", "\0endpoint "
FEW = (_UPSTREAM, _ENDPOINT)
"""How tags begin that many entries share: there is one for each upstream and endpoint. No tag of a file begins so."""


def of_upstream(name: str) -> str:
    """Return the tag of answers that the upstream *name* had a part in."""
    return _UPSTREAM + name


def of_endpoint(key: str) -> str:
    """Return the tag of answers of the endpoint *key*."""
    return _ENDPOINT + key


def of_place(url: str) -> str:
    """Return the tag of replies to calls of *url*."""
    return f"\0place {url}"

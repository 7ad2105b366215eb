"""The schemes of a file, ready to judge: each takes a request and gives a caller, or the reason why not.

What needs no waiting does not wait: a key, and whatever was judged a moment ago, are known at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

from msgspec import Struct

from aggregator.edge.cookies import values_of_cookie
from aggregator.exchange import Exchange
from aggregator.http import SAFE
from aggregator.identity.caller import Caller, Reason, Refused
from aggregator.identity.keys import KeyRing
from aggregator.identity.passwords import is_right, read_basic
from aggregator.identity.remembered import Remembered
from aggregator.plan.schemes import ApiKeyPlan, BasicPlan
from aggregator.stores.rate import Rate

Clock = Callable[[], float]


class Clocks(Struct, frozen=True):
    """Both clocks, in seconds: Unix time, which may be set, and one that only goes on, for what is remembered."""

    wall: Clock = time.time
    steady: Clock = time.monotonic


CLOCKS = Clocks()
"""Those of the system."""

REMEMBERED = 10_000
"""Verdicts that a scheme remembers."""
_AT_ONCE = 2
"""Passwords that are verified at the same time: each takes a core for a tenth of a second."""
_PASSWORD_LIFE = 300.0


class Unavailable(Exception):  # noqa: N818 - an outcome, not a fault
    """Nobody can tell now whether the credential is good; *retry_after* is in seconds."""

    def __init__(self, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__("nobody can tell now")

    def copy(self) -> Unavailable:
        """Return the same, not yet raised."""
        return Unavailable(self.retry_after)


class Limited(Exception):  # noqa: N818 - an outcome, not a fault
    """The address failed too often; *retry_after* is in seconds."""

    def __init__(self, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__("too many wrong credentials came from this address")


_OWN_SITES = frozenset({b"same-origin", b"none"})
"""What ``Sec-Fetch-Site`` says of a page of our own origin, and of a request that no page has made."""

Later = Callable[[], Awaitable[Caller]]
"""What comes to the caller once it is called and awaited; raises as ``judge`` does."""


class Scheme(Protocol):
    """One scheme of authentication; *rates* are the limits that its callers may have of their own."""

    name: str
    rates: frozenset[Rate]

    @property
    def challenge(self) -> str:
        """The challenge of this scheme in ``WWW-Authenticate`` (RFC 9110 §11.6.1); empty for none."""

    def judge(self, exchange: Exchange) -> Caller | Later:
        """Return the caller, or what comes to it later.

        Raises ``Refused``; the reason is ``MISSING`` where the request has no credential of this scheme. Raises
        ``Unavailable``.
        """

    def recall(self, exchange: Exchange) -> Caller | None:
        """Return the caller whose credential was right before, without verifying one; raises ``Refused``."""


class ApiKeyScheme:
    """Keys that are looked up by their hash, and by themselves once they were right."""

    def __init__(self, plan: ApiKeyPlan, clocks: Clocks = CLOCKS) -> None:
        self.name = plan.name
        self.challenge = "APIKey"
        self._ring = KeyRing(plan.entries)
        self._right = self._ring.right
        self._name, self._field = plan.field, plan.field.encode()
        places = {"header": self._in_header, "cookie": self._in_cookie}
        self._sent = places.get(plan.place, self._in_query)
        self._now = clocks.wall
        self.rates = frozenset(entry.rate_limit for entry in plan.entries if entry.rate_limit is not None)

    def judge(self, exchange: Exchange) -> Caller:
        """Return the caller whose key it is; raises ``Refused``."""
        raw = self._sent(exchange)
        if raw is None:
            raise Refused(Reason.MISSING)
        return self._ring.caller(raw, self.name, self._now())

    def recall(self, exchange: Exchange) -> Caller | None:
        """Return the caller whose key it is, if it was right before; raises ``Refused``."""
        raw = self._sent(exchange)
        if raw is None:
            raise Refused(Reason.MISSING)
        known = self._right.get(raw)
        if known is None:
            return None
        begins, ends, caller = known
        return caller if begins <= self._now() < ends else None

    def _in_header(self, exchange: Exchange) -> bytes | None:
        wanted, found = self._field, None
        for field, value in exchange.header_list:
            if field == wanted:
                if found is not None:
                    raise Refused(Reason.MALFORMED)
                found = value
        return found

    def _in_cookie(self, exchange: Exchange) -> bytes | None:
        found = cookie(exchange, self._name)
        return found if found is None else found.encode("utf-8", "surrogateescape")

    def _in_query(self, exchange: Exchange) -> bytes | None:
        found = exchange.query.get(self._name)
        if isinstance(found, list):
            raise Refused(Reason.MALFORMED)
        return found if found is None else str(found).encode("utf-8", "surrogateescape")


def cookie(exchange: Exchange, name: str) -> str | None:
    """Return the value of the cookie *name*, None without one; raises ``Refused``.

    Two of that name are refused: whoever may set a cookie for a part of the site, or for the domain above it, could put
    theirs before the caller's. So is one that a page of another origin may have made a browser send.
    """
    lines = [value.decode("latin-1") for field, value in exchange.header_list if field == b"cookie"]
    values = values_of_cookie(lines, name)
    if len(values) > 1:
        raise Refused(Reason.MALFORMED)
    if not values:
        return None
    _refuse_foreign_pages(exchange)
    return values[0]


def _refuse_foreign_pages(exchange: Exchange) -> None:
    """Refuse an unsafe request that a page of another origin may have made: a browser sends cookies along.

    ``Sec-Fetch-Site`` says so, or ``Origin`` names our own, as a trusted proxy tells it; without either it may be
    anybody's (OWASP, CSRF). Where one is there twice, each has to say so.
    """
    if exchange.method in SAFE:
        return
    sites = {value for name, value in exchange.header_list if name == b"sec-fetch-site"}
    if sites:
        if not sites <= _OWN_SITES:
            raise Refused(Reason.FOREIGN_PAGE)
        return
    origins = [value for name, value in exchange.header_list if name == b"origin"]
    if not origins or not all(map(exchange.origin.is_named, origins)):
        raise Refused(Reason.FOREIGN_PAGE)


def authorization(exchange: Exchange, scheme: str) -> str:
    """Return what follows *scheme* in ``Authorization``; raises ``Refused`` without it, and for two such headers."""
    return following(sent_authorization(exchange), scheme)


def sent_authorization(exchange: Exchange) -> bytes:
    """Return ``Authorization`` as it was sent, empty without one; raises ``Refused`` for two such headers."""
    found = None
    for field, value in exchange.header_list:
        if field == b"authorization":
            if found is not None:
                raise Refused(Reason.MALFORMED)
            found = value
    return found or b""


def following(sent: bytes, scheme: str) -> str:
    """Return what follows *scheme* in *sent*; raises ``Refused`` where that is of another scheme."""
    word, _, rest = sent.decode("latin-1").partition(" ")
    if word.lower() != scheme:
        raise Refused(Reason.MISSING)
    return rest.strip(" ")


class BasicScheme:
    """Names and passwords, verified in a thread and remembered for five minutes."""

    rates: frozenset[Rate] = frozenset()

    def __init__(self, plan: BasicPlan, clocks: Clocks = CLOCKS) -> None:
        self.name = plan.name
        self.challenge = f'Basic realm="{plan.realm}", charset="UTF-8"'
        self._users = dict(plan.users)
        self._clocks = clocks
        self._right: Remembered[Caller] = Remembered(REMEMBERED, clocks.steady)
        self._room: asyncio.Semaphore | None = None

    def judge(self, exchange: Exchange) -> Caller | Later:
        """Return the caller, at once when the pair was right a moment ago; raises ``Refused``."""
        text = authorization(exchange, "basic")
        known = self._right.get(text.encode("latin-1"))
        return known if known is not None else partial(self._verified, text)

    def recall(self, exchange: Exchange) -> Caller | None:
        """Return the caller if the pair was right a moment ago; raises ``Refused``."""
        return self._right.get(authorization(exchange, "basic").encode("latin-1"))

    async def _verified(self, text: str) -> Caller:
        name, password = read_basic(text)
        if self._room is None:
            self._room = asyncio.Semaphore(_AT_ONCE)
        async with self._room:
            right = await asyncio.to_thread(is_right, self._users, name, password)
        if not right:
            raise Refused(Reason.UNKNOWN)
        caller = Caller(self.name, name)
        self._right.keep(text.encode("latin-1"), caller, self._clocks.steady() + _PASSWORD_LIFE)
        return caller

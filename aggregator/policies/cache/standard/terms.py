"""May a reply be kept, for how long is it fresh, and what is it asked by when it is not: RFC 9111 for a shared cache.

A private reply is never kept, since whatever is kept here is for all who send the same.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from aggregator.http import HeaderList, first
from aggregator.policies.cache.standard.directives import Directives, age_of, directives_of, moment_of, seconds_of
from aggregator.transport import Reply

HEURISTIC: Final = frozenset({200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501})
"""Statuses whose replies may be kept although nobody has said for how long (RFC 9110 §15.1)."""
_UNDERSTOOD: Final = HEURISTIC | {201, 202, 302, 303, 307, 400, 401, 403, 406, 408, 409, 429, 500, 502, 503, 504}
_SHARE, _LONGEST = 0.1, 86400.0
"""Of the time since it was last changed a reply is fresh for a tenth (RFC 9111 §4.2.2), a day at most."""
_FRAMING: Final = frozenset({
    b"connection", b"content-encoding", b"content-length", b"content-range", b"content-type", b"keep-alive",
    b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade",
})  # fmt: skip
"""Fields of a 304 that do not speak of the reply that is kept (RFC 9111 §3.2)."""


class Terms(Struct, frozen=True):
    """The terms on which a kept reply may be used; all times are seconds.

    It was *age* old when it was kept, and is fresh up to an age of *lifetime*; it may be given out *stale* longer while
    it is fetched anew, and *on_error* longer in place of a failure. *conditions* are the header lines by which it is
    asked for whether it is the same still, empty when it cannot be.
    """

    lifetime: float
    age: float
    stale: float = 0.0
    on_error: float = 0.0
    conditions: bytes = b""

    @property
    def longest(self) -> float:
        """The age beyond which the reply can only be revalidated."""
        return self.lifetime + max(self.stale, self.on_error)


class Assumed(Struct, frozen=True):
    """The settings *stale* and *on_error* of the file, for replies without directives of their own."""

    stale: float = 0.0
    on_error: float = 0.0


def terms_of(
    reply: Reply, method: bytes, now: float, delay: float, assumed: Assumed, *, is_callers: bool
) -> Terms | None:
    """Return how *reply* may be used, None when it may not be kept (RFC 9111 §3).

    It came *now* (seconds since 1970), *delay* after it was asked for. *is_callers* says that the request carried the
    credential of a caller (§3.5).
    """
    said = directives_of(reply.headers)
    if not _may_be_kept(reply, method, said, is_callers=is_callers):
        return None
    lifetime = _lifetime(reply, said, now)
    if "no-cache" in said:
        lifetime = 0.0
    conditions = conditions_of(reply.headers)
    forbids = not {"must-revalidate", "proxy-revalidate", "s-maxage", "no-cache"}.isdisjoint(said)
    terms = Terms(
        lifetime,
        _age(reply.headers, now, delay),
        0.0 if forbids else _said(said, "stale-while-revalidate", assumed.stale),
        0.0 if forbids else _said(said, "stale-if-error", assumed.on_error),
        conditions,
    )
    return terms if conditions or terms.age < terms.longest else None


def _may_be_kept(reply: Reply, method: bytes, said: Directives, *, is_callers: bool) -> bool:
    status, headers = reply.status, reply.headers
    if status in (206, 304) or any(name in (b"set-cookie", b"content-range") for name, _ in headers):
        return False
    varies = [one.strip() for name, value in headers if name == b"vary" for one in value.split(b",")]
    if b"*" in varies:
        return False
    if "must-understand" in said and status not in _UNDERSTOOD:
        return False
    if "private" in said or ("no-store" in said and "must-understand" not in said):
        return False
    if is_callers and {"must-revalidate", "public", "s-maxage"}.isdisjoint(said):
        return False
    is_timed = not {"max-age", "s-maxage"}.isdisjoint(said) or any(name == b"expires" for name, _ in headers)
    if method not in (b"GET", b"HEAD"):
        return is_timed  # RFC 9110 §9.3.3
    return is_timed or "public" in said or status in HEURISTIC


def _lifetime(reply: Reply, said: Directives, now: float) -> float:
    """Return for how long *reply* is fresh (RFC 9111 §4.2.1)."""
    for name in ("s-maxage", "max-age"):
        seconds = seconds_of(said, name)
        if seconds is not None:
            return seconds
    sent = moment_of(reply.headers, b"date")
    sent = now if sent is None else sent
    if any(name == b"expires" for name, _ in reply.headers):
        expires = moment_of(reply.headers, b"expires")
        return 0.0 if expires is None else max(0.0, expires - sent)
    changed = moment_of(reply.headers, b"last-modified")
    if changed is None or (reply.status not in HEURISTIC and "public" not in said):
        return 0.0
    return min(_LONGEST, max(0.0, sent - changed) * _SHARE)


def _age(headers: HeaderList, now: float, delay: float) -> float:
    """Return how old a reply with *headers* was when it came (RFC 9111 §4.2.3)."""
    sent = moment_of(headers, b"date")
    apparent = 0.0 if sent is None else max(0.0, now - sent)
    return max(apparent, age_of(headers) + delay)


def _said(said: Directives, name: str, assumed: float) -> float:
    seconds = seconds_of(said, name)
    return assumed if seconds is None else seconds


def conditions_of(headers: HeaderList) -> bytes:
    """Return the header lines that ask whether a reply with *headers* is the same still (RFC 9110 §13.1)."""
    tag, changed = first(headers, b"etag"), first(headers, b"last-modified")
    lines = b"" if tag is None else b"if-none-match: %b\r\n" % tag
    if changed is not None and moment_of(headers, b"last-modified") is not None:
        lines += b"if-modified-since: %b\r\n" % changed
    return lines


def is_same(kept: Reply, verdict: Reply) -> bool:
    """Return whether the 304 *verdict* speaks of *kept*: it names no other entity tag (RFC 9111 §4.3.4)."""
    told = first(verdict.headers, b"etag")
    return told is None or told.removeprefix(b"W/") == (first(kept.headers, b"etag") or b"").removeprefix(b"W/")


def freshened(kept: Reply, verdict: Reply) -> Reply:
    """Return *kept* with the fields that the 304 *verdict* says anew, and its instants (RFC 9111 §3.2)."""
    told = [(name, value) for name, value in verdict.headers if name not in _FRAMING]
    names = {name for name, _ in told} | {b"age"}  # an age of before is over
    headers = [(name, value) for name, value in kept.headers if name not in names] + told
    reply = Reply(kept.status, headers, kept.body, verdict.reused, verdict.started, verdict.sent, verdict.first_byte,
                  verdict.finished)  # fmt: skip
    reply.attempts, reply.met, reply.read = verdict.attempts, verdict.met, kept.read
    return reply

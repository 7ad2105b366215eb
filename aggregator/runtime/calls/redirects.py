"""Where a redirect leads, when it may be followed: the same origin, a method that may be sent again."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from aggregator.http import FETCHING, SAFE, first
from aggregator.plan.calls import CallPlan
from aggregator.transport import Origin, Reply

_FOLLOWED = frozenset({301, 302, 303, 307, 308})


def next_target(reply: Reply, target: bytes, plan: CallPlan) -> bytes | None:
    """Return the target that *reply* leads to, or None when it is no redirect that may be followed.

    Only safe methods are repeated, and never on another origin: a redirect must not take our headers elsewhere. The
    hosts of an upstream are one in that.
    A 303 is followed by fetching (RFC 9110 §15.4.4), so only for what was to be fetched anyway.
    """
    repeated = FETCHING if reply.status == 303 else SAFE
    if reply.status not in _FOLLOWED or plan.request.method not in repeated:
        return None
    location = first(reply.headers, b"location")
    if location is None:
        return None
    bases = [_base(upstream.pool.origin) for upstream in plan.upstream.each_host]
    try:
        parts = urlsplit(urljoin(bases[0] + target.decode("ascii"), location.decode("ascii")))
    except ValueError:
        return None
    if f"{parts.scheme}://{parts.netloc}" not in bases:
        return None
    return ((parts.path or "/") + (f"?{parts.query}" if parts.query else "")).encode("ascii")


def _base(origin: Origin) -> str:
    return f"{origin.scheme}://{origin.authority.decode()}"

"""Header fields that tell a client what is left of its limits.

``RateLimit`` and ``RateLimit-Policy`` follow draft-ietf-httpapi-ratelimit-headers-10: a list with an item for each
window. ``X-RateLimit-*`` have no specification; they tell of the window that is nearest to its end, in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from aggregator.http import HeaderList
from aggregator.policies.rate_limit.windows import Charge

LIMIT, POLICY = b"ratelimit", b"ratelimit-policy"
_X_LIMIT, _X_REMAINING, _X_RESET = b"x-ratelimit-limit", b"x-ratelimit-remaining", b"x-ratelimit-reset"


def limit_fields(charges: Sequence[Charge]) -> HeaderList:
    """Return the fields that tell of *charges*; those whose window tells nothing are left out."""
    if len(charges) == 1 and (window := charges[0].window).is_draft:  # as with most
        taken = charges[0].taken
        item = b"%b%d;t=%d" % (window.opening, taken.remaining, math.ceil(taken.reset))
        return [(POLICY, window.policy), (LIMIT, item)]
    draft: list[Charge] = []
    legacy: list[Charge] = []
    for charge in charges:
        if charge.plan.fields == "draft":
            draft.append(charge)
        elif charge.plan.fields == "legacy":
            legacy.append(charge)
    found: HeaderList = []
    if draft:
        found += (
            (POLICY, b", ".join([charge.window.policy for charge in draft])),
            (LIMIT, b", ".join([_item(charge) for charge in draft])),
        )
    if legacy:
        found += _legacy(min(legacy, key=lambda charge: charge.taken.remaining / charge.plan.limit.burst))
    return found


def _item(charge: Charge) -> bytes:
    taken = charge.taken
    return b"%b%d;t=%d" % (charge.window.opening, taken.remaining, math.ceil(taken.reset))


def _legacy(charge: Charge) -> HeaderList:
    taken = charge.taken
    return [
        (_X_LIMIT, b"%d" % charge.plan.limit.burst),
        (_X_REMAINING, b"%d" % taken.remaining),
        (_X_RESET, b"%d" % math.ceil(taken.reset)),
    ]

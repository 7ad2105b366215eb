"""What failures are called in status maps, and what they become when no row speaks of them."""

from __future__ import annotations

from typing import Final

from aggregator.errors import Cause

_STATUSES: Final = {cause: cause.default_status for cause in Cause}


def default_status(cause: Cause, status: int) -> int:
    """Return the status that a failure becomes when no row says otherwise; *status* is that of the upstream, or 0."""
    return 404 if cause is Cause.STATUS and status == 404 else _STATUSES[cause]


def keys_of(cause: Cause, status: int) -> tuple[str, ...]:
    """Return what rows may call a failure: its status and class, or its cause and families."""
    if cause is Cause.STATUS:
        return (str(status), f"{status // 100}xx", "status")
    return cause.names

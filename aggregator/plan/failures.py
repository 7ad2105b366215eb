"""What failures are called in status maps, and what they become when no row speaks of them."""

from __future__ import annotations

from aggregator.errors import Cause

_DEFAULTS = {"timeout": 504, "overloaded": 503, "fault": 500}


def default_status(cause: Cause, status: int) -> int:
    """Give the status that a failure becomes when no row says otherwise; *status* is that of the upstream, or 0."""
    if cause is Cause.STATUS:
        return 404 if status == 404 else 502
    return _DEFAULTS.get(cause.family, 502)


def keys_of(cause: Cause, status: int) -> tuple[str, ...]:
    """Give what rows may call a failure: its status and class, or its cause and family."""
    if cause is Cause.STATUS:
        return (str(status), f"{status // 100}xx", "status")
    return (cause.value, cause.family)

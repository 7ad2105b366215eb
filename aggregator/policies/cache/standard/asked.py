"""What must be known of a call before RFC 9111 can be applied to it."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from aggregator.parts.frame import Frame
from aggregator.policies.cache.flights import KeyedCall


class Asked(NamedTuple):
    """The request that a call would send: its *key*, the tag of its *place*, and the conditions on it.

    *is_callers*: with the credential of a caller. *is_conditional*: on a condition of the client's, or for a range.
    """

    key: bytes
    place: str
    method: bytes
    is_callers: bool
    is_conditional: bool


class AskedCall(KeyedCall, Protocol):
    """A call that tells more of what it would send than its key."""

    def asked(self, frame: Frame) -> Asked:
        """Return what it would send; raises ``AggregatorError`` when it cannot be written."""

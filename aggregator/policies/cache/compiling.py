"""From what a file says of caches to its plan."""

from __future__ import annotations

from aggregator.http import SAFE
from aggregator.policies.cache.plan import CachePlan
from aggregator.policies.cache.settings import CallCacheSettings
from aggregator.templates import compile_value


def compile_cache(own: CallCacheSettings | None, inherited: CallCacheSettings | None, method: str) -> CachePlan | None:
    """Return how long replies to a call with *method* are kept, by its *own* word or else the upstream's.

    None when they are not: by a time of zero, or because an unsafe method is not said to read only.
    """
    said = inherited if own is None else own
    if said is None or not any(said.ttl.values()) or (method not in SAFE and method not in said.methods):
        return None
    return CachePlan(tuple(said.ttl.items()), said.stale, said.on_error, tuple(map(compile_value, said.tags)))


def flies_with_all(own: bool | None, inherited: bool, method: str) -> bool:
    """Return whether a call with *method* is one with all equal ones: an unsafe one only where it says so itself."""
    return (inherited and method in SAFE) if own is None else own

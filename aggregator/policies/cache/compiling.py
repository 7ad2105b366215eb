"""From what a file says of caches to its plan."""

from __future__ import annotations

from aggregator.http import SAFE
from aggregator.policies.cache.plan import CachePlan
from aggregator.policies.cache.settings import CallCacheSettings, KeptSettings
from aggregator.templates import compile_value


def compile_cache(own: KeptSettings | None, inherited: KeptSettings | None, method: str) -> CachePlan | None:
    """Return how long replies to a call with *method* are kept, by its *own* word or else the upstream's.

    None when they are not: by a time of zero, or because an unsafe method is not said to read only.
    """
    said = inherited if own is None else own
    if said is None or not said.keeps or (method not in SAFE and method not in said.methods):
        return None
    obeys = isinstance(said, CallCacheSettings) and said.rfc
    tags = tuple(map(compile_value, said.tags))
    return CachePlan(tuple(said.ttl.items()), said.stale, said.on_error, tags, obeys, shared=said.shared)


def invalidates(own: CallCacheSettings | None, inherited: CallCacheSettings | None, method: str) -> bool:
    """Return whether a call with *method* ends what is kept of its place (RFC 9111 §4.4): unless it only reads."""
    said = inherited if own is None else own
    only_reads = method in SAFE or (said is not None and method in said.methods)
    return inherited is not None and inherited.rfc and not only_reads


def flies_with_all(own: bool | None, inherited: bool, method: str) -> bool:
    """Return whether a call with *method* is one with all equal ones: an unsafe one only where it says so itself."""
    return (inherited and method in SAFE) if own is None else own

"""What is kept, as data."""

from __future__ import annotations

from msgspec import Struct

from aggregator.fields import duration_text
from aggregator.templates import Template

SIZE = 64 * 2**20


class CachePlan(Struct, frozen=True):
    """How long replies are kept: *ttl* in seconds by status or class (``"404"``, ``"5xx"``).

    A reply is given out *stale* seconds longer while it is fetched anew, and *on_error* longer in place of a failure.
    """

    ttl: tuple[tuple[str, float], ...]
    stale: float = 0.0
    on_error: float = 0.0
    tags: tuple[Template, ...] = ()

    def seconds(self, status: int) -> float:
        """Return how long a reply with *status* is kept; 0.0 for one that is not."""
        said = dict(self.ttl)
        return said.get(str(status), said.get(f"{status // 100}xx", 0.0))


def cache_text(plan: CachePlan) -> str:
    """Return what *plan* says in few words: ``60s (404 10s), stale 5m, on_error 1h``."""
    said = dict(plan.ttl)
    others = [f"{status} {duration_text(seconds)}" for status, seconds in said.items() if status != "200"]
    words = [duration_text(said["200"]) if "200" in said else "", f"({', '.join(others)})" if others else ""]
    more = [
        f", {name} {duration_text(seconds)}"
        for name, seconds in (("stale", plan.stale), ("on_error", plan.on_error))
        if seconds
    ]
    return " ".join(filter(None, words)) + "".join(more)

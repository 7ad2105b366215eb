"""Choices between calls as data."""

from __future__ import annotations

from msgspec import Struct

from aggregator.templates import Expression


class ChancePlan(Struct, frozen=True):
    """The *weights* of calls; *urls* tell the calls apart for a *sticky* key, which is None when chance decides."""

    urls: tuple[str, ...]
    weights: tuple[int, ...]
    sticky: Expression | None = None

    @property
    def words(self) -> str:
        """The choice as `explain` prints it: ``choose 95% 5% by {{ auth.subject }}``."""
        whole = sum(self.weights)
        shares = " ".join(f"{100 * weight / whole:g}%" for weight in self.weights)
        return f"choose {shares}" + ("" if self.sticky is None else f" by {{{{ {self.sticky.source} }}}}")

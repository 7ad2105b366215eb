"""The calls that one request may make, as data."""

from __future__ import annotations

from msgspec import Struct

from aggregator.fields import size_text
from aggregator.policies.call_budget.settings import CallBudgetSettings


class CallBudgetPlan(Struct, frozen=True):
    """The bounds on one request: *calls*, and *bytes* of bodies, None without a bound.

    What is beyond *cuts* lists short instead of failing them.
    """

    calls: int | None = None
    bytes: int | None = None
    cuts: bool = False

    @property
    def words(self) -> str:
        """The budget as `explain` prints it: ``call_budget 40 calls, 20MiB, over: cut``."""
        calls = () if self.calls is None else (f"{self.calls} call{'' if self.calls == 1 else 's'}",)
        size = () if self.bytes is None else (size_text(self.bytes),)
        return f"call_budget {', '.join((*calls, *size))}, over: {'cut' if self.cuts else 'fail'}"


def compile_budget(settings: CallBudgetSettings | None) -> CallBudgetPlan | None:
    """Return what a request may spend by *settings*, None without them."""
    return None if settings is None else CallBudgetPlan(settings.calls, settings.bytes, settings.over == "cut")

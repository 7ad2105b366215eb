"""What is done to the answers of endpoints, made once for all that say it alike."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from aggregator.plan.edge import BARE, EdgePlan
from aggregator.plan.types import EndpointPlan
from aggregator.runtime.admission.building import tells_limits
from aggregator.runtime.admission.schemes import Scheme
from aggregator.runtime.finish.building import Finish, compile_finish, private, remembering
from aggregator.runtime.finish.limits import told_limits


class Finishes:
    """Those of one build, whose callers are judged by *schemes*. ``private`` is that of answers to callers alone."""

    def __init__(self, schemes: Mapping[str, Scheme]) -> None:
        self._schemes = schemes
        self.private = private(None, frozenset())
        self._privates: dict[Hashable, Finish] = {(id(None), False, frozenset()): self.private}
        self._limited: dict[int, Finish] = {}
        self._carried: dict[Hashable, tuple[Finish | None, EdgePlan]] = {}

    def of(self, plan: EndpointPlan) -> Finish | None:
        """Return what is done to each answer of *plan*; what depends on who calls is private unless it is declared."""
        finish, auth = self._carrying(plan.edge), plan.admission.auth
        if auth is not None:
            is_public = plan.keeping is not None and plan.keeping.public
            key = (id(finish), auth.reads_body, plan.fields_of_caches)
            whole = remembering(finish) if auth.reads_body else finish
            made = private(whole, plan.fields_of_caches)
            finish = whole if is_public else self._privates.setdefault(key, made)
        if tells_limits(plan.admission, self._schemes):
            finish = self._limited.setdefault(id(finish), told_limits(finish))
        return finish

    def _carrying(self, plan: EdgePlan) -> Finish | None:
        """Return what puts on answers what *plan* says, the same for what carries the same."""
        if plan == BARE:
            return None
        alike = (
            plan.cors,
            plan.fixed,
            plan.lifecycle,
            id(plan.errors),
            *((name, id(template)) for name, template in plan.made),
        )
        return self._carried.setdefault(alike, (compile_finish(plan), plan))[0]

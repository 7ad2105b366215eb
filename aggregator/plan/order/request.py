"""The order of a request: what it meets before its calls, and what its answer meets afterwards.

``runtime/stack`` builds the gates and ``runtime/finish`` what is done to answers from these tuples; the rest is in
``runtime/endpoint/handler.py``, in this order.
"""

from __future__ import annotations

from typing import Final

from aggregator.plan.analysis.roots import slow_in
from aggregator.plan.edge import EdgePlan
from aggregator.plan.incoming.admission import AdmissionPlan
from aggregator.plan.order.step import Step, step, words_of
from aggregator.plan.types import EndpointPlan
from aggregator.policies.cache.plan import cache_text


def _networks(plan: AdmissionPlan) -> tuple[str, ...]:
    asked = (("allow_from", plan.allow), ("deny_from", plan.deny))
    return tuple(word for word, networks in asked if networks is not None)


def _by_caller(plan: AdmissionPlan) -> tuple[str, ...]:
    return ("rate_limit",) if plan.limits.known else ()


GATES: Final[tuple[Step[AdmissionPlan], ...]] = (
    Step("networks", lambda plan: plan.allow is not None or plan.deny is not None, _networks),
    step("switches", lambda plan: plan.off is not None, "switched off"),
    step("limits", lambda plan: bool(plan.limits.early), "rate_limit"),
    step("auth", lambda plan: plan.auth is not None),
    step("guards", lambda plan: bool(plan.guards), "require"),
    Step("caller limits", lambda plan: bool(plan.limits.known) or plan.auth is not None, _by_caller),
    step("at once", lambda plan: bool(plan.at_once), "concurrency"),
)
"""What may refuse a request before its inputs are read, first one first; a caller's key may have a limit of its own."""

GATES_BEHIND: Final[tuple[Step[AdmissionPlan], ...]] = (
    Step("foresight", lambda plan: bool(slow_in((plan.body_guards, plan.limits.valid))), lambda _: ()),
    step("body guards", lambda plan: bool(plan.body_guards), "require of the body"),
    step("valid limits", lambda plan: bool(plan.limits.valid), "rate_limit"),
)
"""What may refuse a request whose inputs are valid; what that computes of a long body is computed first."""

FINISH: Final[tuple[Step[EdgePlan], ...]] = (
    step("errors", lambda plan: bool(plan.errors)),
    step("cors", lambda plan: plan.cors is not None),
    step("made", lambda plan: bool(plan.made), "headers of the request"),
    step("fixed", lambda plan: bool(plan.fixed), "headers"),
    step("lifecycle", lambda plan: bool(plan.lifecycle), "deprecated"),
)
"""What is done to each answer, one that refuses included, first one first."""


def _kept_words(plan: EndpointPlan) -> tuple[str, ...]:
    assert plan.keeping is not None
    return (f"cache {cache_text(plan.keeping.keep)} by {', '.join(plan.keeping.key.words)}",)


def _for_debuggers(_: EndpointPlan) -> bool:
    """Return false: only a request with the secret of ``server.debug`` takes the step."""
    return False


SERVING: Final[tuple[Step[EndpointPlan], ...]] = (
    Step("gates", lambda _: True, lambda plan: words_of(GATES, plan.admission)),
    step("inputs", lambda _: True),
    Step("gates_behind", lambda _: True, lambda plan: words_of(GATES_BEHIND, plan.admission)),
    step("idempotency", lambda plan: plan.idempotency is not None),
    Step("keeping", lambda plan: plan.keeping is not None, _kept_words),
    step("order", lambda plan: plan.fan is not None, "calls"),
    Step("assembly", lambda _: True, lambda plan: ("stream" if plan.stream else "answer",)),
    step("storing", lambda plan: any(effect.delivery is not None for effect in plan.effects), "durable background"),
    step("purging", lambda plan: bool(plan.purges), "purge"),
    step("timing", lambda plan: plan.response.timing),
    step("provenance", _for_debuggers),
    Step("finish", lambda _: True, lambda plan: words_of(FINISH, plan.edge)),
    step("compressing", lambda plan: plan.compress, "compress"),
    step("effects", lambda plan: any(effect.delivery is None for effect in plan.effects), "background"),
    step("shadows", lambda plan: bool(plan.shadows), "shadow"),
)
"""The whole way of a request; each step is the field of a ``Routine``, or of its ``Leaving``, that takes it."""


def request_words(plan: EndpointPlan) -> tuple[str, ...]:
    """Return the steps that a request to *plan* takes, in words."""
    return words_of(SERVING, plan)

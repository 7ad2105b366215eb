"""Retries of calls: the nearest setting, and whether a request may be sent twice at all."""

from __future__ import annotations

from aggregator.causes import causes_called
from aggregator.config.model.calls.call import CallSettings
from aggregator.config.model.upstreams.upstream import UpstreamSettings
from aggregator.http import IDEMPOTENT
from aggregator.plan.requests import RequestPlan
from aggregator.policies.retry.plan import BudgetPlan, Repeats, RetryPlan
from aggregator.policies.retry.settings import NO_RETRY, RetrySettings

_KEY = b"idempotency-key"


def nearest_retry(call: CallSettings, upstream: UpstreamSettings | None) -> RetrySettings | None:
    """Return the retry of *call*, its own or that of its *upstream*; None when it is sent once."""
    said = call.retry if call.retry is not None or upstream is None else upstream.retry
    return None if said is NO_RETRY else said


def compile_retry(
    settings: RetrySettings | None, request: RequestPlan, successes: frozenset[int], *, idempotent: bool | None,
    is_message: bool = False,
) -> RetryPlan | None:  # fmt: skip
    """Return how a call is sent again that counts *successes* as success; None when it is sent once.

    *idempotent* is what the file says of it. One that *is_message* goes to a broker.
    """
    repeats = None if settings is None else repeats_of(request, idempotent=idempotent)
    if settings is None or repeats is None:
        return None
    on = reasons_of(settings.on, is_message=is_message)
    return RetryPlan(
        attempts=settings.attempts,
        statuses=frozenset(status for key in on for status in statuses_called(key)) - successes,
        causes=frozenset(cause for key in on for cause in causes_called(key)),
        backoff=settings.backoff,
        per_try=settings.per_try,
        repeats=repeats,
        on=on,
    )


def reasons_of(on: tuple[str, ...], *, is_message: bool) -> tuple[str, ...]:
    """Return those of the reasons *on* that there are: of what *is_message* no broker says a status.

    All are kept where nothing would be left.
    """
    causes = tuple(key for key in on if not key[0].isdigit())
    return causes or on if is_message else on


def statuses_called(key: str) -> range:
    """Return the statuses that *key*, a status, a class or a cause, names."""
    if key.isdigit():
        return range(int(key), int(key) + 1)
    return range(int(key[0]) * 100, int(key[0]) * 100 + 100) if key[0].isdigit() else range(0)


def repeats_of(request: RequestPlan, *, idempotent: bool | None) -> Repeats | None:
    """Return whether *request* may be sent twice, None for one that may not; *idempotent* is what the file says."""
    if idempotent is not None:
        return "always" if idempotent else None
    if request.method in IDEMPOTENT:
        return "always"
    return "with_key" if _may_carry_key(request) else None


def _may_carry_key(request: RequestPlan) -> bool:
    named = (*(name for name, _ in request.headers), *request.forward_headers)
    if _KEY in named or b"\n" + _KEY + b":" in b"\n" + request.constant_headers:
        return True
    withheld = request.forward_rest.headers
    return withheld is not None and _KEY not in withheld


def compile_budget(settings: UpstreamSettings) -> BudgetPlan:
    """Return how much retries may add to the calls of an upstream."""
    said, usual = settings.retry.budget if settings.retry is not None else None, BudgetPlan()
    own = settings.hedge.budget if settings.hedge is not None else None
    hedges = usual.hedges if own is None else own
    return BudgetPlan(hedges=hedges) if said is None else BudgetPlan(said.share, said.floor, hedges)

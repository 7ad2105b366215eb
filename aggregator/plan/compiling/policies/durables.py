"""Background calls that are kept until they are delivered."""

from __future__ import annotations

from aggregator.causes import causes_called
from aggregator.config.model.calls.background import BackgroundCallSettings
from aggregator.config.model.server import BackgroundSettings
from aggregator.plan.calls import CallPlan
from aggregator.plan.compiling.policies.retries import reasons_of, statuses_called
from aggregator.plan.serving import BackgroundPlan
from aggregator.policies.durable.plan import ATTEMPTS, BACKOFF, REASONS, DeliveryPlan, DurablePlan
from aggregator.policies.durable.settings import DurableSettings
from aggregator.policies.retry.plan import RetryPlan
from aggregator.policies.retry.settings import NO_RETRY, RetrySettings
from aggregator.templates import Template, compile_value


def compile_background(settings: BackgroundSettings) -> BackgroundPlan:
    """Return the plan of the workers of background calls, and of what is kept."""
    return BackgroundPlan(settings.workers, settings.queue, settings.when_full, _kept(settings.durable))


def _kept(settings: DurableSettings) -> DurablePlan:
    most = settings.max
    return DurablePlan(
        settings.store,
        settings.sync,
        settings.keep_sent,
        settings.keep_dead,
        most.count,
        most.bytes,
        most.age,
        settings.full,
    )


def compile_delivery(settings: BackgroundCallSettings, durable: DurableSettings, retry: RetryPlan) -> DeliveryPlan:
    """Return how the durable call *settings* is kept, and delivered with *retry*."""
    assert settings.durable is not None
    dedupe = settings.dedupe
    return DeliveryPlan(
        settings.durable,
        retry,
        durable.store,
        durable.full,
        _template(settings.order),
        settings.delay or 0.0,
        _template(settings.at),
        None if dedupe is None else _template(dedupe.key),
        0.0 if dedupe is None else dedupe.ttl,
    )


def _template(text: str | None) -> Template | None:
    return None if text is None else compile_value(text)


def delivery_retry(settings: RetrySettings | None, call: CallPlan) -> RetryPlan:
    """Return how an effect, the *call*, is sent again.

    What is not said is as for deliveries, which have more time than answers.
    """
    said = set[str]() if settings is None else settings.model_fields_set
    attempts = 1 if settings is NO_RETRY else ATTEMPTS
    on: tuple[str, ...] = REASONS
    backoff = BACKOFF
    if settings is not None:
        attempts = settings.attempts if "attempts" in said else attempts
        on = settings.on if "on" in said else on
        backoff = settings.backoff if "backoff" in said else backoff
    on = reasons_of(on, is_message=call.upstream.pool.broker is not None)
    return RetryPlan(
        attempts=attempts,
        statuses=frozenset(status for key in on for status in statuses_called(key)) - call.success.statuses,
        causes=frozenset(cause for key in on for cause in causes_called(key)),
        backoff=backoff,
        per_try=None,
        repeats="always",
        on=on,
    )

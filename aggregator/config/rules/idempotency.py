"""Idempotent endpoints: a key that tells requests apart, and a place that outlives the process."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.config.analysis.scope import OF_ONE_REQUEST
from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Finding
from aggregator.stores.shared.address import store_address
from aggregator.templates import TemplateProblem, compile_value

_KEEPERS: tuple[Steps, ...] = (("state",), ("server", "idempotency", "store"))
"""What keeps answers, beside memory."""


def check_idempotency(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about keys that are of no use, and answers that are forgotten when the process ends."""
    settings = analysis.settings
    if settings is None or settings.idempotency is None:
        return
    at = (*analysis.path, "idempotency")
    if _is_constant(settings.idempotency.key):
        message = "the key is always the same, so every other request is refused"
        hint = "name what a client sends with each attempt, such as `{{ headers['idempotency-key'] }}`"
        yield Finding("bad-idempotency", message, (*at, "key"), hint)
    for use in analysis.uses:
        for reference in sorted(use.references & OF_ONE_REQUEST if use.path == (*at, "key") else ()):
            message = f"`{'.'.join(reference)}` is another one in each request, so none is ever a repeat"
            yield Finding("moment-in-key", message, use.path, "name what a client sends", text=reference[0])
    if around.settings.server.idempotency.store == "shared" or around.settings.state is not None:
        return
    if around.settings.server.workers.count != 1:
        message = "each worker keeps its own answers, so a repeat that meets another one makes the calls again"
        hint = "name a folder at the top level, which all workers share: `state: ./state`"
        yield Finding("bad-idempotency", message, at, hint, at_key=True, lacks=_KEEPERS)
    else:
        message = "the answers are kept in memory, so a repeat after a restart makes the calls again"
        hint = "name a folder at the top level: `state: ./state`"
        yield Finding("bad-idempotency", message, at, hint, "warning", at_key=True, lacks=_KEEPERS)


def check_shared_idempotency(around: Surroundings) -> Iterator[Finding]:
    """Yield what `server.idempotency` says of a shared store that is none, or of numbers that it does not keep to."""
    said, at = around.settings.server.idempotency, ("server", "idempotency")
    if said.store != "shared":
        return
    if store_address(around.settings.store.url).kind == "memory":
        message = "`shared` is the server that `store` names, and none is named"
        hint = "name it at the top level: `store: redis://127.0.0.1:6379/0`"
        yield Finding("bad-idempotency", message, (*at, "store"), hint, lacks=(("store", "url"),))
    if "count" in said.model_fields_set:
        message = "`count` has no effect on a shared store, where each answer ends with its `ttl`"
        yield Finding("no-effect", message, (*at, "count"), "remove it", at_key=True)


def _is_constant(key: str) -> bool:
    try:
        return compile_value(key).is_constant
    except TemplateProblem:  # told elsewhere
        return False

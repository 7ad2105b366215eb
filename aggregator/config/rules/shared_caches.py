"""What is kept for all processes: there are several, and it is whole replies."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Finding
from aggregator.stores.shared.address import store_address

_PROCESSES: tuple[Steps, ...] = (("store", "url"), ("server", "workers", "count"))
"""What says that there are several."""


def check_shared_caches(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield what an endpoint and its calls say of `shared` where it has no effect."""
    whole = None if analysis.settings is None else analysis.settings.cache
    if whole is not None and whole.shared and _is_alone(around):
        yield _alone((*analysis.path, "cache", "shared"))
    for call in analysis.calls:
        own, last_good = call.settings.cache, call.settings.last_good
        if call.via is None and _is_alone(around):
            if own is not None and own.shared:
                yield _alone((*call.path, "cache", "shared"))
            if last_good is not None and last_good.shared:
                yield _alone((*call.path, "last_good", "shared"))


def check_shared_caches_of_upstreams(around: Surroundings) -> Iterator[Finding]:
    """Yield what upstreams say of `shared` where one process is alone."""
    for name, upstream in around.settings.upstreams.items():
        if upstream.cache is not None and upstream.cache.shared and _is_alone(around):
            yield _alone(("upstreams", name, "cache", "shared"))


def _alone(place: Steps) -> Finding:
    hint = "name a store of several machines (`store: redis://…`), have several `server.workers`, or remove it"
    return Finding("no-effect", "`shared` has no effect on one process", place, hint, "warning", at_key=True,
                   lacks=_PROCESSES)  # fmt: skip


def _is_alone(around: Surroundings) -> bool:
    settings = around.settings
    return store_address(settings.store.url).kind == "memory" and settings.server.workers.count == 1

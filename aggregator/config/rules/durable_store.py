"""Where durable effects are kept: a store that is a server, and settings that have an effect there."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.config.analysis.surroundings import Surroundings
from aggregator.diagnostics.finding import Finding
from aggregator.stores.shared.address import store_address


def check_durable_store(around: Surroundings) -> Iterator[Finding]:
    """Yield findings about a shared store that is not declared, and settings that only a file has."""
    settings, at = around.settings.background.durable, ("background", "durable")
    if settings.store == "sqlite":
        return
    if store_address(around.settings.store.url).kind == "memory":
        message = "`shared` is the server that `store` names, and none is named"
        hint = "name it at the top level: `store: redis://127.0.0.1:6379/0`"
        yield Finding("bad-durable", message, (*at, "store"), hint, lacks=(("store", "url"),))
    if "sync" in settings.model_fields_set:
        message = "`sync` has no effect on a shared store, which syncs as its server is told to (`appendfsync`)"
        yield Finding("no-effect", message, (*at, "sync"), "remove it", at_key=True)

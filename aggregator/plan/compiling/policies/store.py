"""The store of a file, compiled."""

from __future__ import annotations

from aggregator.config.model.store import StoreSettings
from aggregator.stores.shared.address import store_address
from aggregator.stores.shared.plan import StorePlan


def compile_store(settings: StoreSettings) -> StorePlan:
    """Return where *settings* let processes keep what they share."""
    return StorePlan(store_address(settings.url), settings.timeout, settings.prefix)


def store_secrets(settings: StoreSettings) -> frozenset[str]:
    """Return what no log may show of *settings*."""
    password = store_address(settings.url).password
    return frozenset() if password is None else frozenset({password})

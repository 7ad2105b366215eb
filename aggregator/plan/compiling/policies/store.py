"""The store of a file, compiled."""

from __future__ import annotations

from aggregator.config.model.store import StoreSettings
from aggregator.stores.shared.address import store_address
from aggregator.stores.shared.plan import StorePlan

_OF_SERVER, _OF_SUPERVISOR = 0.02, 0.25
"""Seconds that a reply may take; a supervisor that reads a large file has to do."""


def compile_store(settings: StoreSettings) -> StorePlan:
    """Return where *settings* let processes keep what they share."""
    address = store_address(settings.url)
    usual = _OF_SUPERVISOR if address.kind == "memory" else _OF_SERVER
    return StorePlan(address, usual if settings.timeout is None else settings.timeout, settings.prefix)


def store_secrets(settings: StoreSettings) -> frozenset[str]:
    """Return what no log may show of *settings*."""
    password = store_address(settings.url).password
    return frozenset() if password is None else frozenset({password})

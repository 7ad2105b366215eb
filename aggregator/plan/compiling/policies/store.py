"""The store of a file, compiled."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from aggregator.config.files.tls_files import STORE
from aggregator.config.model.store import StoreSettings
from aggregator.stores.shared.address import StoreTls, store_address
from aggregator.stores.shared.plan import StorePlan

_OF_SERVER, _OF_SUPERVISOR = 0.02, 0.25
"""Seconds that a reply may take; a supervisor that reads a large file has to do."""


def compile_store(settings: StoreSettings, digests: Mapping[str, str]) -> StorePlan:
    """Return where *settings* let processes keep what they share; *digests* are of files of TLS."""
    address = store_address(settings.url)
    if settings.tls is not None:
        tls = settings.tls
        address = replace(address, trust=StoreTls(tls.ca, tls.cert, tls.key, digests.get(STORE, "")))
    usual = _OF_SUPERVISOR if address.kind == "memory" else _OF_SERVER
    return StorePlan(address, usual if settings.timeout is None else settings.timeout, settings.prefix)


def store_secrets(settings: StoreSettings) -> frozenset[str]:
    """Return what no log may show of *settings*."""
    password = store_address(settings.url).password
    return frozenset() if password is None else frozenset({password})

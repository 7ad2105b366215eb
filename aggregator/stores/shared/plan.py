"""The store as data."""

from __future__ import annotations

from msgspec import Struct

from aggregator.stores.shared.address import StoreAddress


class StorePlan(Struct, frozen=True):
    """The store that processes share; a reply may take *timeout* seconds, keys begin with *prefix*."""

    address: StoreAddress = StoreAddress("memory")
    timeout: float = 0.25
    prefix: str = "aggregator:"

    @property
    def is_remote(self) -> bool:
        """Whether it is a server that other machines may ask, too."""
        return self.address.kind != "memory"


MEMORY_STORE = StorePlan()

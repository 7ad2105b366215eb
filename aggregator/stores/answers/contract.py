"""The contract of what keeps answers by key; ``tests/stores/test_answers.py`` holds every implementation to it."""

from __future__ import annotations

from typing import Protocol

from aggregator.stores.answers.table import Bounds, Held


class Answers(Protocol):
    """Claims and values by key. Times are seconds; every method may raise ``StoreError``."""

    async def claim(self, key: bytes, request: bytes, lifetime: float, subject: bytes | None = None) -> Held | int:
        """Return a token for the one who may make the answer of *key* for *lifetime*, or what is there.

        *subject* is a digest of whose answer it is, by which it may be forgotten.
        """

    async def keep(
        self, key: bytes, token: int, value: bytes, lifetime: float, bounds: Bounds, subject: bytes | None = None
    ) -> int:  # fmt: skip
        """Keep *value* for *lifetime* within *bounds*; return how many others had to go for it.

        *subject* is that of the claim.
        """

    async def release(self, key: bytes, token: int) -> None:
        """Release the claim of *token*."""

    async def forget(self, subject: bytes) -> int:
        """Forget all answers of *subject*, and those that are being made for it; return how many there were."""

    async def aclose(self) -> None:
        """Close it."""

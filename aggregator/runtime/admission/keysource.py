"""The keys of an issuer: those of a file, or a JWKS that is fetched, kept and renewed ahead of its end.

States of a fetched one: unknown (nothing has come yet), fresh, due (older than its life: renewed behind the requests,
which go on with what is known), failing (the last look failed: the next is made after a pause that doubles up to ten
seconds). One look at a time, for all who wait.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import httpx

from aggregator.identity.keysets import KeySet, read_jwks
from aggregator.runtime.admission.asked.fetching import document_of, fetched
from aggregator.runtime.admission.schemes import Unavailable
from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.auth")

LIFE = 600.0
"""Seconds after which keys are looked at anew."""
SELDOM = 10.0
"""Seconds between two looks for a key that nobody knows: anybody can name one."""
LONGEST_WAIT = 2.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0


class FixedKeys:
    """Keys that do not change."""

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    def now(self) -> KeySet:
        """Return them."""
        return self._keys

    async def renewed(self, latest: float) -> KeySet:  # noqa: ARG002 - nobody waits here
        """Return them: there are no others."""
        return self._keys


class FetchedKeys:
    """The keys that *issuer* publishes, at *jwks_url* or where its metadata say (OpenID Connect Discovery §4)."""

    def __init__(
        self, client: Callable[[], httpx.AsyncClient], issuer: str, jwks_url: str | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.issuer = issuer
        self._client = client
        self._jwks_url = jwks_url
        self._clock = clock
        self._keys: KeySet | None = None
        self._looked = self._renewed = float("-inf")
        self._pause = 0.0
        self._look: asyncio.Task[None] | None = None

    @property
    def is_failing(self) -> bool:
        """Whether the last look failed."""
        return self._pause > 0

    def now(self) -> KeySet | None:
        """Return the keys that are known; look for new ones behind the back of the request when that is due."""
        if self._keys is not None and self._clock() - self._looked >= (self._pause or LIFE):
            self._begin()
        return self._keys

    def describe(self) -> dict[str, Any]:
        """Return what is known of the issuer, for whoever looks after the process."""
        state = "failing" if self.is_failing else "unknown" if self._keys is None else "fresh"
        age = None if self._keys is None else round(self._clock() - self._renewed)
        count, skipped = (0, 0) if self._keys is None else (len(self._keys), self._keys.skipped)
        return {"issuer": self.issuer, "state": state, "keys": count, "skipped": skipped, "age_seconds": age}

    async def renewed(self, latest: float) -> KeySet:
        """Return the keys after another look, at most one in ten seconds; nobody waits beyond *latest* (loop time).

        Raises ``Unavailable`` without any keys, and when the look failed.
        """
        wait = SELDOM if self._keys is not None and not self._pause else self._pause
        if self._look is None and self._clock() - self._looked >= wait:
            self._begin()
        if self._look is not None:
            wait = min(LONGEST_WAIT, latest - asyncio.get_running_loop().time())
            await asyncio.wait([self._look], timeout=max(0.0, wait))
        if self._keys is None or (self._pause and self._look is None):
            raise Unavailable(max(1.0, self._pause))
        return self._keys

    def _begin(self) -> None:
        if self._look is None:
            self._look = asyncio.get_running_loop().create_task(self._renew())

    async def _renew(self) -> None:
        try:
            async with asyncio.timeout(2 * LONGEST_WAIT):
                self._keys = read_jwks(await self._document(await self._place()))
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, TimeoutError, RecursionError) as error:
            self._pause = min(max(_FIRST_PAUSE, self._pause * 2), _LONGEST_PAUSE)
            log(_log, logging.WARNING, "The keys of an issuer could not be fetched.", issuer=self.issuer,
                reason=_why(error), retry_in=self._pause)  # fmt: skip
        else:
            if self._pause:
                log(_log, logging.INFO, "The keys of an issuer are there again.", issuer=self.issuer)
            self._pause, self._renewed = 0.0, self._clock()
        finally:
            self._looked = self._clock()
            self._look = None

    async def _place(self) -> str:
        """Return where the JWKS is: the metadata have to name the very issuer (RFC 8414 §3.3)."""
        if self._jwks_url is not None:
            return self._jwks_url
        metadata = await self._document(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if not isinstance(metadata, dict) or metadata.get("issuer") != self.issuer:
            raise ValueError("the metadata name another issuer")
        place = metadata.get("jwks_uri")
        if not isinstance(place, str):
            raise ValueError("the metadata name no jwks_uri")
        if self.issuer.startswith("https:") and not place.startswith("https:"):
            raise ValueError("the metadata name a jwks_uri in the clear")
        return place

    async def _document(self, url: str) -> Any:
        client = self._client()
        status, body = await fetched(client, client.build_request("GET", url, headers={"accept": "application/json"}))
        if status != 200:
            raise ValueError(f"it answered with status {status}")
        return document_of(body)

    async def aclose(self) -> None:
        """Cancel a fetch of keys under way."""
        if self._look is not None:
            self._look.cancel()


def _why(error: Exception) -> str:
    """Return what is said of *error*: sentences of ours, and of what others raise its name alone."""
    return str(error) if type(error) is ValueError else type(error).__name__

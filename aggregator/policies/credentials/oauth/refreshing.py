"""Refresh tokens: the one of the file, and those that come in its place (RFC 6749 §6, RFC 9700 §4.14.2).

A server that rotates them takes one that comes twice for stolen, and ends the whole grant. So what is known of a grant
is there once, whoever uses it: over reloads that change something else, for several upstreams of one grant, which take
turns, and where there is a folder of `state`, over restarts, and for several workers, which take turns, too.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from weakref import WeakSet

from aggregator.errors import StoreError
from aggregator.policies.credentials.oauth.granting import NotGranted
from aggregator.policies.credentials.oauth.sharing import FILE, SharedTokens, put_last
from aggregator.policies.credentials.plan import OauthPlan
from aggregator.policies.registry import Draft, Kind, Registry
from aggregator.stores.folder import StateFolder
from aggregator.stores.kept import Kept
from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.upstreams")

PATIENCE = 2.0
"""Seconds that the stop waits for a token that has been asked for."""


class RefreshToken:
    """The refresh token of a grant: the *first*, which the file has, or the last that came; one uses it at a time."""

    def __init__(self, first: str) -> None:
        self._first = self._last = first
        self._tries_first = False
        self._turn = asyncio.Lock()
        self._shared: tuple[SharedTokens, str] | None = None
        self._spent: str | None = None
        """What the file still holds, since the one that came in its place could not be written."""
        self.changed: Callable[[str], None] | None = None

    def share(self, tokens: SharedTokens, name: str) -> None:
        """Share the refresh token with all processes that use *tokens*, under *name*."""
        self._shared = (tokens, name)

    @asynccontextmanager
    async def used(self) -> AsyncIterator[None]:
        """Hold the turn in which ``value`` may be used and replaced. Raises ``NotGranted`` when it cannot be had."""
        async with self._turn, AsyncExitStack() as held:
            if self._shared is None:
                yield
                return
            tokens, name = self._shared
            try:
                last = await held.enter_async_context(tokens.turn(name))
            except StoreError as error:
                raise NotGranted(f"the refresh token is not known: {error}") from None
            if last is not None and last != self._spent:
                self.restore(last)
            try:
                yield
            finally:
                if self._last not in (last, self._first):
                    await self._keep(tokens, name, last)

    async def _keep(self, tokens: SharedTokens, name: str, last: str | None) -> None:
        """Save the refresh token that has replaced *last*, for other processes."""
        try:
            await tokens.put(name, self._last)
        except StoreError as error:
            self._spent = last
            log(_log, logging.ERROR, "A refresh token could not be kept; other workers will use one that is spent.",
                reason=str(error))  # fmt: skip
        else:
            self._spent = None

    async def wait(self) -> None:
        """Return when nobody uses it."""
        async with self._turn:
            pass

    @property
    def value(self) -> str:
        """The refresh token to be used now."""
        return self._first if self._tries_first else self._last

    def restore(self, value: str) -> None:
        """Continue with *value*, the last refresh token that another process received."""
        if value != self._last:
            self._last, self._tries_first = value, False

    def rotate(self, value: str) -> None:
        """Replace the refresh token by *value*, which came with an access token."""
        self._last, self._tries_first = value, False
        if self.changed is not None:
            self.changed(value)

    def refused(self) -> None:
        """Try the other refresh token next: the one in the file may be newer than the last one received."""
        self._tries_first = not self._tries_first


_KIND: Kind[str, RefreshToken] = Kind("refresh_tokens", RefreshToken)


def held_refresh_token(plan: OauthPlan, states: Draft) -> RefreshToken | None:
    """Return the refresh token of *plan*, which is held in *states*, None where it needs none."""
    if plan.refresh_token is None:
        return None
    first = plan.refresh_token.value
    name = hashlib.sha256(repr((plan.token_url, first)).encode("utf-8", "surrogateescape")).hexdigest()
    return states.hold(_KIND, name, first)


class Rotated:
    """The last refresh tokens of the grants among *states*, by the digest of the server and the first of each."""

    def __init__(self, states: Registry) -> None:
        self._states = states
        self._followed: WeakSet[RefreshToken] = WeakSet()
        self._known: dict[str, str] = {}
        self._kept: Kept[dict[str, str]] | None = None
        self._shared: SharedTokens | None = None

    def share(self, folder: Path) -> None:
        """Keep the tokens in *folder*, which another process holds, and take turns with all its users."""
        self._shared = SharedTokens(folder)

    def remember(self, folder: StateFolder) -> None:
        """Load the tokens from *folder*, and save changes there from now on. Raises ``StartupError``."""
        self._kept = Kept(folder, FILE, dict[str, str], lambda: dict(self._known), seconds=0.0)
        self._known = self._kept.load() or {}

    async def aclose(self) -> None:
        """Save what is not saved yet. A token under way is waited for, since it is issued only once."""
        if self._kept is None and self._shared is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                for token in self._states.all(_KIND.name):
                    await token.wait()
        if self._kept is not None:
            await self._kept.aclose()
            self._kept = None

    def follow(self) -> None:
        """Follow the grants of the generation that now serves."""
        for name, token in self._states.each(_KIND.name).items():
            if token not in self._followed:
                self._followed.add(token)
                if name in self._known:
                    token.restore(self._known[name])
                if self._shared is not None:
                    token.share(self._shared, name)
                token.changed = partial(self._changed, name)

    def _changed(self, name: str, value: str) -> None:
        put_last(self._known, name, value)
        if self._kept is not None:
            self._kept.changed()

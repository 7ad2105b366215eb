"""Refresh tokens: the one of the file, and those that come in its place (RFC 6749 §6, RFC 9700 §4.14.2).

A server that rotates them takes one that comes twice for stolen, and ends the whole grant. So what is known of a grant
is there once, whoever uses it: over reloads that change something else, for several upstreams of one grant, which take
turns, and over restarts where there is a folder of `state`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from weakref import WeakSet

from aggregator.policies.credentials.plan import OauthPlan
from aggregator.policies.registry import Draft, Kind, Registry
from aggregator.stores.folder import StateFolder
from aggregator.stores.kept import Kept

MOST = 256
"""Grants that are kept; the one whose token has been the same for longest is forgotten first."""
PATIENCE = 2.0
"""Seconds that the stop waits for a token that has been asked for."""


class RefreshToken:
    """The refresh token of a grant: the *first*, which the file has, or the last that came; its user has the *turn*."""

    def __init__(self, first: str) -> None:
        self._first = self._last = first
        self._tries_first = False
        self.turn = asyncio.Lock()
        self.changed: Callable[[str], None] | None = None

    @property
    def value(self) -> str:
        """The one that is to be used now."""
        return self._first if self._tries_first else self._last

    def restore(self, value: str) -> None:
        """Go on with *value*, the last that came to an earlier process."""
        self._last = value

    def rotate(self, value: str) -> None:
        """Take *value*, which came with a token, in the place of the last."""
        self._last, self._tries_first = value, False
        if self.changed is not None:
            self.changed(value)

    def refused(self) -> None:
        """Try the other of the two next: the one of the file may be newer than the last that came."""
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

    def remember(self, folder: StateFolder) -> None:
        """Have them as *folder* has them, and keep them there from now on; raises ``StartupError``."""
        self._kept = Kept(folder, "refresh_tokens", dict[str, str], lambda: dict(self._known), seconds=0.0)
        self._known = self._kept.load() or {}

    async def aclose(self) -> None:
        """Write what has not been written; a token that is on its way is waited for, since it comes once."""
        if self._kept is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    for token in self._states.all(_KIND.name):
                        async with token.turn:
                            pass
            await self._kept.aclose()
            self._kept = None

    def follow(self) -> None:
        """Take up the grants of a generation that begins to serve."""
        for name, token in self._states.each(_KIND.name).items():
            if token not in self._followed:
                self._followed.add(token)
                if name in self._known:
                    token.restore(self._known[name])
                token.changed = partial(self._changed, name)

    def _changed(self, name: str, value: str) -> None:
        self._known.pop(name, None)
        self._known[name] = value
        if len(self._known) > MOST:
            del self._known[next(iter(self._known))]
        if self._kept is not None:
            self._kept.changed()

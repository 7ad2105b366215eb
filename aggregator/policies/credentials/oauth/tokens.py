"""The token of an upstream: one for all calls, renewed ahead of its end, and kept over reloads.

States of the token: none (nothing has come yet, or it has ended: calls wait), good, due (a tenth of its life, at most a
minute, is left: calls go on with it while another is asked for). Beside it at most one request is under way, for
whoever waits and whoever left; after one that failed, the next is made after a pause that doubles up to ten seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from aggregator.errors import CallError, Cause, place_of
from aggregator.policies.credentials.oauth.asking import Client, ask_for_token
from aggregator.policies.credentials.oauth.granting import Granted, NotGranted
from aggregator.policies.credentials.oauth.refreshing import RefreshToken
from aggregator.policies.credentials.oauth.telling import Told
from aggregator.policies.credentials.oauth.waiting import Waiter, Waiting
from aggregator.policies.credentials.plan import OauthPlan

AHEAD, LONGEST_AHEAD = 0.1, 60.0
"""The share of its life, and the seconds at most, that a token is renewed ahead of its end."""
SELDOM = 10.0
"""Seconds between two tokens that are asked for because an upstream refused one: it may refuse each."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0


class Token(Struct, frozen=True, eq=False):
    """A token as the *line* of a header, good until the moment *end*, to be renewed from *due* on."""

    line: bytes
    due: float
    end: float

    def __repr__(self) -> str:
        return "<Token>"


class Tokens:
    """The tokens that *plan* gets, by a *client*; *told* hears how it goes, and *clock* counts seconds steadily.

    With *subject_token*, the token of a caller, they are tokens in its place. *refresh_token* is that of the grant, for
    those who use one.
    """

    def __init__(
        self, plan: OauthPlan, client: Client, told: Told, clock: Callable[[], float] = time.monotonic,
        subject_token: str | None = None, refresh_token: RefreshToken | None = None,
    ) -> None:  # fmt: skip
        self._told = told
        self._subject_token = subject_token
        self._plan = plan
        self._client = client
        self._clock = clock
        self._refresh_token = refresh_token
        self._token: Token | None = None
        self._pause = 0.0
        self.again = self._refused_again = float("-inf")
        self.request: asyncio.Task[None] | None = None
        self._waiting: Waiting[Token] = Waiting()

    def now(self) -> Token | None:
        """Return the token, None when there is no good one; when it is due, another is asked for meanwhile."""
        token = self._token
        if token is None:
            return None
        moment = self._clock()
        if moment >= token.due:
            if moment >= token.end:
                return None
            self._begin(moment)
        return token

    def ask(self, done: Callable[[Token | CallError], None], deadline: float | None) -> Waiter[Token]:
        """Call *done*, once and later, with the token under way, or with the error when there is none by *deadline*."""
        self._begin(self._clock())
        if self.request is None:
            return self._waiting.refused(done, self._unavailable())
        return self._waiting.add(done, deadline)

    def replaces(self, refused: Token) -> bool:
        """Return whether there is, or will be, another token than *refused*, to which an upstream has said 401.

        That one stays for the other calls until its successor is there: the fault may be that of one call.
        """
        moment = self._clock()
        if self.request is None and self._token is refused and moment >= self._refused_again:
            self._refused_again = moment + SELDOM
            self._begin(moment)
        return self.request is not None or self._token is not refused

    def describe(self) -> dict[str, Any]:
        """Return how the token is (none, good, due), for how many seconds it is good, and whether requests fail."""
        moment, token = self._clock(), self._token
        if token is None or moment >= token.end:
            return {"token": "none", "failing": self._pause > 0}
        state = "good" if moment < token.due else "due"
        return {"token": state, "ends_in": round(token.end - moment), "failing": self._pause > 0}

    def _begin(self, moment: float) -> None:
        if self.request is None and moment >= self.again:
            self.request = asyncio.get_running_loop().create_task(self._renew())

    async def _renew(self) -> None:
        try:
            granted = await self._ask()
        except NotGranted as error:
            outcome: Token | CallError = self._failed(str(error))
        except Exception as error:  # a fault of ours must not leave calls waiting
            outcome = self._failed(f"a fault of the program: {place_of(error)}")
        else:
            outcome = self._took(granted)
        finally:
            self.request = None
        self._waiting.tell(outcome)

    async def _ask(self) -> Granted:
        """Return what is granted; raises ``NotGranted``. Those who share a refresh token take turns."""
        refresh_token = self._refresh_token
        if refresh_token is None:
            return await ask_for_token(self._client, self._plan, subject_token=self._subject_token)
        async with refresh_token.used():
            try:
                granted = await ask_for_token(self._client, self._plan, refresh_token.value)
            except NotGranted as error:
                if error.code == "invalid_grant":
                    refresh_token.refused()
                raise
            if granted.refresh_token is not None:
                refresh_token.rotate(granted.refresh_token)
            return granted

    def _took(self, granted: Granted) -> Token:
        if self._pause:
            self._told.again()
        self._pause, self.again = 0.0, float("-inf")
        moment = self._clock()
        due = moment + granted.life - min(granted.life * AHEAD, LONGEST_AHEAD)
        self._token = Token(f"authorization: Bearer {granted.token}\r\n".encode("ascii"), due, moment + granted.life)
        return self._token

    def _failed(self, reason: str) -> CallError:
        self._pause = min(max(_FIRST_PAUSE, self._pause * 2), _LONGEST_PAUSE)
        self.again = self._clock() + self._pause
        self._told.failed(reason, self._pause)
        return self._unavailable()

    def _unavailable(self) -> CallError:
        wait = max(0.0, self.again - self._clock())
        return CallError(Cause.CREDENTIALS, "Credentials for the upstream could not be had.", retry_after=wait)

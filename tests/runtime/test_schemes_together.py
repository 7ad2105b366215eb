"""What several schemes come to: which caller is admitted, or which failure is told, at once or after a wait alike."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from aggregator.exchange import Exchange
from aggregator.identity.caller import Caller, Denied, Reason, Refused
from aggregator.plan.incoming.admission import AuthPlan
from aggregator.runtime.admission.gates import AuthGate
from aggregator.runtime.admission.refusals import Refusals
from aggregator.runtime.admission.schemes import Limited, Unavailable
from aggregator.runtime.request.gates import admitted
from aggregator.stores.rate import Rate

Said = Callable[[str], Caller | Exception]


class Scheme:
    """A scheme that says what the test says, at once or once it is awaited."""

    rates: frozenset[Rate] = frozenset()

    def __init__(self, name: str, said: Said, *, waits: bool) -> None:
        self.name = name
        self.challenge = {"a": "Bearer", "b": "APIKey", "c": ""}[name]
        self._said, self._waits = said, waits
        self.asked = 0

    def judge(self, exchange: Exchange) -> Caller | Callable[[], Awaitable[Caller]]:
        """Return or raise what is said; a coroutine does so where it waits."""
        self.asked += 1

        async def later() -> Caller:
            await asyncio.sleep(0)
            return self._verdict()

        return later if self._waits else self._verdict()

    def _verdict(self) -> Caller:
        found = self._said(self.name)
        if isinstance(found, Exception):
            raise found
        return found

    def recall(self, _: Exchange) -> Caller | None:
        """Return nobody: none was here before."""
        return None


def right(name: str) -> Caller:
    """Return a caller of the scheme *name*."""
    places = {"a": (("read", "all"), ("r1",), 30.0), "b": (("write", "read"), ("r2", "r1"), 20.0)}
    scopes, roles, until = places.get(name, ((), (), 40.0))
    return Caller(name, f"of {name}", scopes=scopes, roles=roles, until=until)


def missing(_: str) -> Exception:
    """Return that no credential came."""
    return Refused(Reason.MISSING)


def wrong(_: str) -> Exception:
    """Return that a wrong credential came."""
    return Refused(Reason.UNKNOWN)


def expired(_: str) -> Exception:
    """Return that an old credential came."""
    return Refused(Reason.EXPIRED)


def unsure(_: str) -> Exception:
    """Return that nobody can tell."""
    return Unavailable(1.5)


def limited(_: str) -> Exception:
    """Return that too many wrong ones came."""
    return Limited(2.0)


def denied(_: str) -> Exception:
    """Return that an upstream has refused, with a challenge of its own."""
    return Denied(401, (b"Own",))


def forbidden(_: str) -> Exception:
    """Return that an upstream has refused who is known."""
    return Denied(403)


BOTH = [b"Bearer", b"APIKey"]
BAD_TOKEN = [b'Bearer error="invalid_token"', b"APIKey"]


def told(said: tuple[Said, ...], names: str = "abc", *, waits: bool, **plan: Any) -> tuple[Any, list[int], Exchange]:
    """Return the answer to a caller of whom schemes say so much, how often each was asked, and the exchange."""
    schemes = [Scheme(name, one, waits=waits) for name, one in zip(names, said, strict=False)]
    gate = AuthGate(AuthPlan(tuple(one.name for one in schemes), **plan), schemes, Refusals())
    exchange = Exchange("GET", "/", b"", [])
    answer = asyncio.run(admitted((gate,), exchange))
    return answer, [one.asked for one in schemes], exchange


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize(
    ("said", "plan", "subject", "asked"),
    [
        ((right,), {}, "of a", [1]),
        ((right, right), {}, "of a", [1, 0]),
        ((missing, right), {}, "of b", [1, 1]),
        ((wrong, right), {}, "of b", [1, 1]),
        ((limited, unsure, right), {}, "of c", [1, 1, 1]),
        ((right, right), {"every": True}, "of a", [1, 1]),
        ((right,), {"every": True}, "of a", [1]),
        ((missing, missing), {"optional": True}, None, [1, 1]),
        ((missing, right), {"optional": True}, "of b", [1, 1]),
        ((missing, missing), {"optional": True, "every": True}, None, [1, 1]),
        ((right, right), {"optional": True, "every": True}, "of a", [1, 1]),
    ],
)
def test_a_caller_is_admitted(
    said: tuple[Said, ...], plan: dict[str, Any], subject: str | None, asked: list[int], waits: bool
) -> None:
    """By the first scheme that does, or by every one; by none where all credentials may be missing, and are."""
    answer, found, exchange = told(said, waits=waits, **plan)
    assert (answer, found) == (None, asked)
    assert (None if exchange.caller is None else exchange.caller.subject) == subject


@pytest.mark.parametrize("waits", [False, True])
def test_a_caller_of_every_scheme_may_what_any_of_them_says(waits: bool) -> None:
    """Each scope and each role once, in the order of the schemes, as long as all of them are good."""
    _, _, exchange = told((right, right, right), waits=waits, every=True)
    caller = exchange.caller
    assert caller is not None
    assert (caller.scheme, caller.subject, caller.until) == ("a", "of a", 20.0)
    assert (caller.scopes, caller.roles) == (("read", "all", "write"), ("r1", "r2"))


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize(
    ("said", "plan", "status", "fields", "reason", "asked"),
    [
        ((missing,), {}, 401, [b"Bearer"], ("missing", "a"), [1]),
        ((missing, missing), {}, 401, BOTH, ("missing", "a"), [1, 1]),
        ((wrong, missing), {}, 401, BAD_TOKEN, ("unknown", "a"), [1, 1]),
        ((missing, wrong), {}, 401, BOTH, ("unknown", "b"), [1, 1]),
        ((expired, wrong), {}, 401, BAD_TOKEN, ("expired", "a"), [1, 1]),
        ((wrong, limited, unsure), {}, 429, [b"2"], ("limited", "b"), [1, 1, 1]),
        ((wrong, unsure, missing), {}, 503, [b"2"], ("auth_unavailable", "b"), [1, 1, 1]),
        ((missing, missing, forbidden), {}, 403, [], ("forbidden", "c"), [1, 1, 1]),
        ((missing, missing, denied), {}, 401, [b"Own", *BOTH], ("denied", "c"), [1, 1, 1]),
        ((missing, right), {"every": True}, 401, BOTH, ("missing", "a"), [1, 0]),
        ((right, missing), {"every": True}, 401, BOTH, ("missing", "b"), [1, 1]),
        ((right, wrong, right), {"every": True}, 401, BOTH, ("unknown", "b"), [1, 1, 0]),
        ((wrong,), {"optional": True}, 401, [b'Bearer error="invalid_token"'], ("unknown", "a"), [1]),
        ((missing, wrong), {"optional": True}, 401, BOTH, ("unknown", "b"), [1, 1]),
        ((missing, unsure), {"optional": True}, 503, [b"2"], ("auth_unavailable", "b"), [1, 1]),
        ((missing, right), {"optional": True, "every": True}, 401, BOTH, ("missing", "a"), [1, 1]),
        ((missing, wrong), {"optional": True, "every": True}, 401, BOTH, ("unknown", "b"), [1, 1]),
    ],
)
def test_a_caller_is_refused(
    caplog: pytest.LogCaptureFixture, said: tuple[Said, ...], plan: dict[str, Any], status: int, fields: list[bytes],
    reason: tuple[str, str], asked: list[int], waits: bool,
) -> None:  # fmt: skip
    """With the failure of which there is most to tell; the log has its scheme and its reason, the answer neither."""
    caplog.set_level(logging.INFO, "aggregator.auth")
    answer, found, exchange = told(said, waits=waits, **plan)
    assert (answer.status, found, exchange.caller) == (status, asked, None)
    names = (b"www-authenticate", b"retry-after")
    assert [value for name, value in answer.leading if name in names] == fields
    [record] = caplog.records
    told_of = record.fields  # type: ignore[attr-defined]
    assert (told_of["reason"], told_of["scheme"], told_of["status"]) == (*reason, status)
    assert reason[0] not in str(answer.document) or reason[0] == answer.document["cause"]


def test_who_decides_alone_and_says_no_challenge_is_named() -> None:
    """A 401 always has one (RFC 9110)."""
    answer, _, _ = told((missing,), names="c", waits=False)
    assert [value for name, value in answer.leading if name == b"www-authenticate"] == [b"External"]

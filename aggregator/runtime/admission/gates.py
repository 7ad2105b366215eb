"""The gates of identity: from where, and who; in this order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from msgspec.structs import replace

from aggregator.causes import Cause
from aggregator.edge.networks import Networks
from aggregator.exchange import Exchange
from aggregator.identity.caller import Caller, Denied, Reason, Refused
from aggregator.plan.incoming.admission import AuthPlan
from aggregator.runtime.admission.refusals import Refusals
from aggregator.runtime.admission.schemes import Later, Limited, Scheme, Unavailable
from aggregator.runtime.answers.answer import Answer, problem
from aggregator.runtime.request.gates import InTask, Verdict

UNKNOWN = "This needs a valid credential."
UNSURE = "Whether the credential is valid cannot be told now."
TOO_OFTEN = "Too many wrong credentials came from your address."
UNDER_WAY = "This delivery is being answered already."
NOT_ALLOWED = "You are not allowed to do this."
NOT_FROM_HERE = "This may not be called from your address."


class NetworkGate:
    """Only *allow*, and never *deny*."""

    def __init__(self, allow: Networks | None, deny: Networks | None, refusals: Refusals) -> None:
        self._allow, self._deny = allow, deny
        self._refusals = refusals

    def check(self, exchange: Exchange) -> Verdict:
        """Return 403 for a client that is not welcome."""
        if (self._deny is not None and self._deny.holds(exchange.client)) or (
            self._allow is not None and not self._allow.holds(exchange.client)
        ):
            self._refusals.tell(exchange, 403, Cause.FORBIDDEN, "network", "")
            return problem(403, NOT_FROM_HERE, request_id=exchange.id, cause=Cause.FORBIDDEN.value)
        return None


class AuthGate:
    """Asks the schemes of *plan*; the caller that they admit stands in the exchange.

    With *any*, the first that admits decides; a scheme that was sent no credential is passed over. With *all*, each has
    to, and the subject is that of the first. What nearly fitted is said to nobody.
    """

    def __init__(self, plan: AuthPlan, schemes: Sequence[Scheme], refusals: Refusals) -> None:
        self._plan = plan
        self._refusals = refusals
        self._schemes = tuple(schemes)
        first_decides = (len(schemes) == 1 or not plan.every) and not plan.reads_body
        self._recall = schemes[0].recall if first_decides else _nobody
        challenges = dict.fromkeys(scheme.challenge for scheme in schemes if scheme.challenge)
        self._challenges = tuple((b"www-authenticate", challenge.encode()) for challenge in challenges)
        self._of_tokens = frozenset(scheme.name for scheme in schemes if scheme.challenge == "Bearer")

    def check(self, exchange: Exchange) -> Verdict:
        """Return None when a caller is admitted, 401 or 503 otherwise."""
        try:
            known = self._recall(exchange)
        except Refused:
            known = None  # what it is refused for is found again, and counted
        if known is None:
            return self._judged(exchange)
        exchange.caller = known  # as nearly always
        return None

    def _judged(self, exchange: Exchange) -> Verdict:
        """Return the verdict of a request whose credential has to be looked at."""
        tally = _Tally(self._plan)
        for number, scheme in enumerate(self._schemes):
            judged = _ask(scheme, exchange)
            if callable(judged):
                return InTask(partial(self._go_on, exchange, number, judged, tally))
            if tally.decides(judged, scheme.name):
                break
        return self._verdict(exchange, tally)

    async def _go_on(self, exchange: Exchange, number: int, later: Later, tally: _Tally) -> Answer | None:
        """Return the verdict once *later*, of the scheme *number*, and those behind it have been heard."""
        decided = tally.decides(await _settled(later), self._schemes[number].name)
        while not decided and (number := number + 1) < len(self._schemes):
            scheme = self._schemes[number]
            judged = _ask(scheme, exchange)
            decided = tally.decides(await _settled(judged) if callable(judged) else judged, scheme.name)
        return self._verdict(exchange, tally)

    def _verdict(self, exchange: Exchange, tally: _Tally) -> Answer | None:
        callers, failure = tally.callers, tally.failure
        wanted = len(self._schemes) if self._plan.every else 1
        if len(callers) == wanted:
            exchange.caller = callers[0] if wanted == 1 else _together(callers)
            return self._begun(exchange) if self._plan.reads_body else None
        if self._plan.optional and not callers and (failure is None or _is_missing(failure)):
            return None
        if isinstance(failure, Limited):
            self._refusals.tell(exchange, 429, Cause.LIMITED, Cause.LIMITED.value, tally.scheme)
            return _refused_for(exchange, 429, TOO_OFTEN, failure.retry_after, Cause.LIMITED)
        if isinstance(failure, Unavailable):
            self._refusals.tell(exchange, 503, Cause.AUTH_UNAVAILABLE, Cause.AUTH_UNAVAILABLE.value, tally.scheme)
            return _refused_for(exchange, 503, UNSURE, failure.retry_after, Cause.AUTH_UNAVAILABLE)
        if isinstance(failure, Denied) and failure.status == 403:
            self._refusals.tell(exchange, 403, Cause.FORBIDDEN, failure.reason.value, tally.scheme)
            return problem(403, NOT_ALLOWED, request_id=exchange.id, cause=Cause.FORBIDDEN.value)
        reason = failure.reason if isinstance(failure, Refused) else Reason.MISSING
        self._refusals.tell(exchange, 401, Cause.UNAUTHENTICATED, reason.value, tally.scheme)
        cause = Cause.UNAUTHENTICATED.value
        return problem(401, UNKNOWN, request_id=exchange.id, headers=self._said(tally), cause=cause)

    def _begun(self, exchange: Exchange) -> Answer | None:
        """Return None for a delivery that is to be answered now.

        One that was answered well before gets 200, so that its sender ends; one that is being answered gets 409, since
        nobody knows yet how that ends, and its sender comes again.
        """
        begun = "first" if exchange.delivery is None else exchange.delivery.begin()
        if begun == "first":
            return None
        if begun == "answered":
            self._refusals.tell_repeat(exchange)
            return Answer(200, [(b"cache-control", b"no-store")], b"")
        self._refusals.tell(exchange, 409, Cause.UNDER_WAY, Cause.UNDER_WAY.value, exchange.caller.scheme)
        return _refused_for(exchange, 409, UNDER_WAY, 1, Cause.UNDER_WAY)

    def _said(self, tally: _Tally) -> tuple[tuple[bytes, bytes], ...]:
        """Return the challenges; RFC 6750 §3.1 names an error only where a token came.

        There is always one (RFC 9110 §15.5.2): where an upstream decides, and says none, that is what is said.
        """
        came = not self._of_tokens.isdisjoint(tally.came)
        passed = tally.failure.challenges if isinstance(tally.failure, Denied) else ()
        said = tuple((b"www-authenticate", value) for value in passed) + tuple(
            (name, value + b' error="invalid_token"' if came and value == b"Bearer" else value)
            for name, value in self._challenges
        )
        return said or ((b"www-authenticate", b"External"),)


def _refused_for(exchange: Exchange, status: int, detail: str, seconds: float, cause: Cause) -> Answer:
    """Return a refusal that holds for some *seconds*."""
    wait = (b"retry-after", b"%d" % math.ceil(seconds))
    return problem(status, detail, request_id=exchange.id, headers=[wait], cause=cause.value)


class _Tally:
    """The verdicts of schemes so far: the admitted callers, and the failure for the answer, with its scheme.

    *came* are the schemes whose credential came and is not right.
    """

    __slots__ = ("_every", "_optional", "callers", "came", "failure", "scheme")

    def __init__(self, plan: AuthPlan) -> None:
        self._every, self._optional = plan.every, plan.optional
        self.callers: list[Caller] = []
        self.came: list[str] = []
        self.failure: BaseException | None = None
        self.scheme = ""

    def decides(self, judged: Caller | BaseException, scheme: str) -> bool:
        """Record *judged*, the verdict of *scheme*; return whether no other scheme needs to be asked.

        Who is optional may send none of all credentials, and none but right ones: the others are looked at, too.
        """
        if isinstance(judged, Caller):
            self.callers.append(judged)
            return not self._every
        if not _is_missing(judged):
            self.came.append(scheme)
        worse = _worse(self.failure, judged)
        if worse is not self.failure:
            self.failure, self.scheme = worse, scheme
        return self._every and not (self._optional and _is_missing(judged))


def _nobody(_: Exchange) -> None:
    """Recall nobody: more than one credential, or the body, has to be looked at."""


def _ask(scheme: Scheme, exchange: Exchange) -> Caller | Later | BaseException:
    try:
        return scheme.judge(exchange)
    except (Refused, Unavailable, Limited) as error:
        return error


async def _settled(later: Later) -> Caller | BaseException:
    try:
        return await later()
    except (Refused, Unavailable, Limited) as error:
        return error


def _is_missing(failure: BaseException) -> bool:
    return isinstance(failure, Refused) and failure.reason is Reason.MISSING


def _worse(before: BaseException | None, now: BaseException) -> BaseException:
    """Return which of two failures the answer tells: the one that ranks higher, the first of equal ones."""
    return now if before is None or _rank(now) > _rank(before) else before


def _rank(failure: BaseException) -> int:
    """Return how much there is to tell of *failure*: too often, not known now, a credential that came, none at all."""
    if isinstance(failure, Limited):
        return 3
    return 2 if isinstance(failure, Unavailable) else 0 if _is_missing(failure) else 1


def _together(callers: list[Caller]) -> Caller:
    """Return one caller: subject and claims of the first, scopes and roles of all."""
    first = callers[0]
    scopes = tuple(dict.fromkeys(scope for caller in callers for scope in caller.scopes))
    roles = tuple(dict.fromkeys(role for caller in callers for role in caller.roles))
    until = min(caller.until for caller in callers)
    return replace(first, scopes=scopes, roles=roles, until=until)

"""An upstream decides who is admitted: 2xx admits, 401 and 403 refuse, and anything else is no answer."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from aggregator.errors import AggregatorError, CallError, ExpressionError
from aggregator.exchange import Exchange, State
from aggregator.http import first
from aggregator.identity.caller import Caller, Denied, Reason, Refused, texts_of
from aggregator.parts.frame import Frame, Part
from aggregator.parts.names import Names
from aggregator.parts.result import Result
from aggregator.plan.schemes import ExternalPlan
from aggregator.runtime.admission.asked.asking import SOON, Asking, Unanswered
from aggregator.runtime.admission.schemes import Later
from aggregator.stores.rate import Rate
from aggregator.templates import MISSING, Expression
from aggregator.templates.expressions.data import kind_of

_CHALLENGE = b"www-authenticate"
_LONGEST = 60.0


class ExternalScheme:
    """Requests that *part*, a call, is asked about; *asking* remembers what it said."""

    challenge = ""
    rates: frozenset[Rate] = frozenset()

    def __init__(self, plan: ExternalPlan, part: Part, asking: Asking) -> None:
        self.name = plan.name
        self._plan = plan
        self._part = part
        self._asking = asking

    def judge(self, exchange: Exchange) -> Caller | Later:
        """Return the caller, at once when the same headers were judged a moment ago; raises ``Refused``."""
        credential = self._credential(exchange)
        known = self._asking.known(credential)
        if known is not None:
            return known
        return partial(self._asking.settled, credential, partial(self._ask, exchange), exchange.deadline)

    def recall(self, exchange: Exchange) -> Caller | None:
        """Return the caller if the same headers were right a moment ago; raises ``Refused``."""
        return self._asking.known(self._credential(exchange))

    def _credential(self, exchange: Exchange) -> bytes:
        """Return the fields that the upstream sees, as a text that no others make; raises ``Refused`` without any."""
        fields = [(name, value) for name, value in exchange.header_list if name in self._plan.fields]
        if not fields:
            raise Refused(Reason.MISSING)
        return b"".join(b"%d:%b%d:%b" % (len(name), name, len(value), value) for name, value in fields)

    async def _ask(self, exchange: Exchange) -> Caller:
        result = await self._result(exchange)
        if result.state is State.OK:
            return self._admitted(result).told_apart(self._credential(exchange))
        if result.status in (401, 403):
            raise Denied(result.status, tuple(value for name, value in result.headers if name == _CHALLENGE))
        reason = str(result.error or f"it answered with status {result.status}")
        raise Unanswered(reason, min(max(SOON, _wait(result)), _LONGEST))

    async def _result(self, exchange: Exchange) -> Result:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Result] = loop.create_future()
        frame = Frame(exchange, Names(exchange), loop.time() + self._plan.timeout, loop)
        started = self._part.start(frame, lambda result: None if done.done() else done.set_result(result))
        try:
            return await done
        except BaseException:
            if started is not None:
                started.cancel()
            raise

    def _admitted(self, result: Result) -> Caller:
        plan, names = self._plan, {"response": result.view()}
        try:
            subject, scopes, roles = (_value(each, names) for each in (plan.subject, plan.scopes, plan.roles))
            subject = _subject(subject)
        except AggregatorError:
            raise Unanswered("its answer does not have what the scheme takes from it") from None
        return Caller(self.name, subject, scopes=texts_of(scopes), roles=texts_of(roles))


def _subject(value: Any) -> str:
    """Return *value* as the name of a caller, empty for none; raise ``ExpressionError`` for what is no name."""
    if value is None or value is MISSING:
        return ""
    if isinstance(value, str) or type(value) is int:
        return str(value)
    raise ExpressionError(f"a subject is a text, not {kind_of(value)}")


def _wait(result: Result) -> float:
    """Return the seconds that *result* names until another try: the upstream does, or what kept the call from it."""
    wait = first(result.headers, b"retry-after") or b""
    if wait.isdigit() and len(wait) < 6:
        return float(wait)
    return (isinstance(result.error, CallError) and result.error.retry_after) or 0.0


def _value(expression: Expression | None, names: dict[str, Any]) -> Any:
    return None if expression is None else expression.evaluate(names)

"""The gates of guards: what else has to be true of a request, by who calls, or by what was sent."""

from __future__ import annotations

from aggregator.causes import Cause
from aggregator.errors import AggregatorError, CallError
from aggregator.exchange import Exchange
from aggregator.identity.caller import NOBODY, Caller
from aggregator.parts.names import Names
from aggregator.plan.incoming.admission import GuardPlan
from aggregator.runtime.admission.refusals import Refusals
from aggregator.runtime.answers.answer import Answer, problem
from aggregator.runtime.request.gates import Gate
from aggregator.runtime.request.inputs import Inputs

_PASSED = 256
"""Callers that guards remember to have let pass."""


def guard_gate(guards: tuple[GuardPlan, ...], refusals: Refusals) -> Gate:
    """Return the gate of *guards*, which read nothing that has to be valid."""
    gate = GuardGate(guards, refusals)
    return CallerGuardGate(gate) if gate.reads_auth_alone else gate


class GuardGate:
    """A gate of expressions that must be true, in order; null, an error and any other value refuse."""

    def __init__(self, guards: tuple[GuardPlan, ...], refusals: Refusals) -> None:
        self._guards = guards
        self._refusals = refusals
        roots = [reference[0] for guard in guards for reference in guard.that.references]
        self._reads_auth = "auth" in roots
        self.reads_auth_alone = self._reads_auth and set(roots) == {"auth"}

    def check(self, exchange: Exchange) -> Answer | None:
        """Return the refusal of the first guard that does not hold."""
        names = Names(exchange)
        if self._reads_auth and "auth" not in exchange.params:
            names["auth"] = NOBODY if exchange.caller is None else exchange.caller.names
        for guard in self._guards:
            try:
                holds = _holds(guard, names)
            except CallError as error:
                return problem(504, error.message, request_id=exchange.id, cause=error.cause.value)
            if not holds:
                scheme = "" if exchange.caller is None else exchange.caller.scheme
                reason = f"require: {guard.that.source}"
                self._refusals.tell(exchange, guard.status, Cause.FORBIDDEN, reason, scheme)
                cause = Cause.FORBIDDEN.value
                return problem(guard.status, guard.detail, request_id=exchange.id, headers=guard.headers, cause=cause)
        return None


class CallerGuardGate:
    """Guards that read nothing but who calls: whoever passed them once is let pass, as long as it is the same caller.

    That is so while the credential is remembered; one that is judged anew is another caller, whatever it is called.
    """

    def __init__(self, guards: GuardGate) -> None:
        self._guards = guards
        self._passed: dict[int, Caller] = {}

    def check(self, exchange: Exchange) -> Answer | None:
        """Return the refusal of the first guard that does not hold."""
        caller = exchange.caller
        if id(caller) in self._passed:
            return None
        verdict = self._guards.check(exchange)
        if verdict is None and caller is not None:
            if len(self._passed) >= _PASSED:
                self._passed.clear()
            self._passed[id(caller)] = caller  # itself, so that no other one gets its number
        return verdict


class InputGuardGate:
    """Guards that read what the endpoint declares: *inputs*, of which they are sure then."""

    def __init__(self, inputs: Inputs, guards: GuardGate) -> None:
        self._inputs, self._guards = inputs, guards

    def check(self, exchange: Exchange) -> Answer | None:
        """Return the refusal of a guard; raises ``Refusal`` (422) for a request that does not fit what they read."""
        self._inputs.accept(exchange)
        verdict = self._guards.check(exchange)
        exchange.forget_typed()  # all of it is typed at once, when nothing refuses any more
        return verdict


def _holds(guard: GuardPlan, names: Names) -> bool:
    """Return whether *guard* holds; raise ``CallError`` (``deadline``) when there is no time left to know."""
    try:
        return guard.that.evaluate(names) is True
    except CallError:
        raise
    except AggregatorError:
        return False

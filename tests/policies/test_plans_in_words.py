"""Plans of policies: what `explain` says of them, how long a reply is of use, and how high a pressure is."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from aggregator.policies.cache.plan import (
    AnswerCachePlan,
    AnswerKeyPlan,
    CachePlan,
    ElementsPlan,
    LastGoodPlan,
    cache_text,
    with_code,
)
from aggregator.policies.call_budget.plan import CallBudgetPlan
from aggregator.policies.degrade.plan import DegradePlan
from aggregator.policies.hedge.plan import HedgePlan
from aggregator.policies.hedge.settings import quantile_of

USUAL = (("200", 60.0), ("404", 10.0), ("5xx", 5.0))


@pytest.mark.parametrize(
    ("plan", "text"),
    [
        (CachePlan(USUAL), "60s (404 10s, 5xx 5s)"),
        (CachePlan((("200", 60.0),), stale=5.0, on_error=3600.0), "60s, stale 5s, on_error 1h"),
        (CachePlan((("200", 60.0),), on_error=300.0, shared=True), "60s, on_error 300s, shared"),
        (CachePlan((("404", 10.0),), stale=5.0), "(404 10s), stale 5s"),
        (CachePlan((), obeys=True), "as RFC 9111 says"),
        (CachePlan(USUAL[1:2], obeys=True, shared=True), "as RFC 9111 says (404 10s), shared"),
        (CachePlan((("200", 60.0),), elements=ElementsPlan(None, "id", ",", b"")), "60s of each key"),
    ],
)
def test_a_cache_in_words(plan: CachePlan, text: str) -> None:
    """How long, of which statuses, and how much longer."""
    assert cache_text(plan) == text


@pytest.mark.parametrize(
    ("status", "seconds"), [(200, 60.0), (404, 10.0), (500, 5.0), (599, 5.0), (201, 0.0), (400, 0.0), (499, 0.0)]
)
def test_how_long_a_reply_is_kept(status: int, seconds: float) -> None:
    """By its status, else by its class; it is of use as much longer as the longer allowance is."""
    for _ in range(2):
        assert CachePlan(USUAL).seconds(status) == seconds
        assert CachePlan(USUAL, stale=5.0, on_error=7.0).life(status) == seconds + 7.0
        assert CachePlan(USUAL, stale=5.0).life(status) == seconds + 5.0


def test_a_status_of_its_own_is_before_its_class() -> None:
    """Whichever stands first, and though it is not kept."""
    plan = CachePlan((("5xx", 5.0), ("503", 0.0)))
    assert [plan.seconds(status) for status in (500, 503, 503)] == [5.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("plan", "vary", "words"),
    [
        (AnswerKeyPlan(b""), (), ("path",)),
        (AnswerKeyPlan(b"", query=None), (), ("path", "query")),
        (AnswerKeyPlan(b"", headers=None), (b"*",), ("path", "headers")),
        (AnswerKeyPlan(b"", query=("q", "p"), headers=("x-a",), cookies=("s",)), (b"x-a", b"cookie"),
         ("path", "query.q", "query.p", "headers.x-a", "cookies.s")),
        (AnswerKeyPlan(b"", headers=("cookie",), cookies=("s",)), (b"cookie",), ("path", "headers.cookie", "cookies.s")),
        (AnswerKeyPlan(b"", request=("client",)), (b"*",), ("path", "request.client")),
        (AnswerKeyPlan(b"", request=("method",), auth=("subject",), identity=True, body=True), (),
         ("path", "request.method", "auth.subject", "caller", "body")),
    ],
)  # fmt: skip
def test_the_key_of_an_answer(plan: AnswerKeyPlan, vary: tuple[bytes, ...], words: tuple[str, ...]) -> None:
    """In words, and as caches on the way are told of it."""
    assert (plan.vary, plan.words) == (vary, words)


def test_other_code_of_plugins_has_other_keys() -> None:
    """And none changes nothing."""
    plan = AnswerCachePlan(CachePlan(USUAL), AnswerKeyPlan(b"start "))
    assert with_code(plan, b"") is plan
    assert with_code(plan, b"code") == replace(plan, key=AnswerKeyPlan(b"start code"))


@pytest.mark.parametrize(("shared", "words"), [(False, "last_good 1h"), (True, "last_good 1h, shared")])
def test_a_last_good_value_in_words(shared: bool, words: str) -> None:
    """How long, and where."""
    assert LastGoodPlan(3600.0, AnswerKeyPlan(b""), shared=shared).words == words


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (HedgePlan(0.2, 0.0, 0.0, "always"), "hedge after 200ms, of 5%"),
        (HedgePlan(None, 0.95, 0.02, "with_key"), "hedge with an idempotency-key after p95, 20ms at least, of 5%"),
    ],
)
def test_a_hedge_in_words(plan: HedgePlan, words: str) -> None:
    """After what time, and of how many."""
    assert plan.words(0.05) == words


@pytest.mark.parametrize(
    ("after", "quantile"), [("p95", 0.95), ("p50", 0.5), ("p5", None), ("p100", None), ("95ms", None)]
)
def test_the_quantile_of_a_hedge(after: str, quantile: float | None) -> None:
    """By two digits."""
    assert quantile_of(after) == quantile


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (CallBudgetPlan(1), "call_budget 1 call, over: fail"),
        (CallBudgetPlan(40, 20 * 2**20, cuts=True), "call_budget 40 calls, 20MiB, over: cut"),
        (CallBudgetPlan(None, 1024), "call_budget 1KiB, over: fail"),
    ],
)
def test_a_call_budget_in_words(plan: CallBudgetPlan, words: str) -> None:
    """How much, and what becomes of more."""
    assert plan.words == words


@pytest.mark.parametrize(
    ("plan", "words", "load"),
    [
        (DegradePlan(in_flight=100), "in_flight 100", (0.5, "in_flight")),
        (DegradePlan(queue=10), "queue 10", (2.0, "queue")),
        (DegradePlan(loop_lag=0.1), "loop_lag 100ms", (1.0, "loop_lag")),
        (DegradePlan(100, 10, 0.1), "in_flight 100, queue 10, loop_lag 100ms", (2.0, "queue")),
        (DegradePlan(25, 10, 0.1), "in_flight 25, queue 10, loop_lag 100ms", (2.0, "queue")),
        (DegradePlan(20, 100, None), "in_flight 20, queue 100", (2.5, "in_flight")),
    ],
)
def test_degradation_in_words_and_numbers(plan: DegradePlan, words: str, load: tuple[float, str]) -> None:
    """The highest of what is measured, as a multiple of its limit."""
    assert (plan.words, plan.load(50, 20, 0.1)) == (words, load)

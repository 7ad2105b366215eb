"""`explain` tells what several processes count together, and what each has for itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator.plan.explaining.explain import explain
from aggregator.plan.explaining.sharing import sharing_words
from aggregator.plan.explaining.summary import notes_of
from aggregator.plan.explaining.text import explanation_text

TEXT = """
upstreams: {a: {url: "http://a.test", breaker: {failures: 5}, retry: 1, rate_limit: 5/s, cache: {ttl: 10s}}}
endpoints: {GET /a: {rate_limit: 5/s, concurrency: 3, call: "a:/a"}, GET /b: {respond: {body: 1}}, GET /c: {call: "a:/c"}}
"""
APART = "cache, retry budget, breaker"


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ("store: redis://user:secret@cache.test", "redis://cache.test:6379"),
        ("store: unix:///run/valkey.sock", "unix:///run/valkey.sock"),
        ("server: {workers: 2}", "the supervisor"),
    ],
)
def test_what_is_shared(plan_of, more: str, place: str) -> None:
    """Limits are counted in one place, which is named without a password; the rest is not shared."""
    pytest.importorskip("redis")
    plan = plan_of(f"{more}\n{TEXT}")
    limited, plain, calling = plan.endpoints
    words = sharing_words(limited, plan)
    assert words == (
        f"limits are counted by all processes together, in {place}; while it is away each grants its share",
        f"what one process purges all forget, told by way of {place}",
        f"each process has for itself: concurrency, {APART}",
    )
    explanation = explain(limited, plan.secrets, sharing=words)
    assert "\nSeveral processes\n  limits are counted" in explanation_text(explanation)
    assert explanation.as_dict()["sharing"] == list(words)
    assert sharing_words(plain, plan) == ()
    assert sharing_words(calling, plan)[:2] == words[:2]


def test_replies_that_are_kept_for_all(plan_of) -> None:
    """They are no cache of each process, and the step says so, too."""
    shared = TEXT.replace("{ttl: 10s}", "{ttl: 10s, shared: true}")
    plan = plan_of(f"server: {{workers: 2}}\n{shared}")
    kept = "replies are kept for all processes, in the supervisor; while it is away each has only its own"
    words = sharing_words(plan.endpoints[0], plan)
    assert kept in words
    assert sum(word.startswith("of processes that lack the same at once one fetches it") for word in words) == 1
    assert words[-1] == "each process has for itself: concurrency, retry budget, breaker"
    assert "cache 10s, shared" in explanation_text(explain(plan.endpoints[0], plan.secrets, sharing=words))


def test_answers_that_are_kept_for_all(plan_of) -> None:
    """They are named beside replies."""
    text = TEXT.replace("{ttl: 10s}", "{ttl: 10s, shared: true}").replace(
        "concurrency: 3,", "concurrency: 3, cache: {ttl: 5s, shared: true},"
    )
    plan = plan_of(f"server: {{workers: 2}}\n{text}")
    words = sharing_words(plan.endpoints[0], plan)
    kept = "answers, replies are kept for all processes, in the supervisor; while it is away each has only its own"
    assert kept in words
    assert words[-1] == "each process has for itself: concurrency, retry budget, breaker"


@pytest.mark.parametrize(("more", "is_shared"), [("", False), (", shared: true", True)])
def test_last_good_values_are_shared_or_not(plan_of, more: str, is_shared: bool) -> None:
    """The step says how long, and whether others have them."""
    text = f"""
    server: {{workers: 2}}
    upstreams: {{fx: {{url: "http://fx.test"}}}}
    endpoints: {{GET /a: {{fan_out: {{rates: {{url: "fx:/", last_good: {{ttl: 6h{more}}}}}}}}}}}
    """
    plan = plan_of(text)
    (words,) = sharing_words(plan.endpoints[0], plan)
    kept = "last good values are kept for all processes, in the supervisor; while it is away each has only its own"
    assert words == (kept if is_shared else "each process has for itself: last good values")
    text = explanation_text(explain(plan.endpoints[0], plan.secrets, sharing=(words,)))
    assert f"last_good 6h{', shared' if is_shared else ''} →" in text


def test_answers_by_key_that_all_machines_share(plan_of) -> None:
    """It is said what happens while the store is away."""
    pytest.importorskip("redis")
    text = "endpoints: {POST /a: {idempotency: {ttl: 1h}, respond: {status: 204}}}"
    plan = plan_of(f"server: {{idempotency: {{store: shared}}}}\nstore: redis://cache.test\n{text}")
    (words,) = sharing_words(plan.endpoints[0], plan)
    assert words.startswith("answers by idempotency key are kept for all processes, in redis://cache.test:6379; while")


def test_wrong_credentials_are_counted_together(plan_of, tmp_path: Path) -> None:
    """Where the scheme of an endpoint limits them; one that limits none shares nothing."""
    (tmp_path / "keys.yaml").write_text(f"- {{name: ann, sha256: {64 * 'a'}}}\n")
    text = """
    server: {workers: 2}
    auth:
      strict: {api_key: {header: x-api-key, keys: {file: keys.yaml}}}
      loose: {api_key: {header: x-api-key, keys: {file: keys.yaml}}, failures: none}
    endpoints: {GET /a: {auth: strict, respond: {body: 1}}, GET /b: {auth: loose, respond: {body: 1}}}
    """
    plan = plan_of(text)
    told = "wrong credentials are counted by all processes together, in the supervisor; while it is away by each alone"
    assert [sharing_words(endpoint, plan) for endpoint in plan.endpoints] == [(told,), ()]


def test_a_store_elsewhere_keeps_switches(plan_of) -> None:
    """So that nothing has to be said of a restart."""
    pytest.importorskip("redis")
    admin = 'server: {admin: {address: "127.0.0.1:0", secret: the-secret-of-this-file}}'
    assert len(notes_of(plan_of(f"{admin}\n{TEXT}"))) == 1
    assert notes_of(plan_of(f"{admin}\nstore: unix:///run/valkey.sock\n{TEXT}")) == []


def test_one_process_shares_nothing(plan_of) -> None:
    """Nothing is said then."""
    plan = plan_of(TEXT)
    assert sharing_words(plan.endpoints[0], plan) == ()

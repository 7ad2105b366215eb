"""Who was right before is found before anything is judged, and no longer than that holds."""

from __future__ import annotations

import hashlib
from types import SimpleNamespace
from typing import Any

import pytest
from joserfc import jwk, jws

from aggregator.exchange import Exchange
from aggregator.identity.caller import Caller, Reason, Refused
from aggregator.identity.keys import KeyEntry
from aggregator.identity.keysets import shared_secret
from aggregator.identity.tokens import TokenRules
from aggregator.plan.incoming.admission import GuardPlan
from aggregator.plan.schemes import ApiKeyPlan, JwtPlan
from aggregator.plan.serving import BackgroundPlan
from aggregator.runtime.admission.bearer import JwtScheme
from aggregator.runtime.admission.building import Means, build_schemes
from aggregator.runtime.admission.guards import guard_gate
from aggregator.runtime.admission.keysource import FixedKeys
from aggregator.runtime.admission.schemes import ApiKeyScheme, Clocks
from aggregator.runtime.answers.answer import PRIVATE
from aggregator.runtime.background.effects import EffectQueue
from aggregator.runtime.plugins.functions import Plugins
from aggregator.runtime.resources import Resources
from aggregator.runtime.stack.endpoint import build_endpoint
from aggregator.templates.expressions.expression import compile_expression

from .conftest import Clock

KEY = b"agk_a-key-of-these-tests"


SILENT: Any = SimpleNamespace(tell=lambda *_: None)


class Wall:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def asked(*fields: tuple[bytes, bytes], caller: Caller | None = None) -> Exchange:
    """Return a request with *fields* of *caller*."""
    exchange = Exchange("GET", "/", b"", [*fields])
    exchange.caller = caller
    return exchange


def sent(key: bytes) -> Exchange:
    """Return a request with the key *key*."""
    return asked((b"x-api-key", key))


@pytest.fixture
def wall() -> Wall:
    """The clock of the schemes."""
    return Wall()


@pytest.fixture
def keys(wall: Wall) -> ApiKeyScheme:
    """A scheme whose one key is good from 50 up to 200."""
    entry = KeyEntry("acme", hashlib.sha256(KEY).digest(), not_before=50.0, not_after=200.0)
    return ApiKeyScheme(ApiKeyPlan("partners", "header", "x-api-key", (entry,)), Clocks(wall, wall))


def test_a_right_key_is_hashed_once(keys: ApiKeyScheme, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was right is found by itself; what was wrong is hashed each time, and never found."""
    hashed: list[bytes] = []
    sha256 = hashlib.sha256

    def counted(data: bytes) -> Any:
        hashed.append(data)
        return sha256(data)

    monkeypatch.setattr("aggregator.identity.keys._sha256", counted)
    assert keys.recall(sent(KEY)) is None
    caller = keys.judge(sent(KEY))
    assert [keys.recall(sent(KEY)) for _ in range(3)] == [caller] * 3
    for wrong in (KEY[:-1] + b"~", KEY + b" ", KEY.upper(), b""):
        for _ in range(2):
            with pytest.raises(Refused):
                keys.judge(sent(wrong))
            assert keys.recall(sent(wrong)) is None
    assert hashed.count(KEY) == 1
    assert len(hashed) == 9


@pytest.mark.parametrize(("moment", "reason"), [(200.0, Reason.EXPIRED), (49.0, Reason.NOT_YET_VALID)])
def test_a_key_is_remembered_in_its_time(keys: ApiKeyScheme, wall: Wall, moment: float, reason: Reason) -> None:
    """Whichever way the clock goes, a key that was right before is asked for its time."""
    keys.judge(sent(KEY))
    wall.now = moment
    assert keys.recall(sent(KEY)) is None
    with pytest.raises(Refused) as refused:
        keys.judge(sent(KEY))
    assert refused.value.reason is reason


def test_a_key_beside_another_is_none(keys: ApiKeyScheme) -> None:
    """Two lines of one name are no credential, even where the first is remembered."""
    keys.judge(sent(KEY))
    with pytest.raises(Refused):
        keys.recall(asked((b"x-api-key", KEY), (b"x-api-key", b"other")))


def test_a_token_is_kept_once_however_it_is_written(wall: Wall) -> None:
    """Whoever writes `bearer`, or more blanks, is remembered as the same caller."""
    secret = "a secret of an issuer, as long as its hash is"
    key = jwk.OctKey.import_key(secret)
    claims = '{"iss":"i","sub":"ada","aud":"shop","exp":900}'
    token = str(jws.serialize_compact({"alg": "HS256"}, claims, key, ["HS256"]))
    rules = TokenRules("i", ("shop",), algorithms=("HS256",))
    scheme = JwtScheme(JwtPlan("t", rules), FixedKeys(shared_secret(secret.encode(), ("HS256",))), Clocks(wall, wall))
    first = scheme.judge(asked((b"authorization", b"bEARER   " + token.encode())))
    assert isinstance(first, Caller)
    for word in (b"Bearer ", b"bearer ", b"BEARER     "):
        assert scheme.recall(asked((b"authorization", word + token.encode()))) is first
    wall.now = 930.0  # with the leeway
    assert scheme.recall(asked((b"authorization", b"Bearer " + token.encode()))) is None


def guard(text: str) -> Any:
    """Return the gate of one guard."""
    return guard_gate((GuardPlan(compile_expression(text), 403, "No."),), SILENT)


def test_a_guard_lets_a_caller_pass_and_no_other() -> None:
    """Of two callers who are told alike each is judged by what is known of it; who was refused is judged again."""
    gate = guard("'read' in auth.scopes")
    right, wrong = Caller("a", "ada", scopes=("read",)), Caller("a", "ada")
    for _ in range(3):
        assert gate.check(asked(caller=right)) is None
        assert gate.check(asked(caller=wrong)).status == 403
        assert gate.check(asked()).status == 403


def test_a_guard_of_the_caller_alone_is_evaluated_once() -> None:
    """One that reads anything else is asked for each request."""
    evaluated: list[str] = []
    for text in ("auth.subject == 'ada'", "auth.subject == headers['x-user']"):
        expression = compile_expression(text)
        evaluate = expression.evaluate

        def counted(names: Any, evaluate: Any = evaluate, text: str = text) -> Any:
            evaluated.append(text)
            return evaluate(names)

        that = compile_expression(text)
        counting = type(that)(that.source, that.references, counted)
        gate, caller = guard_gate((GuardPlan(counting, 403, "No."),), SILENT), Caller("a", "ada")
        for user in (b"ada", b"ada", b"eve"):
            verdict = gate.check(asked((b"x-user", user), caller=caller))
            assert (verdict is None) == (user == b"ada" or "headers" not in text)
    assert [text.partition(" ==")[2] for text in evaluated] == [" 'ada'"] + [" headers['x-user']"] * 3


def test_good_answers_are_private_as_they_are_made(
    plan_of: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is done to the good answers of an endpoint with callers; a refusal forbids to keep it."""
    monkeypatch.setattr("aggregator.runtime.admission.refusals.Refusals.tell", lambda *_: None)
    (tmp_path / "keys.yaml").write_text(f"- {{name: acme, sha256: {hashlib.sha256(KEY).hexdigest()}}}\n")
    scheme = "auth: {p: {api_key: {header: x-api-key, keys: {file: keys.yaml}}}}\n"
    plan = plan_of(f"{scheme}endpoints: {{GET /x: {{auth: p, respond: {{body: ok}}}}}}")
    resources = Resources(lambda _: None, Plugins(), EffectQueue(BackgroundPlan()), plan.server)  # type: ignore[arg-type,return-value]
    means = Means(resources.states, lambda: None, lambda _: None)  # type: ignore[arg-type,return-value]
    resources.judge_callers(build_schemes(plan.schemes, means))
    handler, loop, answers = build_endpoint(plan.endpoints[0], resources), Clock(), []
    for key in (KEY, KEY, KEY[:-1]):  # judged, remembered, and refused
        asked = sent(key)
        exchange = handler.open(asked.method, asked.path, asked.query_string, asked.header_list, (), loop.time())
        handler.begin(exchange, loop, lambda answer, _: answers.append(answer))  # type: ignore[union-attr]
    assert [answer.tail is PRIVATE for answer in answers] == [True, True, False]
    said = [dict(answer.headers)[b"cache-control"] for answer in answers]
    assert said == [b"private", b"private", b"no-store"]

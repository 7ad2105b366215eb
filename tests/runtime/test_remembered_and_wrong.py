"""What is remembered of a caller is no way around what else a request has to be: attacks, each by its name."""

from __future__ import annotations

import gc
import hashlib
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwk, jws

from aggregator.edge.networks import parse_networks
from aggregator.exchange import Exchange
from aggregator.identity.caller import Caller, Reason, Refused
from aggregator.identity.keys import KeyEntry
from aggregator.identity.keysets import shared_secret
from aggregator.identity.revoked import Revocations
from aggregator.identity.tokens import TokenRules
from aggregator.plan.incoming.admission import AdmissionPlan, AuthPlan, GuardPlan
from aggregator.plan.schemes import ApiKeyPlan, JwtPlan
from aggregator.runtime.admission.bearer import JwtScheme
from aggregator.runtime.admission.building import Keeper, build_gates
from aggregator.runtime.admission.failures import LimitedScheme
from aggregator.runtime.admission.gates import AuthGate
from aggregator.runtime.admission.guards import guard_gate
from aggregator.runtime.admission.keysource import FixedKeys
from aggregator.runtime.admission.schemes import ApiKeyScheme, Clocks
from aggregator.runtime.finish.limits import Words
from aggregator.runtime.request.gates import Gate
from aggregator.stores.limiter import Limiter
from aggregator.stores.rate import Rate
from aggregator.templates.expressions.expression import Expression, compile_expression

SILENT: Any = SimpleNamespace(tell=lambda *_: None)
SECRET = "a secret of an issuer, as long as its hash is"
RULES = TokenRules("i", ("shop",), algorithms=("HS256",), leeway=0.0)


class Hand:
    """A clock that is set by hand."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def asked(*fields: tuple[bytes, bytes], method: str = "GET", peer: str = "192.0.2.1") -> Exchange:
    """Return a request with *fields*."""
    exchange = Exchange(method, "/", b"", [*fields])
    exchange.peer = peer
    exchange.trusted = parse_networks(())
    return exchange


def token(**changes: Any) -> bytes:
    """Return a token of the issuer, good from 0 up to 900."""
    claims = {"iss": "i", "sub": "ada", "aud": "shop", "exp": 900} | changes
    text = str(claims).replace("'", '"')
    return str(jws.serialize_compact({"alg": "HS256"}, text, jwk.OctKey.import_key(SECRET), ["HS256"])).encode()


def bearing(sent: bytes, **given: Any) -> Exchange:
    """Return a request with the token *sent*."""
    return asked((b"authorization", b"Bearer " + sent), **given)


def tokens(clocks: Clocks, *revocations: Revocations, cookie: str | None = None) -> JwtScheme:
    """Return the scheme of the issuer."""
    plan = JwtPlan("tokens", RULES, cookie=cookie)
    return JwtScheme(plan, FixedKeys(shared_secret(SECRET.encode(), ("HS256",))), clocks, *revocations)


def keys(name: str = "keys") -> ApiKeyScheme:
    """Return a scheme whose one key is its name, in a header of that name."""
    entry = KeyEntry("acme", hashlib.sha256(name.encode()).digest())
    return ApiKeyScheme(ApiKeyPlan(name, "header", name, (entry,)))


def gate_of(*schemes: Any, **given: Any) -> AuthGate:
    """Return what asks *schemes*."""
    return AuthGate(AuthPlan(tuple(scheme.name for scheme in schemes), **given), schemes, SILENT)


def statuses(gate: Gate, *exchanges: Exchange) -> list[int]:
    """Return what *gate* says to each of *exchanges*, 0 for one that is let pass."""
    verdicts: list[Any] = [gate.check(exchange) for exchange in exchanges]
    return [0 if verdict is None else verdict.status for verdict in verdicts]


@pytest.fixture
def clocks() -> Clocks:
    """Both clocks at 100."""
    return Clocks(Hand(100.0), Hand(100.0))


def test_a_caller_who_is_gone_leaves_nothing_to_the_next() -> None:
    """A guard knows callers as objects: none passes because it lies where one lay that had passed and was forgotten."""
    gate = guard_gate((GuardPlan(compile_expression("'read' in auth.scopes"), 403, "No."),), SILENT)
    for number in range(1000):
        for scopes, said in ((("read",), 0), ((), 403)):
            exchange = asked()
            exchange.caller = Caller("keys", f"caller{number}", scopes=scopes)
            assert statuses(gate, exchange, exchange) == [said, said]
            del exchange
    gc.collect()


def test_guards_remember_a_bounded_number() -> None:
    """Beyond it they forget, and ask again: a flood of callers costs time and no memory."""
    evaluated: list[str] = []
    that = compile_expression("auth.subject != 'eve'")

    def counted(names: Any) -> Any:
        evaluated.append(names["auth"]["subject"])
        return that.evaluate(names)

    gate = guard_gate((GuardPlan(Expression(that.source, that.references, counted), 403, "No."),), SILENT)
    callers = [Caller("keys", f"caller{number}") for number in range(257)]
    for caller in (*callers, callers[-1], callers[0]):
        exchange = asked()
        exchange.caller = caller
        assert gate.check(exchange) is None
    assert (len(evaluated), evaluated[-1]) == (258, "caller0")


def test_a_token_ends_by_both_clocks(clocks: Clocks) -> None:
    """Whoever sets the clock of the machine back lengthens nothing that is remembered."""
    scheme, sent, wall, steady = tokens(clocks), token(), clocks.wall, clocks.steady
    assert isinstance(wall, Hand)
    assert isinstance(steady, Hand)
    known = scheme.judge(bearing(sent))
    for wall.now, steady.now, is_known in ((899, 899, True), (900, 100, False), (0, 899, True), (0, 900, False)):
        assert (scheme.recall(bearing(sent)) is known) == is_known


def test_what_is_revoked_is_forgotten_at_once(clocks: Clocks) -> None:
    """By its id, or by its subject and when it was made; another scheme of the endpoint may still admit its caller."""
    revocations = Revocations()
    gate = gate_of(tokens(clocks, revocations), keys())
    one, hers, his = token(jti="one"), token(iat=50), token(sub="bob", iat=50)
    everybody = [bearing(sent) for sent in (one, hers, his)]
    assert statuses(gate, *everybody, *everybody) == [0] * 6
    revocations.add_id("one")
    assert statuses(gate, *everybody) == [401, 0, 0]
    revocations.add_subject("ada", 60.0)
    assert statuses(gate, *everybody) == [401, 401, 0]
    both = asked((b"authorization", b"Bearer " + one), (b"keys", b"keys"))
    assert statuses(gate, both) == [0]
    assert both.caller.scheme == "keys"


def test_a_remembered_cookie_needs_a_page_of_ours(clocks: Clocks) -> None:
    """A request that a foreign page may have made is refused, although the token in its cookie is known."""
    scheme = tokens(clocks, cookie="session")
    gate, session = gate_of(scheme), (b"cookie", b"session=" + token())
    ours, foreign = (b"sec-fetch-site", b"same-origin"), (b"sec-fetch-site", b"cross-site")
    assert statuses(gate, asked(session)) == [0]
    posts = [asked(session, *site, method="POST") for site in ((), (foreign,), (ours,), (ours, foreign))]
    assert statuses(gate, *posts) == [401, 401, 0, 401]
    assert statuses(gate, asked(session, session), asked(session, foreign)) == [401, 0]


def test_two_lines_are_no_credential(clocks: Clocks) -> None:
    """Whichever of them is known, and even if both are the same."""
    gate, right = gate_of(tokens(clocks)), (b"authorization", b"Bearer " + token())
    wrong = (b"authorization", b"Bearer x")
    lines = [(right,), (right, wrong), (wrong, right), (right, right)]
    assert statuses(gate, *(asked(*fields) for fields in lines)) == [0, 401, 401, 401]


def test_one_of_all_is_not_enough() -> None:
    """Where each scheme has to admit, that the first remembers a caller does not end the matter."""
    gate, one, other = gate_of(keys("one"), keys("other"), every=True), (b"one", b"one"), (b"other", b"other")
    fields = [(one, other), (one, other), (one,), (other,), (one, (b"other", b"one")), ()]
    assert statuses(gate, *(asked(*each) for each in fields)) == [0, 0, 401, 401, 401, 401]


def test_who_is_optional_is_right_or_nobody() -> None:
    """After a right key a wrong one is still wrong, and a request without one is nobody's."""
    gate = gate_of(keys(), optional=True)
    right, wrong, nobody = asked((b"keys", b"keys")), asked((b"keys", b"x")), asked()
    assert statuses(gate, right, right, wrong, nobody) == [0, 0, 401, 0]
    assert (right.caller.subject, nobody.caller) == ("acme", None)


def test_the_place_is_asked_before_the_caller() -> None:
    """A key that is known lets nobody in from elsewhere, and nobody there learns whether theirs is one."""
    plan = AdmissionPlan(auth=AuthPlan(("keys",)), allow=parse_networks(["192.0.2.0/24"]))
    first, second = build_gates(plan, Keeper({"keys": keys()}, SILENT, SILENT, Hand(0.0), {}, Words()))
    near, far, wrong = (
        asked((b"keys", key), peer=peer)
        for key, peer in ((b"keys", "192.0.2.1"), (b"keys", "198.51.100.1"), (b"x", "198.51.100.1"))
    )
    assert [statuses(gate, near, near) for gate in (first, second)] == [[0, 0]] * 2
    assert statuses(first, far, wrong) == [403, 403]


def test_what_is_known_passes_and_what_is_guessed_waits(clocks: Clocks) -> None:
    """A limit on failures counts what was revoked as wrong, and never what is remembered."""
    revocations = Revocations()
    limited = LimitedScheme(tokens(clocks, revocations), Limiter(Rate(1, 3600.0, 2), clocks.steady))
    gate, right, lost = gate_of(limited), bearing(token()), bearing(token(jti="lost"))
    assert statuses(gate, right, lost) == [0, 0]
    revocations.add_id("lost")
    assert statuses(gate, *[lost] * 2, bearing(b"x"), right, bearing(token(sub="new"))) == [401, 401, 429, 0, 429]


FIELDS = [
    *(
        (b"authorization", b"Bearer " + sent)
        for sent in (token(), token(jti="one"), token(exp=150), token(nbf=120), b"x")
    ),
    (b"authorization", b"bEARER  " + token()),
    (b"cookie", b"session=" + token(sub="bob")),
    (b"keys", b"keys"),
    (b"keys", b"wrong"),
    (b"sec-fetch-site", b"cross-site"),
    (b"sec-fetch-site", b"same-origin"),
]
"""What a request may have: right and wrong credentials, those of another time, and where its page is from."""
REQUESTS = st.tuples(st.lists(st.sampled_from(FIELDS), max_size=3), st.sampled_from(["GET", "POST"]))


@settings(max_examples=60)
@given(
    st.lists(REQUESTS | st.sampled_from([160.0, "one"]), max_size=12),
    st.booleans(),
    st.booleans(),
    st.permutations(range(3)),
)
def test_memory_changes_no_verdict(steps: list[Any], every: bool, optional: bool, order: list[int]) -> None:
    """Whatever was asked before, while time passes and tokens are revoked: who remembers says what who does not says."""
    clocks, revocations = Clocks(Hand(130.0), Hand(130.0)), Revocations()

    def gates() -> tuple[AuthGate, Gate]:
        schemes = [tokens(clocks, revocations), tokens(clocks, revocations, cookie="session"), keys()]
        chosen = [schemes[number] for number in order[:2]]
        guards = (GuardPlan(compile_expression("auth.subject != 'bob'"), 403, "No."),)
        return gate_of(*chosen, every=every, optional=optional), guard_gate(guards, SILENT)

    def said(pair: tuple[AuthGate, Gate], exchange: Exchange) -> tuple[list[int], str | None]:
        found = statuses(pair[0], exchange)
        if found == [0]:
            found = statuses(pair[1], exchange)
        return found, exchange.caller and exchange.caller.identity

    remembering = gates()
    for step in steps:
        if step == "one":
            revocations.add_id(step)
        elif isinstance(step, float):
            assert isinstance(clocks.wall, Hand)
            assert isinstance(clocks.steady, Hand)
            clocks.wall.now = clocks.steady.now = step
        else:
            fields, method = step
            assert said(remembering, asked(*fields, method=method)) == said(gates(), asked(*fields, method=method))


def test_a_key_of_other_settings_is_no_key() -> None:
    """What one scheme remembers, another of the same name does not: it belongs to the entries that were asked."""
    old, new = keys(), ApiKeyScheme(ApiKeyPlan("keys", "header", "keys", ()))
    sent = asked((b"keys", b"keys"))
    assert isinstance(old.judge(sent), Caller)
    assert old.recall(sent) is not None
    assert new.recall(sent) is None
    with pytest.raises(Refused) as refused:
        new.judge(sent)
    assert refused.value.reason is Reason.UNKNOWN

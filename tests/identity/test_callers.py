"""Callers: one is told from another by what caches and keys of repeated requests go by."""

from __future__ import annotations

import itertools

import pytest

from aggregator.identity.caller import NOBODY, Caller, Denied, Reason, Refused, texts_at


def test_nobody_has_the_identity_of_another() -> None:
    """Scheme, issuer and subject are apart, however they are cut; without a subject the credential counts."""
    callers = [
        Caller("a", "ada"),
        Caller("b", "ada"),
        Caller("a", "ada", "https://one.test"),
        Caller("a", "ada", "https://two.test"),
        Caller("a1:b", "ada"),
        Caller("a", "1:bada"),
        Caller("a", ""),
        Caller("a", "").told_apart(b"one"),
        Caller("a", "").told_apart(b"two"),
        Caller("b", "").told_apart(b"one"),
    ]
    assert [(one, two) for one, two in itertools.combinations(callers, 2) if one.identity == two.identity] == []


def test_a_subject_is_one_caller() -> None:
    """Another token of the same subject is the same caller, who finds what was kept."""
    ada = Caller("a", "ada")
    assert ada.told_apart(b"one").identity == ada.told_apart(b"two").identity == ada.identity


def test_what_expressions_see_of_a_caller() -> None:
    """Lists for tuples, and nothing for a subject that is empty."""
    ada = Caller("a", "ada", "i", {"x": 1}, ("s",), ("r",), "acme")
    assert ada.names == {
        "subject": "ada", "claims": {"x": 1}, "scopes": ["s"], "roles": ["r"], "scheme": "a", "key": "acme",
    }  # fmt: skip
    assert (Caller("a", "").names["subject"], NOBODY.keys()) == (None, ada.names.keys())


def test_which_refusals_count_against_an_address() -> None:
    """Guesses do; what was right at another time, is right and not enough, or did not come, does not."""
    harmless = {"missing", "expired", "not_yet_valid", "forbidden", "foreign_page"}
    assert {reason.value for reason in Reason if not reason.is_failure} == harmless
    assert all(type(reason.is_failure) is bool for reason in Reason)


@pytest.mark.parametrize(("status", "reason"), [(403, Reason.FORBIDDEN), (401, Reason.DENIED)])
def test_who_was_refused_by_somebody_else(status: int, reason: Reason) -> None:
    """A 403 is right and not enough; another refusal of the same has its status and its challenges."""
    found = Denied(status, (b"Bearer",)).copy()
    assert (type(found), found.reason, found.status, found.challenges) == (Denied, reason, status, (b"Bearer",))
    assert Refused(Reason.REVOKED).copy().reason is Reason.REVOKED


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("a b", ("a", "b")),
        (" a  b ", ("a", "b")),
        ("a\tb", ("a\tb",)),
        ("", ()),
        (["a b", "", 7, None, "c"], ("a b", "", "c")),
        ({"a": "b"}, ()),
        (7, ()),
        (None, ()),
    ],
)
def test_texts_of_a_claim(value: object, texts: tuple[str, ...]) -> None:
    """A list of them, or what stands between the blanks of one text; at the end of a path that may lead nowhere."""
    claims = {"realm": {"roles": value}}
    assert texts_at(claims, ("realm", "roles")) == texts
    assert texts_at(claims, ("realm", "roles", "x")) == ()
    assert texts_at(claims, ("x", "roles")) == ()

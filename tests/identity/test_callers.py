"""Callers: one is told from another by what caches and keys of repeated requests go by."""

from __future__ import annotations

import itertools

from aggregator.identity.caller import Caller


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

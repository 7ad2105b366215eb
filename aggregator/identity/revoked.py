"""Tokens that are taken back before they end: by their id, or all of a subject that were made before a moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aggregator.identity.keys import KeyFileError
from aggregator.identity.moments import moment_of

MOST = 10_000
"""Ids, and subjects, that can be revoked while the process runs."""
_FORM = "write {jti: 7f3a…} or {sub: ada, before: 2027-01-31T12:00:00Z}"


class Revocations:
    """Revoked tokens and subjects; additions hold until the process ends. It *is_empty* while there are none."""

    __slots__ = ("__weakref__", "_ids", "_subjects", "is_empty")

    def __init__(self, ids: frozenset[str] = frozenset(), subjects: Mapping[str, float] | None = None) -> None:
        self._ids = set(ids)
        self._subjects = dict(subjects or {})
        self.is_empty = not (self._ids or self._subjects)  # no property: it is read for every request

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Revocations) and (self._ids, self._subjects) == (other._ids, other._subjects)

    __hash__ = object.__hash__

    def holds(self, claims: Mapping[str, Any]) -> bool:
        """Return whether the token with *claims* is revoked; one that does not say when it was made is old."""
        identity, subject = claims.get("jti"), claims.get("sub")
        if isinstance(identity, str) and identity in self._ids:
            return True
        before = self._subjects.get(subject) if isinstance(subject, str) else None
        if before is None:
            return False
        made = claims.get("iat")
        return not isinstance(made, int | float) or isinstance(made, bool) or made < before

    def add_id(self, identity: str) -> bool:
        """Revoke the token *identity*; return whether there was room for it."""
        if len(self._ids) >= MOST and identity not in self._ids:
            return False
        self._ids.add(identity)
        self.is_empty = False
        return True

    def add_subject(self, subject: str, before: float) -> bool:
        """Revoke what *subject* was given before that Unix time; return whether there was room for it."""
        if len(self._subjects) >= MOST and subject not in self._subjects:
            return False
        self._subjects[subject] = max(before, self._subjects.get(subject, before))
        self.is_empty = False
        return True


def read_revoked(value: Any) -> Revocations:
    """Return what a file revokes, *value* being its content; raises ``KeyFileError`` for the first wrong entry."""
    if value is None:  # nobody is revoked yet
        return Revocations()
    if not isinstance(value, list):
        raise KeyFileError("a file of revoked tokens is a list", (), _FORM)
    ids: set[str] = set()
    subjects: dict[str, float] = {}
    for number, item in enumerate(value):
        keys = set(item) if isinstance(item, Mapping) else set()
        if keys == {"jti"} and isinstance(item["jti"], str):
            ids.add(item["jti"])
        elif keys == {"sub", "before"} and isinstance(item["sub"], str):
            moment = moment_of(item["before"])
            if moment is None:
                raise KeyFileError("`before` is not a moment", (number, "before"), _FORM)
            subjects[item["sub"]] = max(moment, subjects.get(item["sub"], moment))
        else:
            raise KeyFileError("an entry names a `jti`, or a `sub` and `before`", (number,), _FORM)
    return Revocations(frozenset(ids), subjects)

"""API keys: random texts whose SHA-256 stand in a file, each with a name, scopes, and the time in which it is good.

A key is 32 random bytes, so its plain hash is as safe as the key (unlike that of a password), and looking it up costs
less than a microsecond.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from aggregator.durations import rate_of
from aggregator.errors import AggregatorError
from aggregator.identity.caller import Caller, Reason, Refused
from aggregator.identity.moments import moment_of
from aggregator.stores.rate import Rate

_sha256 = hashlib.sha256
PREFIX = "agk_"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_KEYS = frozenset({"name", "sha256", "scopes", "not_before", "not_after", "rate_limit"})
_LONGEST = 512
_WORDS = frozenset({"yes", "no", "on", "off", "true", "false", "null"})
"""Texts that YAML takes for something else."""


class KeyEntry(Struct, frozen=True):
    """One key of a file: good from *not_before* up to *not_after*, Unix times."""

    name: str
    digest: bytes
    scopes: tuple[str, ...] = ()
    not_before: float = float("-inf")
    not_after: float = float("inf")
    rate_limit: Rate | None = None


class KeyFileError(AggregatorError):
    """A problem of an entry: a sentence, the *steps* to it in the file, and a *hint*."""

    def __init__(self, message: str, steps: tuple[int | str, ...], hint: str) -> None:
        self.message, self.steps, self.hint = message, steps, hint
        super().__init__(message)


class KeyRing:
    """The keys of one scheme, found by the text that a client sends.

    *right* are those that were right before, by themselves, with the time in which they are good and their callers.
    Nothing is hashed to find one but by the dictionary, whose hash is keyed (SipHash, PEP 456) and compared before a
    byte is: what is sent finds out nothing of the keys that are there. They are no more than the entries.
    """

    __slots__ = ("_entries", "right")

    def __init__(self, entries: Iterable[KeyEntry]) -> None:
        self._entries = {entry.digest: entry for entry in entries}
        self.right: dict[bytes, tuple[float, float, Caller]] = {}

    def find(self, raw: bytes, now: float) -> KeyEntry:
        """Return the entry of the key *raw*; raises ``Refused``.

        The look-up goes by a hash of what came, so its time tells nothing of the keys that there are; the last
        comparison takes the same time wherever two digests differ.
        """
        digest = _digest(raw)
        entry = self._entries.get(digest)
        if len(raw) > _LONGEST or entry is None or not hmac.compare_digest(entry.digest, digest):
            raise Refused(Reason.UNKNOWN)
        if now < entry.not_before:
            raise Refused(Reason.NOT_YET_VALID)
        if now >= entry.not_after:
            raise Refused(Reason.EXPIRED)
        return entry

    def caller(self, raw: bytes, scheme: str, now: float) -> Caller:
        """Return the caller whose key is *raw*; raises ``Refused``."""
        entry = self.find(raw, now)
        caller = Caller(
            scheme, entry.name, scopes=entry.scopes, key=entry.name, until=entry.not_after, rate=entry.rate_limit
        )
        return self.right.setdefault(raw, (entry.not_before, entry.not_after, caller))[2]


def _digest(raw: bytes) -> bytes:
    """Return the hash of *raw*; of one that is longer than any key, of its beginning."""
    return _sha256(raw[: _LONGEST + 1]).digest()


def read_entries(value: Any) -> list[KeyEntry]:
    """Return the entries of a file, *value* being its content; raises ``KeyFileError`` for the first that is wrong.

    Two entries may have one name: the old and the new key while one is replaced.
    """
    if not isinstance(value, list):
        raise KeyFileError("a file of keys is a list", (), "write one entry a line: - {name: acme, sha256: …}")
    entries: dict[bytes, KeyEntry] = {}
    for number, item in enumerate(value):
        entry = _read_entry(item, number)
        if entry.digest in entries:
            raise KeyFileError("this key is there twice", (number, "sha256"), "remove one of the two")
        entries[entry.digest] = entry
    return list(entries.values())


def _read_entry(item: Any, number: int) -> KeyEntry:
    if not isinstance(item, Mapping):
        raise KeyFileError("an entry is a mapping", (number,), "write {name: acme, sha256: …}")
    for key in item:
        if key not in _KEYS:
            raise KeyFileError(f"`{key}` is no key of an entry", (number, str(key)), f"use {', '.join(sorted(_KEYS))}")
    name, digest, scopes = item.get("name"), item.get("sha256"), item.get("scopes", [])
    if not isinstance(name, str) or not name:
        raise KeyFileError("an entry has a name", (number,), "add `name: acme`; it stands in logs and as `auth.key`")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest.lower()):
        hint = "write the SHA-256 of the key in hex; `aggregator keys new NAME` prints a key and its entry"
        raise KeyFileError("`sha256` is not 64 hexadecimal digits", (number, "sha256"), hint)
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        raise KeyFileError("`scopes` is not a list of texts", (number, "scopes"), "write scopes: [orders.read]")
    if not all(map(_is_unicode, (name, *scopes))):
        hint = "write the character itself, or both halves as one `\\U`"
        raise KeyFileError("a text holds half of a surrogate pair", (number,), hint)
    return KeyEntry(
        name,
        bytes.fromhex(digest),
        tuple(scopes),
        _moment(item.get("not_before"), number, "not_before", float("-inf")),
        _moment(item.get("not_after"), number, "not_after", float("inf")),
        _rate(item.get("rate_limit"), number),
    )


def _is_unicode(text: str) -> bool:
    """Return whether *text* can be written as UTF-8, as nothing can that has half of a surrogate pair."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _rate(value: Any, number: int) -> Rate | None:
    if value is None:
        return None
    found = rate_of(value) if isinstance(value, str) else None
    if found is None:
        raise KeyFileError("`rate_limit` is not a rate", (number, "rate_limit"), "write it like 100/s or 1000/m")
    return Rate(found[0], found[1], found[0])


def _moment(value: Any, number: int, key: str, otherwise: float) -> float:
    """Return *value* as a Unix time; a date without a time begins, or ends, with its day in UTC."""
    if value is None:
        return otherwise
    found = moment_of(value, ends=key == "not_after")
    if found is None:
        raise KeyFileError(f"`{key}` is not a moment", (number, key), "write 2027-01-31 or 2027-01-31T12:00:00Z")
    return found


def new_key(name: str, scopes: Iterable[str] = (), not_after: datetime | None = None) -> tuple[str, str]:
    """Return a new random key and the line for its file. The key itself is in no file: it cannot be shown again."""
    text = PREFIX + secrets.token_urlsafe(32)
    members = [f"name: {_scalar(name)}", f"sha256: {hashlib.sha256(text.encode()).hexdigest()}"]
    if listed := [_scalar(scope) for scope in scopes]:
        members.append(f"scopes: [{', '.join(listed)}]")
    if not_after is not None:
        members.append(f'not_after: "{not_after.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"')
    return text, f"- {{{', '.join(members)}}}"


def _scalar(text: str) -> str:
    """Return *text* as a YAML scalar that stands in a mapping on one line."""
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", text) and text.lower() not in _WORDS:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

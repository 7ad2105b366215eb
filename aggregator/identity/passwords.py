"""Names and passwords of a htpasswd file, hashed by bcrypt or argon2; the libraries are those of the extra ``auth``.

Verifying takes 60 to 240 ms of processor time on purpose: callers do it in a thread, few at a time, and remember what
was right.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping

from aggregator.errors import AggregatorError
from aggregator.identity.caller import Reason, Refused

_BCRYPT = ("$2a$", "$2b$", "$2y$")
_ARGON2 = "$argon2"
_LONGEST = 72
"""bcrypt reads no more than 72 bytes of a password; a longer one is refused, lest two of them be one."""
_DECOY = "$2b$12$C6UzMDM.H6dfI/f/IKcEeO7ZHvTPP5Z9BgnAFj1cSfFX7dXpuQ7yq"
"""A hash of nothing anybody knows, for a file without users."""


class PasswordFileError(AggregatorError):
    """A problem of a line (from 1) of a htpasswd file, and a *hint*."""

    def __init__(self, message: str, line: int, hint: str) -> None:
        self.message, self.line, self.hint = message, line, hint
        super().__init__(message)


def read_htpasswd(lines: Iterable[str]) -> dict[str, str]:
    """Return the hashes by name; raises ``PasswordFileError``. Blank lines and those that begin with # are skipped."""
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, colon, hashed = text.partition(":")
        if not colon or not name:
            raise PasswordFileError("a line is NAME:HASH", number, "write it by `htpasswd -B FILE NAME`")
        if not hashed.startswith((*_BCRYPT, _ARGON2)):
            raise PasswordFileError(
                "the hash is neither bcrypt nor argon2",
                number,
                "make it by `htpasswd -B`; MD5, SHA-1 and crypt are weak",
            )
        if name in found:
            raise PasswordFileError("this name is there twice", number, "remove one of the two")
        found[name] = hashed
    return found


def read_basic(value: str) -> tuple[str, bytes]:
    """Return name and password of *value*, what follows ``Basic`` (RFC 7617); raises ``Refused``."""
    try:
        text = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(Reason.MALFORMED) from None
    name, colon, password = text.partition(b":")
    if not colon or len(text) > 1024:
        raise Refused(Reason.MALFORMED)
    try:
        return name.decode(), password
    except UnicodeDecodeError:
        return name.decode("latin-1"), password


def is_right(users: Mapping[str, str], name: str, password: bytes) -> bool:
    """Return whether *password* is that of *name*. Blocks for some 100 ms, for unknown names too."""
    known = name in users
    hashed = users[name] if known else _decoy(users, name)
    if len(password) > _LONGEST and not hashed.startswith(_ARGON2):
        password, known = password[:_LONGEST], False
    return verify(hashed, password) and known


def _decoy(users: Mapping[str, str], name: str) -> str:
    """Return the hash that a *name* which is none of *users* is verified by, one of theirs, the same each time.

    So it takes as long as a name that is known, whatever the file says of algorithms and costs.
    """
    hashes = tuple(users.values())
    return hashes[hash(name) % len(hashes)] if hashes else _DECOY


def verify(hashed: str, password: bytes) -> bool:
    """Return whether *password* is the one of *hashed* (Argon2 or bcrypt): that takes long, as it should."""
    if hashed.startswith(_ARGON2):
        from argon2 import PasswordHasher
        from argon2.exceptions import Argon2Error, InvalidHashError

        try:
            return PasswordHasher().verify(hashed, password)
        except (Argon2Error, InvalidHashError):
            return False
    import bcrypt

    try:
        return bcrypt.checkpw(password, hashed.encode())
    except ValueError:
        return False

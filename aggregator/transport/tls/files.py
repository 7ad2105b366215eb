"""What can be wrong with the files of TLS, told before OpenSSL is: of most of it, it says nothing but "PEM lib".

`tls` asks when it makes a context, and ``config`` when it reads the file that names them.
"""

from __future__ import annotations

import os
import ssl
import stat
from functools import lru_cache
from hashlib import blake2b
from typing import Final, Literal, NamedTuple

from aggregator.diagnostics.unreadable import hint_for
from aggregator.transport.settings import TlsSettings

_LARGEST = 16 * 1024 * 1024  # bytes; all public authorities together have a quarter of a million
_MOST_KNOWN: Final = 256
"""Files of which it is known that their certificates can be used: all public roots take some 28 ms."""
_CERTIFICATE = tuple(b"-----BEGIN %bCERTIFICATE-----" % kind for kind in (b"", b"TRUSTED ", b"X509 "))
_CONVERT = "convert it with `openssl x509 -inform DER`"
_KEY = b" PRIVATE KEY-----"
_ENCRYPTED = (b"-----BEGIN ENCRYPTED PRIVATE KEY-----", b"Proc-Type: 4,ENCRYPTED")
_ANOTHER = "name a file in PEM form"


Role = Literal["ca", "cert", "key"]


class Unusable(NamedTuple):
    """Which file it is, what it was named for, and *why* it cannot be used: what follows its name in a sentence.

    *hint* says what to do; nothing for a name that no file has.
    """

    role: Role
    path: str
    why: str
    hint: str = ""


def unusable_file(settings: TlsSettings) -> Unusable | None:
    """Return the first file of *settings* that cannot be used; None when all of them can."""
    ca, cert, key = settings.ca_file, settings.cert_file, settings.key_file
    found = None if ca is None else _certificates("ca", ca)
    if found is not None or cert is None:
        return found
    return _certificates("cert", cert) or _key(cert, key or cert, settings.key_password)


def _certificates(role: Role, path: str) -> Unusable | None:
    content = _read(role, path)
    if isinstance(content, Unusable):
        return content
    if not any(mark in content for mark in _CERTIFICATE):
        return Unusable(role, path, "holds no certificate in PEM form", _CONVERT)
    try:
        _parse(path, blake2b(content, digest_size=16).digest())
    except OSError:
        return Unusable(role, path, "holds a damaged certificate", "write it anew")
    return None


@lru_cache(maxsize=_MOST_KNOWN)
def _parse(path: str, digest: bytes) -> None:
    """Parse the certificates in *path*, once as long as its content has this *digest*. Raises ``OSError``."""
    del digest  # by which it is known again
    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)


def _key(cert: str, path: str, password: str | None) -> Unusable | None:
    content = _read("key", path)
    if isinstance(content, Unusable):
        return content
    if _KEY not in content:
        hint = "name the file of the key with `key`" if path == cert else "convert it with `openssl pkey -inform DER`"
        return Unusable("key", path, "holds no key in PEM form", hint)
    if password is None and any(mark in content for mark in _ENCRYPTED):
        hint = "write it without a password: `openssl pkey -in … -out …`"
        return Unusable("key", path, "holds an encrypted key, and there is no password for it", hint)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(cert, path, password or "")
    except OSError as error:
        is_strange = isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH"
        why = "holds the key of another certificate" if is_strange else "cannot be used with its certificate"
        return Unusable("key", path, why, "name the certificate and the key that was made with it")
    return None


def _read(role: Role, path: str) -> bytes | Unusable:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe gives what it holds only once, and a device has no end
            return Unusable(role, path, "is no regular file", _ANOTHER)
        with open(path, "rb") as file:
            content = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:  # no file has a NUL in its name
        why = error.strerror if isinstance(error, OSError) else None
        hint = hint_for(error) if isinstance(error, OSError) else ""
        return Unusable(role, path, f"cannot be read: {(why or 'it has no such name').lower()}", hint)
    return content if len(content) <= _LARGEST else Unusable(role, path, "is too large", _ANOTHER)

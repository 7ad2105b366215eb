"""Signatures of AWS, Version 4, in the header of a request: a function of the request and the time.

Source: "Signature Version 4 signing process" and "Signature Calculations for the Authorization Header" (S3) in the
documentation of AWS. S3 is an exception in it: its paths are encoded once and never normalised, and it wants the hash
of the body in a header, or to be told that there is none.
"""

from __future__ import annotations

import hashlib
import hmac
import posixpath
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import quote_from_bytes, unquote_to_bytes

from aggregator.http import HeaderList
from aggregator.policies.credentials.plan import SigV4Plan

UNSIGNED = "UNSIGNED-PAYLOAD"
"""In the place of the hash of a body that is not known when its request begins; S3 alone takes it."""
S3 = "s3"
_ALGORITHM = "AWS4-HMAC-SHA256"
_SIGNED = (b"host", b"content-type", b"content-md5")
_UNRESERVED = "-_.~"


class SigV4:
    """Signs requests for one service; the key of a day is made once."""

    def __init__(self, plan: SigV4Plan) -> None:
        self._plan = plan
        self._day = ""
        self._key = b""

    def lines(self, method: bytes, target: bytes, headers: HeaderList, body: bytes | None, now: float) -> bytes:
        """Return the header lines that sign a request at the Unix time *now*; a *body* of None stays unsigned."""
        moment = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
        payload = UNSIGNED if body is None else hashlib.sha256(body).hexdigest()
        own = [(b"x-amz-date", moment.encode())]
        if self._plan.service == S3:
            own.append((b"x-amz-content-sha256", payload.encode()))
        if self._plan.session_token is not None:
            own.append((b"x-amz-security-token", self._plan.session_token.value.encode()))
        canonical, signed = self._canonical(method, target, [*headers, *own], payload)
        scope = f"{moment[:8]}/{self._plan.region}/{self._plan.service}/aws4_request"
        text = "\n".join((_ALGORITHM, moment, scope, hashlib.sha256(canonical).hexdigest()))
        signature = hmac.digest(self._key_of(moment[:8]), text.encode(), "sha256").hex()
        credential = f"Credential={self._plan.access_key}/{scope}"
        authorization = f"{_ALGORITHM} {credential}, SignedHeaders={signed}, Signature={signature}"
        return b"".join(b"%b: %b\r\n" % field for field in (*own, (b"authorization", authorization.encode())))

    def _canonical(self, method: bytes, target: bytes, headers: HeaderList, payload: str) -> tuple[bytes, str]:
        """Return the canonical request, and the names of the headers that are signed."""
        path, _, query = target.partition(b"?")
        fields = dict(_signed_fields(headers))
        names = ";".join(fields)
        pieces = (
            method.decode("ascii"),
            _encoded_path(path, once=self._plan.service == S3),
            _encoded_query(query),
            *(f"{name}:{value}" for name, value in fields.items()),
            "",
            names,
            payload,
        )
        return "\n".join(pieces).encode("utf-8", "surrogateescape"), names

    def _key_of(self, day: str) -> bytes:
        if day != self._day:
            key = f"AWS4{self._plan.secret_key.value}".encode()
            for piece in (day, self._plan.region, self._plan.service, "aws4_request"):
                key = hmac.digest(key, piece.encode(), "sha256")
            self._day, self._key = day, key
        return self._key


def _signed_fields(headers: HeaderList) -> Iterator[tuple[str, str]]:
    """Yield name and value of what is signed, in order: what says where it goes and what it is, and all of AWS."""
    found: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        if name in _SIGNED or name.startswith(b"x-amz-"):
            found.setdefault(name, []).append(b" ".join(value.split()))
    for name in sorted(found):
        yield name.decode("ascii"), b",".join(found[name]).decode("utf-8", "surrogateescape")


def _encoded_path(path: bytes, *, once: bool) -> str:
    """Return the canonical path: for S3 the key encoded *once*, elsewhere the path as sent, without dots, and again."""
    if once:
        return quote_from_bytes(unquote_to_bytes(path), safe="/" + _UNRESERVED)
    plain = posixpath.normpath(b"/" + path.lstrip(b"/"))
    if path.endswith(b"/") and plain != b"/":
        plain += b"/"
    return quote_from_bytes(plain, safe="/" + _UNRESERVED)


def _encoded_query(query: bytes) -> str:
    """Return the parameters in canonical encoding, sorted by name, then by value: ``a`` comes before ``a1``."""
    pairs = (pair.partition(b"=") for pair in query.split(b"&") if pair)
    return "&".join(map("=".join, sorted((_again(name), _again(value)) for name, _, value in pairs)))


def _again(text: bytes) -> str:
    return quote_from_bytes(unquote_to_bytes(text), safe=_UNRESERVED)

"""Text for operators without what they must not see: credentials in headers and URLs, known secrets.

Takes what is about to be written and gives it back with ``********`` in place of secrets; the log calls it
for every record, and whoever dumps a configuration or a request calls it too.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable
from math import isfinite
from typing import Any
from urllib.parse import quote

MASK = "********"

SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "x-amz-security-token"}
)
"""Names of header fields whose values are credentials, in lower case."""

SECRET_QUERY = frozenset(
    {
        # Common names of credentials and one-time codes.
        "token", "access_token", "refresh_token", "id_token", "api_key", "apikey", "client_secret", "code",
        "password", "secret", "signature",
        # The query keys that OpenTelemetry's semantic conventions redact in `url.full`.
        "awsaccesskeyid", "sig", "x-amz-credential", "x-amz-security-token", "x-amz-signature",
        "x-goog-signature",
    }
)  # fmt: skip
"""Names of query parameters whose values are credentials, in lower case."""

_SECRET_NAMES = SECRET_HEADERS | (SECRET_QUERY - {"code"}) | {"set_cookie", "x_api_key"}
_QUERY_VALUE = re.compile(
    r"(?i)([?&;](?:" + "|".join(re.escape(name) for name in sorted(SECRET_QUERY)) + r")=)[^&;#\s\"'<>]+"
)
_USERINFO = re.compile(r"(://)[^/?#\s@]+@")  # without the scheme: to look for its beginning takes quadratic time
_SHORTEST = 4
_LONG = 256
"""Characters beyond which a secret is no part of the pattern: to make one takes a microsecond for each, in the loop."""
_REMEMBERED = 16
"""Sets of secrets that a masker knows: those of the last reloads, since requests may still be under way with them."""


def redact_text(text: str) -> str:
    """Return *text* with the userinfo and the secret query values of every URL in it masked."""
    if "://" in text:
        text = _USERINFO.sub(rf"\g<1>{MASK}@", text)
    if "=" in text:
        text = _QUERY_VALUE.sub(rf"\g<1>{MASK}", text)
    return text


def redact_value(value: Any, text: Callable[[str], str] = redact_text) -> Any:
    """Return JSON-like *value* with secret names masked at every depth and *text* applied to every string.

    ``{"headers": {"cookie": "a=1"}, "url": "/a?token=x"}`` gives
    ``{"headers": {"cookie": "********"}, "url": "/a?token=********"}``.
    """
    if isinstance(value, str):
        return text(value)
    if isinstance(value, dict):
        return {text(str(name)): redact_named(str(name), item, text) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact_value(item, text) for item in value]
    if isinstance(value, float) and not isfinite(value):
        return str(value)  # JSON has no word for these
    if value is None or isinstance(value, bool | int | float):
        return value
    return text(str(value))


def redact_named(name: str, value: Any, text: Callable[[str], str] = redact_text) -> Any:
    """Return *value* as it may be shown under *name*: masked as a whole when the name is that of a secret."""
    return MASK if is_secret(name) else redact_value(value, text)


def is_secret(name: str) -> bool:
    """Return whether what has this *name* is a credential."""
    return name in _SECRET_NAMES or name.lower() in _SECRET_NAMES


class Masker:
    """Replaces known secret values wherever they turn up in a text, as they are or percent-encoded.

    A secret shorter than four characters is not masked: it would turn up in every other word.
    """

    __slots__ = ("_learned", "_long", "_pattern")

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._learned: deque[frozenset[str]] = deque(maxlen=_REMEMBERED)
        self._long: list[_LongSecret] = []
        self._pattern: re.Pattern[str] | None = None
        self.learn(secrets)

    def __repr__(self) -> str:
        return f"Masker({len(self._secrets)} secrets)"

    @property
    def _secrets(self) -> frozenset[str]:
        return frozenset().union(*self._learned)

    def learn(self, secrets: Iterable[str]) -> None:
        """Mask *secrets* from now on, and still those that were learned by the last 15 calls with others."""
        learned = frozenset(secret for secret in secrets if len(secret) >= _SHORTEST)
        if learned in self._learned:
            self._learned.remove(learned)
        self._learned.append(learned)
        self._compile()

    def _compile(self) -> None:
        re.purge()  # the cache of the module would keep the last 512 patterns, with secrets that are none any more
        secrets = self._secrets
        self._long = [_LongSecret(one) for one in sorted(secrets, key=len, reverse=True) if len(one) > _LONG]
        forms = {form for one in secrets if len(one) <= _LONG for form in (one, quote(one, safe=""))}
        # The longest first, so that a secret that begins with another one is masked whole.
        ordered = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __call__(self, text: str) -> str:
        """Return *text* with ``********`` in place of every known secret."""
        for secret in self._long:
            text = secret.masked_in(text)
        return text if self._pattern is None else self._pattern.sub(MASK, text)


class _LongSecret:
    """A secret such as a key or a page: looked for as it is, and percent-encoded only where a text may hold that."""

    __slots__ = ("_encoded", "_secret")

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._encoded = ""

    def masked_in(self, text: str) -> str:
        """Return *text* with ``********`` in place of the secret."""
        if len(text) < len(self._secret):
            return text
        text = text.replace(self._secret, MASK)
        if "%" not in text:
            return text
        self._encoded = self._encoded or quote(self._secret, safe="")
        return text.replace(self._encoded, MASK)

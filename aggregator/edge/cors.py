"""Which pages of other origins may read what we answer: CORS, by the Fetch standard (fetch.spec.whatwg.org §3.3).

An origin that is not allowed gets no CORS header at all, and nothing that it sent is repeated.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from aggregator.http import HeaderList

ANY = "*"
SAFELISTED = frozenset({"accept", "accept-language", "content-language", "content-type", "range"})
"""Request headers that need no permission, as far as their values are harmless (§2.2.2)."""
_LABELS = r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*"
_NAMES = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z, \t-]*")
_VARY = (b"vary", b"Origin")
_PREFLIGHT_VARY = (b"vary", b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers")


class Cors(Struct, frozen=True):
    """The CORS rules of one place of the file.

    *origins* are texts in which ``*`` stands for one or more labels, or just ``("*",)`` for all. *methods* None means
    those that the path declares. *headers* are in lower case; ``("*",)`` are any that are asked for. *max_age* is in
    seconds, None leaves it to browsers.
    """

    origins: tuple[str, ...]
    methods: tuple[str, ...] | None = None
    headers: tuple[str, ...] = ()
    expose: tuple[str, ...] = ()
    credentials: bool = False
    max_age: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether every origin is allowed: then the answer is the same for all, and says so."""
        return ANY in self.origins


class CorsRules:
    """A ``Cors``, compiled. ``answer`` and ``preflight`` give header fields."""

    __slots__ = ("_allowed", "_exact", "_fixed", "_pattern", "settings")

    def __init__(self, settings: Cors) -> None:
        self.settings = settings
        exact = [origin.lower() for origin in settings.origins if ANY not in origin]
        wild = [_pattern(origin) for origin in settings.origins if ANY in origin]
        self._exact = frozenset(origin.encode() for origin in exact)
        self._pattern = re.compile("|".join(wild).encode()) if wild else None
        fixed: HeaderList = []
        if settings.credentials:
            fixed.append((b"access-control-allow-credentials", b"true"))
        self._allowed = tuple(fixed)
        if settings.expose:
            fixed = [*fixed, (b"access-control-expose-headers", ", ".join(settings.expose).encode())]
        self._fixed = tuple(fixed)

    def allows(self, origin: bytes) -> bool:
        """Return whether pages of *origin*, the value of the request header, may read answers."""
        if self.settings.is_open or origin in self._exact:
            return True
        return self._pattern is not None and self._pattern.fullmatch(origin) is not None

    def answer(self, origin: bytes | None) -> HeaderList:
        """Return the fields of an answer to a request with the header *origin*; None for one without."""
        if self.settings.is_open:
            return [(b"access-control-allow-origin", b"*"), *self._fixed]
        if origin is None or not self.allows(origin):
            return [_VARY]
        return [(b"access-control-allow-origin", origin), *self._fixed, _VARY]

    def preflight(self, origin: bytes, method: bytes, headers: bytes, declared: Sequence[str]) -> HeaderList:
        """Return the fields of the answer to a preflight.

        *method* and *headers* are what it asks for, *declared* the methods of the path. What is not allowed is left
        out, which makes the browser refuse.
        """
        asked = [name for name in (part.strip().lower() for part in headers.decode("latin-1").split(",")) if name]
        methods = self._methods(declared)
        is_well_formed = _NAMES.fullmatch(headers) is not None
        if not (is_well_formed and self.allows(origin) and method.decode("latin-1") in methods and self._takes(asked)):
            return [_PREFLIGHT_VARY]
        fields: HeaderList = [
            (b"access-control-allow-origin", b"*" if self.settings.is_open else origin),
            (b"access-control-allow-methods", ", ".join(methods).encode()),
            *self._allowed,
        ]
        if names := asked if ANY in self.settings.headers else self.settings.headers:
            fields.append((b"access-control-allow-headers", ", ".join(names).encode()))
        if self.settings.max_age is not None:
            fields.append((b"access-control-max-age", b"%d" % self.settings.max_age))
        return [*fields, _PREFLIGHT_VARY]

    def _methods(self, declared: Sequence[str]) -> Sequence[str]:
        allowed = self.settings.methods
        return declared if allowed is None else [method for method in declared if method in allowed]

    def _takes(self, asked: Sequence[str]) -> bool:
        known = self.settings.headers
        return ANY in known or all(name in known or name in SAFELISTED for name in asked)


def _pattern(origin: str) -> str:
    return re.escape(origin.lower()).replace(re.escape(ANY), _LABELS)


_ORIGIN = re.compile(r"(https?|[a-z][a-z0-9+.-]*)://(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*(:\d{1,5})?", re.IGNORECASE)


def origin_problem(origin: str) -> tuple[str, str] | None:
    """Return what is wrong with *origin* as the file has it, and the way to mend it; None for a good one."""
    if origin == ANY:
        return "`*` allows every origin", "write `origins: any`, which says so"
    if origin.lower() == "null":
        return None
    if _ORIGIN.fullmatch(origin):
        return None
    scheme, separator, rest = origin.partition("://")
    if not separator:
        return "an origin has a scheme", f"write https://{origin}"
    if "/" in rest or "?" in rest or "#" in rest:
        return "an origin has no path", f"write {scheme}://{re.split('[/?#]', rest)[0]}"
    return "this is not an origin", "write scheme and host, as in https://shop.example.com or https://*.example.com"

"""Which format an answer takes: the client's Accept header against what the endpoint offers.

Rules of RFC 9110 §12.5.1. Called once for an answer whose endpoint offers more than JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from aggregator.codecs.registry import Codec, codec_of_media_type, require

_RANGE = re.compile(r"\s*(\*/\*|[\w!#$%&'+.^`|~-]+/(?:\*|[\w!#$%&'+.^`|~-]+))\s*(;.*)?")
_WEIGHT = re.compile(r";\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*(?:;|$)", re.IGNORECASE)
_BAD_WEIGHT = re.compile(r";\s*q\s*=", re.IGNORECASE)
_ANYTHING = frozenset([b"", b"*/*"])
_QUOTED = re.compile(r'"[^"]*"')
_LONGEST = 256


def offers_for(names: Iterable[str]) -> tuple[str, ...]:
    """Return the media types of the codecs *names*, preferred first; for use at load (``StartupError``)."""
    return tuple(media_type for name in names for media_type in require(name).media_types)


def response_codec(media_type: str) -> tuple[Codec, bytes]:
    """Return the codec that writes *media_type*, one of the offers, and the Content-Type to answer with."""
    codec = codec_of_media_type(media_type)
    own = codec.content_type
    return codec, own if own.startswith(media_type.encode()) else media_type.encode()


def negotiate(accept: bytes | None, offers: tuple[str, ...]) -> str | None:
    """Return the offer that the client likes best, or None when it accepts none of them (a 406).

    *offers* are media types in lower case, the server's preference first, which decides between equals. For
    each offer the most specific range that matches it counts. Parameters other than ``q`` are ignored, and so
    is what cannot be read; a header with nothing readable accepts everything.
    """
    if accept is None or accept in _ANYTHING:
        return offers[0]
    # Only what browsers and programs send is remembered, so that nobody can fill the memory with headers.
    return _choose(accept, offers) if len(accept) <= _LONGEST else _choose.__wrapped__(accept, offers)


@lru_cache(maxsize=512)
def _choose(accept: bytes, offers: tuple[str, ...]) -> str | None:
    ranges = _parse(accept)
    if not ranges:
        return offers[0]
    best = max(offers, key=lambda offer: _weight(offer, ranges))
    return best if _weight(best, ranges) > 0 else None


def _parse(accept: bytes) -> dict[str, float]:
    """Return the weight of every media range; of equal ranges the last counts."""
    ranges: dict[str, float] = {}
    for element in _QUOTED.sub('""', accept.decode("latin-1")).split(","):
        found = _RANGE.fullmatch(element)
        if found is None:
            continue
        parameters = found[2] or ""
        weight = _WEIGHT.search(parameters)
        if weight is not None:
            ranges[found[1].lower()] = float(weight[1])
        elif _BAD_WEIGHT.search(parameters) is None:
            ranges[found[1].lower()] = 1.0
    return ranges


def _weight(offer: str, ranges: dict[str, float]) -> float:
    for candidate in (offer, f"{offer.partition('/')[0]}/*", "*/*"):
        if candidate in ranges:
            return ranges[candidate]
    return 0.0

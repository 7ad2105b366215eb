"""Digests of plain values: what an endpoint rests on, so that what did not change is known without looking."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

_FOR_ALL = ("defaults", "client", "server", "background", "plugins", "auth", "prefixes")
"""Sections that every endpoint depends on; of upstreams and groups it depends on those that it names."""


def digest_of(*values: Any) -> bytes:
    """A digest of plain *values*; equal for values that are written the same way, in the same order."""
    return blake2b(repr(values).encode("utf-8", "surrogatepass"), digest_size=16).digest()


class SectionDigests:
    """Digests of the sections of one configuration, and of the single upstreams and groups in them.

    *tls* are digests, by upstream, of what its files of TLS hold.
    """

    def __init__(self, sections: Mapping[str, Any], written: Mapping[str, Any], tls: Mapping[str, str]) -> None:
        self.whole = digest_of(list(sections.items()), list(written.items()))
        self._for_all = digest_of(*(sections.get(name) for name in _FOR_ALL))
        self._upstreams = _by_name(sections.get("upstreams"))
        self._tls = tls
        self._groups = _by_name(sections.get("groups"))
        self._known: dict[tuple[frozenset[str], frozenset[str]], bytes] = {}

    def around(self, upstreams: frozenset[str], groups: frozenset[str]) -> bytes:
        """Return a digest of what an endpoint that uses *upstreams* and *groups* depends on beyond its own settings."""
        known = self._known.get((upstreams, groups))
        if known is None:
            used = [(name, self._upstreams.get(name), self._tls.get(name)) for name in sorted(upstreams)]
            taken = [(name, self._groups.get(name)) for name in sorted(groups)]
            known = self._known[upstreams, groups] = digest_of(self._for_all, used, taken)
        return known


def _by_name(section: Any) -> dict[str, bytes]:
    return {name: digest_of(value) for name, value in section.items()} if isinstance(section, dict) else {}

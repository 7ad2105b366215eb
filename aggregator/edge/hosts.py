"""Names of hosts as requests write them, and which of several declared ones is meant: exact names, then ``*.``."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*\.?").fullmatch
_BRACKETED = re.compile(r"\[[0-9A-Fa-f:.]+\]").fullmatch
_LONGEST = 255
_MOST_KNOWN = 1024
"""Hosts as they were written that are remembered; beyond that all are forgotten."""


def is_hostname(text: str) -> bool:
    """Return whether *text* may name a host in a file: a name, an IP address, or ``*.`` before a name."""
    return len(text) <= _LONGEST and bool(_NAME(text) or _BRACKETED(text))


def hostname_of(text: str) -> str:
    """Return the name in *text*, a ``Host`` field or a declared name: in lower case, without port and last dot."""
    name, colon, port = text.rpartition(":")
    bare = name if colon and (port.isdecimal() or not port) and not text.endswith("]") else text
    return bare.lower().removesuffix(".")


class Hosts(Generic[T]):
    """Declarations for each of the *named* hosts, and *rest* for all others.

    An exact name goes before ``*.``, which stands for one label or several; of these the longest does.
    """

    __slots__ = ("_exact", "_known", "_rest", "_suffixes")

    def __init__(self, rest: T, named: Mapping[str, T]) -> None:
        self._rest = rest
        names = {hostname_of(name): found for name, found in named.items()}
        self._exact = {name: found for name, found in names.items() if not name.startswith("*.")}
        self._suffixes = {name[2:]: found for name, found in names.items() if name.startswith("*.")}
        self._known: dict[bytes, T] = {}

    @property
    def remembered(self) -> Collection[bytes]:
        """The fields that came lately."""
        return self._known.keys()

    def of_field(self, field: bytes) -> T:
        """Return what is declared for the host in a ``Host`` field; of one that came lately in one look."""
        found = self._known.get(field)
        return self._learn(field) if found is None else found

    def _learn(self, field: bytes) -> T:
        found = self.of_name(field.decode("latin-1"))
        if len(field) <= _LONGEST:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[field] = found
        return found

    def of_name(self, name: str) -> T:
        """Return what is declared for the host *name*, in any case, with or without a port."""
        name = hostname_of(name)
        found = self._exact.get(name)
        while found is None and "." in name and self._suffixes:
            name = name.partition(".")[2]
            found = self._suffixes.get(name)
        return self._rest if found is None else found

"""What was purged, by number: whoever knows how many purges there were before can ask what was purged since.

The log is bounded by bytes. Of what leaves it the number is left: whatever began before that counts as purged.
"""

from __future__ import annotations

from collections.abc import Collection

_ROOM = 256 * 2**10
_OVERHEAD = 200
"""Bytes that an entry of the log costs beside its text, about."""


class PurgeLog:
    """The purges of one place; ``count`` is the number of the last one."""

    def __init__(self) -> None:
        self.count = 0
        self.size = 0
        self._tags: dict[str, int] = {}
        self._prefixes: dict[str, int] = {}
        self._forgotten = 0

    def add(self, tags: Collection[str]) -> None:
        """Note that all that has one of *tags* was purged."""
        self._note(self._tags, tags)

    def add_prefix(self, prefix: str) -> None:
        """Note that all with a tag that begins with *prefix* was purged."""
        self._note(self._prefixes, [prefix])

    def add_all(self) -> None:
        """Note that everything was purged."""
        self.count += 1
        self._forgotten = self.count
        self.size = 0
        self._tags.clear()
        self._prefixes.clear()

    def hit(self, tags: Collection[str], since: int) -> bool:
        """Return whether something that has *tags* was purged after the purge number *since*."""
        if since == self.count:
            return False
        known = self._tags
        if since < self._forgotten or any(known.get(tag, 0) > since for tag in tags):
            return True
        late = tuple(prefix for prefix, number in self._prefixes.items() if number > since)
        return bool(late) and any(tag.startswith(late) for tag in tags)

    def may_hit(self, starts: tuple[str, ...], since: int) -> bool:
        """Return whether something was purged since *since* that may have tags with one of *starts* at their start."""
        if since == self.count or not starts:
            return False
        return (
            since < self._forgotten
            or any(number > since and tag.startswith(starts) for tag, number in self._tags.items())
            or any(
                number > since and (prefix.startswith(starts) or any(one.startswith(prefix) for one in starts))
                for prefix, number in self._prefixes.items()
            )
        )

    def _note(self, log: dict[str, int], texts: Collection[str]) -> None:
        self.count += 1
        for text in texts:
            if log.pop(text, None) is None:
                self.size += len(text) + _OVERHEAD
            log[text] = self.count
        while self.size > _ROOM:
            self._forget_first()

    def _forget_first(self) -> None:
        log = min((log for log in (self._tags, self._prefixes) if log), key=lambda log: next(iter(log.values())))
        text = next(iter(log))
        self._forgotten = max(self._forgotten, log.pop(text))
        self.size -= len(text) + _OVERHEAD

"""What is remembered of one request: made once, bounded, and without anything that is hidden."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from aggregator.runtime.bars import Bar

Why = Literal["failed", "slow", "asked"]


class Body(Struct, frozen=True):
    """The beginning of a body of *size* bytes; *left_out* says why there is no text, or that it was cut."""

    size: int
    text: str = ""
    left_out: str = ""


class Said(Struct, frozen=True):
    """The reply of one upstream for a *part*."""

    part: str
    upstream: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: Body


class Record(Struct, frozen=True):
    """One request of the *endpoint* (its key). *at* is Unix time, *seconds* how long it took.

    *masked* are the places whose values were sent and are not here; whoever sends it again has to give them.
    """

    id: str
    endpoint: str
    why: Why
    method: str
    url: str
    target: str
    client: str
    how: str
    status: int
    cause: str
    is_partial: bool
    at: float
    seconds: float
    reason: str
    trace: str
    headers: tuple[tuple[str, str], ...]
    masked: tuple[str, ...]
    body: Body
    answer_headers: tuple[tuple[str, str], ...]
    answer: Body
    said: tuple[Said, ...]
    bars: tuple[Bar, ...]

    @property
    def weight(self) -> int:
        """The bytes that it takes, about."""
        texts = [self.target, self.url, self.reason, self.body.text, self.answer.text]
        texts += [part for pair in (*self.headers, *self.answer_headers) for part in pair]
        texts += [part for one in self.said for pair in one.headers for part in pair]
        texts += [one.body.text for one in self.said]
        return 4 * sum(map(len, texts)) + 300 * (len(self.bars) + len(self.said)) + 1000

    def summary(self) -> dict[str, Any]:
        """Return what a list says of it."""
        return {
            "id": self.id, "endpoint": self.endpoint, "why": self.why, "method": self.method, "target": self.target,
            "status": self.status, "how": self.how, "cause": self.cause or None, "partial": self.is_partial,
            "at": round(self.at, 3), "ms": round(self.seconds * 1000, 1),
        }  # fmt: skip

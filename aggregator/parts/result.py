"""What became of one part of an answer, as JSON text, as data, or as a failure.

Made by the parts, read by assembly, expressions, problems, headers and logs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aggregator.errors import AggregatorError, CallError, Cause
from aggregator.exchange import State
from aggregator.http import HeaderList, first, header_map
from aggregator.parts.body import UNREAD, Body
from aggregator.parts.rows import RowPlan
from aggregator.parts.view import View
from aggregator.transport import Reply

_OK, _FAILED, _STALE = State.OK, State.FAILED, State.STALE  # an enumeration is slow to look into, each time
_NO_TAGS: frozenset[str] = frozenset()
MOST_MET = 16
"""Attempts of a part that are told one by one, at most."""


class Result(Body, eq=False):
    """The result of one part: its state, the status and headers of its upstream, and its body as it is needed.

    *raw* is the body as it came (decompressed). ``json`` is JSON text ready to be copied, ``value`` the same as
    data; each is made from the other, or by *decoder* from *raw*, once, when it is first asked for. *reply* is what
    a call got, with the instants of its way. *chosen* is the label of the upstream that was chosen for it, empty where
    there was no choice. *parts* are what is worth telling of inside it, *tried* what was tried
    before it. *started* and *ended* are loop time: who makes a result knows when it was.
    """

    name: str
    started: float
    ended: float
    state: State = State.OK
    status: int = 0
    headers: HeaderList = []  # noqa: RUF012 - a struct copies it for each
    reply: Reply | None = None
    cause: Cause | None = None
    error: CallError | None = None
    upstream: str = ""
    chosen: str = ""
    attempts: int = 1
    parts: tuple[Result, ...] = ()
    tried: tuple[Result, ...] = ()
    _age: float | None = None
    _elements: Mapping[str, bytes] | None = None
    _is_joined: bool = False
    _lacks_tags: bool = False
    _made_of: tuple[Result, ...] | None = None
    _met: tuple[str, ...] = ()
    _row: str = ""
    _rows: tuple[RowPlan, ...] | None = None
    _scope: tuple[Any, ...] = ()
    _tags: frozenset[str] = _NO_TAGS

    def __repr__(self) -> str:  # what its fields hold stays out of logs
        return f"<Result {self.name}: {self.state.value}>"

    @property
    def content_type(self) -> bytes | None:
        """The media type of the body: the first of several Content-Type fields, by which it is judged and passed on."""
        return first(self.headers, b"content-type")

    @property
    def is_there(self) -> bool:
        """Whether it is what an upstream said, now or before: no failure, and nothing that stands in for one."""
        return self.state is _OK or self.state is _STALE

    @property
    def milliseconds(self) -> float:
        """The duration of the part."""
        return max(0.0, (self.ended - self.started) * 1000.0)

    def header_map(self) -> dict[str, str]:
        """Return the headers by lower-case name, repeated ones joined (RFC 9110 §5.3)."""
        return header_map(self.headers)

    @property
    def age(self) -> float | None:
        """The seconds for which it had been kept, None for one that was not."""
        return self._age

    def was_kept(self, age: float, headers: HeaderList | None = None, tags: frozenset[str] | None = None) -> None:
        """Mark the result as kept for *age* seconds, without a call; set its *headers* and *tags*."""
        self._age = age
        self.attempts, self.reply = 0, None
        self.headers = self.headers if headers is None else headers
        if tags is not None:
            self._tags = tags

    @property
    def is_joined(self) -> bool:
        """Whether it came of a call that somebody else had begun."""
        return self._is_joined

    def was_joined(self) -> None:
        """Mark the result as that of a call that another request had begun."""
        self._is_joined = True

    @property
    def elements(self) -> Mapping[str, bytes] | None:
        """The JSON texts of its elements by key, empty for keys that have none; None where nobody has found them."""
        return self._elements

    def has_elements(self, elements: Mapping[str, bytes]) -> None:
        """Set the *elements*, which were found before."""
        self._elements = elements

    @property
    def tags(self) -> frozenset[str]:
        """The names by which what is kept of it can be purged."""
        return self._tags

    @tags.setter
    def tags(self, tags: frozenset[str]) -> None:
        self._tags = tags

    @property
    def lacks_tags(self) -> bool:
        """Whether a tag of it could not be made, so that a purge would not find what is kept of it."""
        return self._lacks_tags

    def could_not_be_tagged(self) -> None:
        """Mark the result as one whose tags could not all be made."""
        self._lacks_tags = True

    @property
    def rows(self) -> tuple[RowPlan, ...] | None:
        """The rows of status maps that may speak of this failure of a call; None for what is no failure of a call."""
        return self._rows

    def is_ruled_by(self, rows: tuple[RowPlan, ...]) -> None:
        """Set the status-map *rows* that apply to this failure."""
        self._rows = rows

    @property
    def row(self) -> str:
        """The key of the status-map row that made the answer of this failure; empty for none."""
        return self._row

    def was_mapped(self, on: str) -> None:
        """Record the key (*on*) of the row that made the answer of this failure."""
        self._row = on

    @property
    def scope(self) -> tuple[Any, ...]:
        """The ``Level`` of each group that the failure is inside, the nearest first: those rows may read its parts."""
        return self._scope

    @property
    def met(self) -> tuple[str, ...]:
        """The status or cause that each attempt met, the last one included; empty unless there was more than one."""
        return self._met

    @property
    def words(self) -> tuple[str, ...]:
        """The status or cause that each attempt met, also of a single one; empty for what was never sent."""
        if self.met or not self.attempts:
            return self.met
        return (str(self.status) if self.status else self.cause.value if self.cause else self.state.value,)

    def has_met(self, words: tuple[str, ...]) -> None:
        """Set what each attempt met, if there was more than one; the last ``MOST_MET`` are kept."""
        if len(words) > 1:
            self._met = words[-MOST_MET:]

    def made_of(self, inner: tuple[Result, ...]) -> None:
        """Record the results that this one was assembled from."""
        self._made_of = inner

    def replies(self) -> Iterator[Result]:
        """Yield the results of calls that this one consists of: itself, or those inside, in declared order."""
        if self._made_of is None:
            yield self
            return
        for result in self._made_of:
            yield from result.replies()

    def rests_on(self) -> Iterator[Result]:
        """Yield the results of all calls that it depends on: ``replies``, what was tried before them, what failed."""
        made_of = self._made_of
        if made_of is None:
            yield self
            made_of = self.parts if self.state is State.FAILED else ()
        for result in (*self.tried, *made_of):
            yield from result.rests_on()

    def fail(self, error: AggregatorError) -> Result:
        """Return this result as one that failed by *error*; what is known of the reply stays, but not what it meant."""
        self.state = _FAILED
        self.error = failure = error if isinstance(error, CallError) else as_call_error(error)
        self.cause = failure.cause
        self._json, self._value = None, UNREAD
        # Its frames hold the whole request, and the request holds it: such a ring waits for the collector.
        if error.__traceback__ is not None or error.__context__ is not None:
            error.__traceback__ = error.__context__ = error.__cause__ = None
        return self

    def view(self) -> View:
        """The value of ``this`` and ``calls.NAME`` in expressions."""
        return View(self)


def failed(
    name: str, error: AggregatorError, started: float, ended: float, *,
    upstream: str = "", status: int = 0, rows: tuple[RowPlan, ...] | None = None, attempts: int = 1,
) -> Result:  # fmt: skip
    """Return the result of a part that ended with *error* after *attempts* calls; *rows* are those of its call."""
    result = Result(name, started, ended, status=status).fail(error)
    result.attempts = attempts
    result.upstream = upstream
    if rows is not None:
        result._rows = rows
    return result


def as_call_error(error: AggregatorError) -> CallError:
    """Return *error* as the failure of a call: whatever expressions and shapes raise has the cause ``expression``."""
    return error if isinstance(error, CallError) else CallError(Cause.EXPRESSION, str(error))


def failed_within(name: str, inner: Result, level: Any, started: float, ended: float) -> Result:
    """Return the failure of the group *name* that *inner* is the reason of; *level* are the parts of the group."""
    assert inner.error is not None
    result = failed(name, inner.error, started, ended, upstream=inner.upstream, status=inner.status, rows=inner.rows)
    result.headers, result.raw, result.reply, result.decoder = inner.headers, inner.raw, inner.reply, inner.decoder
    result._scope = (*inner.scope, level)
    return result


def skipped(name: str, now: float) -> Result:
    """Return the result of a part that was not wanted at *now*: ``when`` did not hold."""
    result = Result(name, now, now, state=State.SKIPPED)
    result.attempts = 0
    return result

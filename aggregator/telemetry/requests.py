"""One line about an answer: its data, taken when the answer has left, and made a text in the thread that writes.

``tell`` is what reports call. Where the log is the process's own and nobody else listens to it, no record of the
library is made: that takes five times as long as the line.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

from msgspec import Struct

REQUESTS = "aggregator.request"
"""The logger of lines about answers."""
ANSWERED = "Answered."
"""The sentence of an answer that went well."""
_log = logging.getLogger(REQUESTS)
FRAME = 512
"""Characters of a line beside what a client chose."""


def tenths(seconds: float) -> float:
    """Return *seconds* in milliseconds, to a tenth of one; far faster than ``round``, which makes a text between."""
    return int(seconds * 10_000.0 + 0.5) / 10.0


class Seen(Struct, frozen=True):
    """The fields of the combined format beside those of the request line."""

    method: str
    path: str
    query: str = ""
    user: str = ""
    referer: str = ""
    agent: str = ""


class RequestLine(Struct):
    """A *sentence* of *level* at *moment* (Unix time) with its fields.

    *known* are fields whose texts are ours or of the file, *said* those that may hold what a client or an upstream
    sent, or a secret; they are masked. *seen* is there for formats that show the request itself.
    """

    level: int
    sentence: str
    moment: float
    known: dict[str, Any]
    said: dict[str, Any]
    seen: Seen | None = None

    @property
    def weight(self) -> int:
        """About how many characters the line will have."""
        return FRAME + len(self.said.get("path", "")) + len(self.said.get("reason", ""))


class AnswerLine(Struct, frozen=True, gc=False):
    """The line of an answer that went well and of which nothing unusual is told: most lines of a log.

    It took *seconds*; *parts* is what became of its parts, as text; *request* is its id, *trace* and *span* are those
    of its trace, empty without one.
    """

    moment: float
    status: int
    seconds: float
    size: int
    parts: str
    endpoint: str
    path: str
    request: str
    client: str
    trace: str = ""
    span: str = ""

    def whole(self) -> RequestLine:
        """Return the same as every line is written."""
        known = {"status": self.status, "ms": tenths(self.seconds), "size": self.size, "parts": self.parts}
        if self.trace:
            known |= {"trace_id": self.trace, "span_id": self.span}
        said = {"endpoint": self.endpoint, "path": self.path, "request_id": self.request, "client": self.client}
        return RequestLine(logging.INFO, ANSWERED, self.moment, known, said)


class RequestSink(Protocol):
    """Writes lines about answers."""

    shows_requests: bool
    """Whether it wants to know what combined lines tell."""

    def put(self, line: RequestLine) -> None:
        """Write *line* soon; never waits."""

    def put_answer(self, line: AnswerLine) -> None:
        """Write *line* soon; never waits."""


def answer_sink() -> RequestSink | None:
    """Return what writes lines of answers as they are; None where others listen too, or want to know more of them."""
    handlers = logging.root.handlers
    if len(handlers) != 1 or _log.handlers or not _log.isEnabledFor(logging.INFO):
        return None
    sink: RequestSink | None = getattr(handlers[0], "requests", None)
    return None if sink is None or sink.shows_requests else sink


def tell(line: RequestLine, see: Callable[[], Seen] | None = None) -> None:
    """Write *line*, by the log of the process alone if it has no other; *see* is asked where the request is shown."""
    if not _log.isEnabledFor(line.level):
        return
    handlers = logging.root.handlers
    sink: RequestSink | None = None
    for handler in handlers:
        sink = getattr(handler, "requests", None)
        if sink is not None:
            if sink.shows_requests and see is not None:
                line.seen = see()
            break
    if sink is not None and len(handlers) == 1 and not _log.handlers:
        sink.put(line)
    else:
        _log.log(line.level, line.sentence, extra={"fields": line.known | line.said, "line": line})

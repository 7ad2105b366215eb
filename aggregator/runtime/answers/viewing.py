"""The answer as background calls see it: ``response.status``, ``response.headers``, ``response.body``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aggregator.codecs import json as json_codec
from aggregator.errors import CallError
from aggregator.http import header_map
from aggregator.parts.names import Lazy, Names
from aggregator.runtime.answers.answer import Answer
from aggregator.templates import Path

_UNREAD: Any = object()


class LazyResponse(Lazy):
    """A view of an answer; its body is decoded only if an expression reads it."""

    __slots__ = ("_answer",)

    def __init__(self, answer: Answer) -> None:
        super().__init__(status=answer.status)
        self._answer = answer

    def __contains__(self, key: object) -> bool:
        return key in ("status", "headers", "body")

    def __missing__(self, key: str) -> Any:
        if key == "headers":
            value: Any = header_map(self._answer.headers)
        elif key == "body":
            value = self._body()
        else:
            raise KeyError(key)
        self[key] = value
        return value

    def _body(self) -> Any:
        try:
            return json_codec.decode(self._answer.body) if self._answer.body else None
        except CallError:
            return self._answer.body.decode("utf-8", "replace")


class AnswerNames(Names):
    """The names of a request, and ``response``, which is its *answer*."""

    __slots__ = ("_answer", "_sent")

    def __init__(self, parent: Names, answer: Answer) -> None:
        super().__init__(parent.exchange, {"response": LazyResponse(answer)}, parent)
        self._answer = answer
        self._sent: Any = _UNREAD

    def _as_sent(self, path: Path) -> Mapping[str, Any] | None:
        if path[:2] != ("response", "body"):
            return super()._as_sent(path)
        if self._sent is _UNREAD:
            try:
                self._sent = json_codec.decode_exact(self._answer.body)
            except CallError:  # text, or nothing: as the view has it
                self._sent = self["response"]["body"]
        return {"response": {"body": self._sent}}

"""The target of a request that takes only path parameters: their bytes are copied as the client sent them."""

from __future__ import annotations

from collections.abc import Sequence

from aggregator.errors import ExpressionError
from aggregator.templates.percent import NO_SEGMENT
from aggregator.templates.target import Part, Placeholder


class Splice:
    """Writes a target. An object and not a closure, whose variables would each lie elsewhere in memory."""

    __slots__ = ("_guarded", "_head", "_index", "_names", "_parts", "_tail")

    def __init__(self, prefix: bytes, segments: Sequence[Part], names: list[str]) -> None:
        parts = [part if isinstance(part, bytes) else names.index(part.name) for part in segments]
        in_path = {part.name for part in segments if isinstance(part, Placeholder) and part.in_path}
        self._guarded = tuple(sorted(names.index(name) for name in in_path))
        self._names = names
        self._index, self._tail = -1, b""
        self._parts: list[bytes | int] | None = None
        match parts:
            case [bytes() as head]:
                self._head = prefix + head
            case [bytes() as head, int() as index] if in_path:
                self._head, self._index = prefix + head, index
            case [bytes() as head, int() as index, bytes() as tail] if in_path:
                self._head, self._index, self._tail = prefix + head, index, tail
            case _:
                self._head, self._parts = prefix, parts

    def render(self, params: Sequence[bytes]) -> bytes:
        """Give the target with *params*, canonical and percent-encoded.

        Raises `ExpressionError` for an empty segment, ``.`` and ``..`` in the path.
        """
        if self._parts is not None:
            return self._render_parts(self._parts, params)
        if self._index < 0:
            return self._head
        param = params[self._index]
        if param in NO_SEGMENT:
            raise self._no_segment(self._index)
        return self._head + param + self._tail

    def _render_parts(self, parts: list[bytes | int], params: Sequence[bytes]) -> bytes:
        for index in self._guarded:
            if params[index] in NO_SEGMENT:
                raise self._no_segment(index)
        return self._head + b"".join([part if isinstance(part, bytes) else params[part] for part in parts])

    def _no_segment(self, index: int) -> ExpressionError:
        return ExpressionError(f"`{{{self._names[index]}}}` in a path is empty, `.` or `..`")

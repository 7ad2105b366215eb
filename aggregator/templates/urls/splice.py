"""The target of a request that takes only path parameters: their bytes are copied as the client sent them."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from aggregator.errors import ExpressionError
from aggregator.templates.urls.percent import NO_SEGMENT, Dots, check_segment
from aggregator.templates.urls.target import Part, Placeholder


class Splice(Struct, frozen=True):
    """The middle of a target between its head and tail, shared by many targets.

    That is one parameter (*index*, or none: -1); or, when there is more, the *parts*, where numbers stand for
    parameters. *guarded* are the numbers of *names* that stand in the path; unless *raw*, they must not lead elsewhere,
    also with the literal *dots* around each.
    """

    index: int
    parts: tuple[bytes | int, ...] | None
    guarded: tuple[int, ...]
    names: tuple[str, ...]
    raw: bool = False
    dots: tuple[Dots, ...] = ()

    def render(self, head: bytes, params: Sequence[bytes], tail: bytes) -> bytes:
        """Return the target from *head* to *tail* with *params*, canonical and percent-encoded.

        Raises `ExpressionError` for what `check_segment` refuses in the path.
        """
        if self.parts is not None:
            return head + self._render_parts(self.parts, params) + tail
        if self.index < 0:
            return head + tail
        param = params[self.index]
        if param in NO_SEGMENT or b"%" in param:
            self._check(self.index, param)
        return head + param + tail

    def _render_parts(self, parts: tuple[bytes | int, ...], params: Sequence[bytes]) -> bytes:
        for index in self.guarded:
            self._check(index, params[index])
        return b"".join([part if isinstance(part, bytes) else params[part] for part in parts])

    def _check(self, index: int, param: bytes) -> None:
        try:
            check_segment(param, self.names[index], raw=self.raw, dots=self.dots[index])
        except ExpressionError as error:
            error.reading(frozenset({(self.names[index].removesuffix(":path"),)}))
            raise


def splice_of(segments: Sequence[Part], names: Sequence[str], *, raw: bool = False) -> tuple[bytes, Splice, bytes]:
    """Return the head of *segments*, what follows it, and the tail; all their placeholders are among *names*."""
    names = tuple(names)
    parts = [part if isinstance(part, bytes) else names.index(part.name) for part in segments]
    in_path = {part.name for part in segments if isinstance(part, Placeholder) and part.in_path}
    guarded = tuple(sorted(names.index(name) for name in in_path))
    dots = tuple(_dots_around(name, segments) for name in names)
    match parts:
        case [bytes() as head]:
            return head, Splice(-1, None, guarded, names, raw, dots), b""
        case [bytes() as head, int() as index] if in_path:
            return head, Splice(index, None, guarded, names, raw, dots), b""
        case [bytes() as head, int() as index, bytes() as tail] if in_path:
            return head, Splice(index, None, guarded, names, raw, dots), tail
    return b"", Splice(-1, tuple(parts), guarded, names, raw, dots), b""


def _dots_around(name: str, segments: Sequence[Part]) -> Dots:
    """Return the most dots that stand before and behind the placeholder *name* in one of its places."""
    places = [part.dots for part in segments if isinstance(part, Placeholder) and part.name == name]
    return max((before for before, _ in places), default=b""), max((behind for _, behind in places), default=b"")

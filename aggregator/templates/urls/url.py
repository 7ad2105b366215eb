"""URL templates: ``POST users:/users/{order.user_id}?limit=5`` to the bytes of a request target.

A value becomes one percent-encoded piece: it can add no slash, query or header and cannot choose the host.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from msgspec import Struct

from aggregator.errors import ExpressionError
from aggregator.templates.expressions.paths import read_path
from aggregator.templates.urls.address import parse_address
from aggregator.templates.urls.percent import encode_segment, encode_segments, encode_value
from aggregator.templates.urls.splice import Splice, splice_of
from aggregator.templates.urls.target import Part, Placeholder, parse_target

Render: TypeAlias = Callable[[Mapping[str, Any]], bytes]


class UrlTemplate(Struct, frozen=True):
    """A compiled URL: where it goes, and its request target as bytes with placeholders between them.

    *method* is None when the file names none; exactly one of *upstream* (a name) and *origin*
    (``https://host[:port]``, lower case, without the scheme's own port) is set. Neighbouring bytes in
    *segments* are one part, so a constant target has one segment.
    """

    source: str
    method: str | None
    upstream: str | None
    origin: str | None
    segments: tuple[Part, ...]

    @property
    def placeholders(self) -> tuple[Placeholder, ...]:
        """The placeholders in reading order."""
        return tuple(part for part in self.segments if isinstance(part, Placeholder))

    @property
    def has_path_values(self) -> bool:
        """Whether a value stands in the path."""
        return any(part.in_path for part in self.placeholders)

    @property
    def references(self) -> frozenset[tuple[str, ...]]:
        """The paths that the template reads, root first, an index as its digits."""
        return frozenset(tuple(map(str, part.path)) for part in self.placeholders)

    @property
    def is_constant(self) -> bool:
        """Whether the target is the same for every request."""
        return not self.placeholders

    def renderer(self, *, raw: bool = False) -> Render:
        """Return a function that renders the target in ASCII, given a context.

        It raises `ExpressionError`, which names the placeholder, for a value that does not fit. With *raw* a value in
        the path may hold dots between encoded slashes.
        """
        parts = [part if isinstance(part, bytes) else _reader(part, raw=raw) for part in self.segments]
        match parts:
            case [bytes() as constant]:
                return lambda _: constant
            case [bytes() as head, read] if not isinstance(read, bytes):
                return lambda context: head + read(context)
        return lambda context: b"".join([part if isinstance(part, bytes) else part(context) for part in parts])

    def splice(self, param_names: Sequence[str], *, raw: bool = False) -> tuple[bytes, Splice, bytes] | None:
        """Head and tail of the target, and what writes it from canonical path segments, in the order of *param_names*.

        None when a placeholder is anything else than one of these parameters; one that takes the rest of the
        path is called ``name:path``, so that only ``{name:path}`` takes it as it is. *raw* is as for `renderer`.
        """
        if any(part.name not in param_names for part in self.placeholders):  # which are no dotted paths
            return None
        return splice_of(self.segments, param_names, raw=raw)


@lru_cache(maxsize=32_768)  # checked first, compiled afterwards: 5000 endpoints have to stay in it
def compile_url(source: str) -> UrlTemplate:
    """Compile ``[METHOD ]upstream:/path[?query]`` or ``[METHOD ]https://host[/path][?query]``.

    ``{name}`` and ``{call.field.0}`` stand for one value, ``{name:path}`` for segments with slashes between.
    Raises `TemplateProblem`.
    """
    address = parse_address(source)
    segments = parse_target(source, address.rest)
    return UrlTemplate(source, address.method, address.upstream, address.origin, segments)


def _reader(placeholder: Placeholder, *, raw: bool) -> Render:
    read, name, rest = read_path(placeholder.path), placeholder.name, placeholder.rest
    references, dots = frozenset({tuple(map(str, placeholder.path))}), placeholder.dots

    def render(context: Mapping[str, Any]) -> bytes:
        try:
            if not placeholder.in_path:
                return encode_value(read(context), name)
            value = read(context)
            return encode_segments(value, name, raw=raw) if rest else encode_segment(value, name, raw=raw, dots=dots)
        except ExpressionError as error:
            error.reading(references)
            raise

    return render

"""Path patterns of endpoints: ``/orders/{order_id}/full`` as canonical segments and named parameters."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, TypeAlias

from msgspec import Struct

from aggregator.templates.expressions.paths import is_name
from aggregator.templates.problem import TemplateProblem
from aggregator.templates.urls.literal import encode_literal
from aggregator.templates.urls.percent import NO_SEGMENT, canonical_segment

_PARAM: Final = re.compile(r"\{(?P<name>[^{}:]*)(?::(?P<kind>[^{}]*))?\}")


class Param(Struct, frozen=True):
    """``{name}``, one segment; or ``{name:path}``, the one or more segments that are left (*rest*)."""

    name: str
    rest: bool = False


Segment: TypeAlias = bytes | Param


class PathPattern(Struct, frozen=True):
    """A compiled pattern.

    Literal *segments* are in the form of :func:`~aggregator.templates.percent.canonical_segment`, to be
    compared with canonical segments of a request. The pattern ``/`` has no segments; a trailing slash
    is part of the pattern and shows as a last segment ``b""``.
    """

    source: str
    segments: tuple[Segment, ...]

    @property
    def params(self) -> tuple[str, ...]:
        """The names of all parameters in reading order, the rest included."""
        return tuple(part.name for part in self.segments if isinstance(part, Param))

    @property
    def wildcard(self) -> str | None:
        """The name of the ``{name:path}`` parameter, if there is one."""
        last = self.segments[-1] if self.segments else None
        return last.name if isinstance(last, Param) and last.rest else None

    @property
    def shape(self) -> tuple[bytes | bool, ...]:
        """The pattern without names: equal shapes match the same paths."""
        return tuple(part if isinstance(part, bytes) else part.rest for part in self.segments)


@lru_cache(maxsize=16_384)  # checked first, compiled afterwards: 5000 endpoints have to stay in it
def compile_pattern(source: str) -> PathPattern:
    """Compile the path of an endpoint. Raises `TemplateProblem`."""
    if not source.startswith("/"):
        raise TemplateProblem("a path starts with `/`", 0, len(source), f"write `/{source}`")
    words = source[1:].split("/")
    segments: list[Segment] = []
    names: set[str] = set()
    place = 1
    for number, word in enumerate(words, 1):
        segment = _parse_segment(word, place, last=number == len(words))
        if isinstance(segment, Param):
            if segment.name in names:
                raise TemplateProblem(f"the parameter `{segment.name}` is there twice", place, len(word))
            names.add(segment.name)
        segments.append(segment)
        place += len(word) + 1
    return PathPattern(source, () if source == "/" else tuple(segments))


def _parse_segment(word: str, place: int, *, last: bool) -> Segment:
    if match := _PARAM.fullmatch(word):
        return _parse_param(match, place, last=last)
    width = len(word)
    if "?" in word:
        raise _query_in_path(word, place)
    if "{" in word or "}" in word:
        raise TemplateProblem("a parameter is a whole segment", place, width, "write `/{name}/`, no text beside it")
    if word[:1] in {":", "<", "*"} and width:
        name = word.strip(":<>*") or "rest"
        written = "{" + name + (":path}" if word[0] == "*" else "}")
        raise TemplateProblem(f"`{word}` is no parameter here", place, width, f"write `{written}`")
    return _parse_literal(word, place, last=last)


def _query_in_path(word: str, place: int) -> TemplateProblem:
    names = [name for pair in word.partition("?")[2].split("&") if is_name(name := pair.partition("=")[0])]
    declared = ", ".join(f"{name}: string" for name in names) or "page: integer"
    hint = f"end the path before it, and declare `query: {{{declared}}}`"
    return TemplateProblem(
        "a query is not part of the path", place + word.index("?"), len(word.partition("?")[2]) + 1, hint
    )


def _parse_literal(word: str, place: int, *, last: bool) -> bytes:
    if not word and not last:
        raise TemplateProblem("a path cannot hold an empty segment", place - 1, 2, "write one slash")
    encoded = encode_literal(word, place)
    if word and encoded in NO_SEGMENT:
        raise TemplateProblem(f"a path cannot hold `{word}`", place, len(word), "write where it leads")
    return canonical_segment(encoded) if word else b""


def _parse_param(match: re.Match[str], place: int, *, last: bool) -> Param:
    name, kind, width = match["name"], match["kind"], len(match[0])
    if not is_name(name):
        raise TemplateProblem(
            f"`{name}` cannot be the name of a parameter", place, width, "use letters, digits and `_`"
        )
    if kind is not None and kind != "path":
        raise TemplateProblem(
            f"`{kind}` is no kind of parameter",
            place,
            width,
            f"write `{{{name}}}` and its type under `params`",
        )
    if kind and not last:
        raise TemplateProblem("only the last segment can take the rest of the path", place, width)
    return Param(name, kind is not None)

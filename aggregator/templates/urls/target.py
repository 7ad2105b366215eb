"""The tail of a URL template: path and query as canonical bytes with placeholders between them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, TypeAlias

from msgspec import Struct

from aggregator.templates.expressions.paths import Path, dotted, parse_dotted
from aggregator.templates.problem import TemplateProblem
from aggregator.templates.urls.literal import encode_literal
from aggregator.templates.urls.percent import NO_DOTS, NO_SEGMENT, Dots

_REST: Final = ":path"
_MAY_BE_NO_SEGMENT: Final = re.compile(r"/(?:\.|%2[Ee]){0,2}(?:/|\Z)").search
_DOTS_BEFORE: Final = re.compile(r"/(\.+)\Z").search
_DOTS_BEHIND: Final = re.compile(r"(\.+)(?=[/?]|\Z)").match
_BRACES: Final = re.compile(r"\{\{.*?(?:\}\}|$)|\{(?P<path>[^{}]*)\}|[{}]", re.DOTALL)


class Placeholder(Struct, frozen=True):
    """One ``{path}`` of a URL template; *in_path* is false behind the ``?``.

    *rest* is true for ``{name:path}``, whose value may be several segments. *dots* are those between the slash
    before and the placeholder, and between the placeholder and the slash behind.
    """

    path: Path
    in_path: bool = True
    rest: bool = False
    dots: Dots = NO_DOTS

    @property
    def name(self) -> str:
        """The path as it is written: ``order.items.0.sku``, ``rest:path``."""
        return dotted(self.path) + (_REST if self.rest else "")


Part: TypeAlias = bytes | Placeholder


def parse_target(source: str, start: int) -> tuple[Part, ...]:
    """The parts of *source* from *start* on; neighbouring bytes are one part, and the first part is bytes.

    Raises `TemplateProblem`, among others for dot segments, empty segments and a placeholder that
    is not a value of the query.
    """
    end = source.find("?", start)
    end = len(source) if end == -1 else end
    if start == end:
        path: list[Part] = [b"/"]
    else:
        path = list(_parts(source, start, end, in_path=True))
        if _MAY_BE_NO_SEGMENT(source, start, end):
            _check_segments(source[start:end], start)
    if "{" in source[end:]:
        _check_query(source, end)
    return _merge([*path, *_parts(source, end, len(source), in_path=False)])


def _parts(source: str, start: int, end: int, *, in_path: bool) -> Iterator[Part]:
    position = start
    for braces in _BRACES.finditer(source, start, end):
        yield encode_literal(source[position : braces.start()], position)
        path, rest = _parse_placeholder(braces)
        if rest and not (in_path and _stands_alone(source, braces)):
            raise TemplateProblem(
                "a placeholder for several segments stands alone between slashes",
                braces.start(),
                len(braces[0]),
                f"write `/{braces[0]}`",
            )
        yield Placeholder(path, in_path, rest, _dots(source, braces) if in_path else NO_DOTS)
        position = braces.end()
    yield encode_literal(source[position:end], position)


def _dots(source: str, braces: re.Match[str]) -> Dots:
    """Return the literal dots between *braces* and the slashes around, which a value could make ``..`` of."""
    before, behind = _DOTS_BEFORE(source, 0, braces.start()), _DOTS_BEHIND(source, braces.end())
    return b"." * (before[1].count(".") if before else 0), b"." * (behind[1].count(".") if behind else 0)


def _stands_alone(source: str, braces: re.Match[str]) -> bool:
    return source[: braces.start()].endswith("/") and source[braces.end() :][:1] in {"", "/", "?"}


def _parse_placeholder(braces: re.Match[str]) -> tuple[Path, bool]:
    inner, place, width = braces["path"], braces.start(), len(braces[0])
    if inner is None and width > 1:
        raise TemplateProblem(
            "a URL takes no expression",
            place,
            width,
            _hint_for_expression(braces[0]),
        )
    if inner is None:
        raise TemplateProblem("this brace has no partner", place, 1, "write `%7B` or `%7D` for the character")
    rest = inner.endswith(_REST)
    path = parse_dotted(inner.removesuffix(_REST))
    if path is None:
        raise TemplateProblem(f"`{inner}` is not a dotted path", place, width, _hint_for_path(inner))
    return path, rest


def _hint_for_path(inner: str) -> str:
    """Return what to write instead of *inner*: a name with a dash can be read in an expression only."""
    name, _, field = inner.partition(".")
    if "-" in name and parse_dotted(inner.replace("-", "_")) is not None:
        read = f"{{{{ calls['{name}'].body{'.' if field else ''}{field} }}}}"
        other = name.replace("-", "_")
        return f"rename `{name}` to `{other}`, or read it where expressions stand, as in `query`: `{read}`"
    return "write `{name}` or `{call.field.0.name}`"


def _hint_for_expression(text: str) -> str:
    """Return what to write instead of the expression *text*: the path that it is, or where it can stand."""
    inner = text.strip("{} ")
    if parse_dotted(inner) is not None:
        return f"write `{{{inner}}}`"
    return "write `{name}`, or build the value in `query` or `json`"


def _check_segments(path: str, start: int) -> None:
    place = start + 1
    segments = path.split("/")[1:]
    for number, segment in enumerate(segments, 1):
        if "{" not in segment and encode_literal(segment, place) in NO_SEGMENT:
            if segment:
                raise TemplateProblem(f"a path cannot hold `{segment}`", place, len(segment), "write where it leads")
            if number < len(segments):
                raise TemplateProblem("a path cannot hold an empty segment", place - 1, 2, "write one slash")
        place += len(segment) + 1


def _check_query(source: str, start: int) -> None:
    place = start + 1
    for pair in source[place:].split("&"):
        if "{" in pair.partition("=")[0]:
            raise TemplateProblem(
                "only the value of a query parameter can be a placeholder",
                place,
                len(pair),
                "write `name={value}`",
            )
        place += len(pair) + 1


def _merge(parts: list[Part]) -> tuple[Part, ...]:
    merged: list[Part] = []
    for part in parts:
        if isinstance(part, bytes) and merged and isinstance(merged[-1], bytes):
            merged[-1] += part
        elif part != b"":
            merged.append(part)
    return tuple(merged)

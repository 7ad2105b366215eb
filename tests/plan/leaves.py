"""What a plan says, piece by piece: a test names all that a setting changes in it, and nothing else may change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from itertools import groupby
from types import FunctionType
from typing import Any

from msgspec import Struct

from aggregator.templates import Const, Expr, Expression, Template, UrlTemplate

_CODINGS = re.compile(r"accept-encoding: [^\r]*\r\n")
"""Depends on what is installed."""


def cases(text: str) -> list[tuple[str, list[str]]]:
    """Return the settings in *text*, each with the indented lines behind it."""
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith(" "):
            found[-1][1].append(line.strip())
        else:
            found.append((line, []))
    return found


def changes(before: object, after: object) -> list[str]:
    """Return what *after* says else than *before*, as ``path=value`` in the order of paths; ``no path`` for what is gone.

    Digests, and keys that begin with one, change with every setting, and are left out; what is None or empty counts as gone.
    """
    old, new = dict(_leaves(before, "")), dict(_leaves(after, ""))
    paths = sorted(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))
    return [f"{path}={new[path]}" if path in new else f"no {path}" for path in paths]


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield all that *value*, which is at *path*, consists of."""
    inner = None if isinstance(value, Template | Expression | UrlTemplate) else _inner(value)
    if not inner and value is not None and value not in (frozenset(), (), {}) and not _is_made(value):
        yield path, _text(value)
    for name, one in inner or ():
        if name != "digest" and not (name == "start" and isinstance(one, bytes)):
            yield from _leaves(one, f"{path}.{name}" if path else name)


def _inner(value: Any) -> list[tuple[str, Any]] | None:
    """Return the pieces of *value* with their names; None for one that has none."""
    match value:
        case Struct():
            return [(name, getattr(value, name)) for name in value.__struct_fields__]
        case tuple() if hasattr(value, "_fields"):
            return [(name, getattr(value, name)) for name in value._fields]
        case tuple() | list():
            return [(str(number), one) for number, one in enumerate(value)]
        case dict():
            return [(str(name), one) for name, one in value.items()]
    return [(one.name, getattr(value, one.name)) for one in fields(value)] if is_dataclass(value) else None


def _is_made(value: Any) -> bool:
    """Return whether *value* is made of other pieces, and does not say what it is: a function, and what judges."""
    return isinstance(value, FunctionType) or type(value).__repr__ is object.__repr__


def _text(value: Any) -> str:
    match value:
        case Template(node=Const(value=fixed)):
            return repr(fixed)
        case Template(node=Expr(expression=inner)):
            return f"{{{{ {inner.source} }}}}"
        case Expression() | UrlTemplate():
            return str(value.source)
        case bytes():
            return _CODINGS.sub("", value.decode("latin-1")).rstrip("\r\n").replace("\r\n", " | ")
        case frozenset() if value and all(isinstance(one, int) for one in value):
            return " ".join(_ranges(sorted(value)))
        case frozenset() | set():
            return " ".join(sorted(map(_text, value)))
    return str(value)


def _ranges(numbers: list[int]) -> Iterator[str]:
    for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        found = [number for _, number in run]
        yield str(found[0]) if len(found) == 1 else f"{found[0]}-{found[-1]}"

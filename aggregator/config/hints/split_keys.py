"""Endpoints whose key is split, method and path in two places as other tools write them: one mistake, told once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Finding
from aggregator.http import METHODS

_ANY: Final = "ANY"
_WORD: Final = re.compile(rf"(?:{_ANY}|{'|'.join(METHODS)})(?:\|(?:{'|'.join(METHODS)}))*", re.IGNORECASE)
_WHOLE: Final = re.compile(r"(?P<method>[A-Z|]+) (?P<path>/.*)", re.DOTALL)
_KEY: Final = "endpoint-key"
_UNKNOWN: Final = "unknown-key"
_SHOWN: Final = 3
"""Most endpoints that a hint writes out."""


class _Split(Struct, frozen=True):
    """A key that is split: the *hint* of the finding about the key at *place*, and the *parts* below, told with it."""

    hint: str
    place: Steps
    parts: tuple[str, ...]


def told_once(findings: Iterable[Finding], key: str, written: Any, at: Steps) -> list[Finding]:
    """Return *findings* of the endpoint *key* at *at*, which says *written*, with one where the key is split."""
    told = list(findings)
    unknown = {one.path[-1]: one for one in told if one.code == _UNKNOWN and one.path[:-1] == at}
    if not unknown or not isinstance(written, Mapping):
        return told
    is_key = not any(one.code == _KEY and one.path == at for one in told)
    split = _split(key.strip(), {str(name): written[name] for name in unknown if name in written}, at, is_key=is_key)
    if split is None:
        return told
    moot = {(*at, part) for part in split.parts} - {split.place}
    about = (_KEY, _UNKNOWN)
    return [
        replace(one, hint=split.hint) if one.path == split.place and one.code in about else one
        for one in told
        if one.path not in moot
    ]


def _split(key: str, below: Mapping[str, Any], at: Steps, *, is_key: bool) -> _Split | None:
    """Return how *key*, which *is_key* or is none, is split between itself and the unknown keys *below*; or None."""
    methods = [name for name in below if _WORD.fullmatch(name)]
    paths = [name for name in below if name.startswith("/")]
    if methods and key.startswith("/") and not is_key:
        return _Split(_each([(name, key, below[name]) for name in methods]), at, tuple(methods))
    if paths and _WORD.fullmatch(key):
        return _Split(_each([(key, name, below[name]) for name in paths]), at, tuple(paths))
    if "path" in below or ("paths" in below and not is_key):
        return _of_setting(key, below, at, is_key=is_key)
    whole = _WHOLE.fullmatch(key)
    if methods and whole is not None and is_key:
        return _of_method(whole["method"], whole["path"], methods[0], below, at)
    return None


def _each(endpoints: list[tuple[str, str, Any]]) -> str:
    """Return the hint to write each of *endpoints*, its method, path and value, under a key that says both."""
    shown = ", ".join(f"`{_written(*one)}`" for one in endpoints[:_SHOWN])
    return f"write {shown}{', …' if len(endpoints) > _SHOWN else ''}"


def _written(method: str, path: str, value: Any) -> str:
    first = next(iter(value), "call") if isinstance(value, Mapping) else "call"
    return f"{method.upper()} {path}: {{{first}: …}}"


def _of_setting(key: str, below: Mapping[str, Any], at: Steps, *, is_key: bool) -> _Split:
    """Return the split key of an endpoint that says its path, and perhaps its method, by a setting."""
    said = below.get("method", below.get("methods"))
    method = "|".join(map(str, said)) if isinstance(said, list) else str(said or key.partition(" ")[0])
    method = method.upper() if _WORD.fullmatch(method) else METHODS[0]
    said = below.get("path", below.get("paths"))
    path = said[0] if isinstance(said, list) and said else said
    whole = f"{method} {path}" if isinstance(path, str) and path.startswith("/") else f"{method} /users/{{user_id}}"
    parts = tuple(name for name in ("path", "paths", "method", "methods") if name in below)
    if is_key:
        return _Split(f"the path is the key, as in `{whole}:`; that of a call is in its URL", (*at, "path"), parts)
    return _Split(f"write `{whole}:` in its place: method and path are the key", at, parts)


def _of_method(words: str, path: str, method: str, below: Mapping[str, Any], at: Steps) -> _Split:
    """Return the split key of an endpoint that has its method, *words*, and another *method* or the same *below*."""
    if method.upper() in words.split("|"):
        return _Split(f"leave `{method}:` out: what is below it stands right below `{words} {path}`", (*at, method), ())
    return _Split(f"{_each([(method, path, below[method])])}, as an endpoint of its own", (*at, method), ())

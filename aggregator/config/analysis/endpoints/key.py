"""The key of an endpoint, ``GET /users/{user_id}``: its methods and its path, or why it is none."""

from __future__ import annotations

import re

from msgspec import Struct
from msgspec.structs import replace

from aggregator.config.findings import occurrences
from aggregator.config.model.endpoint import EndpointSettings
from aggregator.config.text.values import Steps
from aggregator.diagnostics import did_you_mean
from aggregator.diagnostics.finding import Finding
from aggregator.http import METHODS, Method
from aggregator.templates import PathPattern, TemplateProblem, compile_pattern

_WORDS = re.compile(
    r"(?P<method>[^\s/]+(?:(?:(?<=[,|+])\s+|\s*[,|+]\s*)[A-Z]+)*)?(?P<gap>\s*)(?P<path>/.*|\S.*)?", re.DOTALL
)
_EXAMPLE = "write it like `GET /users/{user_id}`"


ANY = "ANY"
"""The word for every method."""


class EndpointKey(Struct, frozen=True):
    """Methods in capitals, in the order of ``METHODS``, and a compiled path; *is_any* says that the file names none."""

    methods: tuple[Method, ...]
    pattern: PathPattern
    is_any: bool = False


def read_key(key: str, place: Steps) -> tuple[EndpointKey | None, list[Finding]]:
    """Return *key*, which stands at *place*, taken apart; None and the findings when it is no key of an endpoint."""
    method, gap, path = _parts(key)
    problem = _method_problem(method, path, key)
    if problem is not None:
        return None, [_finding(place, *problem)]
    if not path:
        return None, [_finding(place, f"`{key}` names no path", f"write `{method} /…`")]
    if not path.startswith("/"):
        return None, [_finding(place, "a path begins with `/`", f"write `{method} /{path}`", path)]
    try:
        pattern = compile_pattern(path)
    except TemplateProblem as error:
        text = path[error.offset : error.offset + error.length]
        finding = _finding(place, error.message, error.hint or _EXAMPLE, text)
        return None, [replace(finding, occurrence=occurrences(path, text, error.offset))]
    if key != key.strip():
        return None, [_finding(place, "space stands around method and path", f"write `{key.strip()}`")]
    if gap != " ":
        return None, [_finding(place, "one space stands between method and path", f"write `{method} {path}`")]
    return EndpointKey(methods_of(method), pattern, method == ANY), []


def methods_of(words: str) -> tuple[Method, ...]:
    """Return the methods that *words* name: ``GET``, ``GET|HEAD``, or all of them for ``ANY``."""
    named = words.split("|")
    return METHODS if words == ANY else tuple(method for method in METHODS if method in named)


def _parts(key: str) -> tuple[str, str, str]:
    found = _WORDS.fullmatch(key.strip())
    assert found is not None  # every part of it may be missing
    return found["method"] or "", found["gap"], found["path"] or ""


def _method_problem(method: str, path: str, key: str) -> tuple[str, str] | None:
    if not method:
        return f"`{key}` names no method", f"write `GET {path}`" if path.startswith("/") else _EXAMPLE
    words = method.split("|")
    if words == [ANY] or (all(word in METHODS for word in words) and len(set(words)) == len(words)):
        return None
    upper = [word for word in re.split(r"[,|+\s]+", method.upper()) if word]
    if upper in (["*"], ["ALL"]):
        return f"`{method}` is not a method", f"the word for every method is `{ANY} {path}`"
    if all(word in (*METHODS, ANY) for word in upper):
        return _several_problem(method, upper, path)
    if not path:
        is_ours = method in EndpointSettings.model_fields
        hint = f"indent `{method}` deeper, below the endpoint that it belongs to" if is_ours else _EXAMPLE
        return f"`{key}` names no method and no path", hint
    wrong = next(word for word in upper if word not in METHODS)
    hint = did_you_mean(wrong, (*METHODS, ANY)) or f"the methods are {', '.join(METHODS)}"
    return f"`{wrong if len(upper) > 1 else method}` is not a method", hint


def _several_problem(method: str, words: list[str], path: str) -> tuple[str, str]:
    """Return what is wrong with *method*, whose *words* are methods, and how it is written."""
    once = list(dict.fromkeys(words))
    right = ANY if ANY in once else "|".join(once)
    if method != method.upper() and method.upper() == right:
        return f"`{method}` has to stand in capitals", f"write `{right} {path}`"
    if ANY in once and len(once) > 1:
        return f"`{ANY}` is every method already", f"write `{right} {path}`"
    if len(once) < len(words):
        return "a method counts once", f"write `{right} {path}`"
    return "`|` stands between the methods of an endpoint", f"write `{right} {path}`"


def _finding(place: Steps, message: str, hint: str | None, text: str = "") -> Finding:
    return Finding("endpoint-key", message, place, hint, at_key=True, text=text)

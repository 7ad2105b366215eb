"""The key of an endpoint, ``GET /users/{user_id}``: its method and its path, or why it is none."""

from __future__ import annotations

import re

from msgspec import Struct
from msgspec.structs import replace

from aggregator.config.findings import occurrences
from aggregator.config.model.endpoint import EndpointSettings
from aggregator.config.text.values import Steps
from aggregator.diagnostics import did_you_mean
from aggregator.diagnostics.finding import Finding
from aggregator.http import METHODS
from aggregator.templates import PathPattern, TemplateProblem, compile_pattern

_WORDS = re.compile(r"(?P<method>[^\s/]+)?(?P<gap>\s*)(?P<path>/.*|\S.*)?", re.DOTALL)
_EXAMPLE = "write it like `GET /users/{user_id}`"


class EndpointKey(Struct, frozen=True):
    """A method in capitals and a compiled path."""

    method: str
    pattern: PathPattern


def read_key(key: str, place: Steps) -> tuple[EndpointKey | None, list[Finding]]:
    """What *key*, which stands at *place*, says; None and why when it is no key of an endpoint."""
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
    return EndpointKey(method, pattern), []


def _parts(key: str) -> tuple[str, str, str]:
    found = _WORDS.fullmatch(key.strip())
    assert found is not None  # every part of it may be missing
    return found["method"] or "", found["gap"], found["path"] or ""


def _method_problem(method: str, path: str, key: str) -> tuple[str, str] | None:
    if not method:
        return f"`{key}` names no method", f"write `GET {path}`" if path.startswith("/") else _EXAMPLE
    if method in METHODS:
        return None
    if method.upper() in METHODS:
        return f"`{method}` has to stand in capitals", f"write `{method.upper()} {path}`"
    several = [word for word in re.split(r"[,|+/]", method.upper()) if word in METHODS]
    if len(several) > 1:
        written = ", ".join(f"`{one} {path}`" for one in several)
        return "an endpoint has one method", f"write one endpoint for each: {written}"
    if not path:
        is_ours = method in EndpointSettings.model_fields
        hint = f"indent `{method}` deeper, below the endpoint that it belongs to" if is_ours else _EXAMPLE
        return f"`{key}` names no method and no path", hint
    hint = did_you_mean(method.upper(), METHODS) or f"the methods are {', '.join(METHODS)}"
    return f"`{method}` is not a method", hint


def _finding(place: Steps, message: str, hint: str | None, text: str = "") -> Finding:
    return Finding("endpoint-key", message, place, hint, at_key=True, text=text)

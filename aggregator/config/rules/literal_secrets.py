"""Secrets come from variables or files, so that the file itself can be shown to everybody."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.findings import value_at
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Finding
from aggregator.policies.credentials.settings import SECRET_KEYS

_HEADERS = re.compile(r"(?:proxy-)?authorization|cookie|(?:x-)?(?:api-?key|auth-token|access-token|secret)")
_PARAMETERS = re.compile(r"api[_-]?key|(?:access_|auth_)?token|(?:client_)?secret|password")
_KNOWN = re.compile(
    r"(?:bearer|basic|token)\s+[\w.~+/=-]{8,}"
    r"|sk[-_](?:live|test)?[\w-]{16,}|gh[pousr]_\w{20,}|xox[abpr]-[\w-]{10,}|AKIA[0-9A-Z]{16}"
    r"|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|AIza[\w-]{30,}",
    re.IGNORECASE,
)
_SHELL = re.compile(r"\$([A-Z][A-Z0-9_]+)\b")


def check_literal_secrets(analysis: Analysis, _: Surroundings) -> Iterator[Finding]:
    """Yield findings about literals of calls that look like secrets."""
    for call in analysis.calls:
        if call.via is None:
            below = call.path[len(analysis.path) :]
            written = value_at(analysis.written, below)
            if isinstance(written, dict):
                yield from _check(written, call.path)


def check_upstream_secrets(around: Surroundings) -> Iterator[Finding]:
    """Yield findings about literals of upstreams, and of the debug header, that look like secrets."""
    for name in around.settings.upstreams:
        path = ("upstreams", name)
        written = value_at(around.written, path)
        yield from _check(written, path)
        yield from _check_auth(written.get("auth") if isinstance(written, dict) else None, (*path, "auth"))
    debug = value_at(around.written, ("server", "debug"))
    if isinstance(debug, dict) and is_literal(debug.get("secret")):
        yield secret_finding(("server", "debug", "secret"), "debug")


def _check(written: Any, path: Steps) -> Iterator[Finding]:
    for section, names in (("headers", _HEADERS), ("query", _PARAMETERS)):
        values = written.get(section) if isinstance(written, Mapping) else None
        for name, value in values.items() if isinstance(values, dict) else ():
            if is_literal(value) and (shell := _SHELL.search(value)):
                message, hint = f"`{shell[0]}` is text, not a variable", f"write `${{{shell[1]}}}`"
                yield Finding("bad-variable", message, (*path, section, name), hint, "warning", text=shell[0])
            elif is_literal(value) and (
                _KNOWN.search(value) or (names.fullmatch(str(name).lower()) and len(value) >= 8)
            ):
                yield secret_finding((*path, section, name), str(name))


def _check_auth(written: Any, path: Steps) -> Iterator[Finding]:
    """Yield the secrets of `auth` of an upstream that stand in the file, at any depth."""
    for key, value in written.items() if isinstance(written, dict) else ():
        if isinstance(value, dict):
            yield from _check_auth(value, (*path, key))
        elif key in SECRET_KEYS and is_literal(value):
            if shell := _SHELL.search(value):
                message, hint = f"`{shell[0]}` is text, not a variable", f"write `${{{shell[1]}}}`"
                yield Finding("bad-variable", message, (*path, key), hint, "warning", text=shell[0])
            else:
                yield secret_finding((*path, key), f"{path[1]}_{key}")


def is_literal(value: Any) -> bool:
    """Return whether *value* stands in the file as it is, without a variable or an expression."""
    return isinstance(value, str) and "${" not in value and "{{" not in value


def secret_finding(path: Steps, name: str) -> Finding:
    """Return the warning about a secret at *path* that should come from a variable called like *name*."""
    word = re.sub(r"\W", "_", name)
    variable, file = word.upper(), word.lower().replace("_", "-")
    hint = f"write `${{{variable}}}` or `${{file:/run/secrets/{file}}}`"
    return Finding(
        "literal-secret", "this looks like a secret, and everybody who reads the file can see it", path, hint, "warning"
    )

"""A drafted file: one upstream and its endpoints, written as YAML that teaches.

What is a secret in the source never gets into the text: it becomes a variable, and the draft says what to set.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct, field

from aggregator.config.drafting.dumping import dumped

Data = dict[str, Any]

_SECRET_NAME = re.compile(r"(?i)auth|token|secret|passw|cookie|session|signature|credential|api[-_]?key|(^|[-_])key$")
_SAYING_NOTHING = frozenset({"www", "api", "com", "org", "net", "io", "dev"})
_PREFACE = """\
# yaml-language-server: $schema=./routes.schema.json
# `aggregator check` finds mistakes, `aggregator run` serves this file and takes every change as soon as it is saved.
version: 1

"""


class DraftEndpoint(Struct, frozen=True):
    """One endpoint: its key (``GET /users/{user_id}``), its settings, and a line above it."""

    key: str
    settings: Data
    comment: str = ""


class Draft(Struct, frozen=True):
    """A whole file. *variables* are those that have to be set before it can be served, with what goes into each."""

    upstream: str
    settings: Data
    endpoints: tuple[DraftEndpoint, ...]
    variables: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = field(default_factory=tuple)

    def text(self) -> str:
        """Return the draft as the text of routes.yaml."""
        upstream = dumped({self.upstream: self.settings}, 2)
        blocks = "\n".join(_block(endpoint) for endpoint in self.endpoints)
        return f"{_PREFACE}upstreams:\n{upstream}\nendpoints:\n{blocks}"


def _block(endpoint: DraftEndpoint) -> str:
    comment = f"  # {endpoint.comment}\n" if endpoint.comment else ""
    return comment + dumped({endpoint.key: endpoint.settings}, 2)


def is_secret(name: str) -> bool:
    """Return whether a header, query parameter or cookie called *name* is likely to hold a credential."""
    return _SECRET_NAME.search(name) is not None


def upstream_name(host: str) -> str:
    """Return a name for the service at *host*: ``api.shop.example.com`` → ``shop``, ``localhost`` → ``service``."""
    labels = [label for label in host.lower().split(".") if label not in _SAYING_NOTHING]
    name = re.sub(r"[^a-z0-9_]+", "_", labels[0]).strip("_") if labels else ""
    return name if name and not name[0].isdigit() and name != "localhost" else "service"


def named_segments(path: str) -> tuple[str, dict[str, Any], str]:
    """Return *path* with its ids as parameters, their declarations, and the path as it was.

    ``/users/42/orders`` → ``/users/{user_id}/orders``, ``{"user_id": {"type": "integer"}}``.
    """
    params: dict[str, Any] = {}
    segments: list[str] = []
    for segment in path.split("/"):
        declaration = _id_declaration(segment)
        if declaration is None:
            segments.append(segment)
            continue
        name = _free_name(segments[-1] if segments else "", params)
        params[name] = declaration
        segments.append(f"{{{name}}}")
    return "/".join(segments), params, path


def _id_declaration(segment: str) -> Any:
    if segment.isascii() and segment.isdigit():
        return {"type": "integer", "minimum": 0}
    if re.fullmatch(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", segment):
        return {"type": "string", "format": "uuid"}
    return None


def _free_name(before: str, taken: Mapping[str, Any]) -> str:
    stem = re.sub(r"[^a-z0-9_]+", "_", before.lower()).strip("_")
    stem = re.sub(r"ies$", "y", stem) if stem.endswith("ies") else re.sub(r"(?<=[^s])s$", "", stem)
    name = f"{stem}_id" if stem and not stem[0].isdigit() and "{" not in before else "id"
    return name if name not in taken else next(f"{name}_{n}" for n in range(2, 100) if f"{name}_{n}" not in taken)


def inferred(value: Any) -> Data:
    """Return a JSON Schema that *value*, a sample, fits: types and required members, nothing narrower."""
    match value:
        case bool():
            return {"type": "boolean"}
        case int():
            return {"type": "integer"}
        case float():
            return {"type": "number"}
        case str():
            return {"type": "string"}
        case list():
            return {"type": "array", "items": inferred(value[0])} if value else {"type": "array"}
        case dict():
            return {"type": "object", "required": list(value), "properties": {k: inferred(v) for k, v in value.items()}}
        case _:
            return {}


def variable_name(upstream: str, name: str) -> str:
    """Return the name of the variable for the credential *name*: ``SHOP_AUTHORIZATION``."""
    return re.sub(r"[^A-Z0-9]+", "_", f"{upstream}_{name}".upper()).strip("_")


def query_input(name: str) -> str:
    """Return the expression for the query parameter *name*: ``query.page``, or ``query['sort-by']``."""
    return f"query.{name}" if name.isascii() and name.isidentifier() else f"query[{name!r}]"


def settings_lines(draft: Draft) -> Iterator[str]:
    """Yield what has to be set before the drafted file can be served, a shell command each."""
    for name, meaning in draft.variables:
        yield f"export {name}='…'   # {meaning}"

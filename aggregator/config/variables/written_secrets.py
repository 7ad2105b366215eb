"""Secrets that stand in the files themselves, not in variables: what shows a file to others leaves them out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from aggregator.config.text.document import Document
from aggregator.policies.credentials.settings import SECRET_KEYS
from aggregator.telemetry.redaction import is_secret

_BELOW_API_KEY = frozenset({"key", "value"})
_SHORTEST = 8
"""Characters of a word of a secret, and of a value of an endpoint, whose name may be that of a declaration."""


def written_secrets(documents: Iterable[Document]) -> frozenset[str]:
    """Return the values in *documents* whose keys are those of secrets, and the longer words of each.

    A text of several lines is written otherwise than it is read: its words are found in either.
    """
    found: set[str] = set()
    for document in documents:
        for section in document.sections.values():
            found.update(_below(section.value, is_setting=True))
        for section in document.endpoints:
            found.update(_below(section.value, is_setting=False))
    return frozenset(found | {word for value in found for word in value.split() if len(word) >= _SHORTEST})


def _below(value: Any, key: str = "", *, is_setting: bool, is_hidden: bool = False) -> Iterator[str]:
    """Yield the literals in *value* that stand below the key of a secret; *is_hidden* is whether *key* is one."""
    if isinstance(value, dict):
        for name, inner in value.items():
            is_inner_hidden = _is_secret(str(name)) or (key == "api_key" and name in _BELOW_API_KEY)
            yield from _below(inner, str(name), is_setting=is_setting, is_hidden=is_inner_hidden)
    elif isinstance(value, list):
        for item in value:
            yield from _below(item, key, is_setting=is_setting, is_hidden=is_hidden)
    elif is_hidden and isinstance(value, str) and (is_setting or len(value) >= _SHORTEST) and _is_literal(value):
        yield value


def _is_literal(value: str) -> bool:
    return "${" not in value and "{{" not in value


def _is_secret(name: str) -> bool:
    return name in SECRET_KEYS or is_secret(name)

"""A number without quotes loses its text: where text is sent, ``3.10`` would go as ``3.1``, and ``0x1F`` as ``31``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aggregator.config.findings import value_at
from aggregator.config.hints.vocabulary import keeps_text, text_kind
from aggregator.config.model.root import RootSettings
from aggregator.config.text.section import Section
from aggregator.config.text.values import Steps
from aggregator.diagnostics import Diagnostic
from aggregator.fields import TextKind
from aggregator.templates import json_text


def respelled_texts(section: Section) -> Iterator[Diagnostic]:
    """Yield a problem for each number of *section* that would be sent as another text than the file says."""
    for path, one in section.respelled:
        if _is_text(section, path):
            number = json_text(one.number)
            message = f"`{one.text}` is a number, which becomes the text `{number}`"
            hint = f'write `{number}`, or `"{one.text}"` for the text'
            place = (*section.path, *path)
            yield Diagnostic("ambiguous-value", "error", message, section.position(path), hint, (), place)


def _is_text(section: Section, path: Steps) -> bool:
    form: Steps = (*section.path[:1], *("" for _ in section.path[1:]), *path)  # the name of an endpoint is no matter
    if text_kind(RootSettings, form) is TextKind.FIELDS or keeps_text(RootSettings, form, is_respelled=True):
        return True
    return path[-1:] == ("body",) and _is_sent_as_text(value_at(section.value, path[:-1]))


def _is_sent_as_text(answer: Any) -> bool:
    """Return whether the *answer*, as written, names a content type for its body that is not JSON."""
    headers = answer.get("headers") if isinstance(answer, dict) else None
    written = headers.get("values", headers) if isinstance(headers, dict) else None
    types = [str(value) for name, value in (written or {}).items() if str(name).lower() == "content-type"]
    return any("json" not in one for one in types)

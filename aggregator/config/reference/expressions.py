"""Which settings hold expressions, read off the models: for the reference, so that no page has to be kept by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from aggregator.config.hints.vocabulary import field_at, text_kind
from aggregator.config.model.root import RootSettings
from aggregator.fields import Settings, TextKind

MARKS: Mapping[TextKind, str] = MappingProxyType(
    {
        TextKind.TEMPLATE: " · `{{ }}`",
        TextKind.FIELDS: " · `{{ }}`",
        TextKind.PARTS: " · `{{ }}`",
        TextKind.EXPRESSION: " · one `{{ }}`",
        TextKind.CONDITION: " · one `{{ }}`",
        TextKind.PARAMETERS: " · `{{ }}` in `default`",
        TextKind.URL: " · `{ }`",
    }
)
"""What the reference says behind the value of a setting."""

_BASES = ("UpstreamSettings", "ClientSettings")
"""Models whose URLs are addresses of services, where no names stand."""

LEGEND = (
    "Behind a value: `{{ }}` where expressions work in it, at any depth and beside text; one `{{ }}` where it has to "
    "be one expression, such as a condition; `{ }` where names stand in single braces, in the URL of a call. Elsewhere "
    "braces are refused. `${NAME}` works in every value."
)


def mark_of(model: str, key: str) -> str:
    """Return the mark of the setting *key* in *model*, the name of a class; nothing where no expression works."""
    found = _models()[model]
    field = field_at(found, (key,))
    own = next((one for one in field.metadata if isinstance(one, TextKind)), None) if field is not None else None
    kind = own or text_kind(found, (key,))
    return "" if kind is TextKind.URL and model in _BASES else MARKS.get(kind, "")


def _models() -> dict[str, type[Settings]]:
    models: list[type[Settings]] = [RootSettings, *_below(Settings)]
    return {one.__name__: one for one in models}


def _below(model: type[Settings]) -> Iterator[type[Settings]]:
    for inner in model.__subclasses__():
        yield inner
        yield from _below(inner)

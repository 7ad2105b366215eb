"""``key: {{ x }}`` without quotes, which YAML takes for a mapping whose key is a mapping.

``values`` and ``places`` recognise it by its events and take its source text for the value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from yaml.events import MappingEndEvent, MappingStartEvent, SequenceEndEvent, SequenceStartEvent

_DEPTH: dict[type[Any], int] = {MappingStartEvent: 1, SequenceStartEvent: 1, MappingEndEvent: -1, SequenceEndEvent: -1}


def is_unquoted_expression(start: Any, first: Any) -> bool:
    """Whether the mapping of *start*, whose first event is *first*, is ``{{ … }}``."""
    if not start.flow_style or first.start_mark.index != start.start_mark.index + 1:
        return False
    return type(first) is MappingStartEvent and bool(first.flow_style)


def unquoted_expression(start: Any, next_event: Callable[[], Any], text: str) -> str:
    """The text of ``{{ … }}``, whose second brace was just read, read to its end."""
    depth, end = 2, 0
    while depth:
        event = next_event()
        depth += _DEPTH.get(type(event), 0)
        end = event.end_mark.index
    return text[start.start_mark.index : end]

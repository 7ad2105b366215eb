"""The sections of the reference, one a model: those of `outline`, and one for each model that has no row there.

A derived section has the words of the model's name for a heading, and stands behind the first section that uses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from aggregator.config.reference.outline import PARENTS, SECTIONS

Schema = dict[str, Any]

_HEADINGS = {model: heading for model, heading, _ in SECTIONS}
_WORD = re.compile(r"[A-Z][a-z]*|\d+")


class Section(NamedTuple):
    """One section: the keys of *model*, under *heading*, and *where* they stand in a file."""

    model: str
    heading: str
    where: str


def sections_of(parts: Mapping[str, Schema], top: Mapping[str, Schema]) -> list[Section]:
    """Return the sections for the models among the schemas *parts*, in reading order; *top* are the keys of a file."""
    sections = [Section(*row) for row in SECTIONS]
    missing = [name for name, part in parts.items() if "properties" in part and name not in _HEADINGS]
    while missing:
        known = [section.model for section in sections]
        users = {name: [known.index(user) for user, _ in _uses(name, parts) if user in known] for name in missing}
        name = next((name for name in missing if users[name]), missing[0])
        position = min(users[name], default=len(sections) - 1) + 1
        sections.insert(position, Section(name, heading_of(name), _place(name, parts, top)))
        missing.remove(name)
    return sections


def heading_of(model: str) -> str:
    """Return the heading of the section of *model*."""
    return _HEADINGS.get(model) or " ".join(_WORD.findall(model.removesuffix("Settings"))).capitalize()


def link_to(model: str) -> str:
    """Return a link to the section of *model*."""
    heading = heading_of(model).lower()
    return f"[{heading}](#{heading.replace(' ', '-')})"


def _place(model: str, parts: Mapping[str, Schema], top: Mapping[str, Schema]) -> str:
    places = [f"`{key}` at the top level" for key, schema in top.items() if _refers(schema, model)]
    places += [f"`{key}` of {link_to(user)}" for user, key in _uses(model, parts)]
    return f"under {', '.join(places)}"


def _uses(model: str, parts: Mapping[str, Schema]) -> Iterator[tuple[str, str]]:
    """Yield the models that use *model*, each with its key, without those that have the key of their parent."""
    for user, part in parts.items():
        inherited = parts.get(PARENTS.get(user, ""), {}).get("properties", {})
        for key, schema in part.get("properties", {}).items():
            if key not in inherited and _refers(schema, model):
                yield user, key


def _refers(schema: Any, model: str) -> bool:
    if isinstance(schema, list):
        return any(_refers(inner, model) for inner in schema)
    if not isinstance(schema, dict):
        return False
    return schema.get("$ref") == f"#/$defs/{model}" or any(_refers(inner, model) for inner in schema.values())

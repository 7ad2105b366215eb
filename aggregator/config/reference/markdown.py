"""The reference of every setting, filter, cause and problem, as Markdown generated from the code.

``aggregator reference`` prints it; ``python -m aggregator.config.reference --write`` writes docs/reference.md, and
routes.schema.json as well.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from aggregator.causes import CAUSES, Cause
from aggregator.config.codes import CODES
from aggregator.config.hints.wording import in_yaml
from aggregator.config.model.calls.shape import ShapeSettings
from aggregator.config.reference.expressions import LEGEND, mark_of
from aggregator.config.reference.outline import PARENTS
from aggregator.config.reference.schema import Schema, build_schema, schema_text
from aggregator.config.reference.sections import Section, link_to, sections_of
from aggregator.telemetry.metrics.families import FAMILIES
from aggregator.templates import FILTERS, TESTS, FilterDoc, json_text

PLACE = Path("docs/reference.md")
SCHEMA_PLACE = Path("routes.schema.json")

_SHARED = {
    "Variable": "",
    "Duration": "[duration](#values)",
    "Size": "[size](#values)",
    "Parameter": "type name or JSON Schema",
}
_SHAPE = "What is taken from a body, in this order: select, target, allow or deny, rename, group."


def reference_text() -> str:
    """Return the whole reference."""
    schema = build_schema()
    parts: dict[str, Schema] = schema["$defs"]
    parts["ShapeSettings"] = {
        "description": _SHAPE,
        "properties": {name: parts["CallSettings"]["properties"][name] for name in ShapeSettings.model_fields},
    }
    lines = [*_opening(), *_settings("RootSettings", schema["properties"], set(schema["required"]))]
    for section in sections_of(parts, schema["properties"]):
        lines += _section(parts, section)
    lines += [
        *_values(),
        *_functions("Filters", FILTERS),
        *_functions("Tests", TESTS),
        *_causes(),
        *_metrics(),
        *_codes(),
    ]
    return "\n".join(lines) + "\n"


def _opening() -> Iterator[str]:
    yield from (
        "# Reference",
        "",
        "Every setting of `routes.yaml`. `aggregator reference` prints it, `aggregator schema` gives it to editors.",
        "Generated from the code by `python -m aggregator.config.reference --write`.",
        "",
        LEGEND,
        "",
        "## Top level",
        "",
        "Keys that begin with `x-` are yours: anchors, notes.",
        "",
    )


def _section(parts: Mapping[str, Schema], section: Section) -> Iterator[str]:
    name, heading, where = section
    inherited = parts[PARENTS[name]]["properties"] if name in PARENTS else {}
    own = {key: value for key, value in parts[name]["properties"].items() if key not in inherited}
    also = f" Everything of {link_to(PARENTS[name])} too." if name in PARENTS else ""
    yield from ("", f"## {heading}", "", parts[name]["description"], "", f"Stands {where}.{also}", "")
    yield from _settings(name, own, set(parts[name].get("required", ())))


def _settings(model: str, properties: Mapping[str, Schema], required: set[str]) -> Iterator[str]:
    yield "| Key | Value | Default | What it does |"
    yield "|---|---|---|---|"
    for name, schema in properties.items():
        default = "**required**" if name in required else _code(schema["default"]) if "default" in schema else ""
        said = str(schema.get("description", ""))
        if schema.get("examples"):
            said += f" Example: {_code(schema['examples'][0])}"
        yield f"| `{name}` | {_kind(schema)}{mark_of(model, name)} | {default} | {_cell(said)} |"


def _code(value: Any) -> str:
    return f"`{in_yaml(value)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").strip()


def _kind(schema: Schema) -> str:
    """Return what a value may be, in words, with a link where it has a section of its own."""
    if "anyOf" in schema:
        kinds = [_kind(choice) for choice in schema["anyOf"] if choice.get("type") != "null"]
        return " or ".join(dict.fromkeys(kind for kind in kinds if kind))
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _SHARED[name] if name in _SHARED else link_to(name)
    if "enum" in schema:
        is_cause = "network" in schema["enum"]
        return "[cause](#causes)" if is_cause else ", ".join(f"`{value}`" for value in schema["enum"])
    return _plain_kind(schema)


def _plain_kind(schema: Schema) -> str:
    kind = schema.get("type")
    if "const" in schema:
        return f"`{schema['const']}`"
    if kind == "array":
        return f"list of {_kind(schema['items'])}"
    if kind == "object":
        inner = schema.get("additionalProperties") or next(iter(schema.get("patternProperties", {}).values()), True)
        named = _kind(inner) if isinstance(inner, dict) else ""
        return f"mapping to {named}" if named else "mapping"
    if kind == "integer":
        return "integer" + _range(schema)
    return {"string": "text", "number": "number", "boolean": "`true`, `false`"}.get(str(kind), "any value")


def _range(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None:
        return ""
    return f" from {low}" if high is None else f" {low}–{high}"


def _values() -> Iterator[str]:
    yield from (
        "",
        "## Values",
        "",
        "| Value | Written |",
        "|---|---|",
        "| duration | a number with `ms`, `s`, `m`, `h` or `d`, also in a row: `250ms`, `2s`, `1m30s` |",
        "| size | bytes as a number, or with `B`, `kB`, `MB`, `GB`, `KiB`, `MiB`, `GiB`: `64KiB` |",
        "| variable | `${NAME}`, `${NAME:-default}`, `${file:/path}` anywhere in a text; `$${` is a literal `${` |",
        "| URL | `{name}` is one percent-encoded value: a path parameter, `query.x`, `headers.x`, a field of a call |",
        "| expression | `{{ … }}` in any other text; a text that is one expression keeps the type of its result |",
    )


def _functions(title: str, functions: Mapping[str, FilterDoc]) -> Iterator[str]:
    verb = "value | name" if title == "Filters" else "value is name"
    yield from ("", f"## {title}", "", f"In expressions: `{{{{ {verb} }}}}`.", "")
    yield from ("| Name | What it gives | Example | Result |", "|---|---|---|---|")
    for name, doc in functions.items():
        if name != doc.name:
            continue
        names = ", ".join(f"`{alias}`" for alias in doc.aliases)
        summary = doc.summary + (f" Also {names}." if names else "")
        cells = (f"`{doc.name}{doc.signature}`", summary, f"`{doc.example}`", f"`{json_text(doc.result)}`")
        yield f"| {' | '.join(map(_cell, cells))} |"


def _causes() -> Iterator[str]:
    yield from (
        "",
        "## Causes",
        "",
        "Why a call failed, as problems, the header `aggregator-parts` and logs say it.",
        "A `status_map` names the cause, one of its families, a status (`404`), a class (`5xx`) or `any`.",
        "",
        "| Cause | Families | Meaning | Becomes |",
        "|---|---|---|---|",
    )
    for cause in CAUSES:
        families = ", ".join(f"`{name}`" for name in cause.families if cause.families != (cause.value,))
        yield f"| `{cause.value}` | {families} | {cause.meaning} | {cause.default_status} |"
    yield from ("", "A request that is refused before any call has one of these; no `status_map` speaks of them.", "")
    yield from ("| Cause | Meaning | Becomes |", "|---|---|---|")
    for cause in (cause for cause in Cause if cause.refuses_requests):
        yield f"| `{cause.value}` | {cause.meaning} | {cause.default_status} |"


def _metrics() -> Iterator[str]:
    yield from ("", "## Metric families", "", "What `telemetry.metrics` counts and `/metrics` shows.", "")
    yield from ("| Name | Type | Labels | What it tells |", "|---|---|---|---|")
    for one in FAMILIES:
        labels = ", ".join(f"`{label}`" for label in one.labels)
        yield f"| `{one.sample_name}` | {one.kind} | {labels} | {_cell(one.meaning)} |"


def _codes() -> Iterator[str]:
    yield from ("", "## Problems", "", "What `check` reports, by code.", "", "| Code | Meaning |", "|---|---|")
    yield from (f"| `{code}` | {_cell(meaning)} |" for code, meaning in sorted(CODES.items()))


def main(arguments: Iterable[str]) -> None:
    """Print the reference, or with ``--write`` bring the generated files of the current folder up to date."""
    if "--write" not in arguments:
        sys.stdout.write(reference_text())
        return
    PLACE.parent.mkdir(exist_ok=True)
    PLACE.write_text(reference_text(), encoding="utf-8")
    SCHEMA_PLACE.write_text(schema_text(), encoding="utf-8")

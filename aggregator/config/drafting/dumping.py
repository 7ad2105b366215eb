"""Values as YAML that people like to read: short mappings on one line, texts with braces in quotes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Writes short mappings on one line, as people do, and quotes texts with braces."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - pyyaml's signature
        """Return True: a file for people repeats itself rather than naming anchors."""
        return True


def _represent_mapping(dumper: yaml.SafeDumper, value: Mapping[str, Any]) -> yaml.MappingNode:
    is_short = len(str(value)) < 70 and all(map(_is_plain, value.values()))
    return dumper.represent_mapping("tag:yaml.org,2002:map", value, flow_style=is_short and len(value) > 0)


def _is_plain(value: Any) -> bool:
    """Return whether *value* reads well among others on one line: no mapping, no list, no text with a colon."""
    return not (isinstance(value, dict | list) and value) and not (isinstance(value, str) and ":" in value)


def _represent_list(dumper: yaml.SafeDumper, value: list[Any]) -> yaml.SequenceNode:
    is_short = len(str(value)) < 70 and not any(isinstance(item, dict | list) for item in value)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=is_short)


def _represent_text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = '"' if "{{" in value or "${" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(list, _represent_list)
_Dumper.add_representer(dict, _represent_mapping)
_Dumper.add_representer(str, _represent_text)


def dumped(value: Mapping[str, Any], indent: int) -> str:
    """Return *value* as lines of YAML, each behind *indent* spaces."""
    text = yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True, default_flow_style=False)
    return "".join(f"{' ' * indent}{line}" for line in text.splitlines(keepends=True))

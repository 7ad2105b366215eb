"""What YAML files beside the configuration hold: keys, revoked tokens, OpenAPI documents; data without places."""

from __future__ import annotations

from typing import Any

import yaml
from yaml.constructor import SafeConstructor

from aggregator.config.text.values import Parser


def data_of(content: bytes) -> Any:
    """Return what the YAML document *content* holds; raises ``yaml.YAMLError``.

    A moment that no calendar has is its text, so that whoever reads it can say which one it is.
    """
    try:
        return _Data(content).get_single_data()
    except (ValueError, LookupError) as error:  # of a tag: `!!int abc`, `!!bool abc`
        raise yaml.YAMLError("a value is not of its kind") from error


def _moment(loader: Any, node: Any) -> Any:
    try:
        return SafeConstructor.construct_yaml_timestamp(loader, node)
    except (ValueError, OverflowError, AttributeError):  # 2027-02-30; `!!timestamp` before no moment at all
        return str(node.value)


_Data: type[Any] = type("_Data", (Parser,), {})
_Data.add_constructor("tag:yaml.org,2002:timestamp", _moment)

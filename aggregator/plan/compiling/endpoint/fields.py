"""Headers and query parameters that the file sets: what is constant becomes bytes, the rest stays a template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aggregator.templates import Const, Template, compile_value, header_value, percent_encode, text_of

Headers = tuple[tuple[tuple[bytes, bytes], ...], tuple[tuple[bytes, Template], ...]]
Query = tuple[bytes, tuple[tuple[str, Template], ...]]


def compile_headers(headers: Mapping[str, Any]) -> Headers:
    """Return the constant *headers* by name in lower case, and those to be rendered; null ones are left out."""
    constant: list[tuple[bytes, bytes]] = []
    dynamic: list[tuple[bytes, Template]] = []
    for header, value in headers.items():
        name, template = header.lower().encode("ascii"), compile_value(value)
        if not isinstance(template.node, Const):
            dynamic.append((name, template))
        elif template.node.value is not None:
            constant.append((name, header_value(text_of(template.node.value))))
    return tuple(constant), tuple(dynamic)


def compile_query(query: Mapping[str, Any]) -> Query:
    """Return the constant pairs of *query*, percent-encoded, and the parameters to be rendered; lists are repeated."""
    constant: list[bytes] = []
    dynamic: list[tuple[str, Template]] = []
    for key, value in query.items():
        template = compile_value(value)
        if not isinstance(template.node, Const):
            dynamic.append((key, template))
            continue
        fixed = template.node.value
        singles = fixed if isinstance(fixed, list) else [fixed]
        constant += [percent_encode(key) + b"=" + percent_encode(text_of(one)) for one in singles if one is not None]
    return b"&".join(constant), tuple(dynamic)

"""What the client may send to an endpoint, as its declarations say."""

from __future__ import annotations

from typing import Any

from aggregator.config.analysis.scope import Inputs
from aggregator.config.model.endpoint import EndpointSettings
from aggregator.http import FETCHING
from aggregator.templates import Const, TemplateProblem, compile_value


def inputs_of(
    settings: EndpointSettings, methods: tuple[str, ...], params: tuple[str, ...], *, has_auth: bool
) -> Inputs:
    """Return what the client may send to an endpoint of *settings*; *has_auth* tells whether it asks who calls."""
    body = settings.body if isinstance(settings.body, dict) else {}
    fields = body.get("properties")
    return Inputs(
        params=params,
        query=frozenset(settings.query) if settings.query else None,
        certain_query=frozenset(name for name, schema in settings.query.items() if _is_certain(schema)),
        headers=frozenset(settings.headers),
        cookies=frozenset(settings.cookies) or None,
        body_fields=frozenset(fields) if isinstance(fields, dict) and "$ref" not in body else None,
        body_closed=body.get("additionalProperties") is False,
        has_body=not methods or not FETCHING.issuperset(methods),
        has_auth=has_auth,
    )


def _is_certain(schema: Any) -> bool:
    if not isinstance(schema, dict) or "default" not in schema:
        return isinstance(schema, dict) and schema.get("required") is True
    default = schema["default"]
    if not isinstance(default, str) or "{{" not in default:
        return True
    try:
        node = compile_value(default).node
    except TemplateProblem:  # said where expressions are checked
        return False
    return isinstance(node, Const) and node.value is not None

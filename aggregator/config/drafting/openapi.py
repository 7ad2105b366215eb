"""An OpenAPI document (3.0 or 3.1) as a draft: an endpoint for each chosen operation, its parameters declared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from aggregator.config.drafting.draft import (
    Data,
    Draft,
    DraftEndpoint,
    is_secret,
    query_input,
    upstream_name,
    variable_name,
)
from aggregator.config.files.yaml_data import data_of
from aggregator.diagnostics import suggest
from aggregator.errors import AggregatorError
from aggregator.schemas.keywords import KEYWORDS

_METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
_DEEPEST = 12
"""How deep schemas are followed; what refers to itself is any value from there on."""


def draft_from_openapi(path: Path, chosen: Sequence[str] = ()) -> Draft:
    """Return the draft of the document at *path*.

    *chosen* names operations by ``operationId``, ``GET /path`` or path; all of them when empty. Raises
    ``AggregatorError`` when the document cannot be read, is no OpenAPI 3 document, or lacks a chosen operation.
    """
    document = _read(path)
    server = str(next(iter(document.get("servers") or [{}])).get("url", "")) or "https://example.com"
    notes = []
    if urlsplit(server).scheme not in ("http", "https"):
        notes.append(f"the document names the server {server!r}; put its full URL under `upstreams`")
        server = f"https://example.com{server if server.startswith('/') else ''}"
    name = upstream_name(urlsplit(server).hostname or "")
    headers, variables = _credentials(document, name)
    endpoints = [_endpoint(document, name, *operation) for operation in _chosen(document, chosen)]
    settings: Data = {"url": server.rstrip("/"), "timeout": "2s"} | ({"headers": headers} if headers else {})
    return Draft(name, settings, tuple(endpoints), tuple(variables), tuple(notes))


def _read(path: Path) -> Data:
    try:
        document = data_of(path.read_bytes())
    except OSError as error:
        raise AggregatorError(f"{path} cannot be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        raise AggregatorError(f"{path} is neither JSON nor YAML.") from None
    if not isinstance(document, dict) or not str(document.get("openapi", "")).startswith("3"):
        raise AggregatorError(f"{path} is no OpenAPI 3 document: it has no `openapi: 3.…` at its top.")
    return document


def _operations(document: Data) -> Iterator[tuple[str, str, Data, Data]]:
    """Yield path, method, operation and what its path says for all of its operations."""
    for path, item in (document.get("paths") or {}).items():
        for method in _METHODS:
            if isinstance(item, dict) and isinstance(item.get(method), dict):
                yield path, method, item[method], item


def _chosen(document: Data, chosen: Sequence[str]) -> list[tuple[str, str, Data, Data]]:
    operations = list(_operations(document))
    if not chosen:
        return operations
    found: list[tuple[str, str, Data, Data]] = []
    for text in chosen:
        fitting = [one for one in operations if text in _names(one)]
        if not fitting:
            names = [name for one in operations for name in _names(one)]
            near = suggest(text, names)
            raise AggregatorError(
                f"The document has no operation {text!r}." + (f" Did you mean {near!r}?" if near else "")
            )
        found += [one for one in fitting if one not in found]
    return found


def _names(operation: tuple[str, str, Data, Data]) -> list[str]:
    path, method, said, _ = operation
    names = [f"{method.upper()} {path}", path]
    return [*names, said["operationId"]] if "operationId" in said else names


def _endpoint(document: Data, upstream: str, path: str, method: str, operation: Data, item: Data) -> DraftEndpoint:
    settings: Data = {}
    if summary := operation.get("summary"):
        settings["summary"] = str(summary)
    if isinstance(operation.get("operationId"), str):
        settings["operation_id"] = operation["operationId"]
    parameters = list(_parameters(document, operation, item))
    for place, key in (("path", "params"), ("query", "query"), ("header", "headers")):
        declared = {one["name"]: _declared(document, one) for one in parameters if one.get("in") == place}
        if declared:
            settings[key] = declared
    url = f"{upstream}:{path}"
    query = {name: f"{{{{ {query_input(name)} }}}}" for name in settings.get("query", {})}
    headers = {name: f"{{{{ headers['{name.lower()}'] }}}}" for name in settings.get("headers", {})}
    call: Data = {"url": url} if method == "get" else {"method": method.upper(), "url": url}
    call |= {"query": query} if query else {}
    call |= {"headers": headers} if headers else {}
    body = _body(document, operation)
    if body is not None:
        settings["body"] = body
        call["json"] = "{{ body }}"
    settings["call"] = url if call == {"url": url} else call
    return DraftEndpoint(f"{method.upper()} {path}", settings)


def _parameters(document: Data, operation: Data, item: Data) -> Iterator[Data]:
    """Yield the parameters of *operation*; its own replace those of its path (OpenAPI 3.1 §4.8.10)."""
    found: dict[tuple[Any, Any], Data] = {}
    for one in [*(item.get("parameters") or []), *(operation.get("parameters") or [])]:
        resolved = _resolved(document, one)
        if isinstance(resolved, dict) and isinstance(resolved.get("name"), str):
            found[resolved["name"], resolved.get("in")] = resolved
    yield from found.values()


def _declared(document: Data, parameter: Data) -> Any:
    schema = _schema(document, parameter.get("schema") or {}, 0)
    schema = schema if isinstance(schema, dict) else {}
    if "type" not in schema and "enum" not in schema:
        schema = {"type": "string"} | schema
    if parameter.get("required") and parameter.get("in") != "path":
        schema["required"] = True
    return schema["type"] if schema.keys() == {"type"} and isinstance(schema["type"], str) else schema


def _body(document: Data, operation: Data) -> Any:
    content = (_resolved(document, operation.get("requestBody") or {}) or {}).get("content") or {}
    for media, said in content.items():
        if media.partition(";")[0].strip().endswith("json"):
            return _schema(document, said.get("schema") or {}, 0)
    return None


def _resolved(document: Data, value: Any) -> Any:
    """Return *value*, or what its ``$ref`` inside the document leads to."""
    for _ in range(_DEEPEST):
        if not isinstance(value, Mapping) or "$ref" not in value:
            return value
        target: Any = document
        for step in str(value["$ref"]).removeprefix("#/").split("/"):
            step = step.replace("~1", "/").replace("~0", "~")
            target = target.get(step) if isinstance(target, Mapping) else None
        value = target
    return {}


def _schema(document: Data, schema: Any, depth: int) -> Any:
    """Return *schema* without references, in the keywords that routes.yaml knows, as JSON Schema 2020-12."""
    schema = _resolved(document, schema)
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return {}
    found: Data = {}
    for name, value in schema.items():
        keyword = KEYWORDS.get(name)
        if keyword is None or name in ("$defs", "example", "examples"):
            continue
        if keyword.kind == "schema":
            value = value if isinstance(value, bool) else _schema(document, value, depth + 1)
        elif keyword.kind == "schemas":
            value = [_schema(document, one, depth + 1) for one in value]
        elif keyword.kind in ("schemas by name", "schemas by pattern"):
            value = {key: _schema(document, one, depth + 1) for key, one in value.items()}
        found[name] = value
    return _modern(found, schema)


def _modern(found: Data, schema: Mapping[str, Any]) -> Data:
    """Return *found* with what OpenAPI 3.0 says in its own way said as JSON Schema does."""
    if schema.get("nullable") is True and isinstance(found.get("type"), str):
        found["type"] = [found["type"], "null"]
        if "enum" in found and None not in found["enum"]:
            found["enum"] = [*found["enum"], None]
    for bound, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(found.get(bound), bool) and found.pop(bound) and limit in found:
            found[bound] = found.pop(limit)
    return found


def _credentials(document: Data, upstream: str) -> tuple[Data, list[tuple[str, str]]]:
    """Return the headers that the security schemes of the document ask for, as variables, and what these hold."""
    headers: Data = {}
    variables: list[tuple[str, str]] = []
    schemes = (document.get("components") or {}).get("securitySchemes") or {}
    for scheme in schemes.values() if document.get("security") else ():
        scheme = _resolved(document, scheme) or {}
        header = (
            "authorization"
            if scheme.get("type") in ("http", "oauth2", "openIdConnect")
            else str(scheme.get("name", ""))
        )
        if header.lower() in headers or not (scheme.get("in", "header") == "header" and is_secret(header or "-")):
            continue
        variable = variable_name(upstream, header)
        word = {"basic": "Basic", "bearer": "Bearer"}.get(str(scheme.get("scheme", "")).lower(), "")
        word = "Bearer" if scheme.get("type") in ("oauth2", "openIdConnect") else word
        headers[header.lower()] = f"{word} ${{{variable}}}".strip()
        variables.append((variable, f"the credential for {header}"))
    return headers, variables

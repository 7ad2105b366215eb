"""What all endpoints share in the document: the problem of RFC 9457 and its members, response headers."""

from __future__ import annotations

from typing import Any

from aggregator.causes import CAUSES
from aggregator.exchange import State

Schema = dict[str, Any]

PROBLEM_TYPE = "application/problem+json"
_CAUSE: Schema = {"type": "string", "enum": [cause.value for cause in CAUSES], "description": "Why a call failed."}


def schema_ref(name: str) -> Schema:
    """Return the reference to the shared schema *name*."""
    return {"$ref": f"#/components/schemas/{name}"}


_VIOLATION: Schema = {
    "type": "object",
    "description": "One way in which the request does not fit what the endpoint declares.",
    "required": ["pointer", "location", "message", "keyword"],
    "properties": {
        "pointer": {
            "type": "string",
            "description": "JSON pointer (RFC 6901) into the body, or the name of the parameter.",
            "examples": ["/email"],
        },
        "location": {"type": "string", "enum": ["path", "query", "header", "cookie", "body"]},
        "message": {"type": "string", "examples": ["is required"]},
        "keyword": {"type": "string", "description": "The rule that was broken.", "examples": ["required"]},
    },
}

_PART_OUTCOME: Schema = {
    "type": "object",
    "description": "What became of one part of the answer.",
    "required": ["name", "state", "ms", "attempts"],
    "properties": {
        "name": {"type": "string"},
        "state": {"type": "string", "enum": [state.value for state in State]},
        "status": {"type": "integer", "description": "Status that the upstream answered with."},
        "cause": _CAUSE,
        "ms": {"type": "number", "description": "How long it took, in milliseconds."},
        "attempts": {"type": "integer", "description": "Calls that were made for it."},
        "tried": {
            "type": "array",
            "items": schema_ref("PartOutcome"),
            "description": "Alternatives that failed before.",
        },
        "parts": {"type": "array", "items": schema_ref("PartOutcome"), "description": "Parts inside this one."},
    },
}

_PROBLEM: Schema = {
    "type": "object",
    "description": "Why there is no answer (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "examples": ["about:blank"]},
        "title": {"type": "string", "examples": ["Bad Gateway"]},
        "status": {"type": "integer", "examples": [502]},
        "detail": {"type": "string"},
        "request_id": {"type": "string", "description": "The same as in the header `x-request-id`."},
        "cause": _CAUSE,
        "part": {"type": "string", "description": "The part of the answer that failed."},
        "upstream": {"type": "string", "description": "The service that failed."},
        "upstream_status": {"type": "integer", "description": "Status that this service answered with."},
        "parts": {"type": "array", "items": schema_ref("PartOutcome")},
        "errors": {"type": "array", "items": schema_ref("Violation")},
    },
}

SCHEMAS: dict[str, Schema] = {"Problem": _PROBLEM, "PartOutcome": _PART_OUTCOME, "Violation": _VIOLATION}


def text_header(description: str, **schema: Any) -> Schema:
    """Return a Header Object (OpenAPI 3.1 §4.8.21) of a text."""
    return {"description": description, "schema": {"type": "string"} | schema}


HEADERS: dict[str, Schema] = {
    "x-request-id": text_header("Id of the request: the client's own if it sent one, or a new one."),
    "aggregator-parts": text_header(
        "What became of each part, when not all of them are there (a list of RFC 9651).",
        examples=["ads;state=default;cause=deadline;ms=300;attempts=1"],
    ),
    "retry-after": {
        "description": "Seconds after which it is worth trying again.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "ratelimit": text_header("What is left of each limit, and in how many seconds it is whole again."),
    "ratelimit-policy": text_header("How many requests each limit grants in how many seconds."),
    "etag": text_header("Tag of this very body; send it back in `if-none-match`."),
    "cache-control": text_header("How long the answer may be kept, and by whom (RFC 9111)."),
    "vary": text_header("Request headers that the answer depends on."),
}
"""Shared headers by name; any other header of an answer is described where it is."""


_REFERENCES: dict[str, Schema] = {name: {"$ref": f"#/components/headers/{name}"} for name in HEADERS}
_OWN: Schema = {"schema": {"type": "string"}}


def header_object(name: str) -> Schema:
    """Return what describes the header *name* of an answer: a reference to a shared one, or a text of its own."""
    return _REFERENCES.get(name, _OWN)

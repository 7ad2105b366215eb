"""The shape of a successful answer, as a JSON Schema: what parts give, and what is made of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import assert_never

from aggregator.plan.calls import CallPlan, CallsPlan, FanPlan, GroupPlan, PartPlan, RacePlan, ShapePlan
from aggregator.plan.types import EndpointPlan, InputPlan
from aggregator.schemas.parameter import ABSENT, Parameter
from aggregator.server.openapi.components import Schema, schema_ref
from aggregator.server.openapi.values import any_of, nullable, object_schema, schema_of, value_schema
from aggregator.templates import Const, Template

_KEY = re.compile(r"[.\[]")
_OF_A_REQUEST = ("default", "deprecated", "example", "examples")
_TEXT: Schema = {"type": "string"}
_MOMENT: Schema = {"type": "string", "format": "date-time"}
_REQUEST: Schema = object_schema({**dict.fromkeys(("method", "path", "id", "client"), _TEXT), "time": _MOMENT})


def success_schema(plan: EndpointPlan, body_name: str | None) -> Schema:
    """Return the schema of the answer of *plan*; *body_name* is the component with the schema of its request body."""
    response = plan.response
    schema = _assembled(plan, body_name)
    if response.shape is not None:
        schema = shaped(schema, response.shape)
    if response.transform is not None:
        schema = {}
    if response.fields:
        schema = _pruned(schema)
    return _with_meta(schema) if response.meta else schema


def _assembled(plan: EndpointPlan, body_name: str | None) -> Schema:
    response, fan = plan.response, plan.fan
    if response.body is not None:
        return schema_of(response.body, _Scope(plan, body_name).find)
    if fan is None:
        return {}
    if plan.kind == "call":
        return part_schema(fan.parts[0])
    if response.merge == "object":
        return fan_schema(fan)
    return {} if response.merge == "append" else {"type": "object"}


def fan_schema(fan: FanPlan) -> Schema:
    """Return the schema of an object with the result of each part under its name."""
    return object_schema({part.name: _described(part_schema(part), part) for part in fan.parts})


def _described(schema: Schema, part: PartPlan) -> Schema:
    if not part.calls:
        return schema
    text = " ".join(filter(None, (source_text(part), schema.get("description"))))
    open_example: Schema = {} if schema.keys() & {"type", "anyOf", "default"} else {"examples": [{}]}
    return schema | open_example | {"description": text}


def source_text(part: PartPlan) -> str:
    """Return whose answer *part* is; an upstream without a name of its own stays unnamed."""
    names = dict.fromkeys(call.upstream.label for call in part.calls if call.upstream.label != part.name)
    who = " or ".join(f"`{name}`" for name in names) or "the upstream"
    return f"What {who} answers, for each item." if part.each is not None else f"What {who} answers."


def part_schema(part: PartPlan) -> Schema:
    """Return the schema of the result of *part*, or of what stands in for it."""
    schema = _core_schema(part)
    if part.transform is not None:
        schema = {}
    if part.shape is not None:
        schema = shaped(schema, part.shape)
    return _with_stand_in(schema, part) if can_be_replaced(part) else schema


def _core_schema(part: PartPlan) -> Schema:
    match part.core:
        case CallsPlan(calls=calls, each=each):
            first, *others = [_call_schema(call) for call in calls]
            return any_of([first if each is None else _each_schema(each.join, first), *others])
        case RacePlan(runners=runners):
            return any_of([part_schema(runner) for runner in runners])
        case GroupPlan(fan=fan):
            return fan_schema(fan)
        case _:
            assert_never(part.core)


def _each_schema(join: str | None, item: Schema) -> Schema:
    if join is not None:
        return {"type": "array", "items": {"type": "object", "properties": {join: {}}, "required": [join]}}
    return {"type": "array", "items": nullable(item)} if item else {"type": "array", "items": {}}


def _call_schema(call: CallPlan) -> Schema:
    return {} if call.shape is None or call.transform is not None else shaped({}, call.shape)


def can_be_replaced(part: PartPlan) -> bool:
    """Return whether the default of *part*, or null, may stand in for its result."""
    return part.optional or part.when is not None


def _with_stand_in(schema: Schema, part: PartPlan) -> Schema:
    """Return *schema* of the result of *part* widened by what may stand in for it."""
    other = stand_in_schema(part)
    about = {name: value for name, value in other.items() if name in ("default", "description")}
    if other.get("type") == "null":
        return nullable(schema) | about
    plain = {name: value for name, value in other.items() if name not in about}
    fits = schema.get("type") == plain.get("type") and "properties" not in schema
    return (schema if fits else any_of([schema, plain])) | about


def stand_in_schema(part: PartPlan) -> Schema:
    """Return the schema of what stands in for *part*, with a sentence that says when: null unless it has a default."""
    reasons = ("when it fails" if part.optional else "", "when it is skipped" if part.when is not None else "")
    reason = " or ".join(filter(None, reasons))
    if part.default is None or part.default.node == Const(None):
        return {"type": "null", "description": f"`null` {reason}."}
    described: Schema = {"description": f"Its default {reason}."}
    if not isinstance(part.default.node, Const):
        return described
    return value_schema(part.default.node.value) | {"default": part.default.node.value} | described


def shaped(schema: Schema, shape: ShapePlan) -> Schema:
    """Return what *shape* makes of a value that fits *schema*."""
    if shape.select is not None or shape.select_expression is not None or shape.target is not None or shape.rename:
        schema = {}
    if shape.allow or shape.deny:
        schema = _filtered(schema, shape)
    if shape.group is not None:
        for name in reversed(shape.group.split(".")):
            schema = object_schema({name: schema})
    return schema


def _filtered(schema: Schema, shape: ShapePlan) -> Schema:
    """Return *schema* without the properties that go; one that is only thinned out is open."""
    properties = schema.get("properties")
    if properties is None or "*" in "".join((*shape.allow, *shape.deny)):
        return {"type": schema["type"]} if schema.get("type") == "array" else {}
    touched = {_KEY.split(path, maxsplit=1)[0] for path in shape.allow or shape.deny}
    whole = touched.intersection(shape.allow or shape.deny)
    kept = touched if shape.allow else properties.keys() - whole
    thinned = touched - whole
    return object_schema({name: {} if name in thinned else below for name, below in properties.items() if name in kept})


def _pruned(schema: Schema) -> Schema:
    """Return *schema* with nothing required in it, since the client chooses what it gets."""
    rest = {name: value for name, value in schema.items() if name != "required"}
    if "properties" in rest:
        rest["properties"] = {name: _pruned(below) for name, below in rest["properties"].items()}
    return rest


_META = object_schema({"parts": {"type": "array", "items": schema_ref("PartOutcome")}})


def _with_meta(schema: Schema) -> Schema:
    if schema.get("type") == "object":
        properties = {**schema.get("properties", {}), "meta": _META}
        return schema | {"properties": properties, "required": [*schema.get("required", ()), "meta"]}
    if not isinstance(schema.get("type"), str):
        return {"type": "object", "properties": {"meta": _META}, "required": ["meta"]}
    return object_schema({"data": schema, "meta": _META})


class _Scope:
    """The schemas of the names in the body of a response."""

    __slots__ = ("_body_name", "_names")

    def __init__(self, plan: EndpointPlan, body_name: str | None) -> None:
        inputs = plan.inputs
        self._names: dict[str, Schema] = {
            "request": _REQUEST,
            "now": _MOMENT,
            "query": _query_schema(inputs),
            **dict.fromkeys(plan.pattern.params, _TEXT),
            **{parameter.name: _plain(parameter) for parameter in inputs.params},
            **{part.name: part_schema(part) for part in (plan.fan.parts if plan.fan is not None else ())},
        }
        self._body_name = body_name

    def find(self, path: Sequence[str | int]) -> Schema:
        """Return the schema of what *path* leads to, ``{}`` when the file does not say."""
        root, *keys = path
        if root == "body" and not keys and self._body_name is not None:
            return schema_ref(self._body_name)
        return _below(self._names.get(str(root), {}), keys)


def _query_schema(inputs: InputPlan) -> Schema:
    found = {}
    for parameter in inputs.query:
        always = parameter.required or not (parameter.default is ABSENT or isinstance(parameter.default, Template))
        found[parameter.name] = _plain(parameter) if always else nullable(_plain(parameter))
    return object_schema(found)


def _plain(parameter: Parameter) -> Schema:
    """Return the schema of a parameter as one of an answer: without what speaks of sending it."""
    schema = parameter.declaration.shown
    return {name: value for name, value in schema.items() if name not in _OF_A_REQUEST}


def _below(schema: Schema, keys: Sequence[str | int]) -> Schema:
    """Return what *keys* lead to in *schema*, as long as everything on the way is there for certain."""
    for key in keys:
        if schema.get("type") != "object" or key not in schema.get("required", ()):
            return {}
        schema = schema["properties"][key]
    return schema

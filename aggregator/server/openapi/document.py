"""The whole document: endpoints by path and method, what they share, tags. Built anew for each plan, when asked for."""

from __future__ import annotations

from typing import Any

from aggregator.plan.incoming.admission import OPEN
from aggregator.plan.serving import ServerPlan
from aggregator.plan.types import EndpointPlan, Plan
from aggregator.policies.switches.plan import MaintenancePlan
from aggregator.server.openapi.answers.outcomes import REPEATS, SHARED, Outcome
from aggregator.server.openapi.components import HEADERS, SCHEMAS, Schema
from aggregator.server.openapi.extension import extension
from aggregator.server.openapi.inputs import body_component, inputs_of, request_body
from aggregator.server.openapi.paths import Place, component_name, places_of, unique
from aggregator.server.openapi.responses import response_object, responses
from aggregator.server.openapi.security import ADMISSION, requirements, security_schemes

OPENAPI_VERSION = "3.1.0"


def build_openapi(plan: Plan, host: str = "") -> dict[str, Any]:
    """Return the OpenAPI 3.1.0 document of *plan*: a new one each time, in declared order, ready for JSON.

    It describes the endpoints of one virtual *host*, or of all that have no name.
    """
    bodies = _Bodies()
    paths: dict[str, Schema] = {}
    tags: dict[str, None] = {}
    secured, admits, repeats = False, False, False
    for place in places_of(endpoint for endpoint in plan.endpoints if endpoint.host == host):
        operation = _operation(place, bodies, plan.maintenance)
        admits = admits or place.plan.admission != OPEN
        repeats = repeats or place.plan.idempotency is not None
        paths.setdefault(place.path, {})[place.method] = operation
        tags.update(dict.fromkeys(place.plan.doc.tags))
        secured = secured or {"authorization": []} in operation.get("security", ())
    document: dict[str, Any] = {"openapi": OPENAPI_VERSION, "info": _info(plan.server), "paths": paths}
    more = (*(ADMISSION if admits else ()), *(REPEATS if repeats else ()))
    document["components"] = _components(bodies, _schemes(plan, secured=secured), more)
    if tags:
        document["tags"] = [{"name": tag} for tag in tags]
    return document


def _info(server: ServerPlan) -> Schema:
    info = {"title": server.title, "version": server.version}
    return info | {"description": server.description} if server.description else info


def _schemes(plan: Plan, *, secured: bool) -> dict[str, Schema]:
    """Return the security schemes; *secured* tells whether an endpoint passes the credentials of its callers on."""
    passed = {"type": "apiKey", "in": "header", "name": "Authorization", "description": "Passed on to upstreams."}
    return ({"authorization": passed} if secured else {}) | security_schemes(plan.schemes)


def _components(bodies: _Bodies, schemes: dict[str, Schema], more: tuple[Outcome, ...]) -> Schema:
    components: Schema = {
        "schemas": {**SCHEMAS, **bodies.schemas},
        "responses": {outcome.shared: response_object([outcome]) for outcome in (*SHARED, *more)},
        "headers": HEADERS,
    }
    if schemes:
        components["securitySchemes"] = schemes
    return components


class _Bodies:
    """The schemas of request bodies, as components named after their operations."""

    __slots__ = ("_taken", "schemas")

    def __init__(self) -> None:
        self.schemas: dict[str, Any] = {}
        self._taken = set(SCHEMAS)

    def add(self, plan: EndpointPlan, operation_id: str) -> str | None:
        """Return the name of the component with the body of *plan*; None when it declares none."""
        if plan.inputs.body is None:
            return None
        name = unique(component_name(f"{operation_id}_body"), self._taken)
        self.schemas[name] = body_component(plan.inputs.body.shown, name)
        return name


def _operation(place: Place, bodies: _Bodies, maintenance: tuple[MaintenancePlan, ...]) -> Schema:
    plan, doc = place.plan, place.plan.doc
    body_name = bodies.add(plan, place.operation_id)
    operation: Schema = {"operationId": place.operation_id, "summary": doc.summary or _summary(place.operation_id)}
    if doc.description:
        operation["description"] = doc.description
    if doc.tags:
        operation["tags"] = list(doc.tags)
    if doc.deprecated:
        operation["deprecated"] = True
    inputs = inputs_of(plan, place.names)
    if inputs.parameters:
        operation["parameters"] = inputs.parameters
    if (body := request_body(plan, body_name)) is not None:
        operation["requestBody"] = body
    operation["responses"] = responses(plan, body_name, maintenance)
    if asked := requirements(plan.admission):
        operation["security"] = asked
    elif inputs.authorization:
        operation["security"] = [{"authorization": []}, {}]
    operation["x-aggregator"] = extension(plan)
    return operation


def _summary(operation_id: str) -> str:
    """Return a line for an endpoint that has none: ``get_users_by_user_id`` → ``Get users by user id``."""
    words = operation_id.replace("_", " ").strip()
    return words[:1].upper() + words[1:]

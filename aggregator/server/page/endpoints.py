"""What is shown of the endpoints that are served: what `routes` lists, and what `explain` says of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aggregator.plan.explaining.explain import explain
from aggregator.plan.explaining.sharing import sharing_words
from aggregator.plan.explaining.summary import route_member
from aggregator.plan.explaining.text import explanation_text
from aggregator.plan.types import EndpointPlan
from aggregator.server.admin.reading.names import unknown_endpoint
from aggregator.server.generations.running import Running

if TYPE_CHECKING:
    from aggregator.plan.explaining.drawing.svg import Arrow, Box


def endpoints_shown(running: Running, asked: Mapping[str, str]) -> Any:
    """Return all endpoints; of the one that is *asked* for by ``endpoint``, its explanation. Raises ``ActionError``."""
    key = asked.get("endpoint")
    if key is None:
        return [route_member(endpoint) for endpoint in running.plan.declared]
    found = next((endpoint for endpoint in running.plan.declared if endpoint.key == key), None)
    if found is None:
        raise unknown_endpoint(key, running.plan)
    from aggregator.plan.explaining.drawing.pictures import endpoint_graph, endpoint_picture

    whole = running.plan
    explanation = explain(
        found, whole.secrets, None, whole.server.degrade, sharing_words(found, whole), whole.maintenance
    )
    graph = _graph_member(found, *endpoint_graph(explanation))
    text, picture = explanation_text(explanation), endpoint_picture(explanation)
    return route_member(found) | {"text": text, "picture": picture, "graph": graph}


def _graph_member(plan: EndpointPlan, boxes: list[Box], arrows: list[Arrow]) -> dict[str, Any]:
    """Return boxes with their places in pixels and the names of their parts, and the arrows between them as paths."""
    from aggregator.plan.explaining.drawing.svg import arranged

    parts = {} if plan.fan is None else {f"part{number}": part.name for number, part in enumerate(plan.fan.parts)}
    drawing = arranged(boxes, arrows)
    return {
        "width": round(drawing.width),
        "height": round(drawing.height),
        "boxes": [
            {
                "key": one.box.key, "kind": one.box.kind, "title": one.box.title, "lines": one.box.lines,
                "part": parts.get(one.box.key),
                "x": round(one.x), "y": round(one.y), "width": round(one.width), "height": round(one.box.height),
            }
            for one in drawing.places.values()
        ],
        "arrows": [
            {"from": one.source, "to": one.target, "dotted": one.is_dotted, "path": path}
            for one, path in drawing.paths
        ],
    }  # fmt: skip

"""What is shown of the endpoints that are served: what `routes` lists, and what `explain` says of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aggregator.plan.explaining.explain import explain
from aggregator.plan.explaining.sharing import sharing_words
from aggregator.plan.explaining.summary import route_member
from aggregator.plan.explaining.text import explanation_text
from aggregator.server.admin.actions import ActionError
from aggregator.server.generations.running import Running


def endpoints_shown(running: Running, asked: Mapping[str, str]) -> Any:
    """Return all endpoints; of the one that is *asked* for by ``endpoint``, its explanation. Raises ``ActionError``."""
    key = asked.get("endpoint")
    if key is None:
        return [route_member(endpoint) for endpoint in running.plan.declared]
    found = next((endpoint for endpoint in running.plan.declared if endpoint.key == key), None)
    if found is None:
        raise ActionError(404, f"There is no endpoint `{key[:200]}`.")
    from aggregator.plan.explaining.drawing.pictures import endpoint_picture

    whole = running.plan
    explanation = explain(found, whole.secrets, degrade=whole.server.degrade, sharing=sharing_words(found, whole))
    return route_member(found) | {"text": explanation_text(explanation), "picture": endpoint_picture(explanation)}

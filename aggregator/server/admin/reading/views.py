"""The views of the running process, by path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aggregator.server.admin.breakers import breakers_shown
from aggregator.server.admin.effects.acting import PATH as EFFECTS
from aggregator.server.admin.effects.acting import effects_shown
from aggregator.server.admin.hosts import hosts_shown
from aggregator.server.admin.quotas import quotas_shown
from aggregator.server.admin.reading.background import background_shown
from aggregator.server.admin.reading.changes import PATH as CHANGES
from aggregator.server.admin.reading.changes import changes_shown
from aggregator.server.admin.reading.history import PATH as HISTORY
from aggregator.server.admin.reading.history import history_shown
from aggregator.server.admin.reading.lately import PATH as LATELY
from aggregator.server.admin.reading.lately import lately_shown
from aggregator.server.admin.reading.upstreams import upstreams_shown
from aggregator.server.admin.requests import PATH as REQUESTS
from aggregator.server.admin.requests import request_shown, requests_shown
from aggregator.server.admin.switches import switches_shown
from aggregator.server.application.probes import describe
from aggregator.server.generations.running import Running
from aggregator.server.page.endpoints import endpoints_shown

BACKGROUND, CONFIG, SWITCHES = "/-/background", "/-/config", "/-/switches"
ENDPOINTS, QUOTAS = "/-/endpoints", "/-/quotas"
SHOWN: dict[str, Callable[[Running, Mapping[str, str]], Any]] = {
    BACKGROUND: lambda running, _: background_shown(running),
    "/-/breakers": lambda running, _: breakers_shown(running),
    CONFIG: lambda running, _: describe(running),
    ENDPOINTS: endpoints_shown,
    LATELY: lambda running, _: lately_shown(running.plan.secrets, running.outcomes),
    "/-/hosts": lambda running, _: hosts_shown(running),
    QUOTAS: quotas_shown,
    REQUESTS: requests_shown,
    SWITCHES: lambda running, _: switches_shown(running),
    "/-/upstreams": lambda running, _: upstreams_shown(running),
}
"""What is shown at once, by path; the query may narrow it."""
VIEWS = (*SHOWN, CHANGES, EFFECTS, HISTORY)
"""The paths of all that is shown."""


def is_view(path: str) -> bool:
    """Return whether something is shown at *path*."""
    return path in VIEWS or path.startswith(f"{REQUESTS}/")


async def shown(running: Running, path: str, asked: Mapping[str, str]) -> Any:
    """Return what *running* shows at *path*, narrowed by what is *asked* for. Raises ``ActionError``."""
    if path.startswith(f"{REQUESTS}/"):
        return request_shown(running, path.removeprefix(f"{REQUESTS}/"))
    if path == EFFECTS:
        return await effects_shown(running, asked)
    if path == CHANGES:
        return await changes_shown(running)
    if path == HISTORY:
        return await history_shown(running, asked)
    return SHOWN[path](running, asked)

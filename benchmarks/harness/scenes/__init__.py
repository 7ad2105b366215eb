"""Every scene by its name, in the order in which they run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from harness.bench import Bench
from harness.results import SceneResult
from harness.scenes import under_load
from harness.scenes.credentials import BEARER, FETCHED_TOKEN
from harness.scenes.edge import CARRIED, COMPRESSED, TRUSTED_PROXIES
from harness.scenes.identity import API_KEY, GUARD, SEEN_TOKEN
from harness.scenes.many_endpoints import ManyEndpoints
from harness.scenes.page import PAGE_OPEN
from harness.scenes.policies import IDLE_POLICIES, LIMIT
from harness.scenes.starting import Starting
from harness.scenes.telemetry import SEEN


class Scene(Protocol):
    """One question about speed, and how it is answered."""

    @property
    def name(self) -> str: ...

    def run(self, bench: Bench) -> SceneResult: ...


SCENES: Mapping[str, Scene] = {
    scene.name: scene
    for scene in (
        under_load.FAN_OUT_3,
        under_load.SINGLE_CALL,
        under_load.SINGLE_BESIDE_NODE,
        under_load.FAN_OUT_20,
        under_load.MEGABYTES,
        under_load.THOUSAND,
        under_load.IDLE,
        ManyEndpoints(),
        under_load.TLS,
        CARRIED,
        TRUSTED_PROXIES,
        COMPRESSED,
        *SEEN,
        PAGE_OPEN,
        BEARER,
        FETCHED_TOKEN,
        API_KEY,
        SEEN_TOKEN,
        GUARD,
        LIMIT,
        IDLE_POLICIES,
        under_load.LISTENER_TLS,
        Starting(),
    )
}

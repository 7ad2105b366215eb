"""Who may call an endpoint, with what is said further out: ``defaults.endpoint``, then prefixes, the shortest first."""

from __future__ import annotations

from typing import Any, Literal

from aggregator.config.analysis.sites import Analysis, CallSite
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.model.auth import AuthSettings, CallerSettings
from aggregator.config.model.root import RootSettings
from aggregator.config.model.upstreams.forward import ForwardSettings
from aggregator.edge.prefixes import layers_of

_ADDED_UP = frozenset({"require", "deny_from"})


def callers_of(settings: CallerSettings, path: str, root: RootSettings) -> CallerSettings:
    """Return what *settings* of the endpoint at *path* say of its callers, with what they inherit.

    Guards and `deny_from` add up, the outer first; of everything else the nearest word counts.
    """
    found: dict[str, Any] = {}
    for layer in _layers(settings, path, root):
        for name in CallerSettings.model_fields:
            if said := getattr(layer, name):
                found[name] = (*found.get(name, ()), *said) if name in _ADDED_UP else said
    return CallerSettings.model_construct(**found)


def auth_of(settings: CallerSettings, path: str, root: RootSettings) -> AuthSettings | Literal["none"] | None:
    """Return the nearest word on who may call the endpoint of *settings* at *path*; None when there is none."""
    return next((one.auth for one in reversed(_layers(settings, path, root)) if one.auth is not None), None)


def nearest_forward(analysis: Analysis, call: CallSite, around: Surroundings) -> ForwardSettings | None:
    """Return the nearest word on what *call* passes on of its client's request; None when there is none."""
    upstream = around.upstream(call.url.upstream if call.url is not None else None)
    endpoint = None if analysis.settings is None else analysis.settings.forward
    said = (call.settings.forward, endpoint, None if upstream is None else upstream.forward,
            around.settings.defaults.forward)  # fmt: skip
    return next((forward for forward in said if forward is not None), None)


def _layers(settings: CallerSettings, path: str, root: RootSettings) -> list[CallerSettings]:
    return [root.defaults.endpoint, *layers_of(path, root.prefixes), settings]

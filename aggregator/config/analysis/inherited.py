"""Who may call an endpoint, with what is said further out: ``defaults.endpoint``, then prefixes, the shortest first."""

from __future__ import annotations

from typing import Literal

from aggregator.config.analysis.sites import Analysis, CallSite
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.model.auth import AuthSettings, CallerSettings
from aggregator.config.model.root import RootSettings
from aggregator.config.model.upstreams.forward import ForwardSettings
from aggregator.edge.prefixes import layers_of


def callers_of(settings: CallerSettings, path: str, root: RootSettings) -> CallerSettings:
    """Return what *settings* of the endpoint at *path* say of its callers, with what they inherit.

    The nearest word on `auth` and `allow_from` counts; guards, the outer first, and `deny_from` add up.
    """
    layers = _layers(settings, path, root)
    return CallerSettings.model_construct(
        auth=auth_of(settings, path, root),
        require=tuple(guard for layer in layers for guard in layer.require),
        allow_from=next((layer.allow_from for layer in reversed(layers) if layer.allow_from), ()),
        deny_from=tuple(network for layer in layers for network in layer.deny_from),
    )


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

"""What several processes can, and cannot, do together."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Finding

_AT: Steps = ("server", "workers")


def check_workers(around: Surroundings) -> Iterator[Finding]:
    """Yield findings about several workers beside what one process alone can have, and settings without workers."""
    settings = around.settings.server.workers
    if settings.count == 1:
        for name in ("start", "blocked", "memory"):
            if name in settings.model_fields_set:
                hint = "give a `count` of 2 or more, or `auto`, or leave it out"
                yield Finding("workers", f"`{name}` has no effect on one process", (*_AT, name), hint, at_key=True,
                              lacks=((*_AT, "count"),))  # fmt: skip
        return
    whole = around.settings
    if whole.telemetry.metrics is not None and whole.server.admin is None:
        hint = "declare `server.admin`, where all workers are in one scrape"
        at: Steps = ("telemetry", "metrics")
        message = "nobody can scrape several workers at once here"
        yield Finding("workers", message, at, hint, at_key=True, lacks=(("server", "admin"),))
    yield from _check_grants(around)


def _check_grants(around: Surroundings) -> Iterator[Finding]:
    """Yield findings about a refresh token that each worker would use: servers that rotate them end such a grant.

    With `state` they take turns.
    """
    if around.settings.state is not None:
        return
    for name, upstream in around.settings.upstreams.items():
        oauth2 = None if upstream.auth is None else upstream.auth.oauth2
        if oauth2 is not None and oauth2.grant == "refresh_token":
            message = "each worker uses the refresh token, and many servers take it once"
            hint = "declare `state`, a folder by which workers take turns, or leave out `server.workers`"
            yield Finding("workers", message, ("upstreams", name, "auth", "oauth2", "grant"), hint, "warning",
                          lacks=(("state",),))  # fmt: skip

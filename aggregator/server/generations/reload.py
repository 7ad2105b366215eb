"""The outcome of a reload."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from msgspec import Struct, field

from aggregator.diagnostics import Diagnostic
from aggregator.plan.types import Plan


class Verdict(StrEnum):
    """The ways in which a reload ends."""

    SWAPPED = "swapped"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


class ReloadOutcome(Struct, frozen=True):
    """The end of one reload; *report* is what a terminal shows of a refusal, *summary* one line for the log.

    *shown* is the report for others than who runs it, whose frames hold no part of a secret.
    """

    verdict: Verdict
    generation: int
    seconds: float = 0.0
    summary: str = ""
    report: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()
    at: float = field(default_factory=time.time)
    shown: str = ""

    def as_dict(self, masked: Callable[[str], str] = str) -> dict[str, Any]:
        """Return the refusal as data for ``/-/config``; *masked* takes secrets out of what is said."""
        return {
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.at)),
            "summary": masked(self.summary),
            "problems": [
                {
                    "code": d.code,
                    "message": masked(d.message),
                    "file": d.position.file,
                    "line": d.position.line,
                    "column": d.position.column,
                }
                for d in self.diagnostics[:100]
            ],
        }


_AT_START = {
    "server": ("host", "port", "listen", "workers", "proxy_protocol", "header_timeout", "watchdog"),
    "client": ("transport", "http2", "proxy"),
}
"""Settings that a running process keeps as they were when it started."""
_AT_START_OF_HTTPX = ("max_connections", "max_keepalive", "keepalive_expiry")


def needs_restart(old: Plan, new: Plan) -> tuple[str, ...]:
    """Return the settings that differ and of which the running process will take no notice."""
    before, after = _beginnings(old), _beginnings(new)
    changed = [name for name in before if before[name] != after[name]]
    changed += [
        f"{section}.{name}"
        for section, names in _AT_START.items()
        for name in names
        if getattr(getattr(old, section), name) != getattr(getattr(new, section), name)
    ]
    if old.client.transport == "httpx":  # the built-in engine has pools of its own for each upstream
        limits = [getattr(old.client, name) != getattr(new.client, name) for name in _AT_START_OF_HTTPX]
        changed += ["client.limits"] if any(limits) else []
    return tuple(changed)


def _beginnings(plan: Plan) -> dict[str, object]:
    """Return what only a start looks at: how connections begin, what is kept; by the name of its setting."""
    server, admin = plan.server, plan.server.admin
    return {
        "state": plan.state,
        "background.durable.store": plan.background.durable.store,
        "background.durable.sync": plan.background.durable.sync,
        "store": plan.store if plan.background.durable.store == "shared" else None,
        "server.tls": server.tls is None,
        "server.redirect_http": server.redirect_http,
        "server.admin.address": None if admin is None else admin.address,
        "server.admin.tls": admin is None or admin.tls is None,
    }

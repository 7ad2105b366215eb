"""The TLS contexts of a generation, which keeps those of the one before it that nothing has changed."""

from __future__ import annotations

import asyncio
import ssl

from aggregator.plan.listening import ListenerTlsPlan
from aggregator.plan.serving import ServerPlan
from aggregator.server.generations.generation import Generation
from aggregator.server.listeners.contexts import listener_context


async def contexts_of(plan: ServerPlan, previous: Generation | None) -> dict[str, ssl.SSLContext]:
    """Return the contexts of listeners that speak TLS, those anew of which a file or a setting has changed."""
    found: dict[str, ssl.SSLContext] = {}
    for role, tls in _spoken(plan).items():
        if previous is not None and _spoken(previous.plan.server).get(role) == tls:
            found[role] = previous.contexts[role]
        else:
            found[role] = await asyncio.to_thread(listener_context, tls)
    return found


def _spoken(plan: ServerPlan) -> dict[str, ListenerTlsPlan]:
    by_role = {"public": plan.tls, "admin": plan.admin.tls if plan.admin is not None else None}
    return {role: tls for role, tls in by_role.items() if tls is not None}

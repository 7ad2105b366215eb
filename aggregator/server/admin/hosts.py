"""The view of the hosts of upstreams."""

from __future__ import annotations

import asyncio
from typing import Any

from aggregator.policies.hosts.table import HOSTS
from aggregator.server.generations.running import Running


def hosts_shown(running: Running) -> list[dict[str, Any]]:
    """Return what there is to know of each host of upstreams that have several."""
    now = asyncio.get_running_loop().time()
    names = () if running.generation is None else running.generation.with_hosts
    tables = ((name, running.states.of(HOSTS, name)) for name in names)
    return [{"upstream": name, **host} for name, table in tables if table is not None for host in table.as_list(now)]

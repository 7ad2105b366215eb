"""Quotas that workers count in their supervisor, over its restarts, as its operator sees them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from aggregator.config.loading import load_config
from aggregator.plan.compiler import compile_plan
from aggregator.plan.types import Plan
from aggregator.policies.rate_limit.keys import counted
from aggregator.policies.rate_limit.plan import WindowPlan
from aggregator.policies.rate_limit.sharing import ask_of
from aggregator.server.admin.quotas import reset_action, shown_of
from aggregator.server.sharing.quotas import SharedQuotas
from aggregator.stores.folder import StateFolder
from aggregator.stores.rate import Taken
from aggregator.stores.shared.tallies import Tallies

NOON = 1_700_000_000.0
DAY = 86_400.0
ROUTES = """
version: 1
server: {workers: 2}
endpoints:
  GET /few: {rate_limit: {quota: 3/day, by: "{{ request.client }}"}, respond: {body: 1}}
"""
pytestmark = pytest.mark.anyio


class Supervisor:
    """What a supervisor counts for its workers, at the time *now*."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now
        self._tallies = Tallies(lambda: self.now, lambda: self.now)
        self.quotas = SharedQuotas(self._tallies, lambda: self.now)

    def take(self, plan: WindowPlan, client: str, times: int = 1) -> Sequence[Taken]:
        """Return what *client* was granted the last time."""
        asks = [ask_of(plan, counted(client))]
        return [self._tallies.take_all(asks) for _ in range(times)][-1]

    def shown(self, plan: Plan, **asked: str) -> list[dict[str, Any]]:
        """Return what an operator reads."""
        return shown_of(plan, self.quotas.used, asked)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    (tmp_path / "routes.yaml").write_text(ROUTES)
    return compile_plan(load_config(tmp_path / "routes.yaml"))


def window_of(plan: Plan) -> WindowPlan:
    return plan.endpoints[0].admission.limits.windows[0]


async def test_what_is_used_counts_on_after_a_restart(tmp_path: Path, plan: Plan) -> None:
    """Two of three are used; after a restart there is one left, and the day after all of them."""
    window, folder = window_of(plan), StateFolder(tmp_path / "state")
    before = Supervisor()
    before.quotas.remember(folder)
    before.take(window, "10.0.0.1", 2)
    await before.quotas.aclose()
    same_day, next_day = Supervisor(), Supervisor(NOON + DAY)
    for after in (same_day, next_day):
        after.quotas.remember(folder)
    assert same_day.take(window, "10.0.0.1")[0].remaining == 0
    assert next_day.take(window, "10.0.0.1")[0].remaining == 2
    folder.close()


async def test_a_quota_is_shown_once(plan: Plan) -> None:
    """Not once for each worker: it is one count, and a caller is found by the value that is counted by."""
    supervisor = Supervisor()
    supervisor.take(window_of(plan), "10.0.0.1", 3)
    supervisor.take(window_of(plan), "10.0.0.2")
    (shown,) = supervisor.shown(plan, key="10.0.0.2")
    assert (shown["callers"], shown["used_up"], shown["uses"]) == (2, 1, [{"used": 1, "left": 2}])


async def test_a_caller_of_before_the_restart_begins_anew(tmp_path: Path, plan: Plan) -> None:
    """An operator can reset what no worker has heard of since the start."""
    window, folder = window_of(plan), StateFolder(tmp_path / "state")
    before, after = Supervisor(), Supervisor()
    before.quotas.remember(folder)
    before.take(window, "10.0.0.1", 3)
    await before.quotas.aclose()
    after.quotas.remember(folder)
    outcome = await reset_action(lambda: plan, after.quotas.used, after.quotas.forget).run({"key": "10.0.0.1"})
    assert outcome.data == {"reset": 1}
    assert after.take(window, "10.0.0.1")[0].remaining == 2
    await after.quotas.aclose()
    folder.close()

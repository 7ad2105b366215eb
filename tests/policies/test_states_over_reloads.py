"""A running application hands the states of its policies from generation to generation."""

from __future__ import annotations

import asyncio

from aggregator.policies.registry import Kind
from aggregator.server.application.app import application
from aggregator.server.generations import generation
from aggregator.server.generations.plan_source import PlanFiles
from aggregator.server.generations.reload import Verdict


class Learned:
    """What a policy knows of an endpoint, with the status that its settings speak of."""

    def __init__(self, status: int) -> None:
        self.status = status


LEARNED: Kind[int, Learned] = Kind("learned", Learned, lambda state, status: setattr(state, "status", status))


def test_states_go_on_with_the_settings_that_serve(tmp_path, monkeypatch):
    """A good reload hands the state on with new settings; one that fails while it is built leaves it as it was."""
    path, held = tmp_path / "routes.yaml", []
    build = generation.build_endpoint

    def building(plan, resources):
        held.append(resources.states.hold(LEARNED, plan.key, plan.response.status))
        if plan.response.status == 299:
            raise RuntimeError("a fault")
        return build(plan, resources)

    def write(status: int) -> None:
        path.write_text(f"version: 1\nendpoints: {{GET /n: {{respond: {{status: {status}, body: 1}}}}}}\n")

    monkeypatch.setattr(generation, "build_endpoint", building)
    write(201)
    running = application(PlanFiles(path)).running

    async def main() -> None:
        await running.open()
        for status, verdict, serving in ((202, Verdict.SWAPPED, 202), (299, Verdict.REFUSED, 202)):
            write(status)
            assert (await running.reload()).verdict is verdict
            assert held[-1] is held[0]
            assert held[0].status == serving
        await running.close()

    asyncio.run(main())

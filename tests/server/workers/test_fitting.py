"""What several workers cannot do together is said before any of them starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aggregator.config.loading import load_config
from aggregator.plan.compiler import compile_plan
from aggregator.plan.incoming.listening import WorkersPlan
from aggregator.server.workers.fitting import count_of, obstacle, start_of

FILE = """version: 1
{more}
endpoints:
  POST /pay: {{idempotency: {{}}, respond: {{body: 1}}}}
"""


@pytest.mark.parametrize(
    ("more", "fits"),
    [
        ("", False),
        ("state: ./state", True),
        ("store: redis://127.0.0.1:1/0", False),
        ("store: redis://127.0.0.1:1/0\nserver: {idempotency: {store: shared}}", True),
    ],
)
def test_workers_need_a_place_for_their_answers(tmp_path: Path, more: str, fits: bool) -> None:
    """A folder, or a shared store that keeps them; one that only counts is none."""
    (tmp_path / "routes.yaml").write_text(FILE.format(more=more))
    why = obstacle(compile_plan(load_config(tmp_path / "routes.yaml")))
    where = "`state`, or `server: {idempotency: {store: shared}}` with a `store`"
    words = f"`idempotency` of several workers needs a place where all keep their answers: {where}."
    assert why == (None if fits else words)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("", None),
        (
            "telemetry: {metrics: {}}",
            "`telemetry.metrics` of several workers needs `server.admin`, where all are in one scrape.",
        ),
        ("server: {admin: '127.0.0.1:0'}", None),
        ("telemetry: {metrics: {}}\nserver: {admin: '127.0.0.1:0'}", None),
        (
            "server: {workers: {count: 2, start: fork}}",
            "`server.workers.start: fork` is safe on Linux alone: leave it out, or write `spawn`.",
        ),
        ("server: {workers: {count: 2, start: spawn}}", None),
    ],
)
def test_what_keeps_workers_from_serving_together(tmp_path: Path, more: str, said: str | None) -> None:
    """Metrics without an address at which all are in one scrape, and a fork where that is not safe."""
    (tmp_path / "routes.yaml").write_text(f"version: 1\n{more}\nendpoints: {{GET /a: {{respond: {{body: 1}}}}}}\n")
    why = obstacle(compile_plan(load_config(tmp_path / "routes.yaml")), forks=False)
    assert why == said


@pytest.mark.parametrize(
    ("start", "forks", "found"),
    [("auto", True, "fork"), ("auto", False, "spawn"), ("spawn", True, "spawn"), ("fork", True, "fork")],
)
def test_how_workers_start(start: Any, forks: bool, found: str) -> None:
    """As the file says; else as copies where that is safe."""
    assert start_of(WorkersPlan(start=start), forks=forks) == found


@pytest.mark.parametrize(
    ("asked", "declared", "count"),
    [(None, 3, 3), (5, 3, 5), (None, 1, 1), ("auto", 3, 9), (None, None, 9), (2, None, 2)],
)
def test_how_many_workers_serve(asked: Any, declared: Any, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line stands before the file; where neither says it, as many as there are processors."""
    monkeypatch.setattr("aggregator.server.workers.fitting.processors", lambda: 9)
    assert count_of(asked, WorkersPlan(count=declared)) == count

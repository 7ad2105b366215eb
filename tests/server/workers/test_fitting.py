"""What several workers cannot do together is said before any of them starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator.config.loading import load_config
from aggregator.plan.compiler import compile_plan
from aggregator.server.workers.fitting import obstacle

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
    assert (why is None) is fits, why

"""An endpoint with times of maintenance announces what it answers then."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator.config.loading import load_config
from aggregator.plan.compiler import compile_plan
from aggregator.server.openapi import build_openapi


@pytest.mark.parametrize(("said", "status", "detail"), [
    ("", "503", "This is out of service for now."),
    (", status: 423, detail: Back soon.", "423", "Back soon."),
])  # fmt: skip
def test_the_answer_at_these_hours(tmp_path: Path, said: str, status: str, detail: str) -> None:
    """Its status, its problem and `Retry-After`, with the hours as a text; endpoints that are not meant have none of it."""
    (tmp_path / "routes.yaml").write_text(f"""
version: 1
maintenance: [{{endpoints: ["GET /a*"], every: "Sun 02:00-04:00", zone: Europe/Berlin{said}}}]
endpoints: {{GET /a: {{respond: {{body: 1}}}}, GET /b: {{respond: {{body: 1}}}}}}
""")
    paths = build_openapi(compile_plan(load_config(tmp_path / "routes.yaml")))["paths"]
    found = paths["/a"]["get"]["responses"][status]
    assert found["description"] == "Out of service Sun 02:00-04:00 Europe/Berlin."
    assert "retry-after" in found["headers"]
    example = found["content"]["application/problem+json"]["example"]
    assert (example["status"], example["detail"], example["cause"]) == (int(status), detail, "switched_off")
    assert status not in paths["/b"]["get"]["responses"]

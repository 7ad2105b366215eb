"""A plan from the text of a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from aggregator.config.loading import load_config
from aggregator.plan.compiler import compile_plan
from aggregator.plan.types import Plan

PlanOf = Callable[..., Plan]
_UPSTREAMS = """\
upstreams:
  users: {url: "http://users.test"}
  shop: {url: "http://shop.test", timeout: 2s}
"""


@pytest.fixture
def plan_of(tmp_path: Path) -> PlanOf:
    """Return the function that loads and compiles *text*, with two upstreams unless it declares its own."""

    def load(text: str, env: Mapping[str, str] | None = None) -> Plan:
        text = dedent(text)
        own = "upstreams:" in text
        file = tmp_path / "routes.yaml"
        file.write_text(f"version: 1\n{'' if own else _UPSTREAMS}{text}")
        return compile_plan(load_config(file, env or {}))

    return load

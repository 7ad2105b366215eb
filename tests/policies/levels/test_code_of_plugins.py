"""What a plug-in has made is of its code: other code finds none of it in the store."""

from __future__ import annotations

import sys
from pathlib import Path

import httpx
import pytest
from sharing import Machine

from tests.policies.levels.conftest import Process

PLUGIN = "shaping_of_kept"


class Shaped(Process):
    """Its answers and parts go through a function of a plug-in."""

    text = f"""
plugins: [{PLUGIN}]
upstreams: {{{{users: {{{{url: "http://users.test"}}}}}}}}
endpoints:
  GET /answers:
    cache: {{{{ttl: 1h, shared: true}}}}
    call: "users:/a"
    response: {{{{transform: "{PLUGIN}:shape"}}}}
  GET /values:
    fan_out:
      user: {{{{url: "users:/a", transform: "{PLUGIN}:shape", last_good: {{{{ttl: 1h, shared: true}}}}}}}}
store: {{{{url: "{{url}}", timeout: 60s}}}}
"""


@pytest.mark.parametrize(("code", "is_kept"), [("one", True), ("another", False)])
def test_other_code_finds_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: Machine, code: str, is_kept: bool
) -> None:
    """Neither answers nor last good values; the same code has what the process before it has made."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    counts, statuses = [], []
    for version in ("one", code):
        (tmp_path / f"{PLUGIN}.py").write_text(f"def shape(data):\n    return {{'made_by': '{version}'}}\n")
        sys.modules.pop(PLUGIN, None)
        process = Shaped(tmp_path, machine)
        try:
            assert process.answer("/answers").json() == {"made_by": version}
            counts.append(process.count)
            process.reply = httpx.Response(503) if counts[1:] else None
            process.answer("/values")  # learns what number the store has; the next one is written
            statuses.append(process.answer("/values").status_code)
        finally:
            process.close()
            sys.modules.pop(PLUGIN, None)
    assert counts == [1, 0 if is_kept else 1]
    assert statuses == [200, 200 if is_kept else 502]

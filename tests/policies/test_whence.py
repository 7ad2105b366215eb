"""What `aggregator get` tells of kept parts: what came from where."""

from __future__ import annotations

from pathlib import Path

import httpx

from aggregator.server.once.asking import ask
from aggregator.server.once.conversation import Question

FILE = """version: 1
upstreams: {up: {url: "http://up.test", cache: 60s}}
endpoints:
  GET /a:
    fan_out:
      a: up:/a
      twin: up:/a
      later: {url: up:/a, needs: [a]}
      list: {for_each: {in: "{{ ['a', 'b'] }}", key: "{{ item }}"}, url: "up:/{item}", needs: [a]}
"""


def test_parts_tell_where_they_came_from(tmp_path: Path) -> None:
    """A reply that was kept tells its age, a call that another part had begun is joined, a list how much was kept."""
    (tmp_path / "routes.yaml").write_text(FILE)
    reply = ask(
        str(tmp_path / "routes.yaml"), Question("GET", "/a"),
        transport=httpx.MockTransport(lambda request: httpx.Response(200, json=request.url.path)),
    )  # fmt: skip
    notes = {bar.name: bar.note for bar in reply.bars}
    kept = {bar.name: bar.kept for bar in reply.bars}
    assert "joined" in notes["twin"]
    assert notes["later"] == "kept 0s"
    assert "1 kept" in notes["list[]"]
    assert kept == {"a": 0, "twin": 0, "later": 1, "list[]": 1}

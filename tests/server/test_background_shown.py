"""What is shown of background calls at the address of administration."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from aggregator.server.admin.reading.background import background_shown


def test_counts_and_the_last_failures() -> None:
    """The newest first, and nothing in a reason that is secret, or was before a reload."""
    recent = [
        {"call": "a", "reason": "no answer"},
        {"call": "b", "reason": "hunter22 was refused by https://ada:pw@up.test"},
    ]
    queue = SimpleNamespace(depth=3, counts=SimpleNamespace(as_dict=lambda: {"sent": 5, "failed": 2}), recent=recent)
    outbox = SimpleNamespace(masker=lambda text: text.replace("hunter22", "********"))
    shown = background_shown(cast("Any", SimpleNamespace(queue=queue, outbox=outbox)))
    assert {name: shown[name] for name in ("waiting", "sent", "failed")} == {"waiting": 3, "sent": 5, "failed": 2}
    assert [one["call"] for one in shown["recent"]] == ["b", "a"]
    assert shown["recent"][0]["reason"].startswith("******** was refused")
    assert "ada:pw" not in shown["recent"][0]["reason"]
    assert recent[1]["reason"].startswith("hunter22"), "what is remembered is not changed"

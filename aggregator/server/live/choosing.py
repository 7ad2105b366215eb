"""What a client of ``GET /-/events`` asks for."""

from __future__ import annotations

from collections.abc import Mapping

from aggregator.durations import duration_of
from aggregator.server.admin.actions import ActionError
from aggregator.server.live.audience import Chosen
from aggregator.server.live.telling import Wanted

_KEYS = frozenset({"show", "endpoint", "part", "cause", "slower_than"})
_SHOWN = frozenset({"requests", "failures", "counts", "parts"})


def chosen(asked: Mapping[str, str]) -> Chosen:
    """Return what is *asked* for. Raises ``ActionError``."""
    if unknown := [name for name in asked if name not in _KEYS]:
        raise ActionError(400, f"Events are chosen by {', '.join(sorted(_KEYS))}, not by `{unknown[0][:50]}`.")
    shown = set(asked.get("show", "requests,counts").split(","))
    if not shown <= _SHOWN:
        raise ActionError(400, f"`show` is one or more of {', '.join(sorted(_SHOWN))}, with commas.")
    if "parts" in shown and not asked.get("endpoint"):
        raise ActionError(400, "`show=parts` needs the `endpoint` whose parts are counted.")
    slower = duration_of(asked["slower_than"]) if "slower_than" in asked else 0.0
    if slower is None:
        raise ActionError(400, "`slower_than` is a duration such as 500ms.")
    is_bad = "requests" not in shown
    wanted = Wanted(asked.get("endpoint", ""), asked.get("part", ""), asked.get("cause", ""), slower, is_bad)
    has_requests = not shown.isdisjoint(("requests", "failures"))
    return Chosen(wanted if has_requests else None, "counts" in shown, asked["endpoint"] if "parts" in shown else None)

"""What does it cost to be seen? A fan-out of three that is counted, traced or logged, beside the same that is not."""

from __future__ import annotations

from harness import payloads
from harness.scenes.edge import CLIENTS, Beside

_FAN_OUT = f"/dashboard/{payloads.USER_ID}"
_QUIET = "log: {access: none}"


def _beside(name: str, what: str, telemetry: str, least: float, note: str) -> Beside:
    title = f"Fan-out of three calls, {what}, {CLIENTS} clients"
    return Beside(name, title, name, "", least, (), note, path=_FAN_OUT, telemetry=telemetry)


def _traces(share: str) -> str:
    return f'{_QUIET}, traces: {{otlp: "@ORIGIN@", sample: {share}}}'


SEEN = (
    _beside("metrics", "counted", f"{_QUIET}, metrics: {{}}", 0.95, "Nobody scrapes meanwhile."),
    _beside("traces_1", "one in a hundred traced", _traces("1%"), 0.95, "The collector takes every trace."),
    _beside("traces_100", "traced", _traces("100%"), 0.25, "The collector takes what comes; the rest is lost."),
    _beside("access_log", "logged", "log: {access: all, format: json}", 0.93, "Lines go to a file."),
)
"""Scenes, each with what the feature may cost."""

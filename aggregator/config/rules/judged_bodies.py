"""A declared body can be judged in the time that a request may take, however it is made."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.diagnostics.finding import Finding
from aggregator.schemas.judging.weight import LOOKS_A_SECOND, looks_of

_KIB = 1024
_KIB_A_SECOND = LOOKS_A_SECOND * 1024


def check_judged_bodies(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield a warning where alternatives times the largest body may take longer than a second."""
    settings = analysis.settings
    if settings is None or not isinstance(settings.body, dict):
        return
    own = settings.max_body
    most = around.settings.server.max_body if own is None else own
    looks = looks_of(settings.body)
    if looks * most <= _KIB_A_SECOND * _KIB:
        return
    message = f"a body may take longer than a second to judge: its members can be looked at {looks} times"
    hint = f"write `max_body: {_KIB_A_SECOND // looks}KiB`, or fewer alternatives within alternatives"
    yield Finding("long-judging", message, (*analysis.path, "body"), hint, "warning", at_key=True)

"""What counts as success is a list of statuses and classes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.diagnostics.finding import Finding

_STATUS = re.compile(r"[1-5][0-9][0-9]|[1-5]xx", re.IGNORECASE)


def check_success(analysis: Analysis, _: Surroundings) -> Iterator[Finding]:
    """Yield findings about statuses that do not exist."""
    for call in analysis.calls:
        success = call.settings.success
        if call.via is not None or success is None:
            continue
        path = (*call.path, "success", "status")
        if not success.status:
            yield Finding("bad-status", "no status would be a success", path, "write `[2xx]`, or leave `status` out")
        for index, status in enumerate(success.status):
            if not _STATUS.fullmatch(str(status)):
                message = "this is not a status or a class of statuses"
                yield Finding("bad-status", message, (*path, index), "write it like `200` or `2xx`")

"""Failures that a cache of answers names and that no answer of the endpoint is, so that its time never acts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aggregator.config.analysis.sites import Analysis, CallSite
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.model.failure import StatusRow
from aggregator.diagnostics.finding import Finding

_EVERY = "any"
_DEFAULT = frozenset({"404", "502"})
"""What the statuses of upstreams become where no row says otherwise."""


def check_kept_failures(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield a warning for each failure in the `ttl` of an endpoint whose status no refusal of an upstream becomes."""
    settings = analysis.settings
    calls = [call for call in analysis.calls if not call.is_background]
    if settings is None or settings.cache is None or not calls or not all(map(_is_plain, calls)):
        return
    response = settings.response
    if response is not None and response.status is not None and not isinstance(response.status, int):
        return
    found = _DEFAULT | _of_rows(_rows(analysis, calls, around)) | _of_successes(calls)
    if response is not None and response.status is not None:
        found |= {str(response.status)}
    for status, seconds in settings.cache.ttl.items():
        if seconds and status.isdigit() and status >= "400" and not _is_among(status, found):
            message = f"no answer here that is kept has the status {status}: what an upstream refuses becomes 502"
            hint = f"map it: `status_map: {{{status}: {status}}}`, or write 502"
            yield Finding("no-effect", message, (*analysis.path, "cache", "ttl", status), hint, "warning", at_key=True)


def _is_plain(call: CallSite) -> bool:
    """Return whether all rows that speak of *call* are known here: it is of no group, and not one of several."""
    return call.via is None and call.url is not None and not call.settings.choose


def _rows(analysis: Analysis, calls: Iterable[CallSite], around: Surroundings) -> Iterator[StatusRow]:
    """Yield all rows that may speak of a failure of *calls*."""
    for rows in analysis.maps:
        yield from rows.rows
    names = {call.url.upstream for call in calls if call.url is not None}
    for upstream in map(around.upstream, names):
        yield from () if upstream is None else upstream.status_map
    yield from around.settings.defaults.status_map


def _of_rows(rows: Iterable[StatusRow]) -> frozenset[str]:
    """Return the statuses and classes that *rows* make of statuses; a 5xx that becomes less is never kept."""
    found = set()
    for row in rows:
        if row.on[0].isdigit() or row.on in (_EVERY, "status"):
            became = str(row.status or (row.on if row.forward else ""))
            if not (row.on[0] == "5" and became[:1] == "4"):
                found.add(_EVERY if became == "status" else became)
    return frozenset(found)


def _of_successes(calls: Iterable[CallSite]) -> frozenset[str]:
    return frozenset(str(status) for call in calls if call.settings.success for status in call.settings.success.status)


def _is_among(status: str, found: frozenset[str]) -> bool:
    return not found.isdisjoint({status, f"{status[0]}xx", _EVERY})

"""Query parameters that an endpoint takes without declaring them, because they are passed on; for the rules."""

from __future__ import annotations

from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.model.upstreams.forward import ForwardSettings


def forwarded_query(analysis: Analysis, around: Surroundings) -> frozenset[str]:
    """Return the names that the endpoint, one of its calls, an upstream of theirs or the defaults pass on."""
    return frozenset(name for forward in _forwards(analysis, around) for name in forward.named_query)


def forwards_all_query(analysis: Analysis, around: Surroundings) -> bool:
    """Return whether one of them passes on whatever there is."""
    return any(forward.all_query for forward in _forwards(analysis, around))


def _forwards(analysis: Analysis, around: Surroundings) -> list[ForwardSettings]:
    forwards: list[ForwardSettings | None] = [around.settings.defaults.forward]
    if analysis.settings is not None:
        forwards.append(analysis.settings.forward)
    for call in analysis.calls:
        upstream = around.upstream(call.url.upstream) if call.url is not None else None
        forwards += [call.settings.forward, upstream.forward if upstream is not None else None]
    return [forward for forward in forwards if forward is not None]

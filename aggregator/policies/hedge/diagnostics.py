"""Problems of declared hedges: those that would be sent when the time of the call is over."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.diagnostics.finding import Elsewhere, Finding, Shown, Steps
from aggregator.fields import duration_text, parse_duration
from aggregator.policies.hedge.settings import HedgeSettings, quantile_of
from aggregator.policies.retry.diagnostics import Bounds


def hedge_findings(hedge: HedgeSettings, path: Steps, bounds: Bounds | None) -> Iterator[Finding]:
    """Yield what is wrong with *hedge*, which stands at *path*; *bounds* are those of its calls, None if unknown."""
    is_quantile = quantile_of(hedge.after) is not None
    earliest = hedge.at_least if is_quantile else parse_duration(hedge.after)
    if bounds is not None and earliest is not None and earliest >= bounds.seconds:
        message = f"no hedge can happen: it comes after {duration_text(earliest)}, and the call has "
        key = "at_least" if is_quantile else "after"
        yield Finding(
            "bad-hedge", message + duration_text(bounds.seconds), (*path, key), "write a shorter time",
            related=(Elsewhere(bounds.place, bounds.label),),
            shows=(
                Shown(f"comes after {duration_text(earliest)}", ((*path, key),), "comes later"),
                Shown(f"has {duration_text(bounds.seconds)}", (bounds.place,), "has less time"),
            ),
        )  # fmt: skip

"""Rows of a status map speak of failures that can become the answer; of all others nobody hears."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aggregator.config.analysis.sites import Analysis, CallSite, Part, Rows
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.model.failure import StatusRow
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Finding

_OF_A_LIST = frozenset({"any", "expression", "input", "invalid_body", "too_large", "malformed"})
_OF_THE_ANSWER = frozenset({"any", "expression", "input", "fault", "timeout", "deadline"})


def check_reachable_rows(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about rows of status maps that no failure reaches."""
    for rows in analysis.maps:
        yield from check_causes(rows.rows, rows.path, around)
        if rows.call is None:
            yield from _of_endpoint(rows, analysis)
        elif rows.call.via is None:
            yield from _of_call(rows, rows.call, analysis)


def check_causes(rows: tuple[StatusRow, ...], path: Steps, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about *rows* at *path* for causes that cannot occur in this configuration, whatever is called."""
    has_routes = bool(around.lost) or any(one.route is not None for one in around.settings.upstreams.values())
    for index, row in enumerate(rows):
        if row.on == "degraded":
            message = "no failure reaches this row: only optional parts are skipped under pressure"
            yield Finding("unreachable-row", message, (*path, index, "on"), "remove it", "warning")
        elif row.on == "unknown_key" and not has_routes:
            message = "no failure reaches this row: no upstream has a `route`"
            yield Finding("unreachable-row", message, (*path, index, "on"), "remove it", "warning")


def _of_call(rows: Rows, call: CallSite, analysis: Analysis) -> Iterator[Finding]:
    part = next(part for part in analysis.parts if call.path in (part.path, (*part.path, *call.path[-2:])))
    if (optional := _optional(part)) is not None:
        message = f"no failure reaches these rows: `{optional.name}` is optional"
        hint = "remove them, or remove `optional`"
        yield Finding("unreachable-row", message, rows.path, hint, "warning", at_key=True)
        return
    inside = [site for site in analysis.calls if site.path[: len(part.path)] == part.path]
    for index, row in enumerate(rows.rows):
        yield from _in_vain(row, (*rows.path, index, "on"), [part], inside)


def _of_endpoint(rows: Rows, analysis: Analysis) -> Iterator[Finding]:
    for index, row in enumerate(rows.rows):
        path = (*rows.path, index, "on")
        parts = [part for part in analysis.awaited if part.name == row.part]
        if row.part == "response":
            if row.on not in _OF_THE_ANSWER:
                message = f"no failure reaches this row: making the answer never fails with `{row.on}`"
                yield Finding("unreachable-row", message, path, "write `expression`, or name a part", "warning")
        elif parts and all(_optional(part) for part in parts):
            message = f"no failure reaches this row: `{row.part}` is optional"
            hint = "remove it, or remove `optional`"
            yield Finding("unreachable-row", message, (*path[:-1], "part"), hint, "warning")
        elif row.part is None and _all_optional(analysis) and row.on not in _OF_THE_ANSWER:
            hint = "remove it, or remove `optional`"
            yield Finding(
                "unreachable-row", "no failure reaches this row: every part is optional", path, hint, "warning"
            )
        else:
            yield from _in_vain(row, path, parts, analysis.calls)


def _in_vain(
    row: StatusRow, path: tuple[str | int, ...], parts: list[Part], calls: Iterable[CallSite]
) -> Iterator[Finding]:
    """Yield what is wrong with a *row* about *parts*, or about all where there are none, that make these *calls*."""
    if parts and all(map(_loses_items, parts)) and row.on not in _OF_A_LIST:
        message = f"no failure reaches this row: an item of `{parts[0].name}` that fails is lost alone"
        yield Finding("unreachable-row", message, path, "remove it, or write `on_error: fail`", "warning")
    elif row.on == "unsuccessful" and not any(map(_is_judged, calls)):
        message = "no failure reaches this row: no call has `success.when`, and none is GraphQL"
        yield Finding("unreachable-row", message, path, "say in `success` what a good answer is", "warning")


def _optional(part: Part) -> Part | None:
    """Return the nearest part, *part* or one around it, whose failure is replaced."""
    around: Part | None = part
    while around is not None and not around.settings.optional:
        around = around.outer
    return around


def _all_optional(analysis: Analysis) -> bool:
    parts = analysis.fan.parts.values() if analysis.fan is not None else ()
    return bool(parts) and all(part.settings.optional for part in parts)


def _loses_items(part: Part) -> bool:
    return part.settings.for_each is not None and part.settings.for_each.on_error != "fail"


def _is_judged(call: CallSite) -> bool:
    success = call.settings.success
    return call.settings.graphql is not None or (success is not None and success.when is not None)

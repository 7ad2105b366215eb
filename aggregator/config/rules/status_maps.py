"""Every row of a status map can match, and says something that can be done."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.causes import causes_called
from aggregator.config.analysis.sites import Analysis, CallSite, Rows
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.hints.wording import listed
from aggregator.config.model.failure import StatusRow
from aggregator.config.text.values import Steps
from aggregator.diagnostics import did_you_mean
from aggregator.diagnostics.finding import Elsewhere, Finding, Shown
from aggregator.http import BODILESS

_OF_BODIES = frozenset(cause.value for cause in causes_called("invalid_body"))
_WITH_ANSWER = frozenset({"any", "status", "unsuccessful", "invalid_body", *_OF_BODIES})


def check_status_maps(analysis: Analysis, _: Surroundings) -> Iterator[Finding]:
    """Yield findings about the status maps of calls and endpoints."""
    for rows in analysis.maps:
        if rows.call is None or rows.call.via is None:
            yield from check_rows(rows.rows, rows.path)
            yield from _check_parts(rows, analysis)
            if all(call.settings.success is None for call in _judged(rows, analysis)):
                yield from _check_successes(rows)
        if rows.call is None:
            yield from _check_refusals(rows, analysis)
    settings = analysis.settings
    if settings is not None and settings.respond is not None and settings.status_map:
        message = "a static answer cannot fail"
        yield Finding("no-effect", message, (*analysis.path, "status_map"), "remove `status_map`", at_key=True)


def check_rows(rows: tuple[StatusRow, ...], path: Steps) -> Iterator[Finding]:
    """Yield findings about rows that no failure reaches, and rows that contradict themselves."""
    for index, row in enumerate(rows):
        covering = next((n for n in range(index) if _covers(rows[n], row)), None)
        if covering is not None:
            there = Elsewhere((*path, covering, "on"), "this row comes first")
            message = (
                f"no failure reaches this row: `{rows[covering].on}` above matches everything that `{row.on}` does"
            )
            hint = "move it further up" if rows[covering].on != row.on else "keep one of the two"
            yield Finding("unreachable-row", message, (*path, index, "on"), hint, related=(there,))
        yield from _check_row(row, (*path, index))


def _covers(earlier: StatusRow, later: StatusRow) -> bool:
    if earlier.when is not None or (earlier.part is not None and earlier.part != later.part):
        return False
    on, other = earlier.on, later.on
    if on in ("any", other):
        return True
    if other.isdigit():
        return on == "status" or on == f"{other[0]}xx"
    if other.endswith("xx"):
        return on == "status"
    causes = causes_called(other)
    return bool(causes) and causes <= causes_called(on)


def _check_row(row: StatusRow, path: Steps) -> Iterator[Finding]:
    said = row.model_fields_set
    if row.forward:
        others = [key for key in ("body", "detail", "title") if key in said]
        if others:
            message = f"`pass` lets the upstream's body through, so {listed(others)} cannot be sent"
            yield Finding("row-contradiction", message, (*path, others[0]), "remove one of them", at_key=True)
        if not row.on.isdigit() and not row.on.endswith("xx") and row.on not in _WITH_ANSWER:
            message = f"there is no answer to let through when the cause is `{row.on}`"
            yield Finding("row-contradiction", message, (*path, "pass"), "remove `pass`", at_key=True)
    elif "body" in said and (others := [key for key in ("detail", "title") if key in said]):
        message = f"`body` takes the place of the problem document, so {listed(others)} cannot be sent"
        yield Finding("row-contradiction", message, (*path, others[0]), "remove one of them", at_key=True)
    if row.status in BODILESS and "body" in said:
        message = f"an answer with status {row.status} has no body"
        hint = "remove `body`, or choose another status"
        shows = (Shown(str(row.status), ((*path, "status"),)),)
        yield Finding("row-contradiction", message, (*path, "body"), hint, at_key=True, shows=shows)


def _check_parts(rows: Rows, analysis: Analysis) -> Iterator[Finding]:
    names = ["response", *(part.name for part in analysis.awaited)]
    for index, row in enumerate(rows.rows):
        if row.part is None:
            continue
        path = (*rows.path, index, "part")
        if rows.call is not None and rows.call.url is not None:
            message = "`part` has no effect at a call, whose map speaks of that call alone"
            yield Finding("no-effect", message, path, "remove it, or write the row on the endpoint", at_key=True)
        elif row.part not in names and row.part not in analysis.lost:
            known = f"the parts are {', '.join(names[1:])}" if names[1:] else "remove it: the answer has no parts"
            hint = did_you_mean(row.part, names) or known
            yield Finding("unknown-part", f"there is no part `{row.part}`", path, hint)


def _judged(rows: Rows, analysis: Analysis) -> list[CallSite]:
    return [rows.call] if rows.call is not None else list(analysis.calls)


def _check_successes(rows: Rows) -> Iterator[Finding]:
    for index, row in enumerate(rows.rows):
        if row.on == "2xx" or (row.on.isdigit() and row.on[0] == "2") or row.on[:1] == "1":
            message = f"`{row.on}` is never a failure"
            hint = "change the status of a good answer in `response.status`, or say in `success` what a good one is"
            yield Finding("unreachable-row", message, (*rows.path, index, "on"), hint)


def _check_refusals(rows: Rows, analysis: Analysis) -> Iterator[Finding]:
    """Yield an error for rows of the endpoint that seem to mean the 422 of its declared inputs, which asks no row."""
    declares = analysis.settings
    if declares is None or not (
        declares.params or declares.query or declares.headers or declares.cookies or declares.body
    ):
        return
    for index, row in enumerate(rows.rows):
        if row.on == "422" and row.part is None and row.when is None and not row.forward:
            message = "a refusal of the declared inputs asks no status map: this row is for an upstream's 422 alone"
            hint = "write refusals in `server: {errors: {422: …}}`, and a row for an upstream at the call"
            yield Finding("not-a-refusal", message, (*rows.path, index, "on"), hint)

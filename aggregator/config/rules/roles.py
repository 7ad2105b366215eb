"""A key of a call has an effect where it stands; one that has none was meant otherwise."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import assert_never

from aggregator.config.analysis.sites import Analysis, CallSite, Role
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.marks import Works, keys_without_effect
from aggregator.config.model.calls.background import BackgroundCallSettings
from aggregator.diagnostics.finding import Finding, Shown

_UNREAD = "in `background`, whose results nobody reads"
_LATER = "in `background`, after the answer"
_IN_ALTERNATIVE = "in an alternative; write it on the call itself"
_INSTEAD = "write a part of its own for what comes instead, with `when: \"{{ calls.NAME.state == 'default' }}\"`"
_HINTS = {
    ("fallback", "beside `fan_out`"): f"make it `optional`, and {_INSTEAD}",
    ("race", _UNREAD): "write `fallback`: the next is tried when one fails",
    ("retry", "beside `fan_out`"): "write it on each call",
    ("fallback", "beside `race`"): "add it to the race, or to one of its calls",
    **{(key, _IN_ALTERNATIVE): f"make the call `optional`, and {_INSTEAD}" for key in ("fan_out", "race", "for_each")},
}
_ROLES: dict[Role, tuple[Works, str]] = {
    "call": (Works.CALL, "on a single call"),
    "part": (Works.PART, "on a part"),
    "race": (Works.RUNNER, "in a race; write it on the part itself"),
    "fallback": (Works.FALLBACK, _IN_ALTERNATIVE),
    "background": (Works.BACKGROUND, _UNREAD),
}
_FOR_RESULTS = {"join": "remove it", "batch": 'send the list in one call, as in `json: "{{ body.items }}"`'}
"""What of a list is done with the results of its items."""


def check_roles(analysis: Analysis, _: Surroundings) -> Iterator[Finding]:
    """Yield findings about keys without any effect."""
    for call in analysis.calls:
        if call.via is not None:
            continue
        yield from _check_moment(analysis, call)
        yield from _without_effect(call, *_place_of(call))
        if call.is_background:
            yield from _check_name(call)
            yield from _check_later(call)
        match call.settings.kind:
            case "url":
                yield from _check_beside_each(call)
            case "race":
                yield from _without_effect(call, Works.RACE, "beside `race`")
            case "fan_out":
                yield from _without_effect(call, Works.GROUP, "beside `fan_out`")
            case other:
                assert_never(other)


def _check_beside_each(call: CallSite) -> Iterator[Finding]:
    said = call.settings.model_fields_set
    for key in keys_without_effect(type(call.settings), Works.EACH) if call.settings.for_each is not None else ():
        if key in said:
            hint = "write `on_error: null` for single items, or `optional` and `default` for all"
            message = f"`{key}` has no meaning with `for_each`"
            yield Finding("no-effect", message, (*call.path, key), hint, at_key=True)


def _place_of(call: CallSite) -> tuple[Works, str]:
    """Return where *call* stands, and that in words; a part of a fan-out that is kept is a background call itself."""
    return _ROLES["background" if call.role == "part" and call.is_unread else call.role]


def _check_later(call: CallSite) -> Iterator[Finding]:
    """Yield findings about keys for results, or for what clients share, on background calls."""
    place, _ = _place_of(call)
    if place is not Works.BACKGROUND:
        told = keys_without_effect(type(call.settings), place)
        later, where = (Works.BACKGROUND, _UNREAD) if call.is_unread else (Works.LATER, _LATER)
        yield from _without_effect(call, later, where, told)
    each = call.settings.for_each
    for key, hint in _FOR_RESULTS.items() if each is not None and call.is_unread else ():
        if getattr(each, key) is not None:
            message = f"`{key}` has no effect {_UNREAD}"
            yield Finding("no-effect", message, (*call.path, "for_each", key), hint, at_key=True)


def _check_name(call: CallSite) -> Iterator[Finding]:
    """Yield findings about fan-outs after the answer that have no name to be counted, logged and switched by."""
    if call.settings is call.effect and call.effect.name is None and call.effect.fan_out is not None:
        message = "logs and counters do not know what to call this fan-out"
        yield Finding("missing-key", message, (*call.path, "fan_out"), "name it: `name: after_signup`", at_key=True)


def _check_moment(analysis: Analysis, call: CallSite) -> Iterator[Finding]:
    """Yield findings about background calls that wait for an answer which never comes: a static one has one status."""
    static = analysis.settings.respond if analysis.settings is not None else None
    if static is None or not isinstance(call.settings, BackgroundCallSettings) or not isinstance(static.status, int):
        return
    moment = "failure" if static.status >= 400 else "success"
    if call.settings.on not in (moment, "always"):
        message = f"this call is never made: the answer, with status {static.status}, is always a {moment}"
        shows = (Shown(str(static.status), ((*analysis.path, "respond", "status"),)),)
        hint = f"write `on: {moment}`, or `on: always`"
        yield Finding("no-effect", message, (*call.path, "on"), hint, at_key=True, shows=shows)


def _without_effect(call: CallSite, place: Works, where: str, told: Container[str] = ()) -> Iterator[Finding]:
    """Yield findings about keys without an effect in *place*, but for those that are *told* already."""
    said = call.settings.model_fields_set
    for key in keys_without_effect(type(call.settings), place):
        if (key in said or f"{key}_" in said) and key not in told:
            message = f"`{key}` has no effect {where}"
            yield Finding("no-effect", message, (*call.path, key), _HINTS.get((key, where), "remove it"), at_key=True)


def check_defaults(analysis: Analysis, _: Surroundings) -> Iterator[Finding]:
    """Yield findings about defaults of parts that are always there, or whose failure fails the answer."""
    for part in analysis.parts:
        settings = part.settings
        may_be_absent = settings.optional or settings.when is not None
        if part.via is None and "default" in settings.model_fields_set and not may_be_absent:
            whole = "what follows the answer" if analysis.is_background(part.path) else "the answer"
            message = f"`default` has no effect: `{part.name}` fails {whole} when it fails"
            hint = "add `optional: true`"
            yield Finding("default-without-optional", message, (*part.path, "default"), hint, at_key=True)

"""Paths and queries that shape a body can be compiled, and do not cancel each other out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from aggregator.config.analysis.sites import Analysis, Part
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.hints.wording import sentence
from aggregator.config.model.calls.items import BatchSettings
from aggregator.config.model.calls.shape import ShapeSettings
from aggregator.config.rules.joins import check_joins
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Elsewhere, Finding
from aggregator.shaping.fields import compile_allow
from aggregator.shaping.moves import compile_group, compile_rename
from aggregator.shaping.path import parse_path
from aggregator.shaping.problems import ShapeProblem
from aggregator.shaping.query import compile_jmespath

_JMESPATH = "write JMESPath, such as `data[].{id: id}`, or an expression in `{{ }}`"
_HINTS = {"select": _JMESPATH, "rename": "give each a name of its own"}
_PATH = "write it like `address.city` or `items[].sku`"


def check_shapes(analysis: Analysis, _: Surroundings) -> Iterator[Finding]:
    """Yield findings about ``select``, ``target``, ``allow``, ``deny``, ``rename``, ``group``, joins and merges."""
    for site in analysis.shapes:
        if site.path[: len(analysis.path)] == analysis.path:
            yield from _check_shape(site.settings, site.path)
    for call in analysis.calls:
        each = call.settings.for_each
        if call.via is None and each is not None and each.batch is not None:
            yield from _check_batch(each.batch, (*call.path, "for_each", "batch"))
    if analysis.settings is not None and analysis.settings.response is not None:
        yield from check_joins(analysis)
        yield from _check_merge(analysis)


def _check_shape(shape: ShapeSettings, path: Steps) -> Iterator[Finding]:
    if shape.select is not None and "{{" not in shape.select:
        yield from _problem((*path, "select"), shape.select, compile_jmespath, shape.select)
    for key in ("target", "group"):
        text = getattr(shape, key)
        if text is not None:
            compile_it = compile_group if key == "group" else parse_path
            yield from _problem((*path, key), text, compile_it, text)
    for key in ("allow", "deny"):
        for index, text in enumerate(getattr(shape, key)):
            yield from _problem((*path, key, index), text, compile_allow, [text])
    if shape.rename:
        yield from _problem((*path, "rename"), "", compile_rename, shape.rename)
    if shape.allow and shape.deny:
        message = "`deny` has no effect beside `allow`, which keeps only what it names"
        there = Elsewhere((*path, "allow"), "what is kept", at_key=True)
        yield Finding("no-effect", message, (*path, "deny"), "remove `deny`", at_key=True, related=(there,))


def _check_batch(batch: BatchSettings, path: Steps) -> Iterator[Finding]:
    yield from _problem((*path, "key"), batch.key, parse_path, batch.key)
    if batch.path is not None:
        yield from _problem((*path, "path"), batch.path, parse_path, batch.path)


def _check_merge(analysis: Analysis) -> Iterator[Finding]:
    settings, fan = analysis.settings, analysis.fan
    response = settings.response if settings else None
    if settings is None or response is None or response.merge == "object" or settings.stream:
        return  # of streams another rule speaks
    path = (*analysis.path, "response", "merge")
    if settings.fan_out is None or "body" in response.model_fields_set:
        is_fan = settings.fan_out is not None
        why = "beside `body`, which says how the parts become one" if is_fan else "without a `fan_out`"
        yield Finding("no-effect", f"`merge` has no effect {why}", path, "remove it", at_key=True)
    elif response.merge == "error" and fan is not None:
        yield from _check_collisions(fan.parts)


def _check_collisions(parts: dict[str, Part]) -> Iterator[Finding]:
    """Yield findings about parts that put their result under one key, so that every answer would fail."""
    owners: dict[str, Part] = {}
    for part in parts.values():
        group = part.settings.group
        if group is None:
            continue
        key = group.partition(".")[0]
        if key in owners:
            first = owners[key]
            there = Elsewhere((*first.path, "group"), "first here")
            message = f"`{first.name}` and `{part.name}` both put their result under `{key}`"
            yield Finding("name-clash", message, (*part.path, "group"), "rename one of the two", related=(there,))
        owners.setdefault(key, part)


def _problem(path: Steps, text: str, compile_it: Callable[..., object], *settings: Any) -> Iterator[Finding]:
    try:
        compile_it(*settings)
    except ShapeProblem as problem:
        rest = text[problem.offset :] if problem.offset else ""
        hint = _HINTS.get(str(path[-1]), _PATH)
        if text.startswith("$."):
            hint = f"write `{text.removeprefix('$.')}`"
        yield Finding("bad-path", sentence(problem.message), path, hint, text=rest)

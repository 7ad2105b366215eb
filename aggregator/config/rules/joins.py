"""The lists of a join can be there: in the answer as far as the file says its keys, or among the parts."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from aggregator.config.analysis.sites import Analysis
from aggregator.config.hints.wording import sentence
from aggregator.config.model.response import ListJoinSettings, ResponseSettings
from aggregator.config.text.values import Steps
from aggregator.diagnostics import did_you_mean
from aggregator.diagnostics.finding import Finding
from aggregator.shaping.join import compile_list_join, lists_of, part_looked_up
from aggregator.shaping.problems import ShapeProblem

_HINT = "write it like `orders[].product_id`, or `[].product_id` where the answer is the list"


def check_joins(analysis: Analysis) -> Iterator[Finding]:
    """Yield findings about joins whose paths lead to no list or no key."""
    response = analysis.settings.response if analysis.settings else None
    for index, join in enumerate(response.join if response else ()):
        path = (*analysis.path, "response", "join", index)
        wrong = [*_check_path(join.left, (*path, "left")), *_check_path(join.right, (*path, "right"))]
        yield from wrong
        if not wrong and response is not None:
            yield from _check_lists(join, response, analysis, path)


def _check_path(text: str, path: Steps) -> Iterator[Finding]:
    try:
        compile_list_join(text, text, "x")
    except ShapeProblem as problem:
        rest = text[problem.offset :] if problem.offset else ""
        yield Finding("bad-path", sentence(problem.message), path, _HINT, text=rest)


def _check_lists(
    join: ListJoinSettings, response: ResponseSettings, analysis: Analysis, path: Steps
) -> Iterator[Finding]:
    parts = list(analysis.fan.parts) if analysis.fan else []
    keys = _keys_of_answer(response, analysis, parts)
    left, right = lists_of(join.left, join.right)
    if not left and keys is not None:
        hint = 'name the list: `orders[].id`; or make it the answer: `body: "{{ orders }}"`'
        yield Finding("unknown-list", "the answer is an object, not a list", (*path, "left"), hint)
    elif left and keys is not None and left[0] not in keys:
        yield _unknown(f"the answer has no `{left[0]}`", (*path, "left"), left[0], keys)
    if not right and left:
        message = "the answer has a list under a name, so it is none itself"
        yield Finding("unknown-list", message, (*path, "right"), "name the list that is looked up: `users[].id`")
    part = part_looked_up(join.left, join.right, response.body)
    if part is None and right and keys is not None and right[0] not in keys:
        yield _unknown(f"the answer has no `{right[0]}`", (*path, "right"), right[0], keys)
    elif part is not None and part not in parts:
        message = f"there is no part `{part}`"
        yield replace(_unknown(message, (*path, "right"), part, parts), code="unknown-part")


def _keys_of_answer(response: ResponseSettings, analysis: Analysis, parts: list[str]) -> list[str] | None:
    """The keys of the answer where the file says them, None where it may be anything."""
    if isinstance(response.body, dict):
        return list(response.body)
    is_made_of_parts = analysis.settings is not None and analysis.settings.fan_out is not None
    return parts if is_made_of_parts and response.body is None and response.merge == "object" else None


def _unknown(message: str, path: Steps, name: str, known: list[str]) -> Finding:
    hint = did_you_mean(name, known) or (f"known here: {', '.join(known)}" if known else "remove the join")
    return Finding("unknown-list", message, path, hint, text=name)

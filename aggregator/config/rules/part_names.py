"""Names of parts and path parameters can be told apart in every expression."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aggregator.config.analysis.scope import RESERVED
from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.diagnostics.finding import Elsewhere, Finding
from aggregator.templates import is_name

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def check_part_names(analysis: Analysis, _: Surroundings) -> Iterator[Finding]:
    """Yield findings about parts that cannot be named, or whose name already means something."""
    for fan in analysis.fans:
        for name, part in fan.parts.items():
            if part.via is not None or part.path[-1] != name or len(part.path) < 3 or fan is _single(analysis):
                continue
            yield from _check(name, part.path, analysis)


def _single(analysis: Analysis) -> object:
    return analysis.fan if analysis.settings is not None and analysis.settings.call is not None else None


def _check(name: str, path: tuple[str | int, ...], analysis: Analysis) -> Iterator[Finding]:
    if name in RESERVED:
        message = f"a part cannot be called `{name}`: expressions know something else by this name"
        yield Finding("reserved-name", message, path, f"rename it, for instance to `{name}_part`", at_key=True)
    elif not _NAME.fullmatch(name) or (name.isidentifier() and not is_name(name)):
        is_word = name.isidentifier()
        message = f"`{name}` cannot be the name of a part"
        hint = "rename it: expressions read it as a word of their own" if is_word else "use letters, digits and `_`"
        yield Finding("bad-name", message, path, hint, at_key=True)
    elif name in analysis.inputs.params:
        message = f"`{name}` is a part and a path parameter"
        there = Elsewhere(analysis.path, "the parameter", at_key=True, text=f"{{{name}}}")
        yield Finding("reserved-name", message, path, "rename one of the two", at_key=True, related=(there,))


def check_parameter_names(analysis: Analysis, _: Surroundings) -> Iterator[Finding]:
    """Yield findings about path parameters whose name already means something."""
    for name in analysis.inputs.params:
        if name in RESERVED:
            message = f"a path parameter cannot be called `{name}`: expressions know something else by this name"
            hint = f"rename it, for instance to `{{{name}_id}}`"
            yield Finding("reserved-name", message, analysis.path, hint, at_key=True, text=f"{{{name}}}")

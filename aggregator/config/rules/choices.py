"""A choice between URLs is one: there are several, they differ, and at least one of them is called."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.config.analysis.sites import Analysis, CallSite
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.diagnostics.finding import Elsewhere, Finding


def check_choices(analysis: Analysis, _: Surroundings) -> Iterator[Finding]:
    """Yield findings about `choose` and `sticky` of each call."""
    for call in analysis.calls:
        if call.via is not None:
            continue
        if call.settings.choose:
            yield from _check_choice(call)
        elif call.settings.sticky is not None:
            message, hint = "the key `sticky` has no effect without `choose`", "add `choose`, or remove it"
            yield Finding("no-effect", message, (*call.path, "sticky"), hint, at_key=True)


def _check_choice(call: CallSite) -> Iterator[Finding]:
    choose, path = call.settings.choose, (*call.path, "choose")
    if len(choose) == 1:
        yield Finding("bad-choose", "there is nothing to choose", path, "add another URL, or write it under `url`")
    if not any(one.weight for one in choose):
        yield Finding("bad-choose", "no request gets any of them: all weights are 0", path, "let one have a weight")
    seen: dict[str, int] = {}
    for index, one in enumerate(choose):
        first = seen.setdefault(one.url, index)
        if first != index:
            related = (Elsewhere((*path, first, "url"), "it stands here"),)
            hint = "add its weight to that of the first one"
            yield Finding("bad-choose", "this URL can be chosen already", (*path, index, "url"), hint, related=related)

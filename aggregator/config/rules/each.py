"""A call for each item says which item it is for, and a batch says where its keys go."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.config.analysis.sites import Analysis, CallSite, Use
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.findings import value_at
from aggregator.config.model.upstreams.upstream import UpstreamSettings
from aggregator.diagnostics.finding import Finding
from aggregator.templates import Param, TemplateProblem, compile_pattern


def check_each(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about batches without keys, calls alike for every item, and calls that a batch would save."""
    for call in analysis.calls:
        each = call.settings.for_each
        if each is None or call.via is not None or call.url is None or call.role == "fallback":
            continue
        names = {reference[0] for use in _uses_of(call, analysis) for reference in use.references}
        if each.batch is not None:
            if "keys" not in names and not call.is_unread:
                hint = "write the keys into the URL, as in `shop:/products?ids={keys}`"
                message = "the batch call does not say which keys it is for"
                yield Finding("batch-without-keys", message, (*call.path, "for_each", "batch"), hint, at_key=True)
        elif not names & {"item", "index"}:
            message = "the call is the same for every item"
            hint = "name the item in it, as in `shop:/products/{item.id}`"
            yield Finding("same-for-each", message, (*call.path, "for_each"), hint, "warning", at_key=True)
        elif not call.is_unread:  # where each has a call of its own
            written = value_at(analysis.written, (*call.path, "for_each", "in")[len(analysis.path) :])
            yield from _check_batch_form(call, around, written if isinstance(written, str) else each.items)


def _uses_of(call: CallSite, analysis: Analysis) -> Iterator[Use]:
    """Yield what the request of *call* itself reads."""
    start = len(call.path)
    for use in analysis.uses:
        place = use.via or use.path  # what an upstream adds is taken in by the URL
        if place[:start] == call.path and place[start : start + 1] != ("for_each",):
            yield use


def _check_batch_form(call: CallSite, around: Surroundings, items: str) -> Iterator[Finding]:
    """Yield a finding about one call for each of *items*, where the upstream declares a path that takes many."""
    assert call.url is not None
    upstream, each = around.upstream(call.url.upstream), call.settings.for_each
    found = _batch_form(call, upstream) if upstream is not None else None
    if found is None or each is None:
        return
    form, placeholder = found
    key = placeholder.rpartition(".")[2]
    name = call.url.upstream
    batched = f'{{in: "{items}", key: "{{{{ {placeholder} }}}}", batch: {{key: {key}}}}}'
    hint = f"write `url: {name}:{form}`\nand `for_each: {batched}`"
    message = f"one call for each item, although `{name}` takes many at once"
    yield Finding("n-plus-one", message, call.url_path, hint, "warning")


def _batch_form(call: CallSite, upstream: UpstreamSettings) -> tuple[str, str] | None:
    """The batch form for the path of *call*, and the placeholder that becomes its keys."""
    assert call.url is not None
    path = call.url.source.partition(":")[2].partition("?")[0].split("/")[1:]
    for single, form in upstream.batch.items():
        try:
            pattern = compile_pattern(single)
        except TemplateProblem:
            continue
        pairs = list(zip(pattern.segments, path, strict=False))
        if len(pattern.segments) == len(path) and all(_fits(segment, word) for segment, word in pairs):
            words = [word[1:-1] for segment, word in pairs if isinstance(segment, Param)]
            named = [word for word in words if word.startswith("item")]
            if named:
                return form, named[-1]
    return None


def _fits(segment: bytes | Param, word: str) -> bool:
    if isinstance(segment, Param):
        return word.startswith("{") and word.endswith("}")
    return segment.decode("ascii") == word

"""What ``Vary`` names of an answer that caches further out may keep, where none of ours does."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from aggregator.http import FETCHING
from aggregator.plan.analysis.roots import references_in
from aggregator.plan.analysis.walking import calls_in
from aggregator.plan.calls import CallPlan, FanPlan
from aggregator.plan.compiling.endpoint.keeping import inputs_of
from aggregator.plan.edge import EdgePlan
from aggregator.plan.types import ResponsePlan
from aggregator.policies.cache.settings import AnswerCacheSettings
from aggregator.templates import Template, compile_value
from aggregator.templates.nodes import Const

_CACHES, _VARY = b"cache-control", b"vary"


def with_vary(
    response: ResponsePlan, cache: AnswerCacheSettings | None, fan: FanPlan | None, edge: EdgePlan, method: str
) -> ResponsePlan:
    """Return *response* with the headers that tell answers apart, where the file lets caches keep them.

    A ``Vary`` of its own stands as it is. What is computed from parts has theirs (RFC 9110 §12.5.5) for what calls pass
    on by name; so has what passes as it came, where the file does not say how long it may be kept.
    """
    is_kept_here = cache is not None and cache.keeps
    if is_kept_here or method not in FETCHING or any(name == _VARY for name, _ in response.headers):
        return response
    is_unkept, whole = _is_unkept(response, edge), response.pass_all
    if is_unkept and not whole:
        return response
    by_upstream = response.cache_control == "compute" or is_unkept
    calls: Iterable[CallPlan] = () if by_upstream else calls_in(fan)
    names = inputs_of(b"", calls, references_in((fan, response, edge.made))).vary
    if not names:
        return response
    if whole:
        return replace(response, varies=names)
    return replace(response, headers=(*response.headers, (_VARY, compile_value(b", ".join(names).decode()))))


def _is_unkept(response: ResponsePlan, edge: EdgePlan) -> bool:
    """Return whether the file says nothing of how long an answer may be kept, or that it never is."""
    said = [value for name, value in (*response.headers, *edge.made) if name == _CACHES]
    fixed = [value.decode("latin-1") for name, value in edge.fixed if name == _CACHES]
    whole = [*said, *fixed, *(() if response.cache_control is None else (response.cache_control,))]
    return not whole or any(map(_is_no_store, whole))


def _is_no_store(said: str | Template) -> bool:
    if isinstance(said, Template):
        return isinstance(said.node, Const) and "no-store" in str(said.node.value)
    return "no-store" in said

"""What ``Vary`` names of an answer that caches further out may keep; ours adds what tells those apart that it keeps."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec.structs import replace

from aggregator.http import FETCHING
from aggregator.plan.analysis.roots import Reference, references_in
from aggregator.plan.analysis.walking import calls_in, rows_in, with_rows
from aggregator.plan.calls import CallPlan, FanPlan
from aggregator.plan.compiling.endpoint.keeping import inputs_of
from aggregator.plan.edge import EdgePlan
from aggregator.plan.types import ResponsePlan, RowPlan
from aggregator.policies.cache.settings import AnswerCacheSettings
from aggregator.templates import Template, compile_value
from aggregator.templates.nodes import Const

_CACHES, _VARY = b"cache-control", b"vary"


def with_vary(
    response: ResponsePlan, cache: AnswerCacheSettings | None, fan: FanPlan | None, edge: EdgePlan, method: str
) -> ResponsePlan:
    """Return *response* with the headers that tell answers apart, where the file lets caches keep them.

    A ``Vary`` of its own stands as it is. What is computed from parts has theirs (RFC 9110 §12.5.5) for what calls pass
    on by name; so has what passes as it came, where the file does not say how long it may be kept. Headers that a
    *cache* of ours counts are those that count: it does not keep every answer, so that it cannot say so of each.
    """
    if method not in FETCHING or any(name == _VARY for name, _ in response.headers):
        return response
    is_unkept, whole = _is_unkept(response, edge), response.pass_all
    if is_unkept and not whole:
        return response
    by_upstream = response.cache_control == "compute" or is_unkept
    calls: Iterable[CallPlan] = () if by_upstream else calls_in(fan)
    names = _names(cache, calls, references_in((fan, response, edge.made)))
    if not names:
        return response
    if whole:
        return replace(response, varies=names)
    return replace(response, headers=(*response.headers, (_VARY, compile_value(b", ".join(names).decode()))))


def with_row_vary(
    read: tuple[FanPlan | None, tuple[RowPlan, ...], ResponsePlan], cache: AnswerCacheSettings | None, edge: EdgePlan,
    method: str,
) -> tuple[FanPlan | None, tuple[RowPlan, ...]]:  # fmt: skip
    """Return the fan-out and the rows of *read* whose rows say ``Vary`` where they let caches keep their answers.

    Which of them speaks, and what it makes, depends on all that the endpoint reads and its calls pass on. A ``Vary`` of
    a row stands as it is; headers that a *cache* of ours counts are those that count.
    """
    fan, rows, _ = read
    if method not in FETCHING:
        return fan, rows
    names = _names(cache, calls_in(fan), references_in((read, edge.made)))
    if not names:
        return fan, rows
    vary = (_VARY, compile_value(b", ".join(names).decode()))

    def told(rows: tuple[RowPlan, ...]) -> tuple[RowPlan, ...]:
        return tuple(replace(row, headers=(*row.headers, vary)) if _lets_keep(row) else row for row in rows)

    if fan is not None and any(map(_lets_keep, rows_in(fan))):
        fan = replace(fan, parts=tuple(with_rows(part, told) for part in fan.parts))
    return fan, told(rows)


def _names(
    cache: AnswerCacheSettings | None, calls: Iterable[CallPlan], references: Collection[Reference]
) -> tuple[bytes, ...]:
    """Return the headers by which answers differ that read *references* and are made of *calls*."""
    counted = () if cache is None else tuple(map(str.lower, cache.vary))
    return inputs_of(b"", calls, references, headers=counted, narrowed=("headers",) if counted else ()).vary


def _lets_keep(row: RowPlan) -> bool:
    """Return whether *row* says how long its answer may be kept, and not what tells it apart."""
    said = dict(row.headers)
    return _CACHES in said and _VARY not in said and not _is_no_store(said[_CACHES])


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

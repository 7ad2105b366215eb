"""Some paths are the program's own: an endpoint cannot be named by one, and one that would match it never sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Finding
from aggregator.schemas.parameter import compile_parameter
from aggregator.schemas.problems import InvalidInput, InvalidSchema
from aggregator.templates import PathPattern, document_path, own_paths

_METRICS_AT = "/metrics"
_NO_METRICS = ", or declare `server.admin`, whose address serves them then"
_NO_DOCS = ", or put the documentation elsewhere: `server: {docs: {path: /internal/docs}}`, or `docs: false`"


def check_own_paths(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about endpoints at a path that the program answers itself, and parameters that would take one."""
    pattern = analysis.pattern
    if pattern is None:
        return
    server = around.settings.server
    is_counted = around.settings.telemetry.metrics is not None and server.admin is None
    docs = server.docs.path if server.docs else None
    path, own = pattern.source, own_paths(docs=docs, metrics=is_counted)
    if own.holds(path):
        shown = path if path in own.named else path.rpartition("/")[0] + "/…" if path != "/-" else "/-/…"
        docs_at = () if docs is None else (docs, document_path(docs))
        ways = ((docs_at, _NO_DOCS), (_METRICS_AT, _NO_METRICS))
        hint = "choose another path" + next((way for at, way in ways if path.startswith(at)), "")
        message = f"the program itself answers `{shown}`"
        lacks: tuple[Steps, ...] = (("server", "admin"),) if path.startswith(_METRICS_AT) else ()
        yield Finding("reserved-path", message, analysis.path, hint, at_key=True, text=path, lacks=lacks)
    elif taken := [path for path, params in own.within(pattern) if _accepts(analysis, params)]:
        yield _swallowed(analysis, pattern, taken)


def _swallowed(analysis: Analysis, pattern: PathPattern, taken: list[str]) -> Finding:
    message = f"the program itself answers {', '.join(f'`{path}`' for path in taken)}, which this path matches too"
    name = next(iter(pattern.params))
    hint = f"put a segment before `{{{name}}}`, or let a `pattern` under `params` exclude what is not meant"
    return Finding(
        "reserved-path", message, analysis.path, hint, "warning", at_key=True, text=pattern.source
    )  # fmt: skip


def _accepts(analysis: Analysis, params: Mapping[str, str]) -> bool:
    """Return whether the endpoint would take *params*, as far as it declares them."""
    declared = analysis.settings.params if analysis.settings else {}
    for name, text in params.items():
        if name in declared:
            try:
                compile_parameter(name, declared[name], "path").parse(text)
            except (InvalidInput, InvalidSchema):
                return False
    return True

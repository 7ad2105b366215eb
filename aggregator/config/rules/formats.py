"""Formats that are named can be read and written with what is installed."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.codecs.registry import require
from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.hints.wording import sentence
from aggregator.config.model.calls.call import CallSettings
from aggregator.config.model.upstreams.upstream import UpstreamSettings
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Finding
from aggregator.errors import StartupError


def check_formats(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about formats of calls and answers."""
    for call in analysis.calls:
        if call.via is None:
            yield from _check(call.settings.format, (*call.path, "format"))
            upstream = around.upstream(call.url.upstream) if call.url else None
            yield from _without_use(call.settings, upstream, call.path)
    response = analysis.settings.response if analysis.settings is not None else None
    for index, name in enumerate(response.formats if response is not None else ()):
        yield from _check(name, (*analysis.path, "response", "formats", index))
    if response is not None and not response.formats:
        path = (*analysis.path, "response", "formats")
        yield Finding("no-format", "no format is left to answer in", path, "write `[json]`, or leave `formats` out")


def check_upstream_formats(around: Surroundings) -> Iterator[Finding]:
    """Yield findings about formats of upstreams."""
    for name, upstream in around.settings.upstreams.items():
        yield from _check(upstream.format, ("upstreams", name, "format"))
        yield from _without_use(upstream, None, ("upstreams", name))


def _without_use(
    settings: CallSettings | UpstreamSettings, upstream: UpstreamSettings | None, path: Steps
) -> Iterator[Finding]:
    """Yield a finding for each way to read a format that is never read, as the file names another."""
    name = settings.format or (upstream.format if upstream else None)
    for key in ("xml", "csv"):
        if getattr(settings, key) is not None and name not in (None, "auto", key):
            message = f"`{key}` has no effect: bodies are read as `{name}`"
            yield Finding("no-effect", message, (*path, key), f"write `format: {key}`, or remove it", at_key=True)


def _check(name: str | None, path: Steps) -> Iterator[Finding]:
    if name in (None, "auto"):
        return
    try:
        require(str(name))
    except StartupError as error:
        message, _, fix = sentence(str(error)).partition(": ")
        yield Finding("missing-package", message, path, f"install it: {fix}")

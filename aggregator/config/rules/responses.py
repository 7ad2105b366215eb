"""What is said of the answer has an effect on it, and is an answer that HTTP allows."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.config.analysis.scope import OF_ONE_REQUEST
from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.model.endpoint import EndpointSettings
from aggregator.config.rules.header_fields import check_fields
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Elsewhere, Finding, Shown
from aggregator.http import BODILESS


def check_responses(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about statuses, bodies and caching of answers."""
    settings = analysis.settings
    assert settings is not None
    response, path = settings.response, (*analysis.path, "response")
    if settings.respond is not None:
        at = (*analysis.path, "respond")
        yield from _check_bodiless(settings.respond.status, settings.respond.model_fields_set, at)
        if response is not None:
            message = "`response` has no effect beside `respond`, which is the whole answer"
            there = Elsewhere(at, "the answer", at_key=True)
            yield Finding("no-effect", message, path, "move it into `respond`", at_key=True, related=(there,))
    if around.settings.server.compress is None:
        yield from _check_compress(analysis)
    if response is None:
        return
    if response.pass_ is not None:
        yield from _check_pass(settings, path)
    if isinstance(response.status, int):
        if not 200 <= response.status <= 599:
            message = f"{response.status} is not a status that an answer can have"
            yield Finding("bad-status", message, (*path, "status"), "write a number from 200 to 599")
        if not settings.stream:
            yield from _check_bodiless(response.status, response.model_fields_set, path)
    if response.etag:
        yield from _check_moments(analysis, path)
    if response.cache_control not in (None, "compute"):
        yield from check_fields({"cache_control": response.cache_control}, path)
    named = {name.lower() for name in response.headers.values}
    if response.cache_control is not None and "cache-control" in named:
        key = next(name for name in response.headers.values if name.lower() == "cache-control")
        there = Elsewhere((*path, "headers", *response.headers.below, key), "also here", at_key=True)
        message = "`cache_control` has no effect beside a header of this name"
        yield Finding(
            "no-effect", message, (*path, "cache_control"), "remove one of the two", at_key=True, related=(there,)
        )


def _check_moments(analysis: Analysis, path: Steps) -> Iterator[Finding]:
    """Yield what makes each body another one, so that no client ever has what an ETag names."""
    for use in analysis.uses:
        if use.path[: len(path) + 1] != (*path, "body"):
            continue
        for reference in sorted(use.references & OF_ONE_REQUEST):
            name = ".".join(reference)
            message = f"`{name}` is another one in each request, so no client ever has what the ETag names"
            hint = "leave it out, or remove `etag`"
            yield Finding("moment-in-key", message, use.path, hint, "warning", text=reference[0])


_BESIDE_PASS = {"pass_", "headers", "compress"}


def _check_pass(settings: EndpointSettings, path: Steps) -> Iterator[Finding]:
    """Yield findings about answers that pass as they came, but are made of several calls or changed by other keys."""
    assert settings.response is not None
    call = settings.call
    changes = ("fan_out", "for_each", "fallback", "race", "graphql", "transform", "select", "target", "allow", "deny",
               "rename", "group")  # fmt: skip
    if call is None or any(getattr(call, key) for key in changes):
        message = "only the answer of a single `call` can pass as it came"
        yield Finding("no-effect", message, (*path, "pass"), "remove `pass`, or make one plain call", at_key=True)
    for key in sorted(settings.response.model_fields_set - _BESIDE_PASS):
        message = f"`{key}` has no effect beside `pass: all`"
        yield Finding("no-effect", message, (*path, key), "remove one of the two", at_key=True)


def _check_compress(analysis: Analysis) -> Iterator[Finding]:
    settings = analysis.settings
    for key in ("response", "respond") if settings is not None else ():
        said = getattr(settings, key)
        if said is not None and said.compress is not None:
            message = "`compress` has no effect where the server codes no answers"
            hint = "remove it, or add `server: {compress: {}}`"
            at, lacks = (*analysis.path, key, "compress"), (("server", "compress"),)
            yield Finding("no-effect", message, at, hint, at_key=True, lacks=lacks)


def _check_bodiless(status: int, said: set[str], path: Steps) -> Iterator[Finding]:
    if status in BODILESS and "body" in said:
        message = f"an answer with status {status} has no body"
        hint = "remove `body`, or choose another status"
        shows = (Shown(str(status), ((*path, "status"),)),)
        yield Finding("body-of-status", message, (*path, "body"), hint, at_key=True, shows=shows)

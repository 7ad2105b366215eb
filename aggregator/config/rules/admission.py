"""Who may call: the schemes that are named exist, and what reads ``auth`` asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aggregator.config.analysis.endpoints.inherited import auth_of, callers_of
from aggregator.config.analysis.scope import Inputs, Scope
from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.analysis.texts import Texts
from aggregator.config.hints.twins import is_among
from aggregator.config.model.auth import AuthSettings, CallerSettings, GuardSettings
from aggregator.config.model.schemes.scheme import KINDS
from aggregator.config.rules.names import check_names
from aggregator.config.text.values import Steps
from aggregator.diagnostics import did_you_mean
from aggregator.diagnostics.finding import Finding
from aggregator.errors import AggregatorError
from aggregator.identity.caller import NOBODY
from aggregator.templates import Expr, TemplateProblem, compile_value


def check_admission(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about schemes that an endpoint names and that do not exist."""
    settings = analysis.settings
    if settings is None:
        return
    yield from _check_schemes(settings.auth, analysis.path, around)
    path = analysis.pattern.source if analysis.pattern is not None else ""
    callers = callers_of(settings, path, around.settings)
    if settings.stream:
        yield from _check_stream(callers.auth, (*analysis.path, "stream"), around)
    if callers.auth == "none":
        inherited = callers.require[: len(callers.require) - len(settings.require)]
        place = analysis.path if settings.auth is None else (*analysis.path, "auth")
        written = [around.written.get("prefixes"), around.written.get("defaults")]
        yield from _check_nobody(inherited, place, written, at_key=settings.auth is None)


def _check_nobody(
    guards: tuple[GuardSettings, ...], path: Steps, written: list[Any], *, at_key: bool
) -> Iterator[Finding]:
    """Yield the first of the inherited *guards* that nobody can pass: it reads `auth` alone, which holds nothing.

    In a guard of its own the endpoint reads a name that it does not have, which is an error and told there.
    It is shown where it stands in *written*, the sections that may hold it: what a variable holds is not.
    """
    for guard in guards:
        if _refuses_nobody_known(guard.that):
            shown = f"`{guard.that}`" if is_among(guard.that, written) else "what is required"
            message = f"everybody is refused: who calls is not asked here, so {shown} is never true"
            hint = "remove `auth: none`, or move the guard to where callers are known: a prefix, or endpoints"
            yield Finding("refuses-everybody", message, path, hint, "warning", at_key=at_key)
            return


def _refuses_nobody_known(text: str) -> bool:
    """Return whether *text* reads nothing but `auth`, and is not true where nobody is known; an error refuses too."""
    try:
        node = compile_value(text).node
        if not isinstance(node, Expr) or {reference[0] for reference in node.expression.references} != {"auth"}:
            return False
        return node.expression.evaluate({"auth": NOBODY}) is not True
    except TemplateProblem:  # told where the guard stands
        return False
    except AggregatorError:
        return True


def _check_stream(auth: AuthSettings | str | None, path: Steps, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about signatures over a body that is streamed, which nobody can judge before it has gone on."""
    for name in auth.schemes if isinstance(auth, AuthSettings) else ():
        scheme = around.settings.auth.get(name)
        if scheme is not None and scheme.signature is not None:
            message = f"the body of a stream is not read, so `{name}` cannot judge its signature"
            yield Finding("stream", message, path, "remove `stream`, or name another scheme")


def check_inherited(around: Surroundings) -> Iterator[Finding]:
    """Yield findings about what endpoints inherit."""
    root = around.settings
    yield from _check_layer(root.defaults.endpoint, ("defaults", "endpoint"), root.defaults.endpoint.auth, around)
    for prefix, shared in root.prefixes.items():
        yield from _check_layer(shared, ("prefixes", prefix), auth_of(shared, prefix, root), around)


def _check_layer(
    shared: CallerSettings, path: Steps, auth: AuthSettings | str | None, around: Surroundings
) -> Iterator[Finding]:
    """Yield what is wrong with what is *shared* at *path*, where *auth* is the nearest word on who may call."""
    yield from _check_schemes(shared.auth, path, around)
    analysis = Analysis(path, None)
    scope = Scope(Inputs(has_auth=isinstance(auth, AuthSettings)), is_open=True)
    for index, guard in enumerate(shared.require):
        Texts(analysis).condition(guard.that, (*path, "require", index, "that"), scope)
    yield from analysis.problems
    yield from check_names(analysis, around)


def check_docs(around: Surroundings) -> Iterator[Finding]:
    """Yield findings about schemes of the documentation that do not exist, or that want a signature."""
    docs, path = around.settings.server.docs, ("server", "docs")
    if not docs or not isinstance(docs.auth, AuthSettings):
        return
    yield from _check_schemes(docs.auth, path, around)
    for name in docs.auth.schemes:
        scheme = around.settings.auth.get(name)
        if scheme is not None and scheme.signature is not None:
            message = f"nobody signs a request for a page, as `{name}` wants"
            yield Finding("docs-auth", message, (*path, "auth"), "name a scheme of people, such as `basic`", text=name)


def _check_schemes(auth: AuthSettings | str | None, path: Steps, around: Surroundings) -> Iterator[Finding]:
    if not isinstance(auth, AuthSettings):
        return
    known = tuple(around.settings.auth)
    listing = "any" if auth.any else "all"
    for index, name in enumerate(auth.schemes):
        if name in known or name in around.lost:
            continue
        kind = name if name in KINDS else "api_key"
        hint = did_you_mean(name, known) or (
            f"the schemes are {', '.join(known)}"
            if known
            else f"declare it: `auth: {{{name}: {{{kind}: …}}}}` at the top"
        )
        yield Finding(
            "unknown-scheme",
            f"there is no scheme `{name}`",
            (*path, "auth", listing, index),
            hint,
            text=name,
            lacks=(("auth",),),
        )

"""A name in an expression exists where it is read, and so do the fields that are known below it."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.config.analysis.endpoints.forwarded import forwarded_query, forwards_all_query
from aggregator.config.analysis.scope import (
    AUTH_FIELDS,
    CERTIFICATE_FIELDS,
    REQUEST_FIELDS,
    RESERVED,
    RESULT_FIELDS,
    TLS_FIELDS,
    Inputs,
    Scope,
)
from aggregator.config.analysis.sites import Analysis, Reference, Use
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.hints.wording import listed
from aggregator.config.rules.spots import as_written, report
from aggregator.diagnostics import did_you_mean, suggest
from aggregator.diagnostics.finding import Finding

_INSTEAD = {
    "response": "the whole of a call is `calls.NAME`, with `status`, `headers` and `body`",
    "this": "the whole of a call that is over is `calls.NAME`, with `status`, `headers` and `body`",
    "item": "name one by its number, such as `lines[0]`, or add `for_each`",
    "index": "add `for_each` to the call",
    "keys": "add `batch` to the `for_each` of the call",
    "call": "write `call:` for one upstream; the result of a part goes by its own name",
    "calls": "calls are made by `call` and `fan_out`",
}
_ELSEWHERE = {
    "response": "it is known in `background` only",
    "item": "it is known only in a call with `for_each`",
    "index": "it is known only in a call with `for_each`",
    "keys": "it is known only in a call with `for_each.batch`",
    "this": "it is known only in `success`, `select` and `status_map`",
    "call": "it is the result of a single `call`",
    "calls": "there are no calls here",
}
_MOST_LISTED = 12


def check_names(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about names that do not exist where they are read, and fields that cannot."""
    forwarded, takes_all = forwarded_query(analysis, around), forwards_all_query(analysis, around)
    hides_names = analysis.hides_names or _lacks_group(analysis, around)
    for use in analysis.uses:
        for reference in sorted(use.references):
            is_known = _is_lost(reference, analysis) or (
                reference[0] == "query" and (takes_all or not forwarded.isdisjoint(reference[1:2]))
            )
            is_known = is_known or (hides_names and _may_be_hidden(reference, use))
            if not is_known and not _is_own_result(use, reference, analysis):
                yield from _check(use, reference, use.scope, analysis)


def _lacks_group(analysis: Analysis, around: Surroundings) -> bool:
    """Return whether a group is taken in that does not exist, or could not be read: which parts it has is not known."""
    return any(name not in around.settings.groups for fan in analysis.fans for name in fan.groups)


def _may_be_hidden(reference: Reference, use: Use) -> bool:
    """Return whether *reference* may be to a part or a parameter that could not be read."""
    root = reference[0]
    return root in ("params", "calls") or (root not in RESERVED and root not in use.scope.names)


def _is_lost(reference: Reference, analysis: Analysis) -> bool:
    """Return whether another rule speaks of what *reference* is to: it is wrong, or no parameter of the path."""
    declared = analysis.settings.params if analysis.settings is not None else {}
    misplaced = declared.keys() - set(analysis.inputs.params)
    named = reference[:2] if reference[0] in ("params", "calls") else reference[:1]
    return not analysis.lost.isdisjoint(named) or named[-1] in misplaced


def _is_own_result(use: Use, reference: Reference, analysis: Analysis) -> bool:
    """Whether a single call reads itself, which is a matter of order."""
    path, place = (*analysis.path, "call"), use.via or use.path
    return reference[0] == "call" and analysis.fan is not None and place[: len(path)] == path


def _check(use: Use, reference: Reference, scope: Scope, analysis: Analysis) -> Iterator[Finding]:
    root, fields = reference[0], reference[1:]
    if root in scope.local:
        yield from _check_local(use, reference, scope.local[root])
    elif root == "calls" and scope.results:
        yield from _check_calls(use, reference, scope)
    elif root in scope.results:
        return
    elif root in scope.inputs.params:
        if fields:
            message = f"the path parameter `{root}` is a single value without fields"
            yield report(use, "unknown-field", message, reference, f"write `{root}`")
    elif root == "auth" and scope.inputs.has_auth:
        yield from _check_auth(use, reference)
    elif root == "now":
        if fields:
            hint = "write `now | datetime('%Y')` for a piece of it"
            yield report(use, "unknown-field", "`now` is a text without fields", reference[:2], hint)
    elif root in ("query", "headers", "cookies", "request", "params") or (root == "body" and scope.inputs.has_body):
        yield from _check_input(use, reference, scope)
    elif root == "body" and analysis.only_fetches:
        hint = "take it from `query`, or make the endpoint a POST"
        yield report(use, "unknown-name", "a GET request has no body", (root,), hint)
    elif root == "auth" and analysis.settings is not None:
        hint = "say who may call: `auth: NAME`, with a scheme under `auth` at the top"
        yield report(use, "unknown-name", "this endpoint does not ask who calls", (root,), hint)
    elif not scope.is_open or root in _ELSEWHERE:
        yield _unknown(use, root, scope)


def _check_auth(use: Use, reference: Reference) -> Iterator[Finding]:
    if len(reference) > 1 and reference[1] not in AUTH_FIELDS:
        near = did_you_mean(reference[1], AUTH_FIELDS)
        hint = near or f"a claim of a token is `{as_written(('auth', 'claims', *reference[1:]))}`"
        yield report(use, "unknown-field", f"`auth` has no field `{reference[1]}`", reference[:2], hint)


def _unknown(use: Use, root: str, scope: Scope) -> Finding:
    message = f"there is no `{root}` here"
    if root in _ELSEWHERE:
        return report(use, "unknown-name", f"{message}: {_ELSEWHERE[root]}", (root,), _instead(root, scope))
    near = suggest(root, scope.names)
    dashed = next(
        (name for name in scope.results if "-" in name and root in name.split("-") and name in use.text), None
    )
    if dashed is not None:
        return report(use, "unknown-name", message, (root,), f"`-` takes away here: write `calls['{dashed}'].body`")
    if root in (scope.inputs.query or ()):
        return report(use, "unknown-name", message, (root,), f"write `query.{root}` for the query parameter")
    if "item" in scope.local and (near in (None, *scope.local) or near == f"{root}s"):
        return report(use, "unknown-name", message, (root,), "each element of the list is called `item`")
    if near is None and "call" in scope.results:
        return report(use, "unknown-name", message, (root,), f"a field of the answer of the call is `call.{root}`")
    hint = did_you_mean(root, scope.names) or _known(scope, is_group=use.via is not None)
    return report(use, "unknown-name", message, (root,), hint)


def _known(scope: Scope, *, is_group: bool) -> str:
    """Return the names that exist instead; what a group lacks can only be a path parameter."""
    if is_group:
        params = scope.inputs.params
        return f"the path parameters here are {', '.join(params)}" if params else "the path has no parameters"
    names = scope.names
    return f"known here: {', '.join(names[:_MOST_LISTED])}{', …' if len(names) > _MOST_LISTED else ''}"


def _instead(root: str, scope: Scope) -> str:
    if root in ("item", "index") and "keys" in scope.local:
        return "a batch call has `keys`, all of them at once"
    if root == "keys" and "item" in scope.local:
        return "add `batch: {key: …}` to `for_each`"
    if root in ("call", "calls") and scope.results:
        return f"name a part: {', '.join(scope.results[:_MOST_LISTED])}"
    return _INSTEAD[root]


def _check_local(use: Use, reference: Reference, fields: tuple[str, ...] | None) -> Iterator[Finding]:
    if fields is None or len(reference) == 1:
        return
    if not fields:
        message = f"`{reference[0]}` is a single value without fields"
        yield report(use, "unknown-field", message, reference, f"write `{reference[0]}`")
    elif reference[1] not in fields:
        yield _no_field(use, reference, 1, fields)
    else:
        yield from _check_header(use, reference, 1)


def _check_calls(use: Use, reference: Reference, scope: Scope) -> Iterator[Finding]:
    if len(reference) > 1 and reference[1] not in scope.results:
        hint = did_you_mean(reference[1], scope.results) or f"the parts are {', '.join(scope.results[:_MOST_LISTED])}"
        yield report(use, "unknown-name", f"there is no call `{reference[1]}` here", reference[:2], hint)
    elif len(reference) > 2 and reference[2] not in RESULT_FIELDS:
        near = did_you_mean(reference[2], RESULT_FIELDS)
        hint = near or f"a field of its body is `{as_written((*reference[:2], 'body', *reference[2:]))}`"
        message = f"`{'.'.join(reference[:2])}` has no field `{reference[2]}`"
        yield report(use, "unknown-field", message, reference[:3], hint)
    else:
        yield from _check_header(use, reference, 2)


def _check_input(use: Use, reference: Reference, scope: Scope) -> Iterator[Finding]:
    if len(reference) == 1:
        return
    root, field, inputs = reference[0], reference[1], scope.inputs
    if root == "request" and field not in REQUEST_FIELDS:
        yield _no_field(use, reference, 1, REQUEST_FIELDS)
    elif reference[:2] == ("request", "tls"):
        for place, fields in enumerate((TLS_FIELDS, CERTIFICATE_FIELDS), start=2):
            if len(reference) > place and reference[place] not in fields:
                yield _no_field(use, reference, place, fields)
                return
    elif root == "headers":
        yield from _check_header(use, reference, 0, inputs.headers)
    elif scope.is_open:
        return
    elif root == "params" and field not in inputs.params:
        yield _no_field(use, reference, 1, inputs.params)
    elif root == "query" and inputs.query is not None and field not in inputs.query:
        hint = did_you_mean(field, inputs.query) or f"declare it: `query: {{{field}: string}}`"
        message = f"the query parameter `{field}` is not declared"
        yield report(use, "unknown-field", message, reference[:2], hint)
    elif root == "cookies" and inputs.cookies is not None and field not in inputs.cookies:
        hint = did_you_mean(field, inputs.cookies) or f"declare it: `cookies: {{{field}: string}}`"
        yield report(use, "unknown-field", f"the cookie `{field}` is not declared", reference[:2], hint)
    elif root == "body":
        yield from _check_body(use, reference, inputs)


def _check_body(use: Use, reference: Reference, inputs: Inputs) -> Iterator[Finding]:
    field, fields = reference[1], inputs.body_fields
    if fields is None or field in fields:
        return
    near = suggest(field, fields)
    if inputs.body_closed:
        yield _no_field(use, reference, 1, tuple(fields))
    elif near is not None:
        message = f"the declared body has no property `{field}`"
        yield report(use, "unknown-field", message, reference[:2], f"did you mean `{near}`?", "warning")


def _check_header(
    use: Use, reference: Reference, index: int, declared: frozenset[str] = frozenset()
) -> Iterator[Finding]:
    """Yield findings about names of headers with capitals or an underscore, which are looked up in lower case."""
    if len(reference) <= index + 1 or reference[index] != "headers":
        return
    name = reference[index + 1]
    plain = name.lower()
    if name != plain:
        hint = f"write `{as_written((*reference[: index + 1], plain))}`"
        yield report(use, "header-name", "headers are read in lower case", reference[: index + 2], hint)
    elif "_" in name and name not in {other.lower() for other in declared}:
        dashed = as_written((*reference[: index + 1], name.replace("_", "-")))
        written = f"{{{'.'.join((*reference[: index + 1], name.replace('_', '-')))}}}" if use.is_url else dashed
        message = f"the header `{name}` has an underscore, which names of headers do not have"
        yield report(use, "header-name", message, reference[: index + 2], f"write `{written}`", "warning")


def _no_field(use: Use, reference: Reference, index: int, fields: tuple[str, ...]) -> Finding:
    owner, field = as_written(reference[:index]), reference[index]
    hint = did_you_mean(field, fields) or (f"it has {listed(fields)}" if fields else None)
    return report(use, "unknown-field", f"`{owner}` has no field `{field}`", reference[: index + 1], hint)

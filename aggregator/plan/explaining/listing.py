"""What a file exposes, as a Markdown table: for a pull request or the page of an API's readers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aggregator.plan.explaining.summary import calls_text, limits_text
from aggregator.plan.types import EndpointPlan


def routes_markdown(endpoints: Iterable[EndpointPlan]) -> str:
    """Return a table of *endpoints*: what each is for, what it needs from the client, what it calls, by when."""
    lines = ["| Endpoint | Needs | Calls | Within |", "|---|---|---|---|"]
    lines += [_row(endpoint) for endpoint in endpoints]
    return "\n".join(lines) + "\n"


def _row(endpoint: EndpointPlan) -> str:
    summary = f"<br>{_cell(endpoint.doc.summary)}" if endpoint.doc.summary else ""
    needs = ", ".join(_needs(endpoint))
    cells = (_code(endpoint.key) + summary, needs, _cell(calls_text(endpoint)), limits_text(endpoint))
    return f"| {' | '.join(cells)} |"


def _needs(endpoint: EndpointPlan) -> Iterator[str]:
    """Yield the inputs of *endpoint* in words: `user_id` (integer), query `page` (integer, optional), a body."""
    inputs = endpoint.inputs
    declared = {parameter.name for parameter in inputs.params}
    yield from (_code(name) for name in endpoint.pattern.params if name not in declared)
    for where, parameters in (
        ("", inputs.params),
        ("query ", inputs.query),
        ("header ", inputs.headers),
        ("cookie ", inputs.cookies),
    ):
        for parameter in parameters:
            kinds = parameter.declaration.schema.get("type", "any")
            kind = kinds if isinstance(kinds, str) else " or ".join(kinds)
            optional = "" if parameter.required or not where else ", optional"
            yield f"{where}{_code(parameter.name)} ({kind}{optional})"
    if inputs.body is not None:
        yield "a body"


def _code(text: str) -> str:
    return f"`{_cell(text)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")

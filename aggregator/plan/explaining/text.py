"""An explanation as text for a terminal: order, requests, and the table of failures, in 80 columns where it can."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap

from aggregator.diagnostics.display import cells, padded
from aggregator.fields import duration_text
from aggregator.plan.explaining.admitted import admission_lines
from aggregator.plan.explaining.carried import carried_lines
from aggregator.plan.explaining.explain import ExplainedPart, Explanation
from aggregator.plan.explaining.repeated import repeat_lines
from aggregator.plan.explaining.summary import limits_text
from aggregator.plan.explaining.timing import chain_text

_COLUMNS = ("timeout", "network", "404", "4xx", "5xx", "invalid_body", "overloaded")
_SELDOM = (
    "3xx",
    "switched_off",
    "unknown_key",
    "over_budget",
    "unsuccessful",
    "input",
    "expression",
    "fault",
    "credentials",
)
_USUAL = frozenset({"502", "ok", "lost", "lost/502"})


def explanation_text(explanation: Explanation) -> str:
    """Return *explanation* as text; headings stand at the start of a line, all else is indented."""
    plan = explanation.plan
    asked = [] if plan.named_methods == plan.method else [f"  asked with {plan.method}"]
    lines = [plan.key, *asked, f"  {explanation.answer}", f"  within {limits_text(plan)}"]
    if chain := chain_text(plan):
        lines.append(f"  {chain}")
    lines += [f"  out of service {words}" for words in explanation.maintenance]
    if explanation.degrade is not None:
        lines.append(f"  under pressure from {explanation.degrade}: without hedges, retries and shadows,")
        lines.append("    and from 1.25 × of it without optional parts")
    lines += [f"  {line}" for line in carried_lines(plan.edge)]
    if admission := [f"  {line}" for line in admission_lines(plan.admission)]:
        lines += ["", "Who may call", *map(explanation.veil.text, admission)]
    if plan.idempotency is not None:
        repeats = repeat_lines(plan.idempotency)
        lines += ["", "When a request comes again", *(f"  {line}" for line in repeats)]
    if explanation.sharing:
        lines += ["", "Several processes", *(f"  {line}" for line in explanation.sharing)]
    if explanation.tree:
        lines += ["", "Calls", *(f"  {line}" for line in explanation.tree)]
    lines += ["", "Order", *_order_lines(explanation)]
    if explanation.calls:
        lines += ["", "Requests", *_request_lines(explanation)]
    if explanation.parts or explanation.making:
        lines += ["", "What the client gets when a part fails", *_failure_lines(explanation)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _order_lines(explanation: Explanation) -> Iterator[str]:
    """Yield the steps of a request, then those of each call, from outside in."""
    width = max(cells(name) for name, _ in explanation.stacks)
    for name, words in explanation.stacks:
        text = " → ".join(_unbroken(word) for word in words)
        first, *more = wrap(text, max(80 - width - 4, 40), break_long_words=False, break_on_hyphens=False)
        yield f"  {padded(name, width)}  {first}".replace("\0", " ")
        yield from (f"  {'':<{width}}  {line}".replace("\0", " ") for line in more)


def _unbroken(words: str) -> str:
    """Return *words* as they are kept on one line: a line may end behind a comma or a semicolon, nowhere else."""
    return words.replace(" ", "\0").replace(";\0", "; ").replace(",\0", ", ")


def _request_lines(explanation: Explanation) -> Iterator[str]:
    calls = explanation.calls
    shared = [h for h in calls[0].request.headers if len(calls) > 1 and all(h in c.request.headers for c in calls)]
    if shared:
        yield "  all"
        yield from (f"    {name}: {value}" for name, value in shared)
    for call in calls:
        role = "" if call.role in ("call", "background") else f" ({call.role})"
        cut = ", the endpoint's deadline" if call.is_cut else ""
        yield f"  {call.part}{role}"
        yield f"    {call.request.line}"
        yield from (f"    {name}: {value}" for name, value in call.request.headers if (name, value) not in shared)
        yield from (f"    {line}" for line in (call.request.body or "").splitlines())
        answers = "begins to answer" if explanation.plan.stream and call.role == "call" else "ends"
        verb = call.request.arrival or answers
        yield f"    {verb} within {duration_text(call.seconds)}{cut}"
        if call.places is not None:
            yield f"    one of {call.places} streams at once to its upstream"
        if call.attempts is not None:
            yield f"    {call.attempts}"


def _failure_lines(explanation: Explanation) -> Iterator[str]:
    required = [part for part in explanation.parts if part.stand_in is None]
    if required:
        yield from _table(required)
    status = explanation.plan.response.status or 200
    for part in explanation.parts:
        if part.stand_in is not None:
            yield f"  {part.name}  {status} with {part.stand_in} in its place"
    for part in explanation.parts:
        if part.skipped is not None:
            yield f"  {part.name}  {status} with {part.skipped} in its place when it is skipped"
    for part in explanation.parts:
        if part.lost is not None:
            yield f"  {part.name}  {status} where one item fails, which is {part.lost}"
    if len(required) < len(explanation.parts) or any(part.lost for part in explanation.parts):
        yield "  Such an answer names the part in aggregator-parts and is not cacheable."
    making = explanation.making
    if making is not None:
        yield f"  {making.name}  {_cells_of(making)} when the answer cannot be made of what came"
    yield from _rule_lines([*required, *([making] if making else [])])


def _cells_of(part: ExplainedPart) -> str:
    """Return all that the client can get for *part*, whatever the case, once each."""
    return "/".join(dict.fromkeys(cell for case in part.cases for cell in case.text.split("/")))


def _table(parts: Sequence[ExplainedPart]) -> Iterator[str]:
    told = [{case.name: case.text for case in part.cases} for part in parts]
    extra = [name for name in _SELDOM if any(cases.get(name, "ok") not in _usual(name, cases) for cases in told)]
    names = [*_COLUMNS, *extra]
    header = ["", *(name.replace("_", " ") for name in names)]
    rows = [[part.name, *(cases.get(name, "–") for name in names)] for part, cases in zip(parts, told, strict=True)]
    widths = [max(map(cells, column)) for column in zip(header, *rows, strict=True)]
    for row in (header, *rows):
        yield "  " + "  ".join(map(padded, row, widths))


def _usual(name: str, cells: Mapping[str, str]) -> frozenset[str]:
    """Return what the column *name* may say of a part, with these *cells*, without being worth a place in the table."""
    if name == "switched_off":
        return frozenset({cells.get("overloaded", "503"), "ok"})
    return _USUAL | {"400", "lost/400"} if name == "input" else _USUAL


def _rule_lines(parts: Sequence[ExplainedPart]) -> Iterator[str]:
    """Yield the rows of status maps, those that several parts share once."""
    rules: dict[tuple[str, ...], list[str]] = {}
    for part in parts:
        if part.rules:
            rules.setdefault(part.rules, []).append(part.name)
    for texts, names in rules.items():
        yield ""
        yield f"  {', '.join(names)}: the first that matches of"
        yield from (f"    {text}" for text in texts)

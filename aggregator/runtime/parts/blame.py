"""Whose mistake it is that a value cannot be used: the client's, where all that was read was sent by it.

Such a failure has the cause ``input``: it is answered with 400, names what was sent, and speaks of no upstream.
"""

from __future__ import annotations

from collections.abc import Callable

from aggregator.errors import AggregatorError, CallError, Cause, ExpressionError, References
from aggregator.parts.names import Names
from aggregator.templates import Template, text_of

_NEUTRAL = frozenset({("now",), ("request", "time")})
"""What nobody sends, and is nobody's mistake."""


def blame(error: AggregatorError, names: Names, references: References | None = None) -> AggregatorError:
    """Return *error*, or a ``CallError`` (``input``) in its place where the client sent all that was read for it.

    That are *references*, or those that the error itself knows, as *names* has them.
    """
    if references is None:
        references = error.references if isinstance(error, ExpressionError) else frozenset()
    origins = [names.origin(reference) for reference in sorted(references) if reference[:2] not in _NEUTRAL]
    sent = [origin for origin in origins if origin is not None]
    if not sent or len(sent) < len(origins):
        return error
    return CallError(Cause.INPUT, f"{_name_of(sent[0])} does not fit: {str(error).removesuffix('.')}.")


def _name_of(origin: tuple[str, ...]) -> str:
    """Return what the client calls *origin*, a path in its request, as the beginning of a sentence."""
    match origin:
        case ("query", name, *_):
            return f"The query parameter `{name}`"
        case ("headers", name, *_):
            return f"The header `{name}`"
        case ("body",):
            return "The request body"
        case ("body", *path):
            return f"The field `{'.'.join(path)}` of the request body"
        case ("params", name, *_) | (name,):
            return f"The path parameter `{name}`"
    return f"`{'.'.join(origin)}`"


def told(error: ExpressionError, template: Template, names: Names, check: Callable[[str], object]) -> ExpressionError:
    """Return *error*, knowing what was read for it: of *template* the expression whose text alone fails *check*."""
    for expression in template.node.expressions():
        try:
            check(text_of(expression.evaluate(names)))
        except ExpressionError:
            return error.reading(expression.references)
    return error.reading(template.references)

"""JSON text out of a template: whole results are copied as bytes, what a path leads to keeps every digit.

``compile_json`` is used for response bodies and for JSON bodies of requests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aggregator.codecs import json as json_codec
from aggregator.parts.names import Names
from aggregator.templates import MISSING, Const, Expr, Expression, ListNode, Node, Path, Template, Text

Writer = Callable[[Names], bytes]
Evaluate = Callable[[Mapping[str, Any]], Any]


def compile_json(template: Template) -> Writer:
    """Return a function that writes *template* as JSON text; what is missing becomes ``null``."""
    pieces = _join_constants(_pieces(template.node))
    if len(pieces) == 1:
        only = pieces[0]
        return _constant(only) if isinstance(only, bytes) else only

    def write(names: Names) -> bytes:
        return b"".join([piece if piece.__class__ is bytes else piece(names) for piece in pieces])  # type: ignore[operator]

    return write


def _constant(text: bytes) -> Writer:
    return lambda _: text


def _pieces(node: Node) -> list[bytes | Writer]:
    if isinstance(node, Const):
        return [json_codec.encode(node.value)]
    if isinstance(node, Expr):
        return [_expression(node.expression)]
    if isinstance(node, Text):
        return [_text(node)]
    if isinstance(node, ListNode):
        return _enclosed(b"[", [_pieces(item) for item in node.items], b"]")
    entries = [[json_codec.encode(key) + b":", *_pieces(value)] for key, value in node.entries]
    return _enclosed(b"{", entries, b"}")


def _expression(expression: Expression) -> Writer:
    path, evaluate = expression.path, expression.evaluate
    if path is None:
        return lambda names: _text_of(evaluate(names))
    name = whole_name(path)
    return _moved(path, evaluate) if name is None else _whole(name, _moved(path, evaluate))


def whole_name(path: Path) -> str | None:
    """Return the name of the part whose whole result *path* is: ``order`` or ``calls.order.body``."""
    if len(path) == 1 or (len(path) == 3 and path[0] == "calls" and path[2] == "body"):
        return str(path[0] if len(path) == 1 else path[1])
    return None


def _whole(name: str, otherwise: Writer) -> Writer:
    def write(names: Names) -> bytes:
        result = names.result(name)
        return otherwise(names) if result is None else result.json

    return write


def _moved(path: Path, evaluate: Evaluate) -> Writer:
    """Return the function that writes what *path* leads to as it was sent, numbers with every digit."""

    def write(names: Names) -> bytes:
        sent = names.as_sent(path)
        return _text_of(evaluate(names if sent is None else sent))

    return write


def _text_of(value: Any) -> bytes:
    return json_codec.encode(None if value is MISSING else value)


def _text(node: Text) -> Writer:
    return lambda names: json_codec.encode(node.render(names, "null"))


def _enclosed(opening: bytes, groups: list[list[bytes | Writer]], closing: bytes) -> list[bytes | Writer]:
    pieces: list[bytes | Writer] = [opening]
    for number, group in enumerate(groups):
        if number:
            pieces.append(b",")
        pieces.extend(group)
    pieces.append(closing)
    return pieces


def _join_constants(pieces: list[bytes | Writer]) -> list[bytes | Writer]:
    joined: list[bytes | Writer] = []
    for piece in pieces:
        if isinstance(piece, bytes) and joined and isinstance(joined[-1], bytes):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined

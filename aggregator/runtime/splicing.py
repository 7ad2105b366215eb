"""JSON text out of a template: what is only moved is copied as bytes, the rest is evaluated and encoded.

``compile_json`` is used for response bodies and for JSON bodies of requests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aggregator.codecs import json as json_codec
from aggregator.runtime.names import Names
from aggregator.templates import MISSING, Const, Expr, ListNode, Node, Template, Text

Writer = Callable[[Names], bytes]
Evaluate = Callable[[Mapping[str, Any]], Any]


def compile_json(template: Template) -> Writer:
    """Give a function that writes *template* as JSON text; what is missing becomes ``null``."""
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
        name = _whole_name(node)
        evaluate = node.expression.evaluate
        return [_evaluated(evaluate) if name is None else _whole(name, evaluate)]
    if isinstance(node, Text):
        return [_text(node)]
    if isinstance(node, ListNode):
        return _enclosed(b"[", [_pieces(item) for item in node.items], b"]")
    entries = [[json_codec.encode(key) + b":", *_pieces(value)] for key, value in node.entries]
    return _enclosed(b"{", entries, b"}")


def _whole_name(node: Expr) -> str | None:
    """Give the name of the part whose whole result the expression is: ``order`` or ``calls.order.body``."""
    path = node.expression.path
    if path is not None and (len(path) == 1 or (len(path) == 3 and path[0] == "calls" and path[2] == "body")):
        return str(path[0] if len(path) == 1 else path[1])
    return None


def _whole(name: str, evaluate: Evaluate) -> Writer:
    def write(names: Names) -> bytes:
        result = names.result(name)
        if result is not None:
            return result.json
        if name == "body" and names.exchange.body:  # as it was checked, each key once, and every digit of its numbers
            return json_codec.encode(json_codec.decode_exact(names.exchange.body))
        return _text_of(evaluate(names))

    return write


def _text_of(value: Any) -> bytes:
    return json_codec.encode(None if value is MISSING else value)


def _evaluated(evaluate: Evaluate) -> Writer:
    return lambda names: _text_of(evaluate(names))


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

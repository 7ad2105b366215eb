"""Templates of the file, compiled once at load: expressions, values, URLs and path patterns.

Text of a request or an upstream is never compiled; it is only ever data. The configuration compiles,
the plan looks at references, the runtime renders.
"""

from __future__ import annotations

from aggregator.templates.expressions.data import MISSING, Joined, Missing
from aggregator.templates.expressions.expression import Expression, compile_expression
from aggregator.templates.expressions.known import AllKnown, Known, known_of, known_value, unshadowed
from aggregator.templates.expressions.paths import Path, is_name, read_path
from aggregator.templates.filters import FILTERS, TESTS, FilterDoc
from aggregator.templates.forgetting import forget_texts
from aggregator.templates.nodes import Const, Expr, ListNode, MapNode, Node, OnMissing, Text
from aggregator.templates.problem import TemplateProblem
from aggregator.templates.spans import expressions_in, is_one_expression, quote_around
from aggregator.templates.text import header_value, json_text, text_of
from aggregator.templates.urls.address import with_scheme
from aggregator.templates.urls.own_paths import OwnPaths, document_path, may_take, own_paths
from aggregator.templates.urls.pattern import Param, PathPattern, compile_pattern
from aggregator.templates.urls.percent import (
    canonical_segment,
    encode_segment,
    encode_segments,
    is_canonical_path,
    percent_encode,
)
from aggregator.templates.urls.splice import Splice
from aggregator.templates.urls.target import Placeholder
from aggregator.templates.urls.url import UrlTemplate, compile_url
from aggregator.templates.value import Template, compile_value

__all__ = [
    "FILTERS",
    "MISSING",
    "TESTS",
    "AllKnown",
    "Const",
    "Expr",
    "Expression",
    "FilterDoc",
    "Joined",
    "Known",
    "ListNode",
    "MapNode",
    "Missing",
    "Node",
    "OnMissing",
    "OwnPaths",
    "Param",
    "Path",
    "PathPattern",
    "Placeholder",
    "Splice",
    "Template",
    "TemplateProblem",
    "Text",
    "UrlTemplate",
    "canonical_segment",
    "compile_expression",
    "compile_pattern",
    "compile_url",
    "compile_value",
    "document_path",
    "encode_segment",
    "encode_segments",
    "expressions_in",
    "forget_texts",
    "header_value",
    "is_canonical_path",
    "is_name",
    "is_one_expression",
    "json_text",
    "known_of",
    "known_value",
    "may_take",
    "own_paths",
    "percent_encode",
    "quote_around",
    "read_path",
    "text_of",
    "unshadowed",
    "with_scheme",
]

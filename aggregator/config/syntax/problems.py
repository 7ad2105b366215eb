"""What the YAML parser stumbled over, in plain words, at the place of the mistake, with the way to mend it.

``document`` calls :func:`explain` with the text that could not be read. Each rule knows one mistake; the
first that recognises its own speaks. Both parsers (libyaml and the pure one) word their errors differently.
"""

from __future__ import annotations

import re

import yaml

from aggregator.config.syntax import quoting
from aggregator.config.syntax.fault import KEY, Fault
from aggregator.diagnostics import Diagnostic

_MARKER = re.compile(r"(?:<{7}|={7}|>{7}|\|{7})(?:\s|$)")
_NO_SPACE = re.compile(r"""\s*(?:- +)*([\w.-]+):([^\s/].*)$""")


def explain(error: yaml.YAMLError, text: str, file: str, first_line: int = 0) -> Diagnostic:
    """The diagnostic for *error*, which reading *text* (from *first_line* of *file* on) ended with."""
    fault = Fault.of(error, text, file, first_line)
    for rule in _RULES:
        found = rule(fault)
        if found is not None:
            return found
    return fault.says(f"this is not YAML: {fault.problem}", fault.at(fault.line, fault.column))


def _merge_conflict(fault: Fault) -> Diagnostic | None:
    number = next((n for n, line in enumerate(fault.lines[: fault.line + 2]) if _MARKER.match(line)), None)
    if number is None:
        return None
    at = fault.at(number, 0, len(fault.lines[number].rstrip()))
    hint = "keep one of the two versions, and remove the lines with `<<<<<<<`, `=======` and `>>>>>>>`"
    return fault.says("a merge has left its conflict here", at, hint)


def _indented_start(fault: Fault) -> Diagnostic | None:
    first = next((n for n, line in enumerate(fault.lines) if line.strip() and line.lstrip()[0] != "#"), None)
    if "document start" not in fault.problem or first is None or not (indent := _indent(fault.lines[first])):
        return None
    related = (fault.from_here(), "this one is not")
    return fault.says("the first line is indented", fault.at(first, 0, indent), "remove the spaces before it", related)


def _tab(fault: Fault) -> Diagnostic | None:
    indent = fault.here[: len(fault.here) - len(fault.here.lstrip())]
    if "\t" not in indent:
        message = "a tab stands where YAML wants a space"
        return fault.says(message, fault.at(fault.line, fault.column)) if fault.sign == "\t" else None
    start = indent.index("\t")
    return fault.says(
        "a tab cannot indent a line", fault.at(fault.line, start, len(indent)), "indent with spaces, two for each level"
    )


def _directive(fault: Fault) -> Diagnostic | None:
    if "directive" not in fault.context:
        return None
    at = fault.at(fault.line, 0, len(fault.here.rstrip()))
    return fault.says("YAML directives are not read here", at, "remove the line")


def _colon_missing(fault: Fault) -> Diagnostic | None:
    """``url:shop:/x`` or ``timeout 3s`` in the line before the one that the parser names."""
    if "simple key" in fault.context and fault.began is not None:
        number: int | None = fault.began[0]
    else:
        number = fault.above if "mapping values" in fault.problem else None
    if number is None:
        return None
    line = fault.lines[number]
    start, end = len(line) - len(line.lstrip()), len(line.rstrip())
    if (tight := _NO_SPACE.match(line)) is not None:
        hint = f"write `{tight[1]}: {tight[2].rstrip()}`"
        return fault.says("a space is missing after the colon", fault.at(number, tight.end(1)), hint)
    if KEY.match(line) is None:
        hint = "every line of a mapping is `key: value`"
        return fault.says("a colon is missing after this key", fault.at(number, start, end), hint)
    return None


def _deeper_than_a_value(fault: Fault) -> Diagnostic | None:
    if "mapping values" not in fault.problem or fault.above is None:
        return None
    indent, above = _indent(fault.here), fault.lines[fault.above]
    if indent <= _indent(above):
        return None
    related = (fault.at(fault.above, _indent(above), len(above.rstrip())), "this line has a value already")
    hint = "give both lines the same indentation"
    return fault.says(
        "this line is indented deeper than the one above", fault.at(fault.line, indent, fault.column), hint, related
    )


def _list_after_a_key(fault: Fault) -> Diagnostic | None:
    if "sequence entries" not in fault.problem:
        return None
    hint = "begin the list in the next line, or write it as `[a, b]`"
    return fault.says("a list cannot begin in the line of its key", fault.from_here(), hint)


def _key_among_items(fault: Fault) -> Diagnostic | None:
    if not re.search("block (collection|sequence)", fault.context) or fault.began is None:
        return None
    related = (fault.at(*fault.began), "the list begins here")
    hint = "begin an item with `- `, or indent what belongs to the item above"
    return fault.says("this is not an item of the list", fault.from_here(), hint, related)


def _closes_nothing(fault: Fault) -> Diagnostic | None:
    if fault.sign not in ("]", "}", ",") or "expected" not in fault.problem or "flow" in fault.context:
        return None
    message = (
        "a value is missing before the comma"
        if fault.sign == ","
        else f"there is nothing that `{fault.sign}` could close"
    )
    return fault.says(message, fault.at(fault.line, fault.column))


def _never_closed(fault: Fault) -> Diagnostic | None:
    if "flow" not in fault.context or fault.open_bracket is None:
        return None
    if fault.sign == "," and fault.here[: fault.column].rstrip().endswith(","):
        return fault.says("nothing stands between two commas", fault.at(fault.line, fault.column), "remove one of them")
    line, column = fault.open_bracket
    opening = fault.lines[line][column]
    closing = "]" if opening == "[" else "}"
    related = (fault.at(fault.line, fault.column), f"here `,` or `{closing}` was expected")
    message = f"the `{opening}` that opens here is not closed"
    return fault.says(message, fault.at(line, column), f"close it with `{closing}`", related)


def _after_a_block_sign(fault: Fault) -> Diagnostic | None:
    if "block scalar" not in fault.context or fault.began is None:
        return None
    sign = fault.lines[fault.began[0]][fault.began[1]]
    hint = f"begin the text in the next line; a value that begins with `{sign}` needs quotes"
    return fault.says(f"only `-`, `+` or a digit may follow `{sign}`", fault.from_here(), hint)


def _indentation(fault: Fault) -> Diagnostic | None:
    if "block mapping" not in fault.context or fault.began is None or fault.here[: fault.column].strip():
        return None
    related = (fault.at(*fault.began), "the keys of this mapping begin in this column")
    return fault.says(
        "the indentation of this line fits no line above",
        fault.from_here(),
        "give keys of one mapping the same indentation",
        related,
    )


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


_RULES = (
    _merge_conflict,
    _indented_start,
    _tab,
    quoting.quote_never_closed,
    quoting.escape,
    quoting.unquoted_expression,
    quoting.expression_in_text,
    quoting.bracket_in_text,
    quoting.quote_closed_late,
    quoting.after_a_quote,
    quoting.text_after_a_bracket,
    _directive,
    quoting.indicator,
    quoting.second_colon,
    _colon_missing,
    _deeper_than_a_value,
    _list_after_a_key,
    _closes_nothing,
    _never_closed,
    _after_a_block_sign,
    _key_among_items,
    _indentation,
)

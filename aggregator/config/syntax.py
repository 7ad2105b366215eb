"""What the YAML parser stumbled over, in plain words, at the place of the mistake, with the way to mend it.

``document`` calls :func:`explain` with the text that could not be read. Each rule knows one mistake; the
first that recognises its own speaks. Both parsers (libyaml and the pure one) word their errors differently.
"""

from __future__ import annotations

import re

import yaml

from aggregator.config.fault import Fault, in_quotes
from aggregator.diagnostics import Diagnostic

_EXPRESSION = re.compile(r"""(?:^|[:,\[{-])\s*(\{\{.*?\}\}|\{%.*?%\}|\$\{[^}\s]*\}?)""")
_KEY = re.compile(r"""\s*(?:- +)*(?:"[^"]*"|'[^']*'|[^\s"'#{\[-][^#]*?):(?= |$)""")
_NO_SPACE = re.compile(r"""\s*(?:- +)*([\w.-]+):([^\s/].*)$""")


def explain(error: yaml.YAMLError, text: str, file: str, first_line: int = 0) -> Diagnostic:
    """The diagnostic for *error*, which reading *text* (from *first_line* of *file* on) ended with."""
    fault = Fault.of(error, text, file, first_line)
    for rule in _RULES:
        found = rule(fault)
        if found is not None:
            return found
    return fault.says(f"this is not YAML: {fault.problem}", fault.at(fault.line, fault.column))


def _tab(fault: Fault) -> Diagnostic | None:
    indent = fault.here[: len(fault.here) - len(fault.here.lstrip())]
    if "\t" not in indent:
        return None
    start = indent.index("\t")
    return fault.says(
        "a tab cannot indent a line", fault.at(fault.line, start, len(indent)), "indent with spaces, two for each level"
    )


def _quote_never_closed(fault: Fault) -> Diagnostic | None:
    if "quoted scalar" not in fault.context or "unexpected" not in fault.problem or fault.began is None:
        return None
    sign = fault.lines[fault.began[0]][fault.began[1]]
    return fault.says("the quote that opens here is never closed", fault.at(*fault.began), f"close it with `{sign}`")


def _quote_closed_late(fault: Fault) -> Diagnostic | None:
    quoted = fault.quoted_before
    if quoted is None or quoted.start_mark.line == quoted.end_mark.line != fault.line:
        return None
    start, end = quoted.start_mark, quoted.end_mark
    if start.line == end.line or end.line != fault.line:
        return None
    closing = (fault.at(end.line, end.column - 1), "it closes here, in the middle of a line")
    return fault.says(
        "the quote that opens here is not closed in its line", fault.at(start.line, start.column), None, closing
    )


def _behind_a_quote(fault: Fault) -> Diagnostic | None:
    quoted = fault.quoted_before
    if quoted is None or quoted.end_mark.line != fault.line or "escape" in fault.problem:
        return None
    start, end = quoted.start_mark.column, quoted.end_mark.column
    if fault.here[end:].lstrip()[:1] in ("", ":", ",", "]", "}"):
        return None
    behind = fault.at(fault.line, end, len(fault.here.rstrip()))
    if quoted.style == "'" and fault.here[end : end + 1].isalnum():
        return fault.says("the text ended at the quote before this", behind, "an apostrophe within '…' is written `''`")
    value = fault.here[start:].strip()
    if "}}" in value and fault.here[end:].lstrip().startswith("|"):
        return fault.says(
            "the text ended at the quote before this", behind, "write filters inside the braces: `{{ … | … }}`"
        )
    bare = value.replace(value[0], "") if value[0] == "'" else value
    whole = f"`'{bare}'`" if "'" not in bare else None
    hint = f"put the whole value in quotes: {whole}" if whole else "put the whole value in quotes"
    return fault.says("the text ended at the quote before this", behind, hint)


def _unquoted_expression(fault: Fault) -> Diagnostic | None:
    """``key: {{ x }} more``, ``[{{ x }}]``, ``{url: ${NAME}}``."""
    for number in dict.fromkeys([fault.line, fault.began[0] if fault.began else fault.line]):
        line = fault.lines[number] if number < len(fault.lines) else ""
        for found in _EXPRESSION.finditer(line):
            start, end = found.span(1)
            if line[start] == "$" and "flow" not in fault.context:
                continue
            if line[:start].rstrip().endswith(":") and not set("{[") & set(line[:start]):
                end = len(line.rstrip())
            hint = f"write {in_quotes(line[start:end])}"
            what = "an expression" if line[start] == "{" else "a variable within brackets"
            message = f"{what} must be written in quotes"
            return Diagnostic("unquoted-expression", "error", message, fault.at(number, start, end), hint)
    return None


def _indicator(fault: Fault) -> Diagnostic | None:
    """``@x``, ``%x``, ``*`` and ``!`` at the start of a value mean something to YAML."""
    spot = fault.began if re.search("alias|anchor|tag|node", fault.context) else (fault.line, fault.column)
    if spot is None or spot[0] >= len(fault.lines):
        return None
    line, column = spot
    value = re.sub(r" +#.*", "", fault.lines[line][column:]).rstrip()
    if value[:1] not in ("@", "`", "%", "*", "&", "!"):
        return None
    sign = "a backtick" if value[0] == "`" else f"`{value[0]}`"
    at = fault.at(line, column, column + len(value))
    return fault.says(f"a text that begins with {sign} must be written in quotes", at, f"write {in_quotes(value)}")


def _directive(fault: Fault) -> Diagnostic | None:
    if "directive" not in fault.context:
        return None
    at = fault.at(fault.line, 0, len(fault.here.rstrip()))
    return fault.says("YAML directives are not read here", at, "remove the line")


def _second_colon(fault: Fault) -> Diagnostic | None:
    """``detail: Error: not found``."""
    key = _KEY.match(fault.here)
    if "mapping values" not in fault.problem or key is None or key.end() >= fault.column:
        return None
    value = fault.here[key.end() :].strip()
    start = fault.here.index(value, key.end())
    at = fault.at(fault.line, start, start + len(value))
    return fault.says("a text with `: ` in it must be written in quotes", at, f"write {in_quotes(value)}")


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
    if _KEY.match(line) is None:
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


def _list_behind_a_key(fault: Fault) -> Diagnostic | None:
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
    if "flow" not in fault.context or fault.began is None:
        return None
    line, column = fault.began
    opening = fault.lines[line][column : column + 1] if line < len(fault.lines) else ""
    if opening not in ("[", "{"):
        return fault.says("a bracket is never closed", fault.at(fault.line, fault.column))
    closing = "]" if opening == "[" else "}"
    related = (fault.at(fault.line, fault.column), f"here `,` or `{closing}` was expected")
    return fault.says(
        f"the `{opening}` that opens here is not closed", fault.at(line, column), f"close it with `{closing}`", related
    )


def _behind_a_block_sign(fault: Fault) -> Diagnostic | None:
    if "block scalar" not in fault.context or fault.began is None:
        return None
    sign = fault.lines[fault.began[0]][fault.began[1]]
    hint = f"begin the text in the next line; a value that begins with `{sign}` needs quotes"
    return fault.says(f"only `-`, `+` or a digit may follow `{sign}`", fault.from_here(), hint)


def _escape(fault: Fault) -> Diagnostic | None:
    if "escape" not in fault.problem:
        return None
    start = fault.here.rfind("\\", 0, fault.column + 1)
    hint = "write `\\\\` for a backslash, or put the text in single quotes"
    at = fault.at(fault.line, max(start, 0), start + 2)
    return fault.says(f"`{fault.here[start : start + 2]}` is not an escape in double quotes", at, hint)


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
    _tab,
    _quote_never_closed,
    _escape,
    _unquoted_expression,
    _quote_closed_late,
    _behind_a_quote,
    _directive,
    _indicator,
    _second_colon,
    _colon_missing,
    _deeper_than_a_value,
    _list_behind_a_key,
    _closes_nothing,
    _never_closed,
    _behind_a_block_sign,
    _key_among_items,
    _indentation,
)

"""The mistakes of quoting: quotes that are left open, and texts that YAML takes for something else.

Rules of ``syntax``: each takes the fault and gives its diagnostic when it knows the mistake, else None.
"""

from __future__ import annotations

import re

from aggregator.config.syntax.fault import KEY, Fault, in_quotes
from aggregator.diagnostics import Diagnostic

_EXPRESSION = re.compile(r"""(?:^|[:,\[{-])\s*(\{\{.*?\}\}|\{%.*?%\}|\$\{(?:\w+:-[^{}]*\}|[^}\s,]*\}?))""")
_EXPRESSIONS = re.compile(r"(?:\{\{.*?\}\}[^,\[\]{}]*)+")
_COMMENT = re.compile(r"\s+#.*")
_WITHIN_BRACKETS = re.compile(r"[^,\[\]{}]+")
_WITH_BRACKETS = re.compile(r"(?:[^\s,\[\]{}]|\{[^{}\s]*\}|\[[^\[\]\s]*\])+")


def quote_never_closed(fault: Fault) -> Diagnostic | None:
    """``"text`` up to the end of the file."""
    if "quoted scalar" not in fault.context or "unexpected" not in fault.problem or fault.began is None:
        return None
    sign = fault.lines[fault.began[0]][fault.began[1]]
    return fault.says("the quote that opens here is never closed", fault.at(*fault.began), f"close it with `{sign}`")


def quote_closed_late(fault: Fault) -> Diagnostic | None:
    """A quote that was forgotten is closed by the next one, some lines below."""
    quoted = fault.quoted_before
    if quoted is None or quoted.start_mark.line == quoted.end_mark.line or quoted.end_mark.line != fault.line:
        return None
    opening = fault.at(quoted.start_mark.line, quoted.start_mark.column)
    closing = fault.at(fault.line, quoted.end_mark.column - 1)
    message = "the quote that opens here is not closed in its line"
    return fault.says(message, opening, None, (closing, "it closes here, in the middle of a line"))


def after_a_quote(fault: Fault) -> Diagnostic | None:
    """``'it's'``, ``"{{ x }}" | upper``, ``"a" and "b"``."""
    quoted = fault.quoted_before
    if quoted is None or quoted.end_mark.line != fault.line or "escape" in fault.problem:
        return None
    start, end = quoted.start_mark.column, quoted.end_mark.column
    inside, rest = fault.here[start:end], fault.here[end:].strip()
    if rest[:1] in ("", ":", ",", "]", "}"):
        return None
    if inside[0] == "'" and fault.here[end].isalnum():
        hint = "an apostrophe within '…' is written `''`"
    elif "}}" in inside and rest.startswith("|"):
        hint = "write filters inside the braces: `{{ … | … }}`"
    else:
        hint = "put the whole value in quotes"
    after = fault.at(fault.line, end, len(fault.here.rstrip()))
    return fault.says("the text ended at the quote before this", after, hint)


def unquoted_expression(fault: Fault) -> Diagnostic | None:
    """``key: {{ x }} more``, ``[{{ x }}]``, ``{url: ${NAME}}``."""
    for number in dict.fromkeys([fault.line, fault.began[0] if fault.began else fault.line]):
        line = fault.lines[number] if number < len(fault.lines) else ""
        for found in _EXPRESSION.finditer(line):
            start, end = found.span(1)
            if line[start] == "$" and "flow" not in fault.context:
                continue
            if line[:start].rstrip().endswith(":") and not set("{[") & set(line[:start]):
                end = start + len(_uncommented(line[start:]))
            elif (whole := _EXPRESSIONS.match(line, start)) is not None:
                end = start + len(_uncommented(whole[0]))
            hint = f"write {in_quotes(line[start:end])}"
            what = "an expression" if line[start] == "{" else "a variable within brackets"
            message = f"{what} must be written in quotes"
            return Diagnostic("unquoted-expression", "error", message, fault.at(number, start, end), hint)
    return None


def expression_in_text(fault: Fault) -> Diagnostic | None:
    """``{authorization: Bearer {{ x }}}``: within brackets, the first brace ends the text before it."""
    if "flow" not in fault.context or not fault.here.startswith("{{", fault.column):
        return None
    text = _EXPRESSIONS.match(fault.here, fault.column)
    before = fault.here[: fault.column]
    start = max(before.rfind(": ") + 2 if ": " in before else 0, *(before.rfind(sign) + 1 for sign in "{[,"))
    start += len(before[start:]) - len(before[start:].lstrip())
    if text is None or start == fault.column:
        return None
    end = text.start() + len(text[0].rstrip())
    hint = f"write {in_quotes(fault.here[start:end])}"
    return fault.says("an expression must be written in quotes", fault.at(fault.line, start, end), hint)


def bracket_in_text(fault: Fault) -> Diagnostic | None:
    """``{call: users:/users/{id}}``: within brackets, a bracket ends the text before it."""
    if "flow" not in fault.context or fault.sign not in ("{", "["):
        return None
    for found in _WITH_BRACKETS.finditer(fault.here):
        if found.start() < fault.column < found.end():
            before = fault.here[: found.start()]
            behind_key = before.rfind(": ") + 2 if ": " in before else 0
            start = max(behind_key, *(before.rfind(sign) + 1 for sign in "{[,"))
            start += len(before[start:]) - len(before[start:].lstrip())
            end = start + len(fault.here[start : found.end()].removesuffix(":"))  # which is that of a key
            message = f"within brackets, a text with `{fault.sign}` must be written in quotes"
            hint = f"write {in_quotes(fault.here[start:end])}"
            return fault.says(message, fault.at(fault.line, start, end), hint)
    return None


def indicator(fault: Fault) -> Diagnostic | None:
    """``@x``, ``%x``, ``*`` and ``!`` at the start of a value mean something to YAML."""
    spot = fault.began if re.search("alias|anchor|tag|node", fault.context) else (fault.line, fault.column)
    if spot is None or spot[0] >= len(fault.lines):
        return None
    line, column = spot
    value = _uncommented(fault.lines[line][column:])
    if fault.open_bracket is not None and (within := _WITHIN_BRACKETS.match(value)) is not None:
        value = within[0].rstrip()
    if value[:1] not in ("@", "`", "%", "*", "&", "!"):
        return None
    sign = "a backtick" if value[0] == "`" else f"`{value[0]}`"
    at = fault.at(line, column, column + len(value))
    return fault.says(f"a text that begins with {sign} must be written in quotes", at, f"write {in_quotes(value)}")


def text_after_a_bracket(fault: Fault) -> Diagnostic | None:
    """``url: {base}/users``."""
    key = KEY.match(fault.here)
    value = _uncommented(fault.here[key.end() :]).lstrip() if key else ""
    if key is None or value[:1] not in ("{", "[") or "block mapping" not in fault.context or fault.sign in ("]", "}"):
        return None
    start = fault.here.index(value, key.end())
    at = fault.at(fault.line, start, start + len(value))
    return fault.says(
        f"a text that begins with `{value[0]}` must be written in quotes", at, f"write {in_quotes(value)}"
    )


def second_colon(fault: Fault) -> Diagnostic | None:
    """``detail: Error: not found``."""
    key = KEY.match(fault.here)
    if "mapping values" not in fault.problem or key is None or key.end() >= fault.column:
        return None
    value = _uncommented(fault.here[key.end() :]).lstrip()
    start = fault.here.index(value, key.end())
    at = fault.at(fault.line, start, start + len(value))
    return fault.says("a text with `: ` in it must be written in quotes", at, f"write {in_quotes(value)}")


def escape(fault: Fault) -> Diagnostic | None:
    r"""``"C:\new\query"``."""
    if "escape" not in fault.problem:
        return None
    start = fault.here.rfind("\\", 0, fault.column + 1)
    hint = "write `\\\\` for a backslash, or put the text in single quotes"
    at = fault.at(fault.line, max(start, 0), start + 2)
    return fault.says(f"`{fault.here[start : start + 2]}` is not an escape in double quotes", at, hint)


def _uncommented(text: str) -> str:
    """Return *text*, the end of a line, without the comment and the spaces behind it."""
    return _COMMENT.sub("", text).rstrip()

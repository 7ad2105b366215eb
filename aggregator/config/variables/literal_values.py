"""Values of variables written so that a text which is compiled takes them as data; for ``expansion``.

A template gets its own way to say a brace (``{{ '{' }}``), an expression a string in quotes; of URLs knows
``url_values``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from aggregator.config.text.scalars import Doubt, read_plain
from aggregator.config.variables.conditions import is_wanted_as_truth, truth_of
from aggregator.config.variables.url_values import Zone, fault_in, form_in, zone_of
from aggregator.fields import TextKind
from aggregator.templates import expressions_in, json_text, quote_around

_OPENS = re.compile(r"\{(?=[{%#]|\Z)")
_MEETS = re.compile(r"[{%#]|\Z")
_TEMPLATES = (TextKind.TEMPLATE, TextKind.FIELDS, TextKind.EXPRESSION, TextKind.CONDITION)
_NAME_BEFORE = re.compile(r"[\w.]\Z")
_NAME_BEHIND = re.compile(r"[\w.\[(]")
_BRACE = "{{ '{' }}"
_IN_A_STRING = {"\\": r"\\", "\n": r"\n", "\r": r"\r"}


class Filled(NamedTuple):
    """The *value* of the reference that stands from *start* to *stop* in a text of the file."""

    start: int
    stop: int
    value: str


def fill_in(text: str, filled: Sequence[Filled], kind: TextKind) -> tuple[str, dict[str, str]]:
    """*text* with its references *filled* as literal data, and the form that each value has in it.

    ``$${`` becomes ``${``. A text that is never compiled holds the values as they are.
    """
    words = _words(text, filled)
    spans = list(expressions_in(words)) if kind in _TEMPLATES else []
    done, position, forms = "", 0, dict[str, str]()
    for one in filled:
        before, form = text[position : one.start].replace("$${", "${"), one.value
        start = next((start for start, end in spans if start <= one.start < end), None)
        if kind is TextKind.URL:
            form = form_in(form, zone_in(words, filled, one))
        elif start is not None and kind is TextKind.CONDITION and is_wanted_as_truth(words, one.start, one.stop):
            form = "true" if truth_of(form) else "false"
        elif start is not None:
            form = _in_expression(form, quote_around(words, start, one.start))
        elif kind in _TEMPLATES:
            if before.endswith("{") and _MEETS.match(form):
                before = before[:-1] + _BRACE
            form = _OPENS.sub(_BRACE, form)
        done += before + form
        forms[one.value] = form
        position = one.stop
    return done + text[position:].replace("$${", "${"), forms


def zone_in(words: str, filled: Sequence[Filled], one: Filled) -> Zone:
    """Return the zone of a URL that *one* stands in; *words* is the URL with a word for each of its references."""
    chained = one.start
    for before in reversed([other for other in filled if other.start < one.start]):
        if before.stop == chained:
            chained = before.start
    return zone_of(words, one.start, chained)


def fault_in_url(text: str, filled: Sequence[Filled], one: Filled) -> str | None:
    """Return why the value of *one* cannot stand where it does in *text*, a URL, or None when it can."""
    return fault_in(one.value, zone_in(_words(text, filled), filled, one))


def names_a_placeholder(text: str, filled: Sequence[Filled], one: Filled) -> bool:
    """Whether *one* stands within the braces of a placeholder of *text*, a URL."""
    before = _words(text, filled)[: one.start]
    return before.rfind("{") > before.rfind("}")


def is_part_of_a_name(text: str, filled: Sequence[Filled], one: Filled) -> bool:
    """Whether *one* stands in an expression of *text*, without quotes, at a name, a field or another reference."""
    words = _words(text, filled)
    start = next((start for start, end in expressions_in(words) if start <= one.start < end), None)
    if start is None or quote_around(words, start, one.start):
        return False
    return bool(_NAME_BEFORE.search(words, 0, one.start) or _NAME_BEHIND.match(words, one.stop))


def is_no_condition(text: str, filled: Sequence[Filled], one: Filled) -> bool:
    """Return whether *one* decides in *text*, a condition, and says neither yes nor no."""
    words = _words(text, filled)
    is_within = any(start <= one.start < end for start, end in expressions_in(words))
    return is_within and is_wanted_as_truth(words, one.start, one.stop) and truth_of(one.value) is None


def _words(text: str, filled: Sequence[Filled]) -> str:
    """*text* with a word of the same length in the place of each reference."""
    for one in filled:
        text = text[: one.start] + "x" * (one.stop - one.start) + text[one.stop :]
    return text


def _in_expression(value: str, quote: str) -> str:
    """*value* within a string that begins with *quote*, or as a constant of its own when there is none."""
    if quote:
        return "".join(_IN_A_STRING.get(sign, f"\\{sign}" if sign == quote else sign) for sign in value)
    read = read_plain(value) if value else value
    return json_text(read) if not isinstance(read, str | Doubt) else "'" + _in_expression(value, "'") + "'"

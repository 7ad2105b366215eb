"""Filters on text."""

from __future__ import annotations

from typing import Any, Final

from aggregator.errors import ExpressionError
from aggregator.templates.expressions.bounds import BUDGET, CALL, check_items, check_length, work_of
from aggregator.templates.expressions.data import MISSING, kind_of
from aggregator.templates.filters.doc import FilterDoc, table
from aggregator.templates.filters.wants import reader_of, refuse, want_array, want_integer, want_text
from aggregator.templates.text import text_of


def _upper(value: Any) -> str:
    return want_text(value, "upper").upper()


def _lower(value: Any) -> str:
    return want_text(value, "lower").lower()


def _capitalize(value: Any) -> str:
    return want_text(value, "capitalize").capitalize()


def _trim(value: Any, chars: Any = None) -> str:
    return want_text(value, "trim").strip(None if chars is None else want_text(chars, "trim"))


def _replace(value: Any, old: Any, new: Any) -> str:
    text, old, new = (want_text(part, "replace") for part in (value, old, new))
    if not old:
        raise ExpressionError("`replace` takes a text to look for that is not empty")
    check_length(len(text) + text.count(old) * (len(new) - len(old)))
    return text.replace(old, new)


def _split(value: Any, separator: Any = " ") -> list[str]:
    text, separator = want_text(value, "split"), want_text(separator, "split")
    if not separator:
        raise ExpressionError("`split` takes a separator that is not empty")
    check_items(text.count(separator) + 1)
    return text.split(separator)


def _join(value: Any, separator: Any = "", attribute: Any = None) -> str:
    read, glue = reader_of(attribute, "join"), want_text(separator, "join")
    written = [_scalar(read(item)) for item in BUDGET.paced(want_array(value, "join", CALL), CALL)]
    check_length(sum(map(len, written)) + len(glue) * len(written))
    return glue.join(written)


def _scalar(value: Any) -> str:
    if isinstance(value, str | int | float):
        return text_of(value)
    return "" if value is None else refuse(value, "join", "an array of strings, numbers and booleans")


def _truncate(value: Any, length: Any, end: Any = "…") -> str:
    text, end = want_text(value, "truncate"), want_text(end, "truncate")
    length = want_integer(length, "truncate", len(end), 2**31)
    return text if len(text) <= length else text[: length - len(end)] + end


def _string(value: Any) -> str:
    if value is MISSING:
        raise ExpressionError(f"`string` cannot take {kind_of(value)}; give it a `default`")
    BUDGET.spend(work_of(value))
    return text_of(value)


TEXTS: Final = table(
    FilterDoc("upper", _upper, "Text in upper case.", "'ab' | upper", "AB"),
    FilterDoc("lower", _lower, "Text in lower case.", "'AB' | lower", "ab"),
    FilterDoc("capitalize", _capitalize, "First letter in upper case, the rest in lower.", "'aB' | capitalize", "Ab"),
    FilterDoc("trim", _trim, "Text without white space (or *chars*) at both ends.", "' a ' | trim", "a"),
    FilterDoc("replace", _replace, "Every *old* in a text replaced by *new*.", "'a-b' | replace('-', '+')", "a+b"),
    FilterDoc("split", _split, "The pieces of a text between separators.", "'a,b' | split(',')", ["a", "b"]),
    FilterDoc("join", _join, "Elements, or a field of each, as one text.", "[1, 'b'] | join(', ')", "1, b"),
    FilterDoc("truncate", _truncate, "Text cut to *length*, *end* included.", "'abcdef' | truncate(4)", "abc…"),
    FilterDoc("string", _string, "Any value as text; null is empty.", "1.5 | string", "1.5"),
)

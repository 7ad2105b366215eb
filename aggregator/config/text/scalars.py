"""What an unquoted scalar means: the core schema of YAML 1.2, minus what YAML 1.1 reads differently.

``values`` builds documents with :func:`read_plain`, ``expansion`` re-reads the text of a variable with it.
"""

from __future__ import annotations

import functools
import math
import re

from msgspec import Struct

_Read = None | bool | int | float | str

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_OLD_WORDS: dict[str, bool] = {
    form: meaning
    for meaning, words in ((True, ("yes", "on")), (False, ("no", "off")))
    for word in words
    for form in (word, word.capitalize(), word.upper())
}

NOT_SIMPLY_TEXT = frozenset(["", *"$~nNtTfFyYoO+-.0123456789"])
"""First characters (or none at all) of every scalar that :func:`read_plain` does not read as itself."""

_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+][0-9]+)?")
_MOST_DIGITS = 300

_OLD_NUMBERS = r"""
    (?P<zero>[-+]?0[0-9_]+)
  | (?P<octal>0o[0-7]+)
  | (?P<base>[-+]?0b_*[01][01_]* | [-+]?0x_*[0-9a-fA-F][0-9a-fA-F_]*)
  | (?P<grouped>[-+]?[0-9][0-9_]*(?:\.[0-9_]*(?:[eE][-+][0-9]+)?)?)
  | (?P<sixty>[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?)
  | (?P<exponent>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)[eE][-+]?[0-9]+)
  | (?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})
  | (?P<time>[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?
      (?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?)
  | (?P<endless>[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))
"""


class Unquoted(str):
    """An unquoted scalar that begins with ``${``: what it means depends on the text of the variable."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Unquoted({str.__repr__(self)})"


class Doubt(Struct, frozen=True):
    """A scalar that two readers may take for two things: the likely *value*, the sentence, the way out."""

    value: _Read
    message: str
    hint: str


def read_plain(text: str) -> _Read | Doubt:
    """The value of the unquoted scalar *text*, or a :class:`Doubt` when it must be written another way.

    ``404`` → 404, ``true`` → True, empty → None, ``1.2.3`` → itself, ``yes``, ``012`` and ``1:30`` → a doubt.
    Source: YAML 1.2.2 §10.3.2 (core schema), yaml.org/type (the types of YAML 1.1).
    """
    if text in _WORDS:
        return _WORDS[text]
    if text in _OLD_WORDS:
        meaning = str(_OLD_WORDS[text]).lower()
        return _doubt(text, _OLD_WORDS[text], meaning, "a text", f"write `{meaning}`")
    if text[0] not in "+-.0123456789":
        return Unquoted(text) if text.startswith("${") else text
    if len(text) <= _MOST_DIGITS:
        if _INT.fullmatch(text):
            return int(text)
        if _HEX.fullmatch(text):
            return int(text, 16)
        if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
            return number
    elif not _INT.fullmatch(text) and not _FLOAT.fullmatch(text):
        return text
    return _old_number(text)


def _doubt(text: str, value: _Read, old: str, new: str, hint: str = "") -> Doubt:
    message = f"`{text}` is {old} in YAML 1.1 and {new} in YAML 1.2"
    quoted = f'`"{text}"`'
    return Doubt(value, message, f"{hint}, or {quoted} for the text" if hint else f"write {quoted}")


def _old_number(text: str) -> str | Doubt:
    """Return what *text* is to one of the two versions only: a number, a date or a time."""
    found = re.fullmatch(_OLD_NUMBERS, text, re.VERBOSE)
    kind = found.lastgroup if found else None
    match kind:
        case None if not (_INT.fullmatch(text) or _FLOAT.fullmatch(text)):
            return text
        case "zero":
            return _leading_zero(text)
        case "octal":
            return _new_only(text, int(text, 8))
        case "base":
            return _old_only(text, int(text.replace("_", ""), 0))
        case "grouped" if "_" in text:
            plain = text.replace("_", "")
            return _old_only(text, float(plain) if "." in plain else int(plain))
        case "sixty":
            return _doubt(text, text, f"the number {_base_sixty(text)}", "a text")
        case "exponent" if math.isfinite(float(text)):
            return _new_only(text, float(text))
        case "date" | "time":
            return _doubt(text, text, f"a {kind}", "a text")
        case _:
            return Doubt(text, f"`{_short(text)}` is not a number that JSON can hold", "quote it for the text")


def _old_only(text: str, number: float) -> Doubt:
    return _doubt(text, number, str(number), "a text", f"write `{number}`")


def _new_only(text: str, number: float) -> Doubt:
    return _doubt(text, number, "a text", str(number), f"write `{number}`")


def _leading_zero(text: str) -> Doubt:
    digits = text.replace("_", "")
    octal = set(digits) <= set("+-01234567")
    old = str(int(digits, 8)) if octal else "a text"
    return _doubt(text, int(digits), old, str(int(digits)), f"write `{int(digits)}`")


def _base_sixty(text: str) -> float:
    *whole, last = text.lstrip("+-").replace("_", "").split(":")
    total: float = functools.reduce(lambda sum_, part: sum_ * 60 + int(part), whole, 0)
    total = total * 60 + (float(last) if "." in last else int(last))
    return -total if text[0] == "-" else total


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"

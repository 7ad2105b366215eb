"""Regular expressions in expressions: the engine takes time linear in the text, and a pattern is written in the file.

It is that of ``jsonschema_rs``, which ``pattern`` of declared parameters uses, too (the regex crate of Rust).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from aggregator.errors import ExpressionError
from aggregator.templates.filters.wants import want_text

LONGEST = 1000
"""Characters of a pattern."""
_MAX_COMPILED = 1 << 20


def matches(value: Any, pattern: Any) -> bool:
    """Return whether the text *value* fits *pattern* as a whole."""
    text, written = want_text(value, "matches"), want_text(pattern, "matches")
    validator = _compiled(written)
    if validator is None:
        raise ExpressionError("`matches` takes a regular expression without look-around and back-references")
    return bool(validator.is_valid(text))


def is_pattern(pattern: str) -> bool:
    """Return whether *pattern* is a regular expression that can be used."""
    return _compiled(pattern) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    import jsonschema_rs

    if len(pattern) > LONGEST:
        return None
    options = jsonschema_rs.RegexOptions(size_limit=_MAX_COMPILED)
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=options)  # `a)(b` is none
        return jsonschema_rs.Draft202012Validator({"pattern": f"^(?:{pattern})$"}, pattern_options=options)
    except ValueError:
        return None

"""Values and settings in the words of messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic.fields import FieldInfo


def found_in(value: Any) -> str:
    """Return what *value* is, for "expected …, found …", without the value of a variable."""
    if isinstance(value, str):
        return "another value in a variable" if "${" in value else "text"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {value}"
    return "a list" if isinstance(value, list) else "a mapping"


def sentence(text: str) -> str:
    """*text* as messages stand here: no capital at the start, no full stop at the end."""
    plain = text.strip().removesuffix(".")
    is_word = len(plain) > 1 and plain[0].isupper() and (plain[1].islower() or plain[1] == " ")
    return plain[0].lower() + plain[1:] if is_word else plain


def example_of(field: FieldInfo) -> str | None:
    """An example for *field* as it would be written in a file, or None."""
    return in_yaml(field.examples[0]) if field.examples else None


def in_yaml(value: Any, *, within: bool = False) -> str:
    """*value* on one line of YAML; texts that need no quotes have none, *within* brackets or outside."""
    if isinstance(value, dict):
        pairs = (f"{in_yaml(key, within=True)}: {in_yaml(inner, within=True)}" for key, inner in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(in_yaml(inner, within=True) for inner in value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    text = str(value)
    return (
        f'"{text}"'
        if isinstance(value, str)
        and ("{{" in text or text[:1] in "{[&*!|>%@`#" or (within and set("{}[],") & set(text)))
        else text
    )


def listed(names: Sequence[str], last: str = "and") -> str:
    """*names* in backticks, the last one behind *last*."""
    quoted = [f"`{name}`" for name in names]
    return f" {last} ".join([", ".join(quoted[:-1]), quoted[-1]]) if len(quoted) > 1 else "".join(quoted)

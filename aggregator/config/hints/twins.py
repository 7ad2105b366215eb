"""Problems of a text with variables in it, told from what the file says: nothing of a value may come into a message.

What is wrong is looked for once more in a twin of the text, where harmless words stand for the variables. A problem
that the twin has too is one of the file, and is told with the references in the place of the words; any other is one
of a value, of which nothing is said but where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

Told = tuple[str, str | None]
"""What is wrong, and the way out."""

_REFERENCE: Final = re.compile(r"\$\{[^{}]*\}")
_QUOTED: Final = re.compile(r"`[^`]*`")


def has_references(written: Any) -> bool:
    """Return whether *written*, a value as the file says it, has a variable anywhere in it."""
    return "${" in repr(written)


def file_says(text: str, written: Any) -> bool:
    """Return whether *text* stands in *written* itself, and not in what a variable in it holds."""
    return not has_references(written) or (isinstance(written, str) and text in _REFERENCE.sub(" ", written))


def as_said(value: object, written: Any) -> str:
    """Return *value* in words, or the variable that holds it where *written*, what the file says there, has one."""
    return f"`{written}`" if isinstance(written, str) and has_references(written) else f"{value}"


def is_among(text: str, written: Any) -> bool:
    """Return whether *text* is one of the values in *written*, so that the file says it and no variable alone."""
    if isinstance(written, Mapping):
        return any(is_among(text, inner) for inner in written.values())
    if isinstance(written, list):
        return any(is_among(text, inner) for inner in written)
    return bool(written == text)


def told(judge: Callable[[Any], Told | None], value: Any, written: Any) -> Told | None:
    """Return what *judge* says of *value*, in words that show nothing of the variables in it as it is *written*.

    A text has no twin where *written* is the mapping around it, as that of `items`, another name of `in`.
    """
    found = judge(value)
    if found is None or not has_references(written):
        return found
    words: dict[str, str] = {}
    is_around = isinstance(value, str) and not isinstance(written, str)
    twin = None if is_around else judge(_twin(written, words))
    if twin is None or _form(twin[0]) != _form(found[0]):
        return f"what `{_references(written)}` stands for cannot be used here", None
    return _restored(twin[0], words), None if twin[1] is None else _restored(twin[1], words)


def _references(written: Any) -> str:
    return " ".join(dict.fromkeys(_REFERENCE.findall(written if isinstance(written, str) else repr(written)))) or "${…}"


def _twin(written: Any, words: dict[str, str]) -> Any:
    """Return *written* with a word in the place of each reference, which is noted in *words*."""
    if isinstance(written, dict):
        return {key: _twin(inner, words) for key, inner in written.items()}
    if isinstance(written, list):
        return [_twin(inner, words) for inner in written]
    if not isinstance(written, str):
        return written

    def word(reference: re.Match[str]) -> str:
        name = f"zq{len(words)}qz"
        words[name] = reference[0]
        return name

    return _REFERENCE.sub(word, written)


def _form(message: str) -> str:
    """Return *message* without what it quotes."""
    return _QUOTED.sub("`…`", message)


def _restored(text: str, words: dict[str, str]) -> str:
    for word, reference in words.items():
        text = text.replace(word, reference).replace(word.upper(), reference)
    return text

"""A key has one name: the one that the reference documents."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from aggregator.config.model.root import RootSettings
from aggregator.fields import Settings


def _all(kind: type[Settings]) -> Iterator[type[Settings]]:
    """Yield what has been made of *kind*; ``RootSettings`` imports all of them."""
    for inner in kind.__subclasses__():
        yield inner
        yield from _all(inner)


RENAMED = sorted(
    {(model.__name__, name, field.alias): model for model in _all(Settings) for name, field in model.model_fields.items()
     if field.alias and field.alias != name}.items(),
    key=lambda one: one[0],
)  # fmt: skip
"""Settings whose name in Python is another one, since theirs is a word of Python."""


def test_some_are_renamed() -> None:
    """The cases of the next test are those of the whole file."""
    assert {"in", "json", "pass", "from", "except"} <= {alias for (_, _, alias), _ in RENAMED}
    assert RootSettings in set(_all(Settings))


@pytest.mark.parametrize(("words", "model"), RENAMED, ids=[" ".join(map(str, words)) for words, _ in RENAMED])
def test_the_name_in_python_is_no_key(words: tuple[str, str, str], model: type[Settings]) -> None:
    """It would be a second spelling that no reference knows."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate({words[1]: None})
    assert "extra_forbidden" in {one["type"] for one in caught.value.errors() if one["loc"] == (words[1],)}

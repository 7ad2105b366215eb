"""What settings are made of is there when they are: pydantic would compile a text of each field at every start."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from aggregator.config.model.root import RootSettings
from aggregator.fields import Settings


def _below(model: type[Settings]) -> Iterator[type[Settings]]:
    """Yield what extends *model*; ``RootSettings`` imports all of them."""
    for inner in model.__subclasses__():
        yield inner
        yield from _below(inner)


MODULES = sorted({model.__module__ for model in _below(Settings) if model.__module__.startswith("aggregator.")})


def test_the_modules_are_those_of_the_file_language() -> None:
    """The cases of the next test are those of the whole file."""
    assert RootSettings.__module__ in MODULES
    assert {"aggregator.policies.retry.settings", "aggregator.config.model.calls.call"} <= set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_annotations_of_settings_are_no_texts(module: str) -> None:
    """A module with settings goes without ``from __future__ import annotations``; a name further down is quoted."""
    assert not hasattr(sys.modules[module], "annotations")

"""What an endpoint inherits of what is said further out about its callers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from aggregator.config.analysis.endpoints.inherited import callers_of
from aggregator.config.model.auth import CallerSettings


def root_of(endpoint: CallerSettings, **prefixes: CallerSettings) -> Any:
    """Return a whole file in which `defaults.endpoint` is *endpoint*."""
    return SimpleNamespace(defaults=SimpleNamespace(endpoint=endpoint), prefixes=prefixes)


@pytest.mark.parametrize("name", CallerSettings.model_fields)
def test_every_setting_of_callers_is_inherited(name: str) -> None:
    """An endpoint that says nothing has what is said for all of them, whichever setting it is."""
    outer = CallerSettings.model_construct(**{name: ("outer",)})  # type: ignore[arg-type]
    assert getattr(callers_of(CallerSettings(), "/x", root_of(outer)), name) == ("outer",)


def test_the_nearest_word_counts_unless_words_add_up() -> None:
    """Guards and networks that are kept out come from everywhere, the outer first."""
    outer = CallerSettings(require=["{{ true }}"], deny_from=["10.0.0.0/8"], allow_from=["::/0"], auth="a")
    inner = CallerSettings(require=["{{ false }}"], deny_from=["11.0.0.0/8"], allow_from=["12.0.0.0/8"], auth="none")
    found = callers_of(inner, "/x", root_of(outer))
    assert [guard.that for guard in found.require] == ["{{ true }}", "{{ false }}"]
    assert (found.deny_from, found.allow_from) == (("10.0.0.0/8", "11.0.0.0/8"), ("12.0.0.0/8",))
    assert found.auth == "none"

"""What one setting stands for: a place of the file for all alike, and the rules that a scheme of signatures comes to."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.config.hints.vocabulary import form_of
from aggregator.config.model.schemes.signature import SignatureSettings
from aggregator.identity.signatures import PRESETS


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ((), ()),
        (("endpoints",), ("endpoints",)),
        (("endpoints", "GET /a"), ("endpoints", "")),
        (("endpoints", "GET /a", "call", "url"), ("endpoints", "", "call", "url")),
        (("virtual_hosts", "a.test", "endpoints"), ("virtual_hosts", "a.test", "endpoints")),
        (("virtual_hosts", "a.test", "endpoints", "GET /a"), ("virtual_hosts", "", "endpoints", "")),
        (("virtual_hosts", "a.test", "endpoints", "GET /a", "call"), ("virtual_hosts", "", "endpoints", "", "call")),
        (("upstreams", "users", "url"), ("upstreams", "users", "url")),
    ],
)
def test_a_place_is_that_of_all_endpoints(path: tuple[str, ...], form: tuple[str, ...]) -> None:
    """Names of endpoints and of their hosts make no difference; those of everything else do."""
    assert form_of(path) == form


@pytest.mark.parametrize("preset", [*PRESETS])
def test_a_preset_is_the_whole_form(preset: Any) -> None:
    """But for how old a delivery may be."""
    secret = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=" if preset == "standard" else "secret-of-a-test-of-presets"
    settings = SignatureSettings(preset=preset, secret=(secret,), tolerance="90s")
    assert settings.rules == PRESETS[preset].with_tolerance(90.0)


def test_a_form_of_its_own() -> None:
    """Names of headers are in lower case; what is left out is not asked for."""
    settings = SignatureSettings(
        header="X-Sum",
        timestamp="X-Time",
        over="{timestamp}.{body}",
        secret=("secret-of-a-test-of-forms",),
        prefix="v=",
    )
    rules = settings.rules
    assert (rules.header, rules.timestamp, rules.id, rules.prefix) == ("x-sum", "x-time", None, "v=")

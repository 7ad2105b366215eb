"""Secrets that stand in a file itself are known when it is refused, so that it can be shown to others without them."""

from __future__ import annotations

import pytest

from aggregator.config.loading import load_config
from aggregator.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        ("upstreams: {up: {url: 'http://up', auth: {bearer: first}}}", {"first"}),
        ("upstreams: {up: {url: 'http://up', auth: {basic: {user: me, password: first}}}}", {"first"}),
        ("upstreams: {up: {url: 'http://up', headers: {X-Api-Key: first-key}}}", {"first-key"}),
        ('upstreams: {up: {auth: {bearer: "a\\"quote"}}}', {'a"quote'}),
        ("auth: {hook: {signature: {secret: [first, second]}}}", {"first", "second"}),
        ("upstreams:\n  up:\n    auth:\n      bearer: |\n        first-line\n        second-line\n",
         {"first-line\nsecond-line\n", "first-line", "second-line"}),
        ("auth: {partners: {api_key: {key: first, value: [second]}}}", {"first", "second"}),
        ("endpoints: {GET /x: {call: {url: 'http://up', headers: {authorization: Bearer first-token}}}}",
         {"Bearer first-token", "first-token"}),
        ("endpoints: {GET /x: {query: {token: string}}}", set()),
        ("upstreams: {up: {url: 'http://up', auth: {bearer: '${NOWHERE}'}}}", set()),
    ],
)  # fmt: skip
def test_a_refused_file_tells_which_of_its_values_are_secrets(tmp_path, text, secrets):
    """By the keys of the schema, at any depth, lists and lines of a text included; a variable is no secret itself."""
    path = tmp_path / "routes.yaml"
    path.write_text(f"{text}\nfoo: 1\n")
    with pytest.raises(ConfigError) as refused:
        load_config(path, {})
    assert refused.value.secrets == secrets


def test_values_of_variables_are_secrets_of_a_refused_file_too(tmp_path):
    """They may stand in the words of a problem."""
    path = tmp_path / "routes.yaml"
    path.write_text("upstreams: {up: {url: 'http://up', headers: {x-one: '${ONE}'}}}\nfoo: 1\n")
    with pytest.raises(ConfigError) as refused:
        load_config(path, {"ONE": "value-of-one"})
    assert refused.value.secrets == {"value-of-one"}

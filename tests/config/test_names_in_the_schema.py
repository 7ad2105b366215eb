"""The JSON Schema for editors offers the names of one file, where a file uses names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aggregator.config.reference.editing import for_editors
from aggregator.config.reference.naming import names_in, with_names
from aggregator.config.reference.schema import build_schema
from aggregator.errors import ConfigError

NAMES = {"upstreams": ("users", "orders"), "groups": ("customer",), "auth": ("partners",)}
URLS = ["users:/", "orders:/"]


@pytest.fixture(scope="module")
def parts() -> dict[str, Any]:
    """The definitions of the schema that offers ``NAMES``."""
    return with_names(for_editors(build_schema()), NAMES)["$defs"]


def test_names_of_a_file_and_what_it_includes(tmp_path: Path) -> None:
    """Names are read from all files, also where a variable is not set and a value is wrong."""
    (tmp_path / "routes.yaml").write_text("include: more.yaml\nupstreams: {users: {url: '${NOT_SET}'}}\n")
    (tmp_path / "more.yaml").write_text("upstreams: {orders: 7}\ngroups: {customer: {}}\nauth: [wrong]\n")
    assert names_in(tmp_path / "routes.yaml") == {"upstreams": ("users", "orders"), "groups": ("customer",), "auth": ()}


def test_a_file_that_is_no_yaml_has_no_names(tmp_path: Path) -> None:
    """What cannot be read at all is told as `check` tells it."""
    (tmp_path / "routes.yaml").write_text("a: [\n")
    with pytest.raises(ConfigError):
        names_in(tmp_path / "routes.yaml")


@pytest.mark.parametrize("model", ["CallSettings", "BackgroundCallSettings", "ChoiceSettings", "ShadowSettings"])
def test_urls_offer_upstreams(parts: dict[str, Any], model: str) -> None:
    """`url` offers the upstreams of the file wherever it takes one by name."""
    assert parts[model]["properties"]["url"]["examples"] == URLS


def test_short_calls_offer_upstreams(parts: dict[str, Any]) -> None:
    """A call that is written as a URL alone offers them, too."""
    assert {"type": "string", "examples": URLS} in parts["EndpointSettings"]["properties"]["call"]["anyOf"]


def test_the_url_of_an_upstream_offers_none(parts: dict[str, Any]) -> None:
    """An upstream has an address of its own, not the name of another."""
    examples = parts["UpstreamSettings"]["properties"]["url"]["examples"]
    assert "https://api.example.com/v2" in examples
    assert not set(URLS) & set(examples)


def test_schemes_and_groups_are_offered(parts: dict[str, Any]) -> None:
    """`auth` offers the schemes and `none`, `use` the groups."""
    assert parts["EndpointSettings"]["properties"]["auth"]["examples"] == ["partners", "none"]
    assert parts["FanOutSettings"]["properties"]["use"]["examples"] == ["customer"]


@pytest.mark.long
def test_a_file_without_names_keeps_the_examples() -> None:
    """Where nothing is declared an editor shows what a name may look like."""
    plain = for_editors(build_schema())
    none = with_names(plain, {"upstreams": (), "groups": (), "auth": ()})
    assert none["$defs"]["CallSettings"] == plain["$defs"]["CallSettings"]

"""The first file of a project."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator.config.loading import load_config
from aggregator.config.starter import starter_text, write_starter
from aggregator.errors import AggregatorError


def test_it_has_no_problems(tmp_path: Path) -> None:
    """The starter loads without a warning, without any variable set."""
    target, schema = write_starter(tmp_path)
    assert load_config(target, {}).warnings == ()
    assert schema == tmp_path / "routes.schema.json"


def test_its_upstreams_can_be_real(tmp_path: Path) -> None:
    """Each upstream moves with its variable."""
    target, _ = write_starter(tmp_path)
    config = load_config(target, {"USERS_URL": "https://u.test", "SHOP_URL": "https://s.test"})
    assert [upstream.url for upstream in config.settings.upstreams.values()] == [
        "https://u.test", "https://s.test", "demo://analytics",
    ]  # fmt: skip


def test_it_is_written_once(tmp_path: Path) -> None:
    """A file in the way is not touched unless that is wanted."""
    (tmp_path / "routes.yaml").write_text("mine")
    with pytest.raises(AggregatorError, match="is there already; --force replaces it"):
        write_starter(tmp_path / "routes.yaml")
    write_starter(tmp_path / "routes.yaml", force=True)
    assert (tmp_path / "routes.yaml").read_text(encoding="utf-8") == starter_text()

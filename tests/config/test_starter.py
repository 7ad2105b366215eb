"""The first file of a project."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator.config.loading import load_config
from aggregator.config.reference.starter import starter_text, write_starter
from aggregator.errors import AggregatorError


@pytest.mark.long
def test_it_has_no_problems(tmp_path: Path) -> None:
    """The starter loads without a warning, without any variable set."""
    target, schema = write_starter(tmp_path)
    assert load_config(target, {}).warnings == ()
    assert schema == tmp_path / "routes.schema.json"


@pytest.mark.long
def test_its_upstreams_can_be_real(tmp_path: Path) -> None:
    """Each upstream moves with its variable."""
    target, _ = write_starter(tmp_path)
    config = load_config(target, {"USERS_URL": "https://u.test", "SHOP_URL": "https://s.test"})
    assert [upstream.url for upstream in config.settings.upstreams.values()] == [
        "https://u.test", "https://s.test", "demo://analytics",
    ]  # fmt: skip


@pytest.mark.long
def test_it_is_written_once(tmp_path: Path) -> None:
    """A file in the way is not touched unless that is wanted."""
    (tmp_path / "routes.yaml").write_text("mine")
    with pytest.raises(AggregatorError, match="is there already; --force replaces it"):
        write_starter(tmp_path / "routes.yaml")
    write_starter(tmp_path / "routes.yaml", force=True)
    assert (tmp_path / "routes.yaml").read_text(encoding="utf-8") == starter_text()


@pytest.mark.long
def test_it_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full leaves what was there, nothing half-written, and names the file."""
    (tmp_path / "routes.yaml").write_text("mine")
    write = Path.write_text

    def fill(path: Path, text: str, **options: str) -> int:
        if "schema" in path.name:
            write(path, text[:10], **options)
            raise OSError(28, "No space left on device")
        return write(path, text, **options)

    monkeypatch.setattr(Path, "write_text", fill)
    with pytest.raises(AggregatorError, match=r"routes\.schema\.json cannot be written: No space left on device"):
        write_starter(tmp_path / "routes.yaml", force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["routes.yaml"]
    assert (tmp_path / "routes.yaml").read_text(encoding="utf-8") == "mine"

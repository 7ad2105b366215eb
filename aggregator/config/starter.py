"""The first files of a project: a small routes.yaml that runs offline, and its schema beside it; for ``init``."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from aggregator.config.schema import schema_text
from aggregator.errors import AggregatorError

SCHEMA_NAME = "routes.schema.json"


def starter_text() -> str:
    """Give the text of the first routes.yaml."""
    return files("aggregator.config").joinpath("starter.yaml").read_text(encoding="utf-8")


def write_starter(path: Path, *, force: bool = False) -> tuple[Path, Path]:
    """Write the starter to *path* and the schema beside it; gives both paths.

    *path* may be a folder. Raises ``AggregatorError`` when a file is there already, unless *force*, and when
    they cannot be written.
    """
    target = path / "routes.yaml" if path.is_dir() else path
    schema = target.parent / SCHEMA_NAME
    if target.exists() and not force:
        raise AggregatorError(f"{target} is there already; --force replaces it.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(starter_text(), encoding="utf-8")
        schema.write_text(schema_text(), encoding="utf-8")
    except OSError as error:
        raise AggregatorError(f"{error.filename} cannot be written: {error.strerror}.") from None
    return target, schema

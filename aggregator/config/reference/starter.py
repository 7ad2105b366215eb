"""The first files of a project: a small routes.yaml that runs offline, and its schema beside it; for ``init``."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

from aggregator.config.reference.schema import schema_text
from aggregator.errors import AggregatorError

SCHEMA_NAME = "routes.schema.json"


def starter_text() -> str:
    """Return the text of the first routes.yaml."""
    return files("aggregator.config.reference").joinpath("starter.yaml").read_text(encoding="utf-8")


def write_starter(path: Path, text: str | None = None, *, force: bool = False) -> tuple[Path, Path]:
    """Write *text* (the starter unless given) to *path* and the schema beside it; return both paths.

    *path* may be a folder. Raises ``AggregatorError`` when a file is there already, unless *force*, and when
    they cannot be written.
    """
    target = path / "routes.yaml" if path.is_dir() else path
    schema = target.parent / SCHEMA_NAME
    if target.exists() and not force:
        raise AggregatorError(f"{target} is there already; --force replaces it.")
    _write({target: starter_text() if text is None else text, schema: schema_text()})
    return target, schema


def _write(texts: Mapping[Path, str]) -> None:
    """Write each text to its path, or none of them; raises ``AggregatorError``.

    What was there stays whole until everything is on the disk.
    """
    fresh = {path: path.with_name(f".{path.name}.new") for path in texts}
    path = Path()
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh[path].write_text(text, encoding="utf-8")
        for path, written in fresh.items():
            written.replace(path)
    except OSError as error:
        for written in fresh.values():
            with suppress(OSError):
                written.unlink(missing_ok=True)
        raise AggregatorError(f"{path} cannot be written: {error.strerror}.") from None

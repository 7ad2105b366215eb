"""`aggregator schema` and `aggregator reference`: what the models say, for editors and for readers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


@pytest.mark.long
def test_schema_goes_to_stdout(aggregator) -> None:
    """The schema is JSON of the 2020-12 dialect."""
    result = aggregator("schema")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.long
def test_schema_goes_to_a_file(aggregator, folder: Path) -> None:
    """With `--output` stdout stays empty and the file holds the same."""
    result = aggregator("schema", "--output", "s.json")
    assert (result.stdout, result.stderr) == ("", "wrote s.json\n")
    assert (folder / "s.json").read_text() == aggregator("schema").stdout


@pytest.mark.long
def test_schema_with_the_names_of_a_file(aggregator, routes_file: Path) -> None:
    """`--names-of` offers the upstreams of that file behind `call: `."""
    assert '"users:/"' not in aggregator("schema").stdout
    assert '"users:/"' in aggregator("schema", "--names-of", str(routes_file)).stdout


def test_schema_with_the_names_of_what_is_no_yaml(aggregator, folder: Path) -> None:
    """A file that cannot be read is told as `check` tells it, and nothing is written."""
    (folder / "bad.yaml").write_text("a: [\n")
    result = aggregator("schema", "--names-of", "bad.yaml", "-o", "s.json")
    assert result.exit_code == 1
    assert "bad.yaml:1:4" in result.stderr
    assert not (folder / "s.json").exists()


def test_schema_cannot_go_into_a_folder(aggregator, folder: Path) -> None:
    """A folder as output is wrong usage."""
    assert aggregator("schema", "--output", str(folder)).exit_code == 2


@pytest.mark.long
def test_schema_into_nowhere(aggregator) -> None:
    """An output in a folder that is not there is one line."""
    result = aggregator("schema", "--output", "no/where.json")
    assert result.exit_code == 1
    assert "no/where.json" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.long
def test_reference_goes_to_stdout(aggregator) -> None:
    """The reference is Markdown with every setting."""
    result = aggregator("reference")
    assert result.exit_code == 0
    assert result.stdout.startswith("# Reference\n")
    assert "| `fan_out` |" in result.stdout

"""`aggregator init`: a first file that is right, and never on top of another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


@pytest.mark.long
def test_init_check_get(aggregator, folder: Path) -> None:
    """What `init` writes passes `check` without a warning and answers, offline."""
    written = aggregator("init")
    assert written.exit_code == 0
    assert "created routes.yaml\ncreated routes.schema.json" in written.stdout
    assert "next: aggregator check · aggregator get /dashboard/1 · aggregator run" in written.stdout
    checked = aggregator("check", "--deny-warnings")
    assert (checked.exit_code, checked.stdout) == (0, "")
    assert aggregator("get", "/dashboard/1").exit_code == 0


@pytest.mark.long
def test_editors_find_the_schema(aggregator, folder: Path) -> None:
    """The first line names the schema that stands beside the file."""
    aggregator("init")
    first = (folder / "routes.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=./routes.schema.json"
    assert json.loads((folder / "routes.schema.json").read_text())["title"] == "routes.yaml"


@pytest.mark.long
def test_nothing_is_overwritten(aggregator, folder: Path) -> None:
    """A file in the way stays as it is, unless `--force`."""
    (folder / "routes.yaml").write_text("mine")
    refused = aggregator("init")
    assert (refused.exit_code, (folder / "routes.yaml").read_text()) == (1, "mine")
    assert refused.stderr == "error: routes.yaml is there already; --force replaces it.\n"
    assert aggregator("init", "--force").exit_code == 0
    assert (folder / "routes.yaml").read_text() != "mine"


@pytest.mark.long
def test_another_place(aggregator, folder: Path) -> None:
    """A path into a new folder is made, and the next steps name it."""
    result = aggregator("init", "api/shop.yaml")
    assert (folder / "api" / "routes.schema.json").is_file()
    assert "aggregator check api/shop.yaml · aggregator get /dashboard/1 --config api/shop.yaml" in result.stdout


@pytest.mark.long
def test_a_folder_gets_routes_yaml(aggregator, folder: Path) -> None:
    """A folder that is there gets a routes.yaml in it."""
    (folder / "api").mkdir()
    assert aggregator("init", "api").exit_code == 0
    assert (folder / "api" / "routes.yaml").is_file()


@pytest.mark.long
def test_a_place_that_cannot_be_written(aggregator, folder: Path) -> None:
    """A file where a folder would have to be is one clear line."""
    (folder / "api").write_text("")
    result = aggregator("init", "api/routes.yaml")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert "cannot be written" in result.stderr


@pytest.mark.long
def test_from_curl(aggregator, folder: Path) -> None:
    """A curl command becomes a file; its credential is a variable that the next steps name."""
    command = "curl https://shop.test/users/42 -H 'x-api-key: s3cr3t'"
    result = aggregator("init", "--from-curl", command)
    assert result.exit_code == 0
    assert "first: export SHOP_X_API_KEY='…'" in result.stdout
    text = (folder / "routes.yaml").read_text()
    assert "GET /users/{user_id}:" in text
    assert "s3cr3t" not in text + result.stdout


@pytest.mark.long
def test_from_curl_by_a_pipe(aggregator, folder: Path) -> None:
    """With `-` the command is read from stdin."""
    assert aggregator("init", "--from-curl", "-", input="curl https://shop.test/a\n").exit_code == 0
    assert "call: shop:/a" in (folder / "routes.yaml").read_text()


@pytest.mark.long
def test_from_openapi(aggregator, folder: Path) -> None:
    """A document becomes endpoints, those that are chosen."""
    document = {
        "openapi": "3.1.0",
        "servers": [{"url": "https://s.test"}],
        "paths": {"/a": {"get": {}}, "/b": {"get": {}}},
    }
    (folder / "openapi.json").write_text(json.dumps(document))
    assert aggregator("init", "--from-openapi", "openapi.json", "--operation", "/b").exit_code == 0
    text = (folder / "routes.yaml").read_text()
    assert ("GET /a" in text, "GET /b" in text) == (False, True)


@pytest.mark.long
def test_from_answers(aggregator, folder: Path) -> None:
    """`--ask` drafts the file from a URL, a method, the name of a header and a body."""
    result = aggregator("init", "--ask", input='https://s.test/users/1\nPOST\nx-api-key\n{"a": 1}\n')
    assert result.exit_code == 0
    text = (folder / "routes.yaml").read_text()
    assert "POST /users/{user_id}:" in text
    assert 'x-api-key: "${S_X_API_KEY}"' in text


def test_one_source_at_a_time(aggregator, folder: Path) -> None:
    """Two sources, or a choice without a document, are wrong usage."""
    assert aggregator("init", "--ask", "--from-curl", "curl https://a.test").exit_code == 2
    assert "--from-openapi FILE" in aggregator("init", "--operation", "x").stderr

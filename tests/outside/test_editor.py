"""What an editor shows for routes.yaml: nothing red where nothing is wrong, completions, and a text on every key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator.config.reference.naming import names_in
from aggregator.config.reference.schema import schema_text

from .conftest import SERVER
from .language_server import LanguageServer

ROOT = Path(__file__).parents[2]
FILES = [*ROOT.glob("[!.]*.yaml"), *ROOT.glob("examples/*.yaml"), ROOT / "aggregator/config/reference/starter.yaml"]
BLOCKS = [
    (file, number, block)
    for file in (ROOT / "README.md", *ROOT.glob("docs/**/*.md"))
    for number, block in enumerate(re.findall(r"```yaml\n(version: 1\n.*?)```", file.read_text(), re.DOTALL))
]

NAMED = """\
version: 1
auth:
  partners: {api_key: {header: x-key, keys: {file: keys.yaml}}}
upstreams:
  users: {url: https://users.test}
  orders: {url: "${ORDERS_URL}"}
groups:
  customer: {profile: users:/profile}
"""

# ‸ marks the cursor; the marks are taken out before the editor sees the text.
FILE = """\
version: 1
‸
server:
  ‸
client:
  timeout: {total: 10s}
  ‸
upstreams:
  users:
    url: https://users.test
    timeout: 2s
    ‸
  ‸
groups:
  customer:
    profile:
      url: users:/profile
      ‸
endpoints:
  GET /users/{user_id}:
    params:
      user_id:
        type: integer
        ‸
    query:
      ‸
    timeout: 3s
    call:
      url: users:/users/{user_id}
      timeout: 1s
      optional: true
      ‸
    status_map:
      404: {status: 404, detail: User not found}
      timeout:
        ‸
    response:
      ‸
    ‸
  GET /both:
    fan_out:
      one:
        url: users:/one
        for_each:
          in: "{{ query.ids }}"
          ‸
        success:
          ‸
  GET /last:
    call: users:/last
  ‸
"""
CURSORS = [(number, line.index("‸")) for number, line in enumerate(FILE.splitlines()) if "‸" in line]
SHOWN = FILE.replace("‸", "")


@pytest.fixture(scope="module")
def opened(editor: LanguageServer) -> LanguageServer:
    """The editor with ``FILE`` open in it."""
    editor.open("/opened/routes.yaml", SHOWN)
    return editor


@pytest.mark.parametrize("file", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_red_in_files_that_come_with_the_project(editor: LanguageServer, file: Path) -> None:
    """The product's own files have no error and no warning in an editor."""
    text = re.sub(r"^# yaml-language-server:.*\n", "", file.read_text())  # the fixture names the schema
    assert editor.open(f"/files/{file.name}", text) == []


@pytest.mark.parametrize(
    ("file", "number", "block"), BLOCKS, ids=lambda value: getattr(value, "stem", value) if value else "0"
)
def test_nothing_is_red_in_documents(editor: LanguageServer, file: Path, number: int, block: str) -> None:
    """A snippet that is copied out of the documents has no error in an editor."""
    assert editor.open(f"/documents/{file.stem}-{number}.yaml", block) == []


@pytest.mark.parametrize(
    ("cursor", "first", "also"),
    [
        (0, "include", ["defaults", "background", "plugins"]),
        (1, "title", ["host", "port", "max_body"]),
        (2, "limits", ["max_body", "user_agent"]),
        (3, "headers", ["status_map", "tls", "limits"]),
        (4, "upstream", []),
        (5, "method", ["query", "headers", "json", "timeout"]),
        (6, "enum", ["minimum", "maximum", "default", "description"]),
        (7, "integer", ["string", "one of several words"]),
        (8, "method", ["query", "default", "when", "for_each", "fallback"]),
        (9, "status", ["detail", "title", "body", "headers", "pass"]),
        (10, "body", ["headers", "etag", "cache_control"]),
        (11, "summary", ["headers", "body", "background", "stream"]),
        (12, "key", ["concurrency", "max_items", "on_error", "batch"]),
        (13, "status", ["when"]),
        (14, "GET: one call", ["POST: a body, one call", "GET: several calls side by side", "GET: a static answer"]),
    ],
)
def test_what_is_offered(opened: LanguageServer, cursor: int, first: str, also: list[str]) -> None:
    """Each place offers its keys, the most wanted first, and none that is there already."""
    labels = [item["label"] for item in opened.complete("/opened/routes.yaml", *CURSORS[cursor])]
    assert labels, CURSORS[cursor]
    assert set(also) <= set(labels)
    assert first in labels
    if first in {"upstream", "integer", "GET: one call", "method"}:
        assert labels[0] == first


def test_a_new_call_begins_with_its_url(editor: LanguageServer) -> None:
    """The first thing offered in an empty call is where it goes."""
    text = "version: 1\nendpoints:\n  GET /a:\n    call:\n      \n"
    editor.open("/opened/call.yaml", text)
    assert editor.complete("/opened/call.yaml", 4, 6)[0]["label"] == "url"


@pytest.mark.parametrize(
    ("text", "key", "inserted"),
    [
        ("    call:\n      url: a:/b\n      ", "optional", "optional: ${1:true}"),
        ("    ", "stream", "stream: ${1:true}"),
        ("    ", "hidden", "hidden: ${1:true}"),
    ],
)
def test_a_switch_is_inserted_switched(editor: LanguageServer, text: str, key: str, inserted: str) -> None:
    """Who adds a switch wants the value that it does not have already."""
    whole = f"version: 1\nendpoints:\n  GET /a:\n{text}\n"
    editor.open(f"/opened/{key}.yaml", whole)
    line = whole.count("\n") - 1
    offered = editor.complete(f"/opened/{key}.yaml", line, len(text.splitlines()[-1]))
    assert [item["insertText"] for item in offered if item["label"] == key] == [inserted]


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanguageServer]:
    """An editor with the schema that `aggregator schema --names-of` writes."""
    folder = tmp_path_factory.mktemp("named")
    (folder / "routes.yaml").write_text(NAMED)
    (folder / "schema.json").write_text(schema_text(names_in(folder / "routes.yaml")))
    with LanguageServer(["node", str(SERVER), "--stdio"], folder / "schema.json") as server:
        yield server


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("    call: ", ["users:/", "orders:/"]),
        ("    call:\n      url: ", ["users:/", "orders:/"]),
        ("    fan_out:\n      one: ", ["users:/", "orders:/"]),
        ("    fan_out:\n      use: ", ["customer"]),
        ("    auth: ", ["partners", "none"]),
        ("    auth:\n      any:\n        - ", ["partners", "none"]),
        ("    background:\n      - ", ["users:/", "orders:/"]),
    ],
)
def test_names_of_the_file_are_offered(knowing: LanguageServer, text: str, offered: list[str]) -> None:
    """Where a file uses the name of an upstream, a group or a scheme, an editor offers those that it declares."""
    whole = f"{NAMED}endpoints:\n  GET /a:\n{text}\n"
    name = "/opened/named" + re.sub(r"\W+", "-", text) + ".yaml"
    knowing.open(name, whole)
    found = knowing.complete(name, whole.count("\n") - 1, len(text.splitlines()[-1]))
    assert [item["label"] for item in found if item["label"] in offered] == offered


def test_causes_are_offered_as_rows(editor: LanguageServer) -> None:
    """Under `status_map` an editor offers what may stand there."""
    text = "version: 1\nendpoints:\n  GET /a:\n    call: a:/b\n    status_map:\n      \n"
    editor.open("/opened/rows.yaml", text)
    labels = {item["label"] for item in editor.complete("/opened/rows.yaml", 5, 6)}
    assert {"timeout", "network", "any"} <= labels


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("  timeout: {total: 10s}", "Limits of calls that declare none"),
        ("  users:", "A service that endpoints call by name"),
        ("    timeout: 2s", "Limits of calls to this upstream"),
        ("  customer:", "A fan-out group: calls by name"),
        ("      url: users:/profile", "a full URL"),
        ("  GET /users/{user_id}:", "One endpoint: methods and a path"),
        ("    params:", "Path parameters"),
        ("    timeout: 3s", "Deadline over everything"),
        ("      url: users:/users/{user_id}", "a full URL"),
        ("      timeout: 1s", "this call"),
        ("      optional: true", "does not fail the answer"),
        ("    status_map:", "What failures become"),
        ("    response:", "The answer, when it is not simply the result"),
        ("    fan_out:", "Calls side by side"),
        ("        for_each:", "One call per item of a list"),
        ('          in: "{{ query.ids }}"', "Expression that gives the list"),
        ("        success:", "What counts as success"),
    ],
)
def test_every_key_says_what_it_is(opened: LanguageServer, line: str, said: str) -> None:
    """The text above a key is about that key, not about the type of its value."""
    number = SHOWN.splitlines().index(line)
    column = len(line) - len(line.lstrip()) + 1
    assert said in opened.hover("/opened/routes.yaml", number, column)

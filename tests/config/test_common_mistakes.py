"""Mistakes of tired people, each with the place that is shown and the fix that is proposed."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator.config.loading import load_config
from aggregator.errors import ConfigError

TOP = "version: 1\nupstreams:\n  users: {url: https://users.example.com}\n"


def told(text: str, folder: Path, level: str = "error", **env: str) -> list[tuple[str, str, str | None]]:
    """What is marked, the message and the hint of each problem of *level* in *text*."""
    file = folder / "routes.yaml"
    file.write_text(text, encoding="utf-8")
    try:
        problems = load_config(file, env).warnings
    except ConfigError as error:
        problems = error.diagnostics
    lines = text.splitlines()
    return [
        (lines[one.position.line - 1][one.position.column - 1 : one.position.end_column - 1], one.message, one.hint)
        for one in problems
        if one.level == level
    ]


@pytest.mark.parametrize(
    ("endpoint", "marked", "message", "hint"),
    [
        ("\n    call:users:/a", "call:users:/a", "expected a mapping, found text",
         "write `call: users:/a`, with a space behind the colon"),
        ("\n    call:", "call", "`call` is empty",
         "write behind it what is called, as in `call: users:/users/{user_id}`"),
        ("\n    call: {url: }", "url", "`url` is empty",
         "write behind it what is called, as in `url: users:/users/{user_id}`"),
        (" {call: [users:/a, users:/b]}", "[users:/a, users:/b]", "expected a mapping, found a list",
         "a call has one URL; several calls stand under `fan_out`, each with a name"),
        (" {fan_out: [users:/a]}", "[users:/a]", "expected a mapping, found a list",
         "give each of them a name: `first: users:/a`"),
        (" {fan_out: {3: users:/a}}", "3", "the name `3` is not text",
         "choose a name of letters, digits and `_` that begins with a letter"),
        (" {call: {url: users:/a, headers: ['x-a: b', 'c:  d']}}", "['x-a: b', 'c:  d']",
         "expected a mapping, found a list", "write `{x-a: b, c: d}`"),
        (" {call: {url: users:/a, headers: ['x-a']}}", "['x-a']", "expected a mapping, found a list",
         "write a `key: value` for each"),
        (" {call: {url: users:/a, retries: 3}}", "retries", "unknown key `retries`",
         "did you mean `retry`?"),
        (" {call: {url: users:/a, cache_ttl: 10s}}", "cache_ttl", "unknown key `cache_ttl`",
         "write `cache: 60s` here, for as long as replies are kept"),
        (" {call: users:a}", "a", "the path must start with `/`", "write `users:/a`"),
        (" {call: users:8080/a}", "8", "the path must start with `/`",
         "write `users:/8080/a`, or `http://users:8080/a` when `users` is a host"),
        (" {call: 'http:users/a'}", "u", "the path must start with `/`", "write `http://users/a`"),
        (" {call: //users/a}", "//users/a", "the URL names no upstream", "write `https://users/a`"),
        (" {call: users:/a,, timeout: 3s}", ",", "nothing stands between two commas", "remove one of them"),
        ("\n    call: users:/a\n    tags:\n      -one\n      -two", "-one", "expected a list, found text",
         "write a space behind each dash: `- one`"),
        (" {call: users:/a, status_map: {404: not found}}", "not found", "expected a whole number, found text",
         "write a status, such as `502`, or a row: `{detail: not found}`"),
        (" {call: users:/a, response: '{{ call }}'}", "'{{ call }}'", "expected a mapping, found text",
         'write `body: "{{ call }}"` below it'),
        (" {call: users:/a, response: {status: created}}", "created", "this has to be one expression",
         "write a number, such as `201`, or `{{ … }}`"),
        (" {call: {url: users:/a, success: 200}}", "200", "expected a mapping, found the number 200",
         "write `status: [200]` below it"),
        (" users:/a", "users:/a", "expected a mapping, found text", "write `call: users:/a` below it"),
        (" {call: users:/a, status_map: [404]}", "404", "expected a mapping, found the number 404",
         "write what it becomes, as in `{on: 404, status: 502}`"),
        (" {fan_out: {x: users:/a}, response: {join: {left: x, right: y, into: z}}}", "{left: x, right: y, into: z}",
         "expected a list, found a mapping", "write it as the item of a list: `- {left: x, right: y, into: z}`"),
        (" {call: users:/a, timeout: {total: 3s}}", "{total: 3s}", "a duration is expected, not a mapping",
         "write one duration; the phases of a call have their limits in `timeout` of the call or its upstream"),
        ("\n    call: users:/a\n    GET /b:\n      call: users:/b", "GET /b", "unknown key `GET /b`",
         "write it further out, right below `endpoints:`"),
        (" {call: {url: users:/a, when: \"{{ query.x | 'upper' }}\"}}", "'upper'", "a name is expected here, not a text",
         "write it like `{{ order.total * 2 }}` or `{{ order.lines[0].name }}`"),
    ],
)  # fmt: skip
def test_in_an_endpoint(endpoint: str, marked: str, message: str, hint: str, tmp_path: Path) -> None:
    """One problem, which marks the mistake and says what to write in its place."""
    assert told(f"{TOP}endpoints:\n  GET /a:{endpoint}\n", tmp_path) == [(marked, message, hint)]


@pytest.mark.parametrize(
    ("text", "marked", "message", "hint"),
    [
        (f"{TOP}endpoints:\n  - GET /a: {{call: users:/a}}\n", "endpoints", "expected a mapping, found a list",
         "leave the dashes out: `GET /a:` is a key, not an item of a list"),
        (f"{TOP}endpoints:\nGET /a: {{call: users:/a}}\n", "GET /a", "unknown key `GET /a`",
         "write it further in, right below `endpoints:`"),
        (f"{TOP}endpoints: [x]\n", "[x]", "expected a mapping, found a list",
         'write it like `endpoints: {"GET /users/{id}": {call: "users:/users/{id}"}}`'),
        (f"{TOP}  GET /a: {{call: users:/a}}\n", "GET /a",
         "`GET /a` is an endpoint, which does not belong into `upstreams`", "write it under `endpoints:`"),
        (f"{TOP}groups:\n  g: users:/a\n", "users:/a", "expected a mapping, found text",
         "give each call of the group a name: `{first: users:/a}`"),
        (f"{TOP}groups:\n  g: [users:/a]\n", "[users:/a]", "expected a mapping, found a list",
         "give each call of the group a name: `{first: users:/a}`"),
        ("version: '1'\n", "'1'", "`1` is not a choice for `version`", "write 1, without quotes"),
        ("version: 1\nserver: {host: '0.0.0.0:80'}\n", "'0.0.0.0:80'",
         "this is not the name or the address of a host", "write `host: 0.0.0.0` and `port: 80`"),
        ("version: 1\nserver: {host: 'http://localhost'}\n", "'http://localhost'",
         "this is not the name or the address of a host", "write the name or the address alone"),
        ("version: 1\nupstreams: {users: {url: $USERS_URL}}\n", "$USERS_URL", "`$USERS_URL` is not filled in",
         "write `${USERS_URL}`"),
    ],
)  # fmt: skip
def test_around_the_endpoints(text: str, marked: str, message: str, hint: str, tmp_path: Path) -> None:
    """So it is in the other sections."""
    assert told(text, tmp_path) == [(marked, message, hint)]


@pytest.mark.parametrize("host", ["localhost", "0.0.0.0", "::", "::1", "fe80::1%eth0"])
def test_addresses_are_hosts(host: str, tmp_path: Path) -> None:
    """Colons of IPv6 are no port."""
    file = tmp_path / "routes.yaml"
    file.write_text(f"version: 1\nserver: {{host: '{host}'}}\nendpoints: {{GET /: {{respond: {{}}}}}}\n")
    assert load_config(file, {}).settings.server.host == host


ORDERS = """\
endpoints:
  POST /a/{id}:
    fan_out:
      order: users:/{id}
      lines:
        url: POST users:/lines
        query: {a: "{order.id}"}
        json: {b: ["{id}", "{query.x}"]}
    response: {body: "%s"}
"""


@pytest.mark.parametrize(("text", "name"), [("{id}", "id"), ("is { order.items.0 }", "order.items.0")])
def test_single_braces_are_no_expression(text: str, name: str, tmp_path: Path) -> None:
    """They name something in URLs alone; elsewhere they are sent as they stand, which is hardly ever meant."""
    braces = text.removeprefix("is ")
    assert told(TOP + ORDERS % text, tmp_path, "warning") == [
        (written, f"`{written}` is text here: single braces are for URLs",
         f"write `{{{{ {inner} }}}}`, or `{{{{ '{written}' }}}}` for the text")
        for written, inner in [("{order.id}", "order.id"), ("{id}", "id"), ("{query.x}", "query.x"), (braces, name)]
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["{}", "{other}", "{body}", "${V}", "{{ '{id}' }}", "{{ order.a }} {id}", "a{id}"])
def test_other_braces_are_text(text: str, tmp_path: Path) -> None:
    """Of names that nothing has, of a variable, and where an expression shows that the difference is known."""
    assert len(told(TOP + ORDERS % text, tmp_path, "warning", V="{id}")) == 3


def test_a_variable_without_braces_is_told(tmp_path: Path) -> None:
    """It would be sent as it stands."""
    call = "{url: users:/a, headers: {authorization: Bearer $API_TOKEN}, query: {price: $5}}"
    assert told(f"{TOP}endpoints:\n  GET /a:\n    call: {call}\n", tmp_path, "warning") == [
        ("$API_TOKEN", "`$API_TOKEN` is text, not a variable", "write `${API_TOKEN}`")
    ]


def test_null_is_a_choice_where_a_result_becomes_null(tmp_path: Path) -> None:
    """With quotes or without: nothing else can be meant."""
    text = f"{TOP}endpoints:\n  GET /a:\n    call: {{url: 'users:/{{item}}', for_each: {{in: '{{{{ [1] }}}}', on_error: null}}}}\n"
    assert told(text, tmp_path) == []

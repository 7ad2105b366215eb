"""A curl command becomes a file that passes `check` and never holds a credential."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from aggregator.config.drafting.curl import draft_from_curl
from aggregator.config.loading import load_config
from aggregator.errors import AggregatorError


def drafted(command: str) -> dict:
    """Return the draft of *command* as data."""
    return yaml.safe_load(draft_from_curl(command).text())


@pytest.mark.parametrize(
    ("command", "key", "call"),
    [
        ("curl https://api.example.com/users", "GET /users", "example:/users"),
        ("curl 'api.example.com/users/42'", "GET /users/{user_id}", "example:/users/{user_id}"),
        ("curl -XDELETE https://h.test/a", "DELETE /a", "DELETE h:/a"),
        ("curl --request=PUT --url https://h.test/a", "PUT /a", "PUT h:/a"),
        ("curl -I https://h.test/a", "HEAD /a", "HEAD h:/a"),
        ("curl -sSL -o /dev/null https://h.test/a", "GET /a", "h:/a"),
        ("curl -G -d 'q=x&n=2' https://h.test/a", "GET /a", "h:/a?q={query.q}&n={query.n}"),
        ("curl \\\n  https://h.test/categories/7/items/8", "GET /categories/{category_id}/items/{item_id}",
         "h:/categories/{category_id}/items/{item_id}"),
        ("curl https://h.test/x/6f9619ff-8b86-d011-b42d-00c04fc964ff", "GET /x/{x_id}", "h:/x/{x_id}"),
        ("curl http://localhost:8080/", "GET /", "service:/"),
    ],
)  # fmt: skip
def test_what_is_called(command: str, key: str, call: str) -> None:
    """Method, path and query of the command are those of the endpoint; ids in the path are parameters."""
    assert {name: one["call"] for name, one in drafted(command)["endpoints"].items()} == {key: call}


def test_a_json_body_is_declared_and_passed_on() -> None:
    """A body gives the endpoint a schema that the sample fits, and the call sends what came."""
    (endpoint,) = drafted("""curl https://h.test/a --json '{"a": 1, "b": [true], "c": {"d": null}}'""")[
        "endpoints"
    ].values()
    assert endpoint["body"] == {
        "type": "object",
        "required": ["a", "b", "c"],
        "properties": {
            "a": {"type": "integer"},
            "b": {"type": "array", "items": {"type": "boolean"}},
            "c": {"type": "object", "required": ["d"], "properties": {"d": {}}},
        },
    }
    assert endpoint["call"] == {"method": "POST", "url": "h:/a", "json": "{{ body }}"}


def test_a_form_is_sent_as_a_form() -> None:
    """The data of a form are members of a JSON body, which the call sends as a form."""
    (endpoint,) = drafted("curl https://h.test/a -d 'x=1&y=2'")["endpoints"].values()
    assert endpoint["call"]["form"] == {"x": "{{ body['x'] }}", "y": "{{ body['y'] }}"}


@pytest.mark.parametrize(
    ("command", "variable"),
    [
        ("curl https://shop.test/a -H 'Authorization: Bearer s3cr3t-value'", "SHOP_AUTHORIZATION"),
        ("curl https://shop.test/a -H 'X-Api-Key: s3cr3t-value'", "SHOP_X_API_KEY"),
        ("curl https://shop.test/a -u me:s3cr3t-value", "SHOP_AUTHORIZATION"),
        ("curl https://me:s3cr3t-value@shop.test/a", "SHOP_AUTHORIZATION"),
        ("curl 'https://shop.test/a?token=s3cr3t-value'", "SHOP_TOKEN"),
        ("curl https://shop.test/a -b 'session=s3cr3t-value'", "SHOP_COOKIE"),
        ("curl https://shop.test/a --oauth2-bearer s3cr3t-value", "SHOP_AUTHORIZATION"),
    ],
)
def test_credentials_become_variables(command: str, variable: str) -> None:
    """No credential of the command is in the text; the draft names the variable that holds it."""
    draft = draft_from_curl(command)
    assert "s3cr3t-value" not in draft.text()
    assert [name for name, _ in draft.variables] == [variable]
    assert f"${{{variable}}}" in draft.text()


def test_a_password_in_a_body_is_not_repeated() -> None:
    """The sample above the endpoint shows no body with a member that is a secret by its name."""
    text = draft_from_curl("""curl https://h.test/login --json '{"user": "a", "password": "hunter2"}'""").text()
    assert "hunter2" not in text


@pytest.mark.parametrize(
    "command",
    [
        "curl 'https://h.test/users/4?page=2&q=a%20b' -H 'accept-language: de' -m 3",
        'curl https://h.test/a -u a:b --json \'{"a": [1.5, "x"]}\'',
        "curl https://h.test/a -d 'x y=1&z=2'",
        "curl https://h.test/a -X POST --data-binary @file.bin",
        "curl https://h.test/a -H 'x-api-key: 1' 'https://h.test/b?key=2'",
    ],
)
def test_the_file_passes_check(command: str, tmp_path: Path) -> None:
    """What is drafted has no problem once its variables are set."""
    draft = draft_from_curl(command)
    (tmp_path / "routes.yaml").write_text(draft.text())
    load_config(tmp_path / "routes.yaml", {name: "value" for name, _ in draft.variables})


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("wget https://h.test", "begins with `curl`"),
        ("", "begins with `curl`"),
        ("curl 'https://h.test", "no whole curl command"),
        ("curl ftp://h.test/a", "no http:// or https:// URL"),
        ("curl", "no http:// or https:// URL"),
        ("curl https://h.test -F file=@a", "write `multipart` by hand"),
        ("curl https://h.test --json '{'", "says that it is JSON, and is not"),
    ],
)
def test_what_cannot_be_drafted_is_said(command: str, said: str) -> None:
    """A command that says too little, or what a draft cannot say, is refused with the reason."""
    with pytest.raises(AggregatorError, match=said):
        draft_from_curl(command)

"""Drafted files as people read them, line by line, and how a command line is read."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml

from aggregator.config.drafting.curl import draft_from_curl
from aggregator.config.drafting.draft import Draft, named_segments, upstream_name
from aggregator.config.drafting.dumping import dumped
from aggregator.config.drafting.openapi import draft_from_openapi
from aggregator.config.loading import load_config

PREFACE = """\
# yaml-language-server: $schema=./routes.schema.json
# `aggregator check` finds mistakes, `aggregator run` serves this file and takes every change as soon as it is saved.
version: 1

"""


def test_a_draft_reads_like_a_file_of_a_person() -> None:
    """Short mappings stand on one line, texts with braces in quotes, a line to try it above the endpoint."""
    draft = draft_from_curl(
        "curl 'https://api.shop.example.com:8443/v1/orders/42/lines?page=2&q=&n=007&token=abc' "
        "-H 'Accept-Language: de' -H 'accept: */*' -H 'Authorization: Bearer s' -m 3"
    )
    assert draft.text() == PREFACE + dedent("""\
        upstreams:
          shop:
            url: https://api.shop.example.com:8443
            timeout: 3s
            headers:
              accept-language: de
              authorization: "Bearer ${SHOP_AUTHORIZATION}"
            query: {token: "${SHOP_TOKEN}"}

        endpoints:
          # Try: aggregator get /v1/orders/42/lines
          GET /v1/orders/{order_id}/lines:
            params:
              order_id: {type: integer, minimum: 0}
            query:
              page: {type: integer, default: 2}
              q: {type: string, default: ''}
              n: {type: string, default: '007'}
            call: shop:/v1/orders/{order_id}/lines?page={query.page}&q={query.q}&n={query.n}
    """)
    assert draft.variables == (("SHOP_AUTHORIZATION", "the token"), ("SHOP_TOKEN", "the query parameter token"))


def test_a_body_is_declared_by_its_sample() -> None:
    """Each kind of JSON by its type; the sample is sent by the line above."""
    body = '{"id": 7, "name": "a", "ok": true, "x": 1.5, "tags": [], "n": null}'
    draft = draft_from_curl(f"/usr/bin/curl -H 'content-type: application/json' -d '{body}' https://h.test/users")
    assert draft.text() == PREFACE + dedent(f"""\
        upstreams:
          h:
            url: https://h.test
            timeout: 2s

        endpoints:
          # Try: aggregator get /users -d '{body}'
          POST /users:
            body:
              type: object
              required: [id, name, ok, x, tags, n]
              properties:
                id: {{type: integer}}
                name: {{type: string}}
                ok: {{type: boolean}}
                x: {{type: number}}
                tags: {{type: array}}
                n: {{}}
            call:
              method: POST
              url: h:/users
              json: "{{{{ body }}}}"
    """)


def test_credentials_are_told_by_what_goes_into_their_variable() -> None:
    """A user, a cookie, a key in a header and one in the query; what is none stays as it is."""
    draft = draft_from_curl("curl -u a:b -e https://r.test/ -b 'a=1' -H 'X-Key: k' 'https://h.test/a?api_key=1'")
    assert draft.settings == {
        "url": "https://h.test",
        "timeout": "2s",
        "headers": {
            "authorization": "Basic ${H_AUTHORIZATION}",
            "referer": "https://r.test/",
            "cookie": "${H_COOKIE}",
            "x-key": "${H_X_KEY}",
        },
        "query": {"api_key": "${H_API_KEY}"},
    }
    assert draft.variables == (
        ("H_AUTHORIZATION", "user:password in base64"),
        ("H_COOKIE", "the value of cookie"),
        ("H_X_KEY", "the value of x-key"),
        ("H_API_KEY", "the query parameter api_key"),
    )


@pytest.mark.parametrize(
    ("command", "line", "call"),
    [
        ("curl https://h.test", "/", "h:/"),
        ("curl -XPOST https://h.test/a", "'POST /a'", "POST h:/a"),
        ("curl -d hello https://h.test/a", "/a -d 'hello'", "POST h:/a"),
        ("curl -d 5 https://h.test/a", "/a -d '5'", "POST h:/a"),
        ("curl -X put -d @f https://h.test/a", "'PUT /a' -d '@f'", "PUT h:/a"),
        ("curl -d \"it's\" https://h.test/a", "'POST /a'", "POST h:/a"),
        ("curl https://h.test/a -so /dev/null", "/a", "h:/a"),
        ("curl -sI h.test/a", "'HEAD /a'", "HEAD h:/a"),
        ("curl -sSXput -dx h.test/a", "'PUT /a' -d 'x'", "PUT h:/a"),
        ("curl -Lxp:1 h.test/a", "/a", "h:/a"),
        ("curl -ofile -kL --retry 3 --retry=3 --url=h.test/a", "/a", "h:/a"),
        ("curl.exe https://www.api.com/a", "/a", "service:/a"),
    ],
)  # fmt: skip
def test_the_line_to_try_it_asks_for_the_endpoint(command: str, line: str, call: str) -> None:
    """By its method, unless `get` takes that by itself; options of one letter may stand together."""
    (endpoint,) = draft_from_curl(command).endpoints
    assert (endpoint.comment, endpoint.settings["call"]) == (f"Try: aggregator get {line}", call)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("api.shop.example.com", "shop"),
        ("www.Shop.io", "shop"),
        ("dev.shop.test", "shop"),
        ("my-shop.test", "my_shop"),
        ("-x-.test", "x"),
        ("localhost", "service"),
        ("10.0.0.1", "service"),
        ("api.com", "service"),
        ("", "service"),
    ],
)
def test_a_service_is_named_by_its_host(host: str, name: str) -> None:
    """By the first label that says something and is a name."""
    assert upstream_name(host) == name


NUMBER, UUID = {"type": "integer", "minimum": 0}, {"type": "string", "format": "uuid"}


@pytest.mark.parametrize(
    ("path", "named", "params"),
    [
        ("/users/42", "/users/{user_id}", {"user_id": NUMBER}),
        ("/42", "/{id}", {"id": NUMBER}),
        ("/a/1/2", "/a/{a_id}/{id}", {"a_id": NUMBER, "id": NUMBER}),
        ("/categories/7", "/categories/{category_id}", {"category_id": NUMBER}),
        ("/class/7", "/class/{class_id}", {"class_id": NUMBER}),
        ("/Users-List/7", "/Users-List/{users_list_id}", {"users_list_id": NUMBER}),
        ("/users/7/users/8/users/9", "/users/{user_id}/users/{user_id_2}/users/{user_id_3}",
         {"user_id": NUMBER, "user_id_2": NUMBER, "user_id_3": NUMBER}),
        ("/x/6F9619ff-8b86-d011-b42d-00c04fc964ff", "/x/{x_id}", {"x_id": UUID}),
        ("/2x/7", "/2x/{id}", {"id": NUMBER}),
        ("/a/\u0663", "/a/\u0663", {}),
    ],
)  # fmt: skip
def test_ids_in_a_path_are_named_by_what_stands_before_them(path: str, named: str, params: dict[str, Any]) -> None:
    """In the singular, each once."""
    assert named_segments(path) == (named, params, path)


def loaded(draft: Draft, folder: Path) -> Any:
    """Return the call of the only endpoint of *draft*, which passes `check`."""
    (folder / "routes.yaml").write_text(draft.text())
    load_config(folder / "routes.yaml", {name: "v" for name, _ in draft.variables})
    (endpoint,) = yaml.safe_load(draft.text())["endpoints"].values()
    return endpoint["call"]


def test_query_parameters_of_any_name_are_passed_on(tmp_path: Path) -> None:
    """In the URL where it can name them, else below it, from a command as from a document."""
    odd = {"a b": "{{ query['a b'] }}", "x[]": "{{ query['x[]'] }}"}
    draft = draft_from_curl("curl 'https://h.test/a?sort-by=x&a b=c&x[]=1'")
    assert loaded(draft, tmp_path) == {"url": "h:/a?sort-by={query.sort-by}", "query": odd}
    draft = draft_from_curl("curl -d 'hello' 'https://h.test/a?x[]=1'")
    assert loaded(draft, tmp_path) == {"url": "POST h:/a", "query": {"x[]": odd["x[]"]}}
    (tmp_path / "openapi.yaml").write_text(
        "openapi: 3.1.0\npaths: {/a: {get: {parameters: [{name: sort-by, in: query}, {name: q, in: query}]}}}\n"
    )
    query = {"sort-by": "{{ query['sort-by'] }}", "q": "{{ query.q }}"}
    assert loaded(draft_from_openapi(tmp_path / "openapi.yaml"), tmp_path) == {"url": "example:/a", "query": query}


def test_any_letter_is_drafted_as_it_is() -> None:
    """In no escape that nobody can read."""
    assert dumped({"summary": "Größe 東京"}, 2) == "  {summary: Größe 東京}\n"

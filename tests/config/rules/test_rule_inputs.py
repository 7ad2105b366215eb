"""Endpoints: their keys, their routes, what they declare of a request."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Say = Callable[..., list[str]]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("GET /", []),
        ("DELETE /users/{id}/", []),
        ("GET /files/{name:path}", []),
        ("/users", "‹/users› `/users` names no method"),
        ("users", "‹users› `users` names no method and no path"),
        ("GET", "‹GET› `GET` names no path"),
        ("get /users", "‹get /users› `get` has to stand in capitals"),
        ("TRACE /users", "‹TRACE /users› `TRACE` is not a method"),
        ("GET users", "‹users› a path begins with `/`"),
        ("GET  /users", "‹GET  /users› one space stands between method and path"),
        ("GET/users", "‹GET/users› one space stands between method and path"),
        ("PUT|POST /users", []),
        ("ANY /users", []),
        ("ANY|GET /users", "‹ANY|GET /users› `ANY` is every method already"),
        ("GET|GET /users", "‹GET|GET /users› a method counts once"),
        ("GET, POST /users", "‹GET, POST /users› `|` stands between the methods of an endpoint"),
        ("GET,POST /users", "‹GET,POST /users› `|` stands between the methods of an endpoint"),
        ("get|post /users", "‹get|post /users› `get|post` has to stand in capitals"),
        ("GET|FETCH /users", "‹GET|FETCH /users› `FETCH` is not a method"),
        ("ALL /users", "‹ALL /users› `ALL` is not a method"),
        ("GET /users?page=1", "‹?page=1› a query is not part of the path"),
        ("GET /a/{id}/{id}", "‹{id}› the parameter `id` is there twice"),
        ("GET /a/{x y}", "‹{x y}› `x y` cannot be the name of a parameter"),
    ],
)
def test_keys(say: Say, key: str, said: str | list[str]) -> None:
    """An endpoint is named by a method and a path."""
    assert say(f"{key}: {{call: users:/x}}") == ([] if not said else [f"endpoint-key {said}"])


@pytest.mark.parametrize("key", ["GET /x ", " GET /x", "GET /x\\t"])
def test_space_around_a_key_has_a_place(say: Say, key: str) -> None:
    """What nobody sees in a file is pointed at."""
    (problem,) = say(f'"{key}": {{call: users:/x}}')
    assert problem.startswith("endpoint-key ‹")
    assert problem.endswith("space stands around method and path")


def test_an_unreadable_key_hides_nothing_else(say: Say) -> None:
    """What the path of a wrong key would have given is not missed, everything else is checked."""
    assert say("get /users/{id}: {call: {url: 'users:/users/{id}', when: '{{ nobody.knows }}'}}") == [
        "endpoint-key ‹get /users/{id}› `get` has to stand in capitals",
        "unknown-name ‹nobody› there is no `nobody` here",
    ]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (("GET /users/{id}", "GET /users/me", "POST /users/{id}", "GET /users/{id}/"), []),
        (("GET /files/{rest:path}", "GET /files/{name}", "GET /files/a"), []),
        (
            ("GET /a/{x}", "GET /a/{y}"),
            ["route-clash ‹GET /a/{y}› `GET /a/{y}` and `GET /a/{x}` match the same requests, such as GET /a/1"],
        ),
        (
            ("GET /z/{x:path}", "GET /z/{y:path}"),
            [
                "route-clash ‹GET /z/{y:path}› `GET /z/{y:path}` and `GET /z/{x:path}` match the same requests, such as GET /z/1"
            ],
        ),
        (
            ("GET /a%41", "GET /aA"),
            ["route-clash ‹GET /aA› `GET /aA` and `GET /a%41` match the same requests, such as GET /aA"],
        ),
        (("ANY /a", "GET /a", "POST /a"), []),
        (("ANY /a/b", "GET /a/{x}", "ANY /a/{x}"), []),
        (
            ("ANY /a/{x}", "ANY /a/{y}"),
            ["route-clash ‹ANY /a/{y}› `ANY /a/{y}` and `ANY /a/{x}` match the same requests, such as GET /a/1"],
        ),
        (
            ("GET|POST /a", "POST /a"),
            ["route-clash ‹POST /a› `POST /a` and `GET|POST /a` match the same requests, such as POST /a"],
        ),
        (
            ("POST|HEAD /a", "GET /a"),
            ["route-clash ‹POST|HEAD /a› HEAD requests are answered by `GET /a` too, such as HEAD /a"],
        ),
        (("GET|HEAD /a",), []),
        (
            ("ANY /a", "GET|POST|PUT|PATCH|DELETE|OPTIONS /a"),
            ["no-effect ‹ANY /a› every method of `ANY /a` has an endpoint of its own"],
        ),
        (
            ("ANY /a/{x}/c", "ANY /a/b/{y}"),
            ["~route-overlap ‹ANY /a/{x}/c› `ANY /a/b/{y}` answers GET /a/b/c, which `ANY /a/{x}/c` matches too"],
        ),
        (("HEAD /a", "GET /a"), ["route-clash ‹HEAD /a› HEAD requests are answered by `GET /a` too, such as HEAD /a"]),
        (("HEAD /a",), []),
        (
            ("GET /a/{x}/c", "GET /a/b/{y}"),
            ["~route-overlap ‹GET /a/{x}/c› `GET /a/b/{y}` answers GET /a/b/c, which `GET /a/{x}/c` matches too"],
        ),
        (
            ("GET /a/b/{y}", "GET /{k}/b", "GET /{k}/b/c", "GET /a/{x}/e"),
            [
                "~route-overlap ‹GET /{k}/b/c› `GET /a/b/{y}` answers GET /a/b/c, which `GET /{k}/b/c` matches too",
                "~route-overlap ‹GET /a/{x}/e› `GET /a/b/{y}` answers GET /a/b/e, which `GET /a/{x}/e` matches too",
            ],
        ),
        (("GET /{a}/x/{b}", "GET /{a}/x/y", "GET /q/{a}/y/{b}", "GET /q/r/y"), []),
    ],
)
def test_routes(say: Say, keys: tuple[str, ...], said: list[str]) -> None:
    """No two endpoints match the same request equally well; a literal beats a parameter."""
    assert say("\n".join(f"'{key}': {{call: users:/x}}" for key in keys)) == said


def test_reserved_paths(say: Say) -> None:
    """The probes are always there, the documentation unless it is off."""
    routes = "GET /livez: {call: users:/x}\nGET /-/x: {call: users:/x}\nPOST /openapi.json: {call: users:/x}"
    taken = [
        "reserved-path ‹/livez› the program itself answers `/livez`",
        "reserved-path ‹/-/x› the program itself answers `/-/…`",
    ]
    assert say(routes) == [*taken, "reserved-path ‹/openapi.json› the program itself answers `/openapi.json`"]
    assert say(routes, more="server: {docs: false}\n")[:2] == taken


@pytest.mark.parametrize(
    ("endpoint", "more", "said"),
    [
        ("GET /{page}: {call: 'users:/{page}'}", "", "`/livez`, `/readyz`, `/docs`, `/openapi.json`"),
        ("GET /{page}: {call: 'users:/{page}'}", "server: {docs: false}\n", "`/livez`, `/readyz`"),
        ("GET /{a:path}: {call: 'users:/{a:path}'}", "", "`/livez`, `/readyz`, `/-/config`, `/docs`, `/openapi.json`"),
        ("GET /{a}/{b}: {call: 'users:/{a}/{b}'}", "", "`/-/config`"),
        ("GET /{page}: {params: {page: {pattern: '^[a-k]+$'}}, call: 'users:/{page}'}", "", None),
        ("GET /{page}: {params: {page: integer}, call: 'users:/{page}'}", "", None),
        ("GET /x/{page}: {call: 'users:/{page}'}", "", None),
    ],
)
def test_parameters_that_would_take_reserved_paths(say: Say, endpoint: str, more: str, said: str | None) -> None:
    """A parameter never sees the paths of the program; a check says which, unless a schema excludes them."""
    found = [line.partition("answers ")[2] for line in say(endpoint, more=more)]
    assert found == ([] if said is None else [f"{said}, which this path matches too"])


def test_operation_ids(say: Say) -> None:
    """Generated clients name their methods by the operationId."""
    assert say("GET /a: {call: users:/x, operation_id: get}\nGET /b: {call: users:/x, operation_id: get}") == [
        "duplicate-operation-id ‹get› `get` is the operation_id of `GET /a` too"
    ]


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ("params: {id: integer}", []),
        ("params: {id: {type: string, pattern: '^[a-z]+$'}}", []),
        ("params: {idd: integer}", ["unknown-parameter ‹idd› the path has no parameter `idd`"]),
        ("params: {id: {type: integr}}", ["bad-schema ‹integr› there is no type `integr`"]),
        ("params: {id: integr}", ["bad-schema ‹integr› there is no type `integr`"]),
        (
            "params: {id: {type: integer, minLength: 1}}",
            ["bad-schema ‹minLength› `minLength` says nothing about type integer"],
        ),
        ("params: {id: {default: 5}}", ["bad-schema ‹5› a path parameter is always there"]),
        ("query: {page: {type: integer, minimum: 1, default: 0}}", ["bad-schema ‹0› this value must be at least 1"]),
        (
            "query: {q: {pattern: '(?=x)'}}",
            ["bad-schema ‹(?=x)› this pattern cannot be used; look-around and back-references are not supported"],
        ),
        (
            "headers: {x-id: {type: [string]}}",
            ["bad-schema ‹[string]› a parameter is a text, which cannot be read as a list of types"],
        ),
        ("body: {type: object, properties: {a: {typ: string}}}", ["bad-schema ‹typ› JSON Schema has no keyword `typ`"]),
        ("body: {type: object, required: a}", ["bad-schema ‹a› `required` takes a list of different names"]),
    ],
)
def test_declarations(say: Say, declared: str, said: list[str]) -> None:
    """A declaration that would check nothing is an error at the keyword."""
    found = say(f"POST /x/{{id}}:\n  {declared}\n  call: users:/x")
    assert found == said


def test_parameters_without_a_path(say: Say) -> None:
    """A path without parameters has none to declare."""
    assert say("GET /x: {params: {id: integer}, call: users:/x}") == [
        "unknown-parameter ‹id› the path has no parameter `id`"
    ]


def test_body_of_get(say: Say) -> None:
    """A GET request has no body that could be declared."""
    assert say("GET /x: {body: {type: object}, call: users:/x}") == ["body-of-get ‹body› a GET request has no body"]


@pytest.mark.parametrize(
    ("endpoint", "is_told"),
    [
        ("call: users:/users", True),
        ("call: 'users:/users/{id}'", False),
        ("call: 'users:/users/{params.id}'", False),
        ("call: {url: users:/users, query: {all: '{{ params }}'}}", False),
        ("call: {url: users:/users, headers: {x-path: '{{ request.path }}'}}", False),
        ("call: users:/users\n  response: {body: {id: '{{ id }}'}}", False),
        ("fan_out: {a: {fan_out: {b: 'users:/users/{id}'}}}", False),
        ("respond: {body: hello}", False),
    ],
)
def test_path_parameters_that_nobody_reads(say: Say, endpoint: str, is_told: bool) -> None:
    """A parameter that changes nothing was most likely forgotten in a call."""
    found = say(f"GET /users/{{id}}:\n  {endpoint}", unused=True)
    told = [line for line in found if "parameter" in line]
    assert told == ["~unused ‹{id}› nothing reads the path parameter `id`"] * is_told


def test_a_parameter_that_nobody_reads_is_marked_in_the_path(say: Say) -> None:
    """Only the path says it, so it is marked there, and what stands beside it is left out."""
    told = say(
        "GET /a/{id}/{kind}: {call: 'users:/{kind}'}",
        "version: 1\nupstreams: {users: {url: 'https://u.example.com'}}\n",
        unused=True,
    )
    assert told == ["~unused ‹{id}› nothing reads the path parameter `id`"]

"""What the client sent and nobody can use is its mistake: 400, the input by its name, and no word of an upstream."""

from __future__ import annotations

import httpx
import pytest

NOT_SENT = "GET /x: {call: 'a:/x/{query.a}'}"


@pytest.mark.parametrize(
    ("endpoint", "request_", "detail"),
    [
        (
            "GET /x: {call: 'a:/x/{query.a}'}",
            ("GET", "/x?a=1&a=2", None),
            "The query parameter `a` does not fit: `{query.a}` in a URL is an array, not text or a number.",
        ),
        (
            "GET /x: {call: 'a:/x?b={query.a}'}",
            ("GET", "/x", None),
            "The query parameter `a` does not fit: `{query.a}` in a URL is missing.",
        ),
        (
            "GET /x: {call: {url: a:/x, headers: {x-a: 'is {{ query.a }}'}}}",
            ("GET", "/x?a=1%0d%0ax-evil:1", None),
            "The query parameter `a` does not fit: a header value cannot hold a line break or another control character.",
        ),
        (
            "GET /x/{id}: {call: {url: a:/x, headers: {x-id: '{{ id }}'}}}",
            ("GET", "/x/1%0A", None),
            "The path parameter `id` does not fit: a header value cannot hold a line break or another control character.",
        ),
        (
            'GET /x: {call: {url: a:/x, query: {n: "{{ query.a | int + 1 }}"}}}',
            ("GET", "/x?a=abc", None),
            "The query parameter `a` does not fit: ",
        ),
        (
            "GET /x: {call: {url: a:/x, query: {n: '{{ body }}'}}}".replace("GET", "POST"),
            ("POST", "/x", {"a": 1}),
            "The request body does not fit: 'n' needs a single value, not an object.",
        ),
        (
            "POST /x: {call: 'POST a:/x/{body.id}'}",
            ("POST", "/x", {"name": "n"}),
            "The field `id` of the request body does not fit: `{body.id}` in a URL is missing.",
        ),
        (
            "POST /x: {fan_out: {x: {url: a:/x, when: '{{ body.n > 3 }}'}}}",
            ("POST", "/x", {"n": "many"}),
            "The field `n` of the request body does not fit: ",
        ),
        (
            "POST /x: {fan_out: {x: {url: 'a:/x/{item.id}', for_each: '{{ body.lines }}'}}}",
            ("POST", "/x", {"lines": [{"id": 1}, {}]}),
            "The field `lines` of the request body does not fit: `{item.id}` in a URL is missing.",
        ),
        (
            "POST /x: {fan_out: {x: {url: 'a:/x/{item}', for_each: '{{ body.lines }}'}}}",
            ("POST", "/x", {"lines": {"id": 1}}),
            "The field `lines` of the request body does not fit: `for_each` of 'x' needs a list.",
        ),
        (
            "POST /x: {fan_out: {x: {url: 'a:/x/{item}', for_each: {in: '{{ body }}', max_items: 1}}}}",
            ("POST", "/x", [1, 2]),
            "The request body does not fit: `for_each` of 'x' takes 1 items, and there are 2.",
        ),
        (
            "POST /x: {fan_out: {x: {url: 'a:/x', for_each: {in: '{{ body }}', key: '{{ item.k }}'}}}}",
            ("POST", "/x", [{}]),
            "The request body does not fit: An item of 'x' has no key.",
        ),
        (
            "GET /x: {respond: {body: 1, headers: {x-a: '{{ query.a }}'}}}",
            ("GET", "/x?a=1%0a", None),
            "The query parameter `a` does not fit: a header value cannot hold a line break or another control character.",
        ),
        (
            "GET /x: {call: {url: a:/gone, status_map: {404: {status: 404, headers: {x-a: '{{ query.a }}'}}}}}",
            ("GET", "/x?a=1%0a", None),
            "The query parameter `a` does not fit: a header value cannot hold a line break or another control character.",
        ),
        (
            "GET /x: {call: {url: a:/gone, status_map: {404: {status: 404, headers: {set-cookie: 'a={{ query.a }}'}}}}}",
            ("GET", "/x?a=1%0a", None),
            "The query parameter `a` does not fit: a header value cannot hold a line break or another control character.",
        ),
        (
            "GET /x: {call: {url: a:/gone, status_map: {404: {status: 404, detail: '{{ query.a + 1 }}'}}}}",
            ("GET", "/x?a=abc", None),
            "The query parameter `a` does not fit: ",
        ),
        (
            "GET /x: {call: a:/x, response: {body: {n: '{{ query.a + 1 }}'}}}",
            ("GET", "/x?a=abc", None),
            "The query parameter `a` does not fit: ",
        ),
        (
            "GET /x: {stream: true, call: 'a:/x/{query.a}'}",
            ("GET", "/x?a=1&a=2", None),
            "The query parameter `a` does not fit: `{query.a}` in a URL is an array, not text or a number.",
        ),
    ],
)
def test_a_mistake_of_the_client_is_400_and_names_the_input(serve, caplog, endpoint, request_, detail):
    """Nobody was called for it, no upstream is blamed, and the log of failures is silent."""
    gateway = serve(
        f"endpoints:\n  {endpoint}", lambda sent: httpx.Response(404 if sent.url.path == "/gone" else 200, json={})
    )
    method, path, body = request_
    answer = gateway.ask(method, path, json=body) if method == "POST" else gateway.get(path)
    problem = answer.json()
    assert (answer.status_code, problem["cause"]) == (400, "input"), problem
    assert problem["detail"].startswith(detail), problem["detail"]
    assert "upstream" not in problem
    assert "502" not in caplog.text
    assert "Answered with a failure" not in caplog.text


@pytest.mark.parametrize(
    "call",
    [
        "'b:/x/{one.id}'",
        "{url: b:/x, headers: {x-a: '{{ one.name }} {{ query.a }}'}}",
        "'b:/x/{calls.one.status}/{one.id}'",
    ],
)
def test_a_mistake_of_an_upstream_is_not_the_clients(serve, call):
    """What an upstream sent and the next call cannot use is 502, also where the client's input stands beside it."""
    gateway = serve(
        f"endpoints: {{GET /x: {{fan_out: {{one: a:/one, two: {call}}}}}}}",
        lambda _: httpx.Response(200, json={"name": "a\nb"}),
    )
    answer = gateway.get("/x?a=1")
    assert (answer.status_code, answer.json()["cause"], answer.json()["part"]) == (502, "expression", "two")
    assert "upstream" not in answer.json()


def test_rows_and_defaults_speak_of_inputs_too(serve):
    """`input` is a cause like others: a row says what it becomes, and what may be absent fails nothing."""
    gateway = serve(
        """
        endpoints:
          GET /row: {call: {url: "a:/{query.a}", status_map: {input: {status: 422, detail: "Say a."}}}}
          GET /optional: {fan_out: {x: {url: "a:/{query.a}", optional: true}}}
        """
    )
    answer = gateway.get("/row")
    assert (answer.status_code, answer.json()["detail"]) == (422, "Say a.")
    assert gateway.get("/optional").json() == {"x": None}

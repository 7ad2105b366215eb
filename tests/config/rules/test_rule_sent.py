"""What is sent and answered: fields of headers, cookies and forms, lists that are joined, texts that nothing escapes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Explain = Callable[[str], list[str]]


def told(explain: Explain, endpoint: str) -> list[str]:
    """Return what is said of an endpoint with these keys, which calls `s`."""
    return explain(f"upstreams: {{s: {{url: 'https://s.example.com'}}}}\nendpoints: {{POST /a: {{{endpoint}}}}}\n")


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        (
            "call: {url: 's:/a', headers: {'a b': c, X: a, x: b, Connection: close, '*': d}}",
            [
                "header-name ‹a b› `a b` cannot be the name of a header → use letters, digits and `-`",
                "header-name ‹x› `x` and `X` are the same header → keep one of the two ‹X› first here",
                "header-name ‹Connection› `Connection` cannot be set: the connection takes care of it → remove it",
                "header-name ‹*› headers are named here, not all of them → name each one",
            ],
        ),
        (
            'call: {url: \'s:/a\', headers: {a: {b: c}, d: [e], f: "g\\nh", i: "{{ body.x }}\\n", j: "k\\x01"}}',
            [
                "header-value ‹{b: c}› the value of a header is text → write text, or `{{ … | tojson }}`",
                "header-value ‹[e]› the value of a header is text → write text, or `{{ … | tojson }}`",
                "header-value ‹g\\nh› a header value cannot hold a line break or another control character → write it on one line; in YAML `>-` and `|-` end without a line break",
                "header-value ‹k\\x01› a header value cannot hold a line break or another control character → remove the character, or encode it, such as `%1B`",
            ],
        ),
        (
            "call: 's:/a', response: {headers: {Set-Cookie: [a=b, \"c=d\\n\", {e: f}], x: [y]}}",
            [
                "header-value ‹c=d\\n› a header value cannot hold a line break or another control character → write it on one line; in YAML `>-` and `|-` end without a line break",
                "header-value ‹{e: f}› the value of a header is text → write text, or `{{ … | tojson }}`",
                "header-value ‹[y]› the value of a header is text → write text, or `{{ … | tojson }}`",
            ],
        ),
        (
            "call: {url: 's:/a', headers: {set-cookie: [a=b]}}",
            ["header-value ‹[a=b]› the value of a header is text → write text, or `{{ … | tojson }}`"],
        ),
        (
            "call: 's:/a', response: {pass_headers: {connection: append, 'a b': append, X-A: append, x-a: min}}",
            [
                "header-name ‹connection› `connection` never passes from an upstream to a client → remove it",
                "header-name ‹a b› `a b` cannot be the name of a header → use letters, digits and `-`",
                "header-name ‹x-a› `x-a` and `X-A` are the same header → keep one of the two ‹X-A› first here",
            ],
        ),
        (
            "call: 's:/a', forward: {headers: [all, te, '*', 'a b', X-Fine], query: ['*', q], deadline: cookie}",
            [
                "header-name ‹te› `te` belongs to the connection with the client and never goes further → remove it",
                "header-name ‹*› `*` is no header → write `all`, or name each one",
                "header-name ‹a b› `a b` cannot be the name of a header → use letters, digits and `-`",
                "bad-name ‹*› `*` is no query parameter → write `query: all`, or name each one",
                "header-name ‹cookie› `cookie` says something else → write a header of your own, such as `x-request-deadline`",
            ],
        ),
        (
            "call: 's:/a', response: {set_cookies: [{name: 'a b', value: x}, {name: c, value: {d: e}}, {name: f, value: g, path: '/;x', domain: \"ü\"}, {name: h, value: i, path: /x, domain: x.com}]}",
            [
                "cookie ‹a b› `a b` cannot be the name of a cookie → use letters, digits and `-`",
                "cookie ‹{d: e}› the value of a cookie is text → write text, or `{{ … | tojson }}`",
                "cookie ‹/;x› `path` has a character that ends it → remove it",
                "cookie ‹ü› `domain` has a character that ends it → remove it",
            ],
        ),
        (
            "respond: {body: 1, set_cookies: [{name: 'a b', value: x}], headers: {te: x}}",
            [
                "cookie ‹a b› `a b` cannot be the name of a cookie → use letters, digits and `-`",
                "header-name ‹te› `te` cannot be set: the connection takes care of it → remove it",
            ],
        ),
        (
            "call: 's:/a', status_map: {404: {headers: {te: x, 'a b': c}}}",
            [
                "header-name ‹te› `te` cannot be set: the connection takes care of it → remove it",
                "header-name ‹a b› `a b` cannot be the name of a header → use letters, digits and `-`",
            ],
        ),
    ],
)
def test_fields_that_http_does_not_know(explain: Explain, endpoint: str, said: list[str]) -> None:
    """A name is a token and stands once; a value is text on one line; what is the connection's is left to it."""
    assert told(explain, endpoint) == said


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        (
            "call: {url: 'GET s:/a', json: {}}",
            [
                "~body-of-get ‹json› a GET request with a body is refused or misread by many servers → write `method: POST`"
            ],
        ),
        (
            "call: {url: 's:/a', json: {}, forward: {body: true}}",
            ["call-body ‹true› the call has `json` and passes the client's body on → leave one of the two out"],
        ),
        (
            "call: {url: 'POST s:/a', body: x}",
            [
                "~no-content-type ‹body› the upstream is not told what kind of text this is → add `headers: {content-type: text/plain}`"
            ],
        ),
        (
            "call: {url: 'POST s:/a', body: '{{ body }}'}",
            [
                "~no-content-type ‹body› the upstream is not told what kind of text this is → add `headers: {content-type: text/plain}`, or write `json` in place of `body` for data"
            ],
        ),
        ("call: {url: 'POST s:/a', body: x, headers: {Content-Type: text/plain}}", []),
        ("call: {url: 's:/{body.x}', raw_path: true}", []),
        ("call: {url: 's:/a', max_body: 8MiB}", []),
        (
            "call: {url: 's:/a', max_body: 8193KiB}",
            [
                "no-effect ‹8193KiB› no more than 8MiB is taken from this upstream → raise `max_body` of the upstream, or of `client`, instead"
            ],
        ),
        (
            "call: {url: 's:/a', form: {a: 1, b: [1, [2]], c: {d: 1}}}",
            [
                "call-body ‹[2]› a field of a form is a text, a number or a boolean → write text, or `{{ … | tojson }}`",
                "call-body ‹{d: 1}› a field of a form is a text, a number or a boolean → write text, or `{{ … | tojson }}`",
            ],
        ),
        (
            "call: {url: 's:/a', query: {a: 1, b: [1, {c: 2}], c: {d: 1}}}",
            [
                "query-value ‹{c: 2}› a query parameter is a text, a number or a boolean → write text, or `{{ … | tojson }}`",
                "query-value ‹{d: 1}› a query parameter is a text, a number or a boolean → write text, or `{{ … | tojson }}`",
            ],
        ),
        (
            "call: {url: 's:/a', multipart: {a: [{content: x, content_type: image}, {content: x, content_type: image/png}], b: {content: x, content_type: '{{ body.t }}'}, c: {content_type: x}, d: {content: x, content_type: 5}}}",
            [
                "call-body ‹image› this is not a media type → write it like `image/png`",
                "call-body ‹5› this is not a media type → write it like `image/png`",
            ],
        ),
        (
            "call: {url: 's:/a?x=1&y%20z=2', query: {x: 1, 'y z': 2, w: 3}}",
            [
                "two-values ‹x› `x` is in the URL and in `query` → say it in one of the two; a list in `query` sends it several times",
                "two-values ‹y z› `y z` is in the URL and in `query` → say it in one of the two; a list in `query` sends it several times",
            ],
        ),
        (
            "call: {url: 'PUT s:/a', method: POST}",
            ["two-methods ‹POST› the URL says PUT and `method` says POST → leave one of them out"],
        ),
    ],
)
def test_bodies_of_calls(explain: Explain, endpoint: str, said: list[str]) -> None:
    """One body, of a type that the upstream is told, whose fields are single values."""
    assert told(explain, endpoint) == said


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        (
            "respond: {body: '<b>{{ body.x }}</b>', headers: {content-type: text/html}}",
            [
                "~unescaped ‹{{ body.x }}› this is written into markup as it is, and can add to it → end it with `| xml_escape`"
            ],
        ),
        (
            "respond: {body: '<b>{{ body.x | xml_escape }}{{ body.n | int }}</b>', headers: {Content-Type: text/html}}",
            [],
        ),
        ("respond: {body: '<b>{{ body.x }}</b>'}", []),
        ("respond: {body: '<b>{{ body.x }}</b>', headers: {content-type: text/plain}}", []),
        (
            'respond: {body: \'{"a": {{ body.x }}, "b": {{ body.x | tojson }}, "c": {{ body.x }}}\', headers: {content-type: application/json}}',
            [
                "~unescaped ‹{{ body.x }}› this is written into JSON as it is, and can add to it → end it with `| tojson`, without quotes around it, or say the body as a mapping",
                "~unescaped ‹{{ body.x }}› this is written into JSON as it is, and can add to it → end it with `| tojson`, without quotes around it, or say the body as a mapping",
            ],
        ),
        (
            "call: {url: 'POST s:/a', body: '{\"a\": {{ body.x }}}', headers: {content-type: application/json}}",
            [
                "~unescaped ‹{{ body.x }}› this is written into JSON as it is, and can add to it → end it with `| tojson`, without quotes around it, or say the body as `json`"
            ],
        ),
        (
            "call: {url: 'POST s:/a', body: 'a={{ body.x }}&b={{ body.y | urlencode }}', headers: {content-type: application/x-www-form-urlencoded}}",
            [
                "~unescaped ‹{{ body.x }}› this is written into a form as it is, and can add to it → end it with `| urlencode`, or say the body as `form`"
            ],
        ),
        (
            "call: {url: 'POST s:/a', body: 'a={{ body.x }}&b=c', headers: {content-type: '{{ body.t }}'}}",
            [
                "~unescaped ‹{{ body.x }}› this is written into a form as it is, and can add to it → end it with `| urlencode`, or say the body as `form`"
            ],
        ),
        ("call: {url: 'POST s:/a', body: '{{ body.x }}', headers: {content-type: text/html}}", []),
        (
            "call: {url: 's:/a', json: {query: 'query { a(id: {{ body.x }}) { b } }'}}",
            [
                "~unescaped ‹{{ body.x }}› this is written into an operation of GraphQL as it is, and can add to it → name it there, such as `$id`, and write its value under `variables` beside it; `graphql` of a call has both"
            ],
        ),
        ("call: {url: 's:/a', json: {query: 'what is {{ body.x }}'}}", []),
        ("call: {url: 's:/a', query: {query: '{ a(id: {{ body.x | tojson }}) }'}}", []),
        (
            "call: {url: 's:/a', form: {query: 'mutation { a(id: {{ body.x }}) }'}}",
            [
                "~unescaped ‹{{ body.x }}› this is written into an operation of GraphQL as it is, and can add to it → name it there, such as `$id`, and write its value under `variables` beside it; `graphql` of a call has both"
            ],
        ),
    ],
)
def test_texts_into_which_anybody_writes(explain: Explain, endpoint: str, said: list[str]) -> None:
    """An expression ends with what keeps it in its place, in markup, JSON, a form or an operation."""
    assert told(explain, endpoint) == said


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("fan_out: {o: 's:/o', u: 's:/u'}, response: {join: [{left: 'o[].id', right: 'u[].id', into: user}]}", []),
        (
            "fan_out: {o: 's:/o', u: 's:/u'}, response: {join: [{left: 'x[].id', right: 'u[].id', into: user}]}",
            ["unknown-list ‹x› the answer has no `x` → known here: o, u"],
        ),
        (
            "fan_out: {o: 's:/o', u: 's:/u'}, response: {join: [{left: 'o[].id', right: 'us[].id', into: user}]}",
            ["unknown-list ‹us› the answer has no `us` → known here: o, u"],
        ),
        (
            "fan_out: {o: 's:/o', u: 's:/u'}, response: {join: [{left: 'o[].id', right: '[].id', into: user}]}",
            [
                "unknown-list ‹[].id› the answer has a list under a name, so it is none itself → name the list that is looked up: `users[].id`"
            ],
        ),
        (
            "fan_out: {o: 's:/o', u: 's:/u'}, response: {join: [{left: '[].id', right: 'u[].id', into: user}]}",
            [
                'unknown-list ‹[].id› the answer is an object, not a list → name the list: `orders[].id`; or make it the answer: `body: "{{ orders }}"`'
            ],
        ),
        (
            "fan_out: {o: 's:/o', u: 's:/u'}, response: {join: [{left: 'o', right: 'u[', into: user}]}",
            [
                "bad-path ‹o› this leads to a key in the items of one list → write it like `orders[].product_id`, or `[].product_id` where the answer is the list",
                "bad-path ‹u[› this leads to a key in the items of one list → write it like `orders[].product_id`, or `[].product_id` where the answer is the list",
            ],
        ),
        (
            "fan_out: {o: 's:/o', u: 's:/u'}, response: {body: {a: '{{ o }}'}, join: [{left: 'o[].id', right: 'u[].id', into: user}]}",
            ["unknown-list ‹o› the answer has no `o` → known here: a"],
        ),
        (
            "fan_out: {o: 's:/o', u: 's:/u'}, response: {body: '{{ o }}', join: [{left: '[].id', right: 'u[].id', into: user}]}",
            [],
        ),
        (
            "call: 's:/a', response: {merge: error}",
            ["no-effect ‹merge› `merge` has no effect without a `fan_out` → remove it"],
        ),
        (
            "fan_out: {o: 's:/o', u: 's:/u'}, response: {merge: error, body: {a: 1}}",
            ["no-effect ‹merge› `merge` has no effect beside `body`, which says how the parts become one → remove it"],
        ),
        (
            "fan_out: {o: {url: 's:/o', group: x.y}, u: {url: 's:/u', group: x.z}, w: {url: 's:/w', group: v}}, response: {merge: error}",
            ["name-clash ‹x.z› `o` and `u` both put their result under `x` → rename one of the two ‹x.y› first here"],
        ),
        (
            "call: {url: 's:/a', allow: [a], deny: [b], rename: {a: b, c: b}, target: 'a[', group: 'a..b', select: '$.a'}",
            [
                "no-effect ‹deny› `deny` has no effect beside `allow`, which keeps only what it names → remove `deny` ‹allow› what is kept",
                "bad-path ‹{a: b, c: b}› `a` and `c` both become `b` → give each a name of its own",
                "bad-path ‹[› a path separates names with dots; quote names that hold . [ ] * or quotes → write it like `address.city` or `items[].sku`",
                "bad-path ‹.b› a path needs a name here → write it like `address.city` or `items[].sku`",
                "bad-path ‹$.a› this is not a JMESPath query → write `a`",
            ],
        ),
    ],
)
def test_lists_that_are_joined(explain: Explain, endpoint: str, said: list[str]) -> None:
    """Both lists are there, in the answer or among the parts, and have a key."""
    assert told(explain, endpoint) == said

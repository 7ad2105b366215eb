"""What is marked of a long name: all up to the step that is wrong, and no step further."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Explain = Callable[[str], list[str]]
DECLARED = (
    "auth: people, query: {page: integer}, cookies: {session: string}, headers: {x_known: string}, "
    "body: {type: object, properties: {email: {type: string}}}"
)


def told(explain: Explain, call: str) -> list[str]:
    """Return what is said of an endpoint with inputs, a part `a` and one more with the settings of *call*."""
    return explain(
        "auth: {people: {jwt: {issuer: 'https://id.example.com', audience: shop}}}\n"
        "upstreams: {s: {url: 'https://s.example.com'}}\n"
        f"endpoints: {{'POST /x/{{id}}': {{{DECLARED}, fan_out: {{a: 's:/a/{{id}}', b: {{{call}}}}}}}}}\n"
    )


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            "url: 's:/b', json: {x: \"{{ cookies.sesion.x.y }}\"}",
            ["unknown-field ‹cookies.sesion› the cookie `sesion` is not declared → did you mean `session`?"],
        ),
        ("url: 's:/b', json: {x: \"{{ cookies.session.x }}\"}", []),
        (
            "url: 's:/b', json: {x: \"{{ query.pag.x.y }}\"}",
            ["unknown-field ‹query.pag› the query parameter `pag` is not declared → did you mean `page`?"],
        ),
        (
            "url: 's:/b', json: {x: \"{{ body.emial.x.y }}\"}",
            ["~unknown-field ‹body.emial› the declared body has no property `emial` → did you mean `email`?"],
        ),
        ("url: 's:/b', json: {x: \"{{ body.other.x }}\"}", []),
        (
            "url: 's:/b', json: {x: \"{{ auth.sub.x.y }}\"}",
            ["unknown-field ‹auth.sub› `auth` has no field `sub` → did you mean `subject`?"],
        ),
        ("url: 's:/b', json: {x: \"{{ auth.claims.x.y }}\"}", []),
        (
            "url: 's:/b', json: {x: \"{{ request.mehtod.x.y }}\"}",
            ["unknown-field ‹request.mehtod› `request` has no field `mehtod` → did you mean `method`?"],
        ),
        (
            "url: 's:/b', json: {x: \"{{ request.tls.clent.x.y }}\"}",
            ["unknown-field ‹request.tls.clent› `request.tls` has no field `clent` → did you mean `client`?"],
        ),
        (
            "url: 's:/b', json: {x: \"{{ request.tls.client.subjct.x.y }}\"}",
            [
                "unknown-field ‹request.tls.client.subjct› `request.tls.client` has no field `subjct` → did you mean `subject`?"
            ],
        ),
        (
            "url: 's:/b', json: {x: \"{{ request.tls.x }}\"}",
            ["unknown-field ‹request.tls.x› `request.tls` has no field `x` → it has `client`"],
        ),
        (
            "url: 's:/b', json: {x: \"{{ params.idd.x }}\"}",
            ["unknown-field ‹params.idd› `params` has no field `idd` → did you mean `id`?"],
        ),
        ("url: 's:/b', json: {x: \"{{ params.id }}\"}", []),
        (
            "url: 's:/b', json: {x: \"{{ id.x.y }}\"}",
            ["unknown-field ‹id.x.y› the path parameter `id` is a single value without fields → write `id`"],
        ),
        (
            "url: 's:/b', json: {x: \"{{ now.x.y }}\"}",
            ["unknown-field ‹now.x› `now` is a text without fields → write `now | datetime('%Y')` for a piece of it"],
        ),
        (
            "url: 's:/b', json: {x: \"{{ headers.Accept.x.y }}\"}",
            ["header-name ‹headers.Accept› headers are read in lower case → write `headers.accept`"],
        ),
        (
            "url: 's:/b', json: {x: \"{{ headers.x_id.y.z }}\"}",
            [
                "~header-name ‹headers.x_id› the header `x_id` has an underscore, which names of headers do not have → write `headers['x-id']`"
            ],
        ),
        ("url: 's:/b', json: {x: \"{{ headers.x_known }}\"}", []),
        (
            "url: 's:/b', json: {x: \"{{ calls.c.body.x }}\"}",
            ["unknown-name ‹calls.c› there is no call `c` here → the parts are a, b"],
        ),
        (
            "url: 's:/b', json: {x: \"{{ calls.a.bdy.x.y }}\"}",
            ["unknown-field ‹calls.a.bdy› `calls.a` has no field `bdy` → did you mean `body`?"],
        ),
        ("url: 's:/b', json: {x: \"{{ calls.a.body.x.y }}\"}", []),
        (
            "url: 's:/b', json: {x: \"{{ calls.a.headers.X.y }}\"}",
            ["header-name ‹calls.a.headers.X› headers are read in lower case → write `calls.a.headers.x`"],
        ),
        (
            "url: 's:/b', json: {x: \"{{ calls.a.headers.x_y.z }}\"}",
            [
                "~header-name ‹calls.a.headers.x_y› the header `x_y` has an underscore, which names of headers do not have → write `calls.a.headers['x-y']`"
            ],
        ),
        ("url: 's:/b', json: {x: \"{{ calls.a.status }}\"}", []),
        ("url: 's:/b', json: {x: \"{{ a.x.y.z }}\"}", []),
        (
            "url: 's:/b', json: {x: \"{{ nothing.x.y }}\"}",
            [
                "unknown-name ‹nothing› there is no `nothing` here → known here: a, b, id, query, headers, cookies, body, request, params, now, auth, calls"
            ],
        ),
        (
            "url: 's:/b', json: {x: \"{{ item.x.y }}\"}",
            [
                "unknown-name ‹item› there is no `item` here: it is known only in a call with `for_each` → name one by its number, such as `lines[0]`, or add `for_each`"
            ],
        ),
        (
            "url: 's:/b/{headers.x_id}'",
            [
                "~header-name ‹headers.x_id› the header `x_id` has an underscore, which names of headers do not have → write `{headers.x-id}`"
            ],
        ),
        (
            "url: 's:/b/{calls.a.headers.x_id}'",
            [
                "~header-name ‹calls.a.headers.x_id› the header `x_id` has an underscore, which names of headers do not have → write `{calls.a.headers.x-id}`"
            ],
        ),
        (
            "url: 's:/b/{query.pag}'",
            ["unknown-field ‹query.pag› the query parameter `pag` is not declared → did you mean `page`?"],
        ),
        (
            "url: 's:/b/{calls.a.bdy.x}'",
            ["unknown-field ‹calls.a.bdy› `calls.a` has no field `bdy` → did you mean `body`?"],
        ),
        (
            "url: 's:/b/{body}'",
            ["not-a-value ‹body› `{body}` is not a single value → name one field of it, such as `{body.…}`"],
        ),
        (
            "url: 's:/b/{calls.a}'",
            ["not-a-value ‹calls.a› `{calls.a}` is not a single value → name one field of it, such as `{calls.a.…}`"],
        ),
        (
            "url: 's:/b/{calls.a.headers}'",
            [
                "not-a-value ‹calls.a.headers› `{calls.a.headers}` is not a single value → name one field of it, such as `{calls.a.headers.…}`"
            ],
        ),
        ("url: 's:/b/{calls.a.body.x}'", []),
        (
            "url: 's:/b/{calls.a.cookies}'",
            [
                "not-a-value ‹calls.a.cookies› `{calls.a.cookies}` is not a single value → name one field of it, such as `{calls.a.cookies.…}`"
            ],
        ),
        (
            "url: 's:/b', select: '{{ this.bdy.x.y }}'",
            ["unknown-field ‹this.bdy› `this` has no field `bdy` → did you mean `body`?"],
        ),
        (
            "url: 's:/b', select: '{{ this.headers.X.y }}'",
            ["header-name ‹this.headers.X› headers are read in lower case → write `this.headers.x`"],
        ),
        (
            "url: 's:/b', success: {when: '{{ this.headers.x_y.z }}'}",
            [
                "~header-name ‹this.headers.x_y› the header `x_y` has an underscore, which names of headers do not have → write `this.headers['x-y']`"
            ],
        ),
        ("url: 's:/{item.x}', for_each: {in: '{{ a.list }}'}", []),
        (
            "url: 's:/{item.x}/{index.y.z}', for_each: {in: '{{ a.list }}'}",
            ["unknown-field ‹index.y.z› `index` is a single value without fields → write `index`"],
        ),
    ],
)
def test_the_mark_ends_at_the_step_that_is_wrong(explain: Explain, call: str, said: list[str]) -> None:
    """What is behind that step says nothing of what is wrong."""
    assert told(explain, call) == said

"""What is wrong with a call of a group is said where the group stands, and at none of the endpoints that use it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Say = Callable[..., list[str]]
USES = "{fan_out: {use: g, own: 'users:/{id}'}}"
SENT_TWICE = "a call has no budget of its own: all calls to its upstream share one"
NOT_JUDGED = "no call has `success.when`, and none is GraphQL"
IS_WRITTEN = "this is written into an operation of GraphQL as it is, and can add to it"


PROBLEMS = [
    ("{url: 'own:/a'}", "unknown-upstream ‹own› there is no upstream `own`"),
    ("{url: 'POST shop:/a', method: PUT}", "two-methods ‹PUT› the URL says POST and `method` says PUT"),
    ("{url: 'shop:/a?x=1', query: {x: 2}}", "two-values ‹x› `x` is in the URL and in `query`"),
    ("{url: 'shop:/{query}'}", "not-a-value ‹query› `{query}` is not a single value"),
    ("{url: 'shop:/{request.foo}'}", "unknown-field ‹request.foo› `request` has no field `foo`"),
    ("{url: 'shop:/{now.x}'}", "unknown-field ‹now.x› `now` is a text without fields"),
    ("{url: 'shop:/{headers.X-Id}'}", "header-name ‹headers.X-Id› headers are read in lower case"),
    (
        "{url: 'shop:/{item}'}",
        "unknown-name ‹item› there is no `item` here: it is known only in a call with `for_each`",
    ),
    ("{url: 'shop:/a', select: '{{ this.foo }}'}", "unknown-field ‹this.foo› `this` has no field `foo`"),
    ("{url: 'shop:/a', select: 'a['}", "bad-path ‹a[› this is not a JMESPath query"),
    ("{url: 'shop:/a', success: {status: []}}", "bad-status ‹[]› no status would be a success"),
    (
        "{url: 'shop:/a', success: {status: [600]}}",
        "bad-status ‹600› this is not a status or a class of statuses",
    ),
    (
        "{choose: [{url: 'shop:/b', weight: 1}]}",
        "bad-choose ‹[{url: 'shop:/b', weight: 1}]› there is nothing to choose",
    ),
    (
        "{url: 'shop:/a', sticky: '{{ headers.x }}'}",
        "no-effect ‹sticky› the key `sticky` has no effect without `choose`",
    ),
    (
        "{url: 'shop:/a', headers: {upgrade: x}}",
        "header-name ‹upgrade› `upgrade` cannot be set: the connection takes care of it",
    ),
    (
        "{url: 'shop:/a', headers: {authorization: 'Bearer abcdefghijkl'}}",
        "~literal-secret ‹Bearer abcdefghijkl› this looks like a secret, and everybody who reads the file can see it",
    ),
    (
        "{url: 'shop:/a', forward: {headers: [te]}}",
        "header-name ‹te› `te` belongs to the connection with the client and never goes further",
    ),
    (
        "{url: 'shop:/a', forward: {auth: true, headers: [authorization]}}",
        "credentials-twice ‹authorization› `auth: true` passes on the credential already, in the header that it came in",
    ),
    ("{url: 'shop:/a', forward: {query: ['*']}}", "bad-name ‹*› `*` is no query parameter"),
    ("{url: 'shop:/a', max_body: 9MiB}", "no-effect ‹9MiB› no more than 8MiB is taken from this upstream"),
    ("{url: 'shop:/a', raw_path: true}", "no-effect ‹raw_path› no value stands in the path of this URL"),
    (
        "{url: 'shop:/a', method: GET, json: {a: 1}}",
        "~body-of-get ‹json› a GET request with a body is refused or misread by many servers",
    ),
    (
        "{url: 'POST shop:/a', body: hello}",
        "~no-content-type ‹body› the upstream is not told what kind of text this is",
    ),
    (
        "{url: 'POST shop:/a', form: {a: {b: 1}}}",
        "call-body ‹{b: 1}› a field of a form is a text, a number or a boolean",
    ),
    (
        "{url: 'POST shop:/a', multipart: {a: {content: x, content_type: image}}}",
        "call-body ‹image› this is not a media type",
    ),
    (
        "{url: 'shop:/a', query: {a: {b: 1}}}",
        "query-value ‹{b: 1}› a query parameter is a text, a number or a boolean",
    ),
    (
        "{url: 'POST shop:/a', headers: {content-type: text/html}, body: '<b>{{ query.x }}</b>'}",
        "~unescaped ‹{{ query.x }}› this is written into markup as it is, and can add to it",
    ),
    (
        "{url: 'shop:/a', json: {query: '{a(id: {{ query.x }}) }'}}",
        f"~unescaped ‹{{{{ query.x }}}}› {IS_WRITTEN}",
    ),
    ("{url: 'shop:/a', timeout: {connect: 1s}}", "no-effect ‹connect› a call has no `connect` limit of its own"),
    ("{url: 'shop:/a', retry: {attempts: 3, budget: 10%}}", f"no-effect ‹budget› {SENT_TWICE}"),
    ("{url: 'shop:/a', hedge: {after: 10ms, budget: 10%}}", f"no-effect ‹budget› {SENT_TWICE}"),
    (
        "{url: 'shop:/a', method: POST, retry: {attempts: 3}}",
        "bad-retry ‹retry› no retry can happen: a POST is not sent twice",
    ),
    (
        "{url: 'shop:/a', hedge: {after: 10s}, timeout: 10s}",
        "bad-hedge ‹10s› no hedge can happen: it comes after 10s, and the call has 10s",
    ),
    (
        "{url: 'shop:/a', idempotent: true}",
        "no-effect ‹idempotent› `idempotent` has no effect: the call is sent once",
    ),
    (
        "{url: 'POST shop:/a', redirects: 2}",
        "~no-effect ‹redirects› no redirect is followed for POST, which must not be sent twice",
    ),
    (
        "{url: 'POST shop:/a', cache: 10s}",
        "unsafe-cache ‹cache› POST changes something, so its replies are not kept",
    ),
    (
        "{url: 'POST shop:/a', coalesce: true}",
        "unsafe-cache ‹coalesce› POST changes something, so one call for several requests would lose the others",
    ),
    (
        "{url: 'shop:/a', cache: 10s, query: {x: '{{ request.id }}'}}",
        "moment-in-key ‹request› `request.id` is another one in each request, so nothing that is kept is ever found",
    ),
    (
        "{url: 'shop:/a', cache: {ttl: 10s, shared: true}}",
        "~no-effect ‹shared› `shared` has no effect on one process",
    ),
    (
        "{url: 'shop:/a', last_good: {ttl: 10s, shared: true}}",
        "~no-effect ‹shared› `shared` has no effect on one process",
    ),
    ("{url: 'shop:/a', transform: 'x:y'}", "unknown-plugin ‹x› the plug-in `x` is not declared"),
    ("{url: 'shop:/a', format: json, csv: {}}", "no-effect ‹csv› `csv` has no effect: bodies are read as `json`"),
    ("{url: 'shop:/a', status_map: {2xx: 200}}", "unreachable-row ‹2xx› `2xx` is never a failure"),
    (
        "{url: 'shop:/a', status_map: {any: 500, 404: 404}}",
        "unreachable-row ‹404› no failure reaches this row: `any` above matches everything that `404` does",
    ),
    (
        "{url: 'shop:/a', status_map: [{on: any, status: 500, part: x}]}",
        "no-effect ‹part› `part` has no effect at a call, whose map speaks of that call alone",
    ),
    (
        "{url: 'shop:/a', status_map: {unsuccessful: 500}}",
        f"~unreachable-row ‹unsuccessful› no failure reaches this row: {NOT_JUDGED}",
    ),
    (
        "{url: 'shop:/a', optional: true, status_map: {404: 404}}",
        "~unreachable-row ‹status_map› no failure reaches these rows: `part` is optional",
    ),
    (
        "{url: 'shop:/a', status_map: {404: {headers: {te: x}}}}",
        "header-name ‹te› `te` cannot be set: the connection takes care of it",
    ),
    (
        "{url: 'shop:/a', default: 1}",
        "default-without-optional ‹default› `default` has no effect: `part` fails the answer when it fails",
    ),
    ("{url: 'shop:/a', for_each: '{{ [1] }}'}", "~same-for-each ‹for_each› the call is the same for every item"),
    (
        "{url: 'shop:/a', for_each: {in: '{{ [1] }}', key: '{{ item }}', batch: {key: id}}}",
        "batch-without-keys ‹batch› the batch call does not say which keys it is for",
    ),
    (
        "{url: 'shop:/{keys}', for_each: {in: '{{ [1] }}', key: '{{ item }}', batch: {key: 'a['}}}",
        "bad-path ‹[› a path separates names with dots; quote names that hold . [ ] * or quotes",
    ),
    ("{url: 'shop:/a', needs: [z]}", "unknown-part ‹z› there is no part `z` beside `part`"),
    (
        "{url: 'shop:/a', allow: [a], deny: [b]}",
        "no-effect ‹deny› `deny` has no effect beside `allow`, which keeps only what it names",
    ),
    (
        "{race: ['shop:/a', 'shop:/b'], fallback: ['shop:/c']}",
        "no-effect ‹fallback› `fallback` has no effect beside `race`",
    ),
    ("{fan_out: {y: 'shop:/a'}, headers: {a: b}}", "no-effect ‹headers› `headers` has no effect beside `fan_out`"),
]
"""Calls, and what is said of each in a group."""


@pytest.mark.parametrize(("call", "said"), PROBLEMS)
def test_a_problem_of_a_group_is_told_once(say: Say, call: str, said: str) -> None:
    """Two endpoints use the group, and there is one problem: in the group."""
    groups = f"groups: {{g: {{part: {call}}}}}\n"
    assert say(f"GET /a/{{id}}: {USES}\nGET /b/{{id}}: {USES}", more=groups) == [said]


@pytest.mark.parametrize(("call", "said"), PROBLEMS)
def test_a_group_that_nobody_uses_is_checked(say: Say, call: str, said: str) -> None:
    """What is wrong with it is told before an endpoint uses it."""
    assert say("GET /a: {respond: {body: ok}}", more=f"groups: {{g: {{part: {call}}}}}\n") == [said]


def test_what_only_an_endpoint_knows_is_told_at_each(say: Say) -> None:
    """A name that a group may have from outside is missing in the endpoint that does not have it, beside one that it never has."""
    groups = "groups: {g: {part: 'shop:/{id}/{request.foo}'}}\n"
    assert say("GET /a/{id}: {fan_out: {use: g}}\nGET /b: {fan_out: {use: g}}", more=groups) == [
        "unknown-field ‹request.foo› `request` has no field `foo`",
        "unknown-name ‹g› `part` of group `g`: there is no `id` here",
    ]

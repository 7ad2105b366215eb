"""What tells requests apart and is the same for all of them is a warning, wherever it stands."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Say = Callable[..., list[str]]

_TOGETHER = "this is the same for every request, so all of them are counted together"
_CHOICE = "choose: [{url: 'http://h/a'}, {url: 'http://h/b'}]"
_HOSTS = "hosts: ['http://a', 'http://b']"
_ITEMS = "url: 'http://h/{item.id}', for_each: {in: '{{ body.items }}', key: \"%s\"}"
_SUBJECT = "this is the same for every request, so the answers of all callers count as those of one"
_ITEM = "the key is the same for every item, so one call is made for all of them"
_ONE_URL = "this is the same for every request, so all get one URL"
_ROUTE = "this is the same for every request, so no more than one of the URLs is ever called"
_HOST = "this is the same for every call, so all of them go to one host"
_BREAKER = "this is the same for every call, so all of them are counted together"
_CALLER = "this is the same for every caller, so all of them are one to limits and to answers that are kept"

_ENDPOINT = "upstreams: {u: {url: 'http://u'}}\nendpoints: {POST /x: {%s}}\nstate: ./state\n"
_UPSTREAM = "upstreams: {u: {%s}}\nendpoints: {GET /x: {call: 'u:/a'}}\n"
_SECTION = "%s\nendpoints: {GET /x: {respond: {body: ok}}}\n"
_SCHEME = (
    "upstreams: {u: {url: 'http://u'}}\nauth: {a: {external: {url: 'u:/check', headers: [cookie], subject: \"%s\"}}}\n"
    "endpoints: {GET /x: {auth: a, respond: {body: ok}}}\n"
)

PLACES = [
    ("limit-without-effect", _ENDPOINT % "call: 'u:/a', rate_limit: {rate: 5/m, by: \"%s\"}", _TOGETHER),
    ("limit-without-effect", _ENDPOINT % "call: 'u:/a', concurrency: {limit: 5, by: \"%s\"}", _TOGETHER),
    ("limit-without-effect", _SECTION % "server: {rate_limit: {rate: 5/m, by: \"%s\"}}", _TOGETHER),
    ("limit-without-effect", _SECTION % "server: {concurrency: {limit: 5, by: \"%s\"}}", _TOGETHER),
    ("limit-without-effect", _SECTION % "defaults: {endpoint: {rate_limit: {rate: 5/m, by: \"%s\"}}}", _TOGETHER),
    ("limit-without-effect", _SECTION % "prefixes: {/x: {rate_limit: {rate: 5/m, by: \"%s\"}}}", _TOGETHER),
    ("bad-idempotency", _ENDPOINT % "call: 'u:/a', idempotency: {subject: \"%s\"}", _SUBJECT),
    ("bad-choose", _ENDPOINT % f"call: {{{_CHOICE}, sticky: \"%s\"}}", _ONE_URL),
    ("same-for-each", _ENDPOINT % f"body: {{type: object}}, fan_out: {{a: {{{_ITEMS}}}}}", _ITEM),
    ("bad-route", _UPSTREAM % "route: {by: \"%s\", to: {a: 'http://a', b: 'http://b'}}", _ROUTE),
    ("bad-hosts", _UPSTREAM % f"{_HOSTS}, balance: {{hash: \"%s\"}}", _HOST),
    ("bad-breaker", _UPSTREAM % "url: 'http://u', breaker: {failures: 5, per: \"%s\"}", _BREAKER),
    ("external", _SCHEME, _CALLER),
]  # fmt: skip


@pytest.mark.parametrize(("code", "file", "message"), PLACES)
@pytest.mark.parametrize("constant", ["{{ 'x' }}", "{{ 1 + 1 }}"])
def test_a_key_that_is_the_same_for_all_is_a_warning(
    code: str, file: str, message: str, constant: str, explain: Say
) -> None:
    """It reads nothing, so that everybody shares it."""
    (line,) = explain(file % constant)
    assert line.partition(" → ")[0] == f"~{code} ‹{constant}› {message}"


@pytest.mark.parametrize(("code", "file", "message"), PLACES)
def test_a_key_that_reads_something_is_right(code: str, file: str, message: str, explain: Say) -> None:
    """What differs from request to request, call to call, or item to item."""
    reads = {_ITEM: "{{ item.id }}", _CALLER: "{{ response.headers['x-user'] }}"}
    assert explain(file % reads.get(message, "{{ headers['x-tenant'] }}")) == []


def test_a_subject_without_braces_is_a_warning(explain: Say) -> None:
    """It may be a text, which is the same for every request."""
    (line,) = explain(PLACES[6][1] % "acme")
    assert line.startswith(f"~bad-idempotency ‹acme› {_SUBJECT}")


def test_a_sticky_that_is_nothing_leaves_it_to_chance(explain: Say) -> None:
    """Such a request gets any URL, by the weights."""
    (line,) = explain(PLACES[7][1] % "{{ null }}")
    assert line.startswith("~bad-choose ‹{{ null }}› this is the same for every request, so chance decides")


@pytest.mark.parametrize("per", ["upstream", "host"])
def test_the_words_of_a_breaker_are_no_constants(per: str, explain: Say) -> None:
    """They are documented, and say what they do."""
    assert explain(_UPSTREAM % f"{_HOSTS}, breaker: {{failures: 5, per: {per}}}") == []


def test_a_key_of_a_group_is_told_at_the_group_alone(explain: Say) -> None:
    """Endpoints that take it in do not repeat it."""
    group = f"groups: {{g: {{a: {{{_CHOICE}, sticky: \"{{{{ 'x' }}}}\"}}}}}}\n"
    assert (
        len(explain(f"{group}endpoints: {{GET /x: {{fan_out: {{use: g}}}}, GET /y: {{fan_out: {{use: g}}}}}}\n")) == 1
    )

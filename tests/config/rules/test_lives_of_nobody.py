"""A life that no cache heeds, since `Vary` of the answer is `*`, is told wherever it is declared."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Say = Callable[..., list[str]]

_ALL = "url: 'users:/a', forward: {headers: all}"
_ROW = "status_map: {404: {status: 404, headers: {%s}}}"
_LIFE = "cache-control: max-age=60"
_HEADERS = (
    "~no-effect ‹max-age=60› no cache keeps this for anybody: it depends on all headers, so the answer says `Vary: *`"
)
_CLIENT = _HEADERS.replace("all headers", "the address of the client")


@pytest.mark.parametrize(
    "endpoint",
    [
        f"GET /a: {{call: {{{_ALL}}}, {_ROW % _LIFE}}}",
        f"GET /a: {{call: {{{_ALL}, {_ROW % _LIFE}}}}}",
        f"GET /a: {{fan_out: {{a: {{{_ALL}}}, b: {{url: 'shop:/b', {_ROW % _LIFE}}}}}}}",
        f"GET /a: {{call: {{{_ALL}}}, response: {{headers: {{{_LIFE}}}}}}}",
        f"GET /a: {{call: {{{_ALL}}}, response: {{headers: {{on: always, values: {{{_LIFE}}}}}}}}}",
        f"GET /a: {{call: {{{_ALL}}}, response: {{cache_control: max-age=60}}}}",
        f"GET /a: {{respond: {{body: '{{{{ headers }}}}', headers: {{{_LIFE}}}}}}}",
    ],
)
def test_a_life_of_what_depends_on_all_headers_is_told(endpoint: str, say: Say) -> None:
    """In a row of a status map, of the endpoint or a part, in headers, and in the setting for it."""
    assert say(endpoint) == [_HEADERS]


@pytest.mark.parametrize(
    "endpoint",
    [
        "GET /a: {call: {url: 'users:/a', query: {c: '{{ request.client }}'}}, response: {cache_control: max-age=60}}",
        f"GET /a: {{call: {{url: 'users:/a', query: {{c: '{{{{ request.client }}}}'}}}}, {_ROW % _LIFE}}}",
    ],
)
def test_a_life_of_what_depends_on_the_address_of_the_client_is_told(endpoint: str, say: Say) -> None:
    """No header says it, so that `Vary` cannot name it."""
    assert say(endpoint) == [_CLIENT]


@pytest.mark.parametrize(
    "endpoint",
    [
        f"GET /a: {{call: {{{_ALL}}}, {_ROW % f'{_LIFE}, Vary: accept'}}}",
        f"GET /a: {{call: {{{_ALL}}}, {_ROW % 'cache-control: no-store'}}}",
        f"GET /a: {{call: {{{_ALL}}}, cache: {{ttl: 10s, vary: [accept]}}, {_ROW % _LIFE}}}",
        f"GET /a: {{call: 'users:/a', {_ROW % _LIFE}}}",
        f"POST /a: {{call: {{{_ALL}}}, {_ROW % _LIFE}}}",
        f"GET /a: {{call: 'users:/a', rate_limit: {{rate: 5/s, by: '{{{{ request.client }}}}'}}, {_ROW % _LIFE}}}",
        f"GET /a: {{call: 'users:/a', concurrency: {{limit: 5, by: '{{{{ request.client }}}}'}}, {_ROW % _LIFE}}}",
    ],
)
def test_a_life_that_caches_can_heed_is_right(endpoint: str, say: Say) -> None:
    """`Vary` names what counts, nothing is kept, the answer depends on less, or its method is never cached."""
    assert say(endpoint) == []

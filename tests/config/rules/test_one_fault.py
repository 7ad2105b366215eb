"""One fault is told once, also where two rules find it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Say = Callable[..., list[str]]
KEPT = "state: ./state\n"


def test_redirects_of_a_call_that_is_kept_are_told_once(say: Say) -> None:
    """Which method it has does not matter where no redirect is followed at all."""
    endpoint = """\
POST /a:
  call: users:/a
  background: {url: 'POST shop:/a', durable: true, redirects: 3, headers: {idempotency-key: '{{ request.id }}'}}"""
    said = say(endpoint, more=KEPT)
    assert [line for line in said if "redirect" in line] == [
        "no-effect ‹redirects› `redirects` has no effect on a call that is kept"
    ]


def test_redirects_of_a_message_to_a_broker_are_told_once(say: Say) -> None:
    """A message is no request that could be redirected, whatever its method would be."""
    endpoint = "POST /a: {call: users:/a, background: {url: 'mq:/a', json: '{{ body }}', redirects: 3}}"
    said = say(endpoint, around="version: 1\nupstreams: {users: {url: 'http://users'}, mq: {url: 'nats://mq'}}\n")
    assert [line for line in said if "redirect" in line] == [
        "no-effect ‹redirects› `redirects` has no effect on a broker"
    ]


def test_a_merge_of_a_stream_is_told_once(say: Say) -> None:
    """A `fan_out`, which would give it an effect, cannot be streamed."""
    said = say("GET /a: {stream: true, call: 'users:/a', response: {merge: deep}}")
    assert said == ["stream ‹merge› `merge` has no effect on a stream"]


NEVER = "bad-retry ‹retry› no retry can happen: a POST is not sent twice"


@pytest.mark.parametrize(
    "body",
    [
        "{fan_out: {a: {url: 'POST shop:/a', retry: 3}}}",
        "{call: {url: 'shop:/a', fallback: [{url: 'POST shop:/b', retry: 3}]}}",
        "{fan_out: {a: {race: ['users:/a', {url: 'POST shop:/b', retry: 3}]}}}",
        "{fan_out: {a: {fan_out: {b: {url: 'POST shop:/b', retry: 3}}}}}",
        "{call: 'shop:/a', background: {url: 'POST shop:/b', retry: 3}}",
        "{call: 'shop:/a', background: {fan_out: {b: {url: 'POST shop:/b', retry: 3}}}}",
    ],
)
def test_a_retry_of_a_post_by_its_url_is_told_wherever_the_call_stands(body: str, say: Say) -> None:
    """The method in the URL is one as that of `method` is."""
    assert NEVER in say(f"GET /a: {body}")


@pytest.mark.parametrize("call", ["{url: 'POST shop:/a', retry: 3}", "{url: 'shop:/a', json: {a: 1}, retry: 3}"])
def test_a_retry_of_a_post_in_a_group_is_told_where_the_group_stands(call: str, say: Say) -> None:
    """Neither a method in the URL nor a body of its own depends on who takes the group in."""
    assert say("GET /a: {fan_out: {use: g}}", more=f"groups: {{g: {{a: {call}}}}}\n") == [NEVER]


@pytest.mark.parametrize(
    "body",
    [
        "{forward: {body: true}, call: {url: 'shop:/a', retry: 3}}",
        "{call: {url: 'shop:/a', forward: {body: true}, retry: 3}}",
    ],
)
def test_a_retry_of_a_call_with_the_method_of_the_client_is_told(body: str, say: Say) -> None:
    """Where the body of the client goes along, so does its method."""
    assert NEVER in say(f"POST /a: {body}")
    assert say(f"PUT /a: {body}") == []

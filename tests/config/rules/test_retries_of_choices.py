"""A call that chooses its URL is judged with all of them: what it says itself holds wherever it goes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Say = Callable[..., list[str]]


def _choose(*urls: str, weights: tuple[int, ...] = (), more: str = "retry: 2") -> str:
    choices = ", ".join(
        f"{{url: '{url}', weight: {weight}}}" for url, weight in zip(urls, weights or [1] * len(urls), strict=True)
    )
    return f"POST /a: {{call: {{choose: [{choices}], {more}}}}}"


@pytest.mark.parametrize("urls", [("POST users:/a", "GET shop:/a"), ("GET users:/a", "POST shop:/a")])
@pytest.mark.parametrize("key", ["retry: 2", "hedge: 100ms"])
def test_one_url_that_may_be_called_twice_is_enough(urls: tuple[str, str], key: str, say: Say) -> None:
    """Requests that get it are repeated, whichever stands first."""
    assert say(_choose(*urls, more=key)) == []


@pytest.mark.parametrize("key", ["retry", "hedge"])
def test_urls_of_which_none_may_be_called_twice_are_told_with_their_methods(key: str, say: Say) -> None:
    """Each says why, and the same reason is said once."""
    urls = ("POST users:/a", "PATCH shop:/a", "POST shop:/b")
    value = "2" if key == "retry" else "100ms"
    assert say(_choose(*urls, more=f"{key}: {value}")) == [
        f"bad-{key} ‹{key}› no {key} can happen: a POST is not sent twice and a PATCH is not sent twice"
    ]


def test_a_url_that_no_request_gets_is_not_counted(say: Say) -> None:
    """Its weight takes it out."""
    (line,) = say(_choose("POST users:/a", "GET shop:/a", weights=(1, 0)))
    assert line.startswith("bad-retry ‹retry› no retry can happen: a POST")


def test_the_method_of_a_call_holds_for_all_its_urls(say: Say) -> None:
    """None of them says another one."""
    (line,) = say(_choose("users:/a", "shop:/a", more="retry: 2, method: PATCH"))
    assert line == "bad-retry ‹retry› no retry can happen: a PATCH is not sent twice"


@pytest.mark.parametrize("more", ["idempotent: true", "headers: {idempotency-key: '{{ request.id }}'}"])
def test_what_makes_a_call_repeatable_holds_for_all_its_urls(more: str, say: Say) -> None:
    """It is said once, for wherever the call goes."""
    assert say(_choose("POST users:/a", "POST shop:/a", more=f"retry: 2, {more}")) == []


def test_an_upstream_may_make_its_url_repeatable(say: Say) -> None:
    """One that takes requests twice is enough."""
    around = "version: 1\nupstreams: {users: {url: 'http://u'}, shop: {url: 'http://s', idempotent: true}}\n"
    assert say(_choose("POST users:/a", "POST shop:/a"), around) == []


def test_a_retry_of_another_upstream_gives_idempotent_an_effect(say: Say) -> None:
    """The first one calls once, the second one again."""
    around = "version: 1\nupstreams: {users: {url: 'http://u'}, shop: {url: 'http://s', retry: 2}}\n"
    assert say(_choose("POST users:/a", "POST shop:/a", more="idempotent: true"), around) == []


_SLOW = "retry: {attempts: 3, per_try: 6s}, timeout: 20s"
_HEDGED = "hedge: 2s"


@pytest.mark.parametrize("own", ["retry: none", "retry: 1"])
def test_the_retry_of_an_upstream_is_not_judged_where_the_call_has_its_own(own: str, say: Say) -> None:
    """Neither with the first URL nor with another."""
    around = f"version: 1\nupstreams: {{users: {{url: 'http://u'}}, shop: {{url: 'http://s', {_SLOW}}}}}\n"
    urls = ("GET users:/a", "GET shop:/a")
    assert say(_choose(*urls, more=f"timeout: 5s, {own}"), around) == []
    assert len(say(_choose(*urls, more="timeout: 5s"), around)) == 1


def test_the_hedge_of_an_upstream_is_not_judged_where_the_call_has_its_own(say: Say) -> None:
    """Neither with the first URL nor with another."""
    around = f"version: 1\nupstreams: {{users: {{url: 'http://u'}}, shop: {{url: 'http://s', {_HEDGED}}}}}\n"
    urls = ("GET users:/a", "GET shop:/a")
    assert say(_choose(*urls, more="timeout: 1s, hedge: none"), around) == []
    assert len(say(_choose(*urls, more="timeout: 1s"), around)) == 1


def test_the_url_with_the_least_time_decides_about_attempts(say: Say) -> None:
    """The time of the second upstream is too short for them."""
    around = "version: 1\nupstreams: {users: {url: 'http://u'}, shop: {url: 'http://s', timeout: 2s}}\n"
    urls = ("GET users:/a", "GET shop:/a")
    lines = say(_choose(*urls, more="retry: {attempts: 3, per_try: 2s}"), around)
    assert [line.partition(" ")[0] for line in lines] == ["~bad-retry"]

"""What every answer carries is made once for each origin, and is then the same as if it were made each time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.edge.cors import Cors
from aggregator.exchange import Exchange
from aggregator.http import HeaderList
from aggregator.plan.edge import EdgePlan
from aggregator.runtime.answers.answer import Answer, Tail
from aggregator.runtime.finish import building, headers
from aggregator.runtime.finish.building import compile_finish
from aggregator.runtime.finish.headers import AddedHeaders, Carried, CorsHeaders, FixedHeaders

SHOP, EVIL = b"https://shop.example.com", b"https://evil.example.net"
CORS = Cors(("https://shop.example.com", "https://*.preview.example.com"), expose=("x-made",), credentials=True)
FIXED = ((b"x-served-by", b"aggregator"), (b"vary", b"Accept"), (b"access-control-max-age", b"1"))
ADDED = ((b"link", b"</v2>"),)
STEPS = (CorsHeaders(CORS), FixedHeaders(FIXED), AddedHeaders(ADDED))
NAMES = [b"content-type", b"x-served-by", b"vary", b"access-control-allow-origin", b"access-control-other", b"link"]
HEADERS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from([b"a", b"b"])), max_size=4)
ORIGINS = st.sampled_from([None, SHOP, EVIL, b"https://a.preview.example.com", b"null", b""])


def asking(origin: bytes | None) -> Exchange:
    """Return a request of a page of *origin*."""
    return Exchange("GET", "/", b"", [] if origin is None else [(b"host", b"a"), (b"origin", origin)])


def lines(answer: Answer) -> bytes:
    """Return the fields of *answer* as the direct door writes them."""
    return Tail.of(answer.leading).lines + (b"" if answer.tail is None else answer.tail.lines)


@given(HEADERS, ORIGINS)
def test_they_are_the_same_as_one_after_another(own: HeaderList, origin: bytes | None) -> None:
    """Whatever the answer says itself, for any origin, the first time and later; as fields and as lines."""
    expected = Answer(200, [*own], b"")
    for step in STEPS:
        step(asking(origin), expected)
    carried = Carried(STEPS)
    for _ in range(2):
        answer = Answer(200, [*own], b"")
        carried(asking(origin), answer)
        assert lines(answer) == Tail.of(expected.headers).lines
        assert answer.headers == expected.headers
        assert answer.tail is None


def test_a_field_that_is_added_later_stands_behind_them() -> None:
    """Nobody has to know that they came as one."""
    answer = Answer(200, [(b"content-type", b"text/plain")], b"")
    Carried(STEPS)(asking(SHOP), answer)
    answer.headers.append((b"x-late", b"1"))
    assert answer.headers[0] == (b"content-type", b"text/plain")
    assert answer.headers[-2:] == [(b"link", b"</v2>"), (b"x-late", b"1")]


def test_origins_that_are_not_allowed_fill_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor do very many that are."""
    monkeypatch.setattr(headers, "_MOST", 3)
    carried = Carried(STEPS)
    for number in range(10):
        carried(asking(b"https://evil%d.example.net" % number), Answer(200, [], b""))
    assert len(carried._known) == 0
    for number in range(10):
        carried(asking(b"https://pr%d.preview.example.com" % number), Answer(200, [], b""))
    assert len(carried._known) == 3


def test_only_what_reads_the_request_stands_between() -> None:
    """CORS, fixed headers and those of a lifecycle are one step, unless headers of the request come between."""
    plain = compile_finish(EdgePlan(cors=CORS, fixed=FIXED, lifecycle=ADDED))
    assert isinstance(plain, Carried)
    assert len(plain.steps) == 3
    assert building.compile_finish(EdgePlan()) is None

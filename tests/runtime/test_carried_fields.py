"""What every answer carries is made once for each origin, and is then the same as if it were made each time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.edge.cors import Cors
from aggregator.exchange import Exchange
from aggregator.http import HeaderList
from aggregator.parts.names import Names
from aggregator.plan.edge import EdgePlan
from aggregator.runtime.answers.answer import Answer, Tail
from aggregator.runtime.answers.assembly import add_headers, constant_tail
from aggregator.runtime.finish import building, headers
from aggregator.runtime.finish.building import compile_finish, private
from aggregator.runtime.finish.headers import AddedHeaders, Carried, CorsHeaders, FixedHeaders
from aggregator.templates import compile_value

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


@pytest.mark.long
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
    assert len(carried.known) == 0
    for number in range(10):
        carried(asking(b"https://pr%d.preview.example.com" % number), Answer(200, [], b""))
    assert len(carried.known) == 3


def test_only_what_reads_the_request_stands_between() -> None:
    """CORS, fixed headers and those of a lifecycle are one step, unless headers of the request come between."""
    plain = compile_finish(EdgePlan(cors=CORS, fixed=FIXED, lifecycle=ADDED))
    assert isinstance(plain, Carried)
    assert len(plain.steps) == 3
    assert building.compile_finish(EdgePlan()) is None


@given(HEADERS, ORIGINS, st.booleans(), st.booleans())
def test_what_keeps_shared_caches_off_stands_behind_them(
    own: HeaderList, origin: bytes | None, says: bool, declared: bool
) -> None:
    """One line more of the same head; words about caching that are there are changed, or stay where they are the file's."""
    fixed = (*FIXED, (b"cache-control", b"max-age=5")) if says else FIXED
    finish = Carried((CorsHeaders(CORS), FixedHeaders(fixed), AddedHeaders(ADDED)))
    whole = private(finish, frozenset({b"cache-control"} if declared else ()))
    expected = Answer(200, [*own], b"")
    finish(asking(origin), expected)
    fields = [field for field in expected.headers if field[0] != b"cache-control"]
    said = (b"max-age=5" if declared else b"private, max-age=5") if says else b"private"
    for _ in range(2):
        answer = Answer(200, [*own], b"")
        whole(asking(origin), answer)
        assert lines(answer) == Tail.of(answer.headers).lines
        assert sorted(answer.headers) == sorted([*fields, (b"cache-control", said)])


def test_tails_that_come_once_fill_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers to origins that nobody allows are right all the same."""
    monkeypatch.setattr(building, "_MOST", 3)
    whole = private(Carried(STEPS), frozenset())
    for number in range(10):
        answer = Answer(200, [], b"")
        whole(asking(b"https://evil%d.example.net" % number), answer)
        assert answer.headers[-1] == (b"cache-control", b"private")


@pytest.mark.long
@given(HEADERS)
def test_constant_headers_are_the_same_as_made_ones(own: HeaderList) -> None:
    """They take the place of others of their names; null is no header, and a list of cookies is a line for each."""
    declared = {"x-served-by": "a", "Link": "</b>", "x-none": None, "set-cookie": ["a=1", "b=2"], "vary": 7}
    templates = tuple((name.lower().encode(), compile_value(value)) for name, value in declared.items())
    tail = constant_tail(templates)
    assert tail is not None
    expected, answer = Answer(200, [*own], b""), Answer(200, [*own], b"")
    add_headers(expected, templates, Names(asking(None)))
    tail.add(answer)
    assert answer.headers == expected.headers


def test_headers_that_depend_on_the_request_are_made() -> None:
    """One is enough for all to be."""
    assert constant_tail(((b"a", compile_value("b")), (b"c", compile_value("{{ request.id }}")))) is None
    assert constant_tail(()) is None

"""How long an answer may be kept: computed from its parts, refused for partial ones, confirmed with 304."""

from __future__ import annotations

import httpx
import pytest


def reply(cache_control=None, status=200, body=b"1", **headers):
    """Return an upstream's answer with *cache_control*."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if cache_control is not None:
        named["cache-control"] = cache_control
    return httpx.Response(status, headers={"content-type": "application/json", **named}, content=body)


COMPUTED = "endpoints: {GET /x: {fan_out: {one: a:/one, two: a:/two}, response: {cache_control: compute}}}"


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        ("max-age=60, public", "public, max-age=10", "public, max-age=10"),
        ("max-age=60", "private, max-age=90", "private, max-age=60"),
        ("max-age=60", "no-store", "no-store"),
        ("max-age=60", None, None),
        ("private", None, "private"),
        (None, None, None),
    ],
)
def test_an_answer_is_never_fresher_or_more_public_than_a_part(serve, one, two, expected):
    """The smallest max-age counts, private and no-store win, and a part that says nothing promises nothing."""
    gateway = serve(COMPUTED, {"/one": reply(one), "/two": reply(two)})
    assert gateway.get("/x").headers.get("cache-control") == expected


def test_the_age_of_a_part_counts(serve):
    """What a part has spent in caches already is taken off (RFC 9111 §4.2.3)."""
    gateway = serve(COMPUTED, {"/one": reply("max-age=60", age="50"), "/two": reply("max-age=30")})
    assert gateway.get("/x").headers["cache-control"] == "max-age=10"


@pytest.mark.parametrize("part", ["for_each: '{{ [1] }}', url: a:/inner", "fan_out: {deep: a:/inner}"])
def test_calls_inside_a_part_count(serve, part):
    """One item of a list or one part of a group that must not be stored makes the whole so."""
    gateway = serve(
        f"endpoints: {{GET /x: {{fan_out: {{one: a:/one, x: {{{part}}}}}, response: {{cache_control: compute}}}}}}",
        {"/one": reply("max-age=60"), "/inner": reply("no-store")},
    )
    assert gateway.get("/x").headers["cache-control"] == "no-store"


def test_skipped_parts_have_no_say(serve):
    """A call that was not made does not forbid anything."""
    gateway = serve(
        """
        endpoints:
          GET /x:
            fan_out: {one: a:/one, two: {url: a:/two, when: "{{ false }}"}}
            response: {cache_control: compute}
        """,
        {"/one": reply("max-age=60")},
    )
    assert gateway.get("/x").headers["cache-control"] == "max-age=60"


def test_what_varies_in_a_part_varies_in_the_whole(serve):
    """A shared cache has to tell apart what the parts tell apart; a part that varies on everything cannot be kept."""
    gateway = serve(
        COMPUTED, {"/one": reply("max-age=60", vary="Accept-Language, Accept-Encoding"), "/two": reply("max-age=60")}
    )
    assert gateway.get("/x").headers["vary"] == "accept-language"
    gateway = serve(COMPUTED, {"/one": reply("max-age=60", vary="*"), "/two": reply("max-age=60")})
    assert gateway.get("/x").headers["cache-control"] == "no-store"


def test_an_answer_that_sets_a_cookie_is_private(serve):
    """What is for one client does not come out of a shared cache."""
    gateway = serve(
        """
        endpoints:
          GET /x:
            fan_out: {one: a:/one}
            response: {cache_control: compute, pass_headers: {set-cookie: append}}
        """,
        {"/one": reply("public, max-age=60", set_cookie="a=1")},
    )
    assert gateway.get("/x").headers["cache-control"] == "private, max-age=60"


def test_a_rule_of_ones_own_is_sent_as_it_is(serve):
    """Instead of computing, the file can say it."""
    gateway = serve(
        "endpoints: {GET /x: {fan_out: {one: a:/one}, response: {cache_control: 'private, max-age=5'}}}", {"/one": 1}
    )
    assert gateway.get("/x").headers["cache-control"] == "private, max-age=5"


@pytest.mark.parametrize(
    ("endpoint", "vary"),
    [
        ("call: {url: a:/one, forward: {headers: [accept-language, x-tenant]}}", "accept-language, x-tenant"),
        ("call: {url: a:/one, query: {l: '{{ headers[\"accept-language\"] }}'}}", "accept-language"),
        ("headers: {t: {type: string, default: a}}, call: {url: a:/one, query: {t: '{{ headers.t }}'}}", "t"),
        ("call: {url: a:/one, query: {s: '{{ cookies.s }}'}}", "cookie"),
        ("call: {url: a:/one, query: {c: '{{ request.client }}'}}", "*"),
        ("call: {url: a:/one, forward: {headers: all}}", "*"),
        ("call: {url: a:/one, query: {q: '{{ query.q }}'}}", None),
    ],
)
def test_what_caches_may_keep_names_what_it_depends_on(serve, endpoint, vary):
    """`Vary` names the headers that an answer depends on, where the file lets caches further out keep it."""
    for rule, expected in (("public, max-age=60", vary), ("no-store", None)):
        gateway = serve(f"endpoints: {{GET /x: {{{endpoint}, response: {{cache_control: '{rule}'}}}}}}",
                        {"/one": reply()})  # fmt: skip
        assert gateway.get("/x").headers.get("vary") == expected


ROWS = """
defaults: {{{defaults}}}
upstreams: {{up: {{url: "http://a.test"{upstream}}}}}
endpoints: {{GET /x: {{call: {{url: "up:/one"{call}}}{endpoint}}}}}
"""


@pytest.mark.parametrize("place", ["call", "endpoint", "defaults", "upstream"])
def test_a_row_that_says_how_long_names_what_it_depends_on(serve, place):
    """An answer by a row of any status map says `Vary` as a success does, where the row lets caches keep it."""
    for life, vary in (("public, max-age=60", "accept-language, cookie"), ("no-store", None)):
        body = """body: {who: "{{ cookies.user }}", lang: "{{ headers['accept-language'] }}"}"""
        row = f"status_map: {{404: {{status: 200, {body}, headers: {{cache-control: '{life}'}}}}}}"
        said = dict.fromkeys(("call", "endpoint", "upstream", "defaults"), "")
        said[place] = row if place == "defaults" else f", {row}"
        answer = serve(ROWS.format(**said), {"/one": reply(status=404)}).get("/x")
        assert (answer.status_code, answer.headers["cache-control"]) == (200, life)
        assert answer.headers.get("vary") == vary


@pytest.mark.parametrize(
    ("call", "row", "vary"),
    [
        (", forward: {headers: [x-tenant]}", "body: 1", "x-tenant"),
        (", forward: {headers: all}", "body: 1", "*"),
        (", forward: {headers: [x-tenant]}", "body: 1, headers: {vary: x-mine}", "x-mine"),
        (", forward: {headers: [x-tenant]}", "pass: true", "x-tenant, accept"),
        (", query: {q: '{{ query.q }}'}", "body: 1", None),
    ],
)
def test_a_row_depends_on_all_that_its_call_does(serve, call, row, vary):
    """`Vary` of a row names what the call passes on; one of its own stands, and what upstreams say is added."""
    row = row.replace("headers: {", "headers: {cache-control: max-age=5, ")
    row = row if "headers" in row else f"{row}, headers: {{cache-control: max-age=5}}"
    endpoint = f", response: {{pass_headers: {{vary: append}}}}, status_map: {{404: {{{row}}}}}"
    gateway = serve(ROWS.format(call=call, endpoint=endpoint, defaults="", upstream=""),
                    {"/one": reply(status=404, vary="accept")})  # fmt: skip
    assert gateway.get("/x").headers.get("vary") == vary


@pytest.mark.parametrize(
    ("said", "expected"),
    [("public, max-age=60, s-maxage=90", "private, max-age=60"), ("no-store", "no-store"), (None, "private")],
)
def test_what_is_computed_for_a_caller_is_private(serve, said, expected):
    """What upstreams let shared caches do was meant for others than the callers of an endpoint with `auth`."""
    gateway = serve(
        """
        auth: {all: {external: {url: a:/check, headers: [cookie]}}}
        endpoints: {GET /x: {auth: {any: [all], optional: true}, call: a:/one, response: {cache_control: compute}}}
        """,
        {"/one": reply(said)},
    )
    assert gateway.get("/x").headers.get_list("cache-control") == [expected]


@pytest.mark.parametrize("stream", ["", ", stream: true"])
@pytest.mark.parametrize(
    ("call", "said", "vary"),
    [
        ("query: {l: '{{ headers[\"accept-language\"] }}'}", "", "origin, accept-language"),
        ("query: {s: '{{ cookies.s }}'}", "", "origin, cookie"),
        ("query: {c: '{{ request.client }}'}", "", "*"),
        ("forward: {headers: [x-tenant]}", "", "origin"),
        ("forward: {headers: [x-tenant]}", ", headers: {cache-control: max-age=5}", "origin, x-tenant"),
        ("forward: {headers: [x-tenant]}", ", headers: {vary: x-mine}", "x-mine"),
    ],
)
def test_what_passes_as_it_came_names_what_its_upstream_cannot_know(serve, call, said, vary, stream):
    """What expressions make of headers is added to its `Vary`; of what was passed on by name the upstream has spoken."""
    gateway = serve(f"endpoints: {{GET /x: {{call: {{url: a:/one, {call}}}, response: {{pass: all{said}}}{stream}}}}}",
                    {"/one": reply("max-age=60", vary="origin")})  # fmt: skip
    assert gateway.get("/x").headers.get("vary") == vary


@pytest.mark.parametrize(
    ("cache", "vary"),
    [
        ("1m", "x-tenant"), ("{ttl: {404: 10s}}", "x-tenant"),
        ("{ttl: {404: 10s}, vary: [x-more, x-tenant]}", "x-more, x-tenant"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("cookie", [{}, {"set_cookie": "a=b"}])
def test_an_answer_that_our_cache_does_not_keep_is_told_apart_further_out(serve, cache, vary, cookie):
    """The file lets others keep it, which ours does not for want of a `ttl` or for its cookie; `Vary` is that of any."""
    endpoint = (f"call: {{url: 'a:/one', forward: {{headers: [x-tenant]}}}}, cache: {cache}, "
                "response: {cache_control: 'public, max-age=60', pass_headers: {set-cookie: append}}")  # fmt: skip
    gateway = serve(f"endpoints: {{GET /x: {{{endpoint}}}}}", {"/one": reply(**cookie)})
    assert [gateway.get("/x").headers.get("vary") for _ in range(2)] == [vary, vary]


def test_a_vary_of_the_file_stands(serve):
    """Who writes `Vary` has said what counts; what upstreams vary on is added where it is passed."""
    call = "call: {url: a:/one, forward: {headers: [x-tenant]}}"
    said = "headers: {vary: accept-language, cache-control: max-age=5}"
    gateway = serve(f"endpoints: {{GET /x: {{{call}, response: {{{said}}}}}}}", {"/one": reply()})
    assert gateway.get("/x").headers["vary"] == "accept-language"
    said = "cache_control: max-age=5, pass_headers: {vary: append}"
    gateway = serve(f"endpoints: {{GET /x: {{{call}, response: {{{said}}}}}}}", {"/one": reply(vary="accept")})
    assert gateway.get("/x").headers["vary"] == "x-tenant, accept"


def test_computed_caching_varies_on_what_upstreams_cannot_know(serve):
    """What a call passes on by name its upstream varies on; what expressions make of a header, the file has to tell."""
    call = "call: {url: a:/one, query: {l: '{{ headers[\"accept-language\"] }}'}, forward: {headers: [x-tenant]}}"
    gateway = serve(f"endpoints: {{GET /x: {{{call}, response: {{cache_control: compute}}}}}}",
                    {"/one": reply("max-age=5", vary="accept")})  # fmt: skip
    assert gateway.get("/x").headers["vary"] == "accept-language, accept"


@pytest.mark.parametrize("rule", ["compute", "max-age=60"])
def test_a_partial_answer_is_never_kept(serve, rule):
    """Whatever rule there is: no-store, and no ETag to confirm it by."""
    gateway = serve(
        f"""
        endpoints:
          GET /x:
            fan_out: {{one: a:/one, two: {{url: a:/none, optional: true}}}}
            response: {{cache_control: '{rule}', etag: true}}
        """,
        {"/one": reply("max-age=60")},
    )
    answer = gateway.get("/x", headers={"if-none-match": "*"})
    assert answer.status_code == 200
    assert answer.headers.get_list("cache-control") == ["no-store"]
    assert "etag" not in answer.headers


ETAG = "endpoints: {GET /x: {fan_out: {one: a:/one, two: a:/two}, response: {etag: true, cache_control: max-age=5}}}"


def test_an_aggregate_is_confirmed_with_304(serve):
    """The same parts give the same ETag, and a client that has it gets no body."""
    gateway = serve(ETAG, {"/one": 1, "/two": 2})
    first = gateway.get("/x")
    tag = first.headers["etag"]
    assert first.status_code == 200
    again = gateway.get("/x", headers={"if-none-match": f'"other", W/{tag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag
    assert again.headers["cache-control"] == "max-age=5"
    assert {"content-type", "content-length"}.isdisjoint(again.headers)


def test_another_body_has_another_tag(serve):
    """A change in any part changes the tag."""
    counter = iter(range(9))
    gateway = serve(ETAG, {"/one": lambda _: reply(body=b"%d" % next(counter)), "/two": 2})
    tag = gateway.get("/x").headers["etag"]
    assert gateway.get("/x", headers={"if-none-match": tag}).status_code == 200


def test_the_times_in_meta_are_no_change(serve, monkeypatch):
    """With ``meta`` the tag is a weak one of all but ``meta``: an answer that took longer is confirmed all the same."""
    one, times = {"n": 1.0}, iter(range(99))
    monkeypatch.setattr("aggregator.parts.result.Result.milliseconds", property(lambda _: float(next(times))))
    gateway = serve(
        "endpoints: {GET /x: {call: a:/one, response: {etag: true, meta: true, formats: [json, msgpack]}}}",
        {"/one": lambda _: httpx.Response(200, json=one)},
    )
    first = gateway.get("/x")
    tag = first.headers["etag"]
    assert tag.startswith('W/"')
    assert first.json()["meta"]["parts"][0]["ms"] == 0.0
    assert gateway.get("/x", headers={"if-none-match": tag}).status_code == 304
    packed = {"accept": "application/msgpack", "if-none-match": tag}
    assert gateway.get("/x", headers=packed).status_code == 200
    one["n"] = 2
    assert gateway.get("/x", headers={"if-none-match": tag}).status_code == 200


def test_head_has_the_headers_of_get(serve):
    """HEAD answers with the ETag that GET has, and is confirmed the same way."""
    gateway = serve(ETAG, {"/one": 1, "/two": 2})
    tag = gateway.get("/x").headers["etag"]
    assert gateway.ask("HEAD", "/x").headers["etag"] == tag
    assert gateway.ask("HEAD", "/x", headers={"if-none-match": tag}).status_code == 304


def test_failures_have_no_tag(serve):
    """A problem is never confirmed, and never kept."""
    answer = serve(ETAG, {"/one": 1}).get("/x", headers={"if-none-match": "*"})
    assert answer.status_code == 404
    assert "etag" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"


def test_a_passed_tag_does_not_stand_beside_our_own(serve):
    """The tag of a part is not that of the answer."""
    gateway = serve(
        "endpoints: {GET /x: {call: a:/one, response: {etag: true, pass_headers: {etag: first}}}}",
        {"/one": reply(etag='"theirs"')},
    )
    [tag] = gateway.get("/x").headers.get_list("etag")
    assert tag != '"theirs"'


def test_what_passes_is_not_computed_again(serve):
    """A Cache-Control that a rule lets through stands; there is one."""
    gateway = serve(
        """
        endpoints:
          GET /x:
            fan_out: {one: a:/one}
            response: {cache_control: compute, pass_headers: {cache-control: first}}
        """,
        {"/one": reply("max-age=60, immutable")},
    )
    assert gateway.get("/x").headers.get_list("cache-control") == ["max-age=60, immutable"]


def test_only_good_answers_to_reads_have_a_tag(serve):
    """A POST has none, and neither has an answer with another status than 200."""
    gateway = serve(
        """
        endpoints:
          POST /x: {fan_out: {one: a:/one}, response: {etag: true}}
          GET /created: {fan_out: {one: a:/one}, response: {etag: true, status: 201}}
        """,
        {"/one": 1},
    )
    assert "etag" not in gateway.post("/x").headers
    assert "etag" not in gateway.get("/created").headers


def test_cache_control_is_an_expression(serve):
    """Nothing of it is sent where it gives nothing."""
    gateway = serve(
        """
        endpoints:
          GET /x: {call: a:/x, response: {cache_control: "{{ 'max-age=' ~ call.age if call.age else null }}"}}
        """,
        {"/x": lambda request: httpx.Response(200, json={"age": 60 if gateway.upstream.requests[1:] else 0})},
    )
    assert "cache-control" not in gateway.ask("GET", "/x").headers
    assert gateway.ask("GET", "/x").headers["cache-control"] == "max-age=60"


@pytest.mark.parametrize(
    ("one", "two", "control", "vary"),
    [
        (None, None, "max-age=10", None), ("accept", "Origin, accept", "max-age=10", "accept, origin"),
        ("accept-encoding", None, "max-age=10", None), ("*", "accept", "no-store", None), (None, "*", "no-store", None),
    ],
)  # fmt: skip
def test_what_is_computed_varies_as_its_parts_do(serve, one, two, control, vary):
    """Each name once, but for the coding, which is ours; what varies by anything is stored by nobody."""
    replies = [reply("max-age=10", **({} if said is None else {"vary": said})) for said in (one, two)]
    answer = serve(COMPUTED, {"/one": replies[0], "/two": replies[1]}).get("/x")
    assert (answer.headers["cache-control"], answer.headers.get("vary")) == (control, vary)


@pytest.mark.parametrize(
    ("said", "headers"),
    [
        ("", {"cache-control": "private, max-age=5"}),
        (
            ", headers: {cdn-cache-control: max-age=9}",
            {"cache-control": "private, max-age=5", "cdn-cache-control": "max-age=9"},
        ),
        (", headers: {cache-control: max-age=7}", {"cache-control": "max-age=7"}),
        (", headers: {x-a: b}", {"cache-control": "private, max-age=5", "x-a": "b"}),
    ],
)
def test_what_the_file_says_to_caches_stands_before_callers(serve, said, headers):
    """What an upstream lets shared caches do does not, whichever field it says that in."""
    gateway = serve(
        f"""
        auth: {{all: {{external: {{url: a:/check, headers: [cookie]}}}}}}
        endpoints:
          GET /x: {{auth: {{any: [all], optional: true}}, call: a:/one, response: {{pass: all{said}}}}}
        """,
        {"/one": reply("public, max-age=5", surrogate_control="max-age=99", cdn_cache_control="max-age=98")},
    )
    told = gateway.get("/x").headers
    names = ("cache-control", "cdn-cache-control", "surrogate-control", "x-a")
    assert {name: told[name] for name in names if name in told} == headers

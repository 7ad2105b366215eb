"""Mistakes in URLs and paths as an operator reads them: the sentence, the place, and what to write instead."""

from __future__ import annotations

import pytest

from aggregator.templates import TemplateProblem, compile_expression, compile_pattern, compile_url, compile_value
from aggregator.templates.spans import closing, expressions_in, is_one_expression, quote_around
from aggregator.templates.urls.address import with_scheme
from aggregator.templates.urls.own_paths import document_path, may_take, own_paths

SHAPE = "write `upstream:/path` or `https://host/path`"
METHODS = "the methods are GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
HOST = "write a name or an address, non-ASCII as `xn--…`"
NO_HOST = "this is not a host"
CODED = "write `%7B` or `%7D` for the character"


def told(source: str) -> tuple[str, int, int, str | None]:
    """Return what is wrong with the URL *source*, where it begins, how long it is, and what to do."""
    with pytest.raises(TemplateProblem) as caught:
        compile_url(source)
    problem = caught.value
    return problem.message, problem.offset, problem.length, problem.hint


@pytest.mark.parametrize(
    ("source", "message", "offset", "length", "hint"),
    [
        ("get u:/x", "`get` is not a method of a call", 0, 3, "write `GET`"),
        ("POTS u:/x", "`POTS` is not a method of a call", 0, 4, "did you mean `POST`?"),
        ("XYZZY u:/x", "`XYZZY` is not a method of a call", 0, 5, METHODS),
        ("GET  ", "this is not a URL of a call", 0, 5, SHAPE),
        ("   ", "the URL is empty", 0, 3, SHAPE),
        ("GET /x", "the URL names no upstream", 4, 2, SHAPE),
        ("//a.test/x", "the URL names no upstream", 0, 10, "write `https://a.test/x`"),
        ("GET http:/x", "a full URL has two slashes", 4, 6, "write `https://host/path`"),
        ("GET ftp://x", "`ftp` URLs cannot be called", 4, 3, "write `http` or `https`; for an upstream one slash, `ftp:/path`"),
        ("http://a{/x", "a placeholder cannot choose the host", 7, 2, "declare each host under `upstreams`"),
        ("http://a}/x", "a placeholder cannot choose the host", 7, 2, "declare each host under `upstreams`"),
        ("GET http://u@h/x", "credentials do not belong in a URL", 11, 3, "send them in `headers`"),
        ("http://_/x?", None, 0, 0, None),
        ("http://[::1/x", NO_HOST, 7, 4, HOST),
        ("http://h:0/x", "a port is between 1 and 65535", 9, 1, None),
        ("http://h:1/x", None, 0, 0, None),
        ("http://h:65535/x", None, 0, 0, None),
        ("http://h:65536/x", "a port is between 1 and 65535", 9, 5, None),
        ("GET a.test/x", "the URL has no scheme", 4, 8, "write `http://a.test/x`"),
        ("localhost:80/x", "the URL has no scheme", 0, 14, "write `http://localhost:80/x`"),
        ("http:x", "the path must start with `/`", 5, 1, "write `http://x`"),
        ("GET u:x", "the path must start with `/`", 6, 1, "write `u:/x`"),
        ("GET “u:/x”", "this is not a URL of a call", 4, 6, 'write plain quotes, `"`, or none'),
        ("xu", "this is not a URL of a call", 0, 2, SHAPE),
        ("u:/%1f", "`%1f` is a control character", 3, 3, None),
        ("u:/a%1f/{x}", "`%1f` is a control character", 4, 3, None),
        ("u:/%2", "`%` is not followed by two hexadecimal digits", 3, 1, "write `%25`"),
        ("u:/a#b", "a fragment is never sent to a server", 4, 1, "remove it, or write `%23`"),
        ("u:/a b", "a URL cannot hold a space", 4, 1, "write `%20`"),
        ("u:/a\\", "a URL cannot hold a backslash", 4, 1, "write `/`, or `%5C` for the character"),
        ("u:/{{ a.b }}/c", "a URL takes no expression", 3, 9, "write `{a.b}`"),
        ("u:/{{ a + 1 }}", "a URL takes no expression", 3, 11, "write `{name}`, or build the value in `query` or `json`"),
        ("u:/a}", "this brace has no partner", 4, 1, CODED),
        ("u:/{", "this brace has no partner", 3, 1, CODED),
        ("u:/{a-b}", "`a-b` is not a dotted path", 3, 5,
         "rename `a-b` to `a_b`, or read it where expressions stand, as in `query`: `{{ calls['a-b'].body }}`"),
        ("u:/{a-b.c}", "`a-b.c` is not a dotted path", 3, 7,
         "rename `a-b` to `a_b`, or read it where expressions stand, as in `query`: `{{ calls['a-b'].body.c }}`"),
        ("u:/{a!}", "`a!` is not a dotted path", 3, 4, "write `{name}` or `{call.field.0.name}`"),
        ("u:/a{r:path}", "a placeholder for several segments stands alone between slashes", 4, 8, "write `/{r:path}`"),
        ("u:/{r:path}a", "a placeholder for several segments stands alone between slashes", 3, 8, "write `/{r:path}`"),
        ("u:/x?a={r:path}", "a placeholder for several segments stands alone between slashes", 7, 8, "write `/{r:path}`"),
        ("u:/{r:path}/{s:path}?a={t}", None, 0, 0, None),
        ("u:/ab/./c", "a path cannot hold `.`", 6, 1, "write where it leads"),
        ("u:/ab/..", "a path cannot hold `..`", 6, 2, "write where it leads"),
        ("u:/ab//c", "a path cannot hold an empty segment", 5, 2, "write one slash"),
        ("u:/ab/", None, 0, 0, None),
        ("u:/x?ab=1&c{d}=2", "only the value of a query parameter can be a placeholder", 10, 6, "write `name={value}`"),
        ("u:/x?{d}=2&a", "only the value of a query parameter can be a placeholder", 5, 5, "write `name={value}`"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_url(source: str, message: str | None, offset: int, length: int, hint: str | None) -> None:
    """All of it, wherever it stands; and what stands at the edge and is none."""
    if message is None:
        assert compile_url(source).source == source
    else:
        assert told(source) == (message, offset, length, hint)


@pytest.mark.parametrize(
    ("source", "offset", "length", "hint"),
    [
        ("/ab/c?d={e}&f", 5, 8, "end the path before it, and declare `query: {d: string, f: string}`"),
        ("/c?", 2, 1, "end the path before it, and declare `query: {page: integer}`"),
        ("/c?1=2", 2, 4, "end the path before it, and declare `query: {page: integer}`"),
        ("/ab/<c>", 4, 3, "write `{c}`"), ("/ab/*", 4, 1, "write `{rest:path}`"), ("/ab/:", 4, 1, "write `{rest}`"),
        ("/ab//c", 3, 2, "write one slash"), ("/ab/..", 4, 2, "write where it leads"), ("/{a}/{a}", 5, 3, None),
        ("/{a:path}/b", 1, 8, None), ("/x/{1}", 3, 3, "use letters, digits and `_`"), ("ab", 0, 2, "write `/ab`"),
    ],
)  # fmt: skip
def test_where_a_mistake_in_a_path_stands(source: str, offset: int, length: int, hint: str | None) -> None:
    """To the character, with what to write instead."""
    with pytest.raises(TemplateProblem) as caught:
        compile_pattern(source)
    assert (caught.value.offset, caught.value.length, caught.value.hint) == (offset, length, hint)


def test_a_problem_is_the_same_from_outside() -> None:
    """Seen from a longer string and from a value that holds that, only its place is another one."""
    with pytest.raises(TemplateProblem) as caught:
        compile_expression("a b")
    inner = caught.value
    outer, placed = inner.at(5), inner.at(0, path=("items", 0))
    assert (outer.offset - inner.offset, outer.path, placed.path) == (5, (), ("items", 0))
    assert (placed.at(1).path, placed.at(1, path=()).path) == (("items", 0), ())
    assert {(one.message, one.length, one.hint, one.key) for one in (inner, outer, placed)} == {
        (inner.message, inner.length, inner.hint, False)
    }
    assert (TemplateProblem("x", 3, 0).length, TemplateProblem("x").offset) == (1, 0)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("10.0.0.1/x", "http"), ("8.8.8.8", "https"), ("[::1]:443/x", "https"), ("[::1]:80", "http"), ("shop", "http"),
        ("shop:8443", "https"), ("shop:8080/a:443", "http"), ("a.test", "http"), ("a.local?b", "http"), ("a.internal#c", "http"),
        ("a.localhost", "http"), ("shop.com", "https"), ("shop.com:80", "https"), ("127.0.0.1:8443", "https"),
    ],
)  # fmt: skip
def test_which_scheme_is_proposed(text: str, written: str) -> None:
    """`http` for what is near, unless its port is one of TLS; `https` for the rest."""
    assert with_scheme(text) == f"{written}://{text}"


def test_the_paths_of_the_program() -> None:
    """The probes always, the page with its document where there is one, the metrics where they are asked for."""
    bare, full = own_paths(docs=None), own_paths(docs="/a/docs", metrics=True)
    assert bare.named == ("/livez", "/readyz", "/-/config")
    assert full.named == (*bare.named, "/a/docs", "/a/openapi.json", "/metrics")
    assert (bare.below, full.below) == (("/-/",), ("/-/", "/a/docs/assets/"))
    assert (document_path("/docs"), document_path("/a/b")) == ("/openapi.json", "/a/openapi.json")
    asked = ["/livez", "/-", "/-/", "/-/x", "/-x", "/metrics", "/a/docs", "/a/docs/x", "/a/docs/assets/x", "/a"]
    assert [bare.holds(path) for path in asked] == [True, True, True, True] + [False] * 6
    assert [full.holds(path) for path in asked] == [True] * 4 + [False, True, True, False, True, False]
    assert (full.holds_words([b"a", b"docs"]), full.holds_words([b"a"])) == (True, False)
    first = [sorted(own.first_words) for own in (bare, full)]
    assert first == [[b"-", b"livez", b"readyz"], [b"-", b"a", b"livez", b"metrics", b"readyz"]]


@pytest.mark.parametrize(
    ("pattern", "may", "within"),
    [
        ("/{a}", True, [("/livez", {"a": "livez"}), ("/readyz", {"a": "readyz"})]),
        ("/{a}/config", True, [("/-/config", {"a": "-"})]),
        ("/{a}/{b}", True, [("/-/config", {"a": "-", "b": "config"})]),
        ("/-/{b:path}", True, [("/-/config", {"b": "config"})]),
        ("/{b:path}", True, [("/livez", {"b": "livez"}), ("/readyz", {"b": "readyz"}), ("/-/config", {"b": "-/config"})]),
        ("/x/{b}", False, []), ("/livez", False, [("/livez", {})]), ("/", False, []), ("/{a}/{b}/{c}", True, []),
    ],
)  # fmt: skip
def test_which_patterns_match_paths_of_the_program(pattern: str, may: bool, within: list[object]) -> None:
    """With the parameters that these would give."""
    compiled, own = compile_pattern(pattern), own_paths(docs=None)
    assert (may_take(compiled, own), own.within(compiled)) == (may, within)


@pytest.mark.parametrize(
    ("source", "spans", "is_one"),
    [
        ("{{ a }}", [" a "], True), ("{{a}}\n\n", ["a"], True), ("{{a}} ", ["a"], False), (" {{a}}", ["a"], False),
        ("x{{a}}{{b}}y", ["a", "b"], False), ("{{ {'a': {}} }}", [" {'a': {}} "], True), ("{{ '}}' }}", [" '}}' "], True),
        ("{{ a", [" a"], True), ("{% {{a}}", ["a"], False), ("{# {{a}} #}", ["a"], False), ("{{ f(a[0]) }}", [" f(a[0]) "], True),
        ("{{ ) }}", [" ) "], True), ("{{ ( }}", [" ( "], True), ("{{ (}) }}", [" (}) "], True), ("text", [], False), ("{{}}", [""], True),
    ],
)  # fmt: skip
def test_where_expressions_stand(source: str, spans: list[str], is_one: bool) -> None:
    """Strings and brackets within are skipped; one that is never closed goes on to the end."""
    assert [source[start:end] for start, end in expressions_in(source)] == spans
    assert is_one_expression(source) is is_one


def test_where_an_expression_ends() -> None:
    """At the braces that are its own; nowhere where there are none."""
    assert [closing(source, 2) for source in ("{{}}", "{{ a }}", "{{ {} }}", "{{ ) }}", "{{ a")] == [2, 5, 6, 5, -1]


def test_the_quote_around_a_place() -> None:
    """That of the string in which it stands; on a quote or outside there is none."""
    source = """{{ 'a' ~ "b" }}"""
    assert [quote_around(source, 2, place) for place in range(3, 12)] == ["", "'", "'", "", "", "", "", '"', '"']


def test_mistakes_in_a_value_are_all_told() -> None:
    """Each with the way to it through the value; one in a key says so. In the place of each stands null."""
    found: list[tuple[object, ...]] = []
    value = {
        "a": ["x", "y {{ 1 + }}"], 12: 1, "k {{ x }}": 2, "b": "{% if %}", "c": "{# x #}", "d": "x{{- y }}",
        "e": float("inf"), "f": "x {{ y", "g": {"h": b""}, "ok": "{{ 1 }}",
    }  # fmt: skip
    made = compile_value(value, lambda one: found.append((one.message, one.offset, one.length, one.path, one.key)))
    assert found[0][2:] == (1, ("a", 1), False)
    assert found[1:] == [
        ("a key is text", 0, 2, ("12",), True),
        ("a key cannot hold an expression", 2, 2, ("k {{ x }}",), True),
        ("statements are not supported", 0, 2, ("b",), False),
        ("comments are not supported in values", 0, 2, ("c",), False),
        ("`{{-` has no meaning here", 1, 3, ("d",), False),
        ("a number that JSON cannot say", 0, 1, ("e",), False),
        ("`{{` is never closed", 2, 2, ("f",), False),
        ("a value of an unknown kind that JSON cannot say", 0, 1, ("g", "h"), False),
    ]
    assert made.is_constant
    assert made.render({}) == {
        "a": ["x", None], "b": None, "c": None, "d": None, "e": None, "f": None, "g": {"h": None}, "ok": 1,
    }  # fmt: skip

from __future__ import annotations

import pytest

from aggregator.templates import Param, TemplateProblem, compile_pattern


@pytest.mark.parametrize(
    ("source", "segments", "params", "wildcard"),
    [
        ("/", (), (), None),
        ("/orders/{order_id}/full", (b"orders", Param("order_id"), b"full"), ("order_id",), None),
        ("/files/{rest:path}", (b"files", Param("rest", rest=True)), ("rest",), "rest"),
        ("/{a}/{b}", (Param("a"), Param("b")), ("a", "b"), None),
        ("/users/", (b"users", b""), (), None),
        ("/é", (b"%C3%A9",), (), None),
        ("/a%2fb/%41", (b"a%2Fb", b"A"), (), None),
        ("/orders:batch", (b"orders%3Abatch",), (), None),
    ],
)
def test_a_pattern(source: str, segments: tuple[object, ...], params: tuple[str, ...], wildcard: str | None) -> None:
    """A pattern is canonical literals and parameters, segment by segment."""
    pattern = compile_pattern(source)
    assert pattern.segments == segments
    assert pattern.params == params
    assert pattern.wildcard == wildcard


def test_patterns_of_one_shape_match_the_same() -> None:
    """Names do not tell patterns apart, literals do."""
    assert compile_pattern("/a/{x}").shape == compile_pattern("/%61/{y}").shape
    assert compile_pattern("/a/{x}").shape != compile_pattern("/a/{x:path}").shape
    assert compile_pattern("/a/{x}").shape != compile_pattern("/a/x").shape
    assert compile_pattern("/a").shape != compile_pattern("/a/").shape


@pytest.mark.parametrize(
    ("source", "spot", "message", "hint"),
    [
        ("users", "users", "a path starts with `/`", "write `/users`"),
        ("", "", "a path starts with `/`", "write `/`"),
        ("/a//b", "//", "a path cannot hold an empty segment", "write one slash"),
        ("//", "//", "a path cannot hold an empty segment", "write one slash"),
        ("/a/../b", "..", "a path cannot hold `..`", "write where it leads"),
        ("/%2e/b", "%2e", "a path cannot hold `%2e`", "write where it leads"),
        ("/v{n}", "v{n}", "a parameter is a whole segment", "write `/{name}/`, no text beside it"),
        ("/{a}{b}", "{a}{b}", "a parameter is a whole segment", "write `/{name}/`, no text beside it"),
        ("/{a", "{a", "a parameter is a whole segment", "write `/{name}/`, no text beside it"),
        ("/{{ a }}", "{{ a }}", "a parameter is a whole segment", "write `/{name}/`, no text beside it"),
        ("/:id", ":id", "`:id` is no parameter here", "write `{id}`"),
        ("/<id>", "<id>", "`<id>` is no parameter here", "write `{id}`"),
        ("/a/*", "*", "`*` is no parameter here", "write `{rest:path}`"),
        ("/*rest", "*rest", "`*rest` is no parameter here", "write `{rest:path}`"),
        ("/{a}/x/{a}", "{a}", "the parameter `a` is there twice", None),
        ("/{1}", "{1}", "`1` cannot be the name of a parameter", "use letters, digits and `_`"),
        ("/{if}", "{if}", "`if` cannot be the name of a parameter", "use letters, digits and `_`"),
        ("/{id:int}", "{id:int}", "`int` is no kind of parameter", "write `{id}` and its type under `params`"),
        ("/{a:path}/b", "{a:path}", "only the last segment can take the rest of the path", None),
        (
            "/a?b={c}",
            "?b={c}",
            "a query is not part of the path",
            "end the path before it, and declare `query: {b: string}`",
        ),
        ("/a?", "?", "a query is not part of the path", "end the path before it, and declare `query: {page: integer}`"),
        ("/a b", " ", "a URL cannot hold a space", "write `%20`"),
        ("/a#b", "#", "a fragment is never sent to a server", None),
        ("/%00", "%00", "`%00` is a control character", None),
    ],
)
def test_a_wrong_pattern_is_a_problem(source: str, spot: str, message: str, hint: str | None) -> None:
    """Each mistake in a path is found at load, at its place, with the way it is written here."""
    with pytest.raises(TemplateProblem) as caught:
        compile_pattern(source)
    problem = caught.value
    assert problem.message == message
    assert source[problem.offset : problem.offset + problem.length] == spot
    assert hint is None or problem.hint == hint

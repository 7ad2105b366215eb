"""``{name:path}`` in a URL: several segments from one value, none of which can lead elsewhere."""

from __future__ import annotations

import pytest

from aggregator.errors import ExpressionError
from aggregator.templates import TemplateProblem, compile_url


def render(url: str, **values: object) -> bytes:
    """Return the target of *url* with *values*."""
    return compile_url(url).renderer()(values)


def test_slashes_stand_and_pieces_are_encoded():
    """Only the slashes of the value mean something in the URL."""
    assert render("files:/v1/{rest:path}", rest="a b/c?d/e#f") == b"/v1/a%20b/c%3Fd/e%23f"


def test_a_plain_placeholder_keeps_the_value_in_one_segment():
    """Without ``:path`` a slash is a character like any other."""
    assert render("files:/v1/{rest}", rest="a/b") == b"/v1/a%2Fb"


@pytest.mark.parametrize("value", ["", "/", "a//b", "/a", "a//", "..", "a/../b", "a/./b", None])
def test_pieces_that_lead_elsewhere_are_refused(value):
    """Empty pieces, ``.`` and ``..`` never reach an upstream."""
    with pytest.raises(ExpressionError):
        render("files:/{rest:path}", rest=value)


def test_a_number_is_one_segment():
    """A value that is no text has no slashes."""
    assert render("files:/{order.id:path}/x", order={"id": 7}) == b"/7/x"


@pytest.mark.parametrize("url", ["f:/a{rest:path}", "f:/{rest:path}b", "f:/a?x={rest:path}", "f:/{rest:int}"])
def test_it_stands_alone_between_slashes(url):
    """Anything beside it would make the number of segments a matter of taste."""
    with pytest.raises(TemplateProblem):
        compile_url(url)


def test_the_rest_of_a_path_is_spliced_as_it_came():
    """The canonical segments of the request are copied where the URL says ``:path``, and only there."""
    fast = compile_url("files:/v1/{rest:path}").splice(["rest:path"])
    assert fast is not None
    assert fast[1].render(fast[0], [b"a%2Fb/c"], fast[2]) == b"/v1/a%2Fb/c"
    assert compile_url("files:/v1/{rest}").splice(["rest:path"]) is None


def test_references_name_the_value():
    """The check of names sees the parameter, not how it is written."""
    assert compile_url("files:/{rest:path}").references == {("rest",)}

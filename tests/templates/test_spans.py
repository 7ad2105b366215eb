"""Where the expressions of a text are, and the strings in them."""

from __future__ import annotations

import pytest

from aggregator.templates import expressions_in, is_one_expression, quote_around


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("", []),
        ("plain }} text", []),
        ("{{ a }}", [" a "]),
        ("{{a}}{{b}}", ["a", "b"]),
        ("x {{ a }} y {{ b }} z", [" a ", " b "]),
        ("{{ {'a': {'b': 1}} }} }}", [" {'a': {'b': 1}} "]),
        ("{{ '}}' }}{{ \"}}\" }}", [" '}}' ", ' "}}" ']),
        (r"{{ '\'}}' }}", [r" '\'}}' "]),
        ("{{ ([a}} x", [" ([a"]),
        ('{{ a ) ["}}"] }}', [' a ) ["}}"] ']),
        ("{{ a ] }} {{ b }}", [" a ] ", " b "]),
        ("{{ a", [" a"]),
        ("{{ a }} {{ b", [" a ", " b"]),
        ("{% a %} {{ b }}", [" b "]),
        ("{# {{ a }} #}", [" a "]),
    ],
)
def test_expressions_are_found(source: str, found: list[str]) -> None:
    """Each up to its own end, which no brace of a string or an object is; one that is never closed goes on."""
    assert [source[start:end] for start, end in expressions_in(source)] == found


@pytest.mark.parametrize(
    ("source", "is_one"),
    [
        ("{{ a }}", True),
        ("{{ a }}\n", True),
        ("{{ a }}\n\n", True),
        ("{{ a }} ", False),
        (" {{ a }}", False),
        ("{{ a }}{{ b }}", False),
        ("{{ a", True),
        ("{% a %}{{ b }}", False),
        ("a", False),
        ("", False),
    ],
)
def test_a_text_is_one_expression_or_more(source: str, is_one: bool) -> None:
    """Only line breaks may follow it, and nothing comes before it."""
    assert is_one_expression(source) is is_one


def test_a_string_is_known_by_its_quotes() -> None:
    """A place is in it behind the first quote, up to the last; brackets are no strings."""
    source = """{{ a['b"c'] + "d" }}"""
    assert [(place, quote) for place in range(len(source)) if (quote := quote_around(source, 2, place))] == [
        (6, "'"), (7, "'"), (8, "'"), (9, "'"), (15, '"'), (16, '"'),
    ]  # fmt: skip

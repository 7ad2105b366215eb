"""What the operator reads when a file is not YAML: the mistake in plain words, its place, the fix."""

from __future__ import annotations

from textwrap import dedent

import pytest
import yaml

from aggregator.config.text import values
from aggregator.config.text.document import read_document
from aggregator.diagnostics import Source, render_text

PARSERS = [pytest.param(yaml.SafeLoader, id="pure"), pytest.param(yaml.CSafeLoader, id="libyaml")]


def shown(text: str) -> str:
    """The rendered problems of a file that cannot be read, without its name."""
    document, problems = read_document(text, "r")
    assert document is None
    return render_text(problems, {"r": Source("r", text)})


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "a:\n\tb: 1\n",
            """
            r:2:1 error[yaml-syntax] a tab cannot indent a line
              |
            2 |     b: 1
              | ^^^^
              = hint: indent with spaces, two for each level
            """,
            id="a tab as indentation",
        ),
        pytest.param(
            "url:shop:/x\ntimeout: 3s\n",
            """
            r:1:4 error[yaml-syntax] a space is missing after the colon
              |
            1 | url:shop:/x
              |    ^
              = hint: write `url: shop:/x`
            """,
            id="no space after the colon",
        ),
        pytest.param(
            "a: 1\ntimeout\nb: 2\n",
            """
            r:2:1 error[yaml-syntax] a colon is missing after this key
              |
            2 | timeout
              | ^^^^^^^
              = hint: every line of a mapping is `key: value`
            """,
            id="no colon after the key",
        ),
        pytest.param(
            "a: Error: not found\n",
            """
            r:1:4 error[yaml-syntax] a text with `: ` in it must be written in quotes
              |
            1 | a: Error: not found
              |    ^^^^^^^^^^^^^^^^
              = hint: write `"Error: not found"`
            """,
            id="a colon in a text",
        ),
        pytest.param(
            'a: Error: "it\'s"\n',
            """
            r:1:4 error[yaml-syntax] a text with `: ` in it must be written in quotes
              |
            1 | a: Error: "it's"
              |    ^^^^^^^^^^^^^
              = hint: write `"Error: \\"it's\\""`
            """,
            id="a colon in a text with both quotes",
        ),
        pytest.param(
            "a: {{ body.x }} and more\n",
            """
            r:1:4 error[unquoted-expression] an expression must be written in quotes
              |
            1 | a: {{ body.x }} and more
              |    ^^^^^^^^^^^^^^^^^^^^^
              = hint: write `"{{ body.x }} and more"`
            """,
            id="an expression without quotes",
        ),
        pytest.param(
            "a: {% if x %}\n",
            """
            r:1:4 error[unquoted-expression] an expression must be written in quotes
              |
            1 | a: {% if x %}
              |    ^^^^^^^^^^
              = hint: write `"{% if x %}"`
            """,
            id="a statement without quotes",
        ),
        pytest.param(
            "a: {url: ${USERS_URL}}\n",
            """
            r:1:10 error[unquoted-expression] a variable within brackets must be written in quotes
              |
            1 | a: {url: ${USERS_URL}}
              |          ^^^^^^^^^^^^
              = hint: write `"${USERS_URL}"`
            """,
            id="a variable within braces",
        ),
        pytest.param(
            "a: @users # note\n",
            """
            r:1:4 error[yaml-syntax] a text that begins with `@` must be written in quotes
              |
            1 | a: @users # note
              |    ^^^^^^
              = hint: write `"@users"`
            """,
            id="a sign that YAML keeps for itself",
        ),
        pytest.param(
            "a: {base}/users\n",
            """
            r:1:4 error[yaml-syntax] a text that begins with `{` must be written in quotes
              |
            1 | a: {base}/users
              |    ^^^^^^^^^^^^
              = hint: write `"{base}/users"`
            """,
            id="a brace at the start of a text",
        ),
        pytest.param(
            "a: *\n",
            """
            r:1:4 error[yaml-syntax] a text that begins with `*` must be written in quotes
              |
            1 | a: *
              |    ^
              = hint: write `"*"`
            """,
            id="a star",
        ),
        pytest.param(
            "a: `x`\n",
            """
            r:1:4 error[yaml-syntax] a text that begins with a backtick must be written in quotes
              |
            1 | a: `x`
              |    ^^^
              = hint: write `"`x`"`
            """,
            id="a backtick",
        ),
        pytest.param(
            'a: "users\nb: 1\n',
            """
            r:1:4 error[yaml-syntax] the quote that opens here is never closed
              |
            1 | a: "users
              |    ^
              = hint: close it with `"`
            """,
            id="a quote that is never closed",
        ),
        pytest.param(
            "a:\n  b: 'users\n  c: 'x'\n",
            """
            r:2:6 error[yaml-syntax] the quote that opens here is not closed in its line
              |
            2 |   b: 'users
              |      ^
            3 |   c: 'x'
              |      - it closes here, in the middle of a line
            """,
            id="a quote that the next one closes",
        ),
        pytest.param(
            "a: 'it's'\n",
            """
            r:1:8 error[yaml-syntax] the text ended at the quote before this
              |
            1 | a: 'it's'
              |        ^^
              = hint: an apostrophe within '…' is written `''`
            """,
            id="an apostrophe",
        ),
        pytest.param(
            'a: "{{ x }}" | upper\n',
            """
            r:1:13 error[yaml-syntax] the text ended at the quote before this
              |
            1 | a: "{{ x }}" | upper
              |             ^^^^^^^^
              = hint: write filters inside the braces: `{{ … | … }}`
            """,
            id="a filter outside the braces",
        ),
        pytest.param(
            'a: "x" y\n',
            """
            r:1:7 error[yaml-syntax] the text ended at the quote before this
              |
            1 | a: "x" y
              |       ^^
              = hint: put the whole value in quotes
            """,
            id="a text after a quote",
        ),
        pytest.param(
            'a: "\\q"\n',
            """
            r:1:5 error[yaml-syntax] `\\q` is not an escape in double quotes
              |
            1 | a: "\\q"
              |     ^^
              = hint: write `\\\\` for a backslash, or put the text in single quotes
            """,
            id="a backslash",
        ),
        pytest.param(
            'a: "\\q\\\\"\n',
            """
            r:1:5 error[yaml-syntax] `\\q` is not an escape in double quotes
              |
            1 | a: "\\q\\\\"
              |     ^^
              = hint: write `\\\\` for a backslash, or put the text in single quotes
            """,
            id="a backslash before another",
        ),
        pytest.param(
            "a: users\n  b: 2\n",
            """
            r:2:3 error[yaml-syntax] this line is indented deeper than the one above
              |
            1 | a: users
              | -------- this line has a value already
            2 |   b: 2
              |   ^
              = hint: give both lines the same indentation
            """,
            id="a line indented below a value",
        ),
        pytest.param(
            "a:\n    b: 1\n  c: 2\n",
            """
            r:3:3 error[yaml-syntax] the indentation of this line fits no line above
              |
            1 | a:
              | - the keys of this mapping begin in this column
              :
            3 |   c: 2
              |   ^^^^
              = hint: give keys of one mapping the same indentation
            """,
            id="a line between two indentations",
        ),
        pytest.param(
            "a: - b\n",
            """
            r:1:4 error[yaml-syntax] a list cannot begin in the line of its key
              |
            1 | a: - b
              |    ^^^
              = hint: begin the list in the next line, or write it as `[a, b]`
            """,
            id="a list in the line of its key",
        ),
        pytest.param(
            "a:\n  - b\n  c: 2\n",
            """
            r:3:3 error[yaml-syntax] this is not an item of the list
              |
            2 |   - b
              |   - the list begins here
            3 |   c: 2
              |   ^^^^
              = hint: begin an item with `- `, or indent what belongs to the item above
            """,
            id="a key among the items of a list",
        ),
        pytest.param(
            "a: [1, 2\nb: 3\n",
            """
            r:1:4 error[yaml-syntax] the `[` that opens here is not closed
              |
            1 | a: [1, 2
              |    ^
            2 | b: 3
              | - here `,` or `]` was expected
              = hint: close it with `]`
            """,
            id="a bracket that is not closed",
        ),
        pytest.param(
            "a: {b: 1}}\n",
            """
            r:1:10 error[yaml-syntax] there is nothing that `}` could close
              |
            1 | a: {b: 1}}
              |          ^
            """,
            id="a brace too many",
        ),
        pytest.param(
            "a: , b\n",
            """
            r:1:4 error[yaml-syntax] a value is missing before the comma
              |
            1 | a: , b
              |    ^
            """,
            id="a comma too many",
        ),
        pytest.param(
            "a: > 300\n",
            """
            r:1:6 error[yaml-syntax] only `-`, `+` or a digit may follow `>`
              |
            1 | a: > 300
              |      ^^^
              = hint: begin the text in the next line; a value that begins with `>` needs quotes
            """,
            id="a text behind a block sign",
        ),
        pytest.param(
            "endpoints: {GET /r/{n}: {call: a}}\n",
            """
            r:1:13 error[yaml-syntax] within brackets, a text with `{` must be written in quotes
              |
            1 | endpoints: {GET /r/{n}: {call: a}}
              |             ^^^^^^^^^^
              = hint: write `"GET /r/{n}"`
            """,
            id="the colon behind a key stays outside of its quotes",
        ),
    ],
)
def test_a_mistake_is_named_in_plain_words(
    text: str, expected: str, parser: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both parsers, which word their errors differently, lead to the same sentence at the same place."""
    monkeypatch.setattr(values, "Parser", parser)
    assert shown(text) == dedent(expected).strip("\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("%FOO bar\n---\na: 1\n", "YAML directives are not read here"),
        ("a: {b: c, ", "the `{` that opens here is not closed"),
        ("a: {b: u:/x/{id}}", "within brackets, a text with `{` must be written in quotes"),
        ("a: [b, POST u:/x/{id}/y]", "within brackets, a text with `{` must be written in quotes"),
        ("a: {b: data[].x}", "within brackets, a text with `[` must be written in quotes"),
        ("a: {b: c {d}}", "the `{` that opens here is not closed"),
        ("a: [b, {c: d}, [e], &f [", "the `[` that opens here is not closed"),
        ("a: \tb\n\t c: d", "a tab cannot indent a line"),
        ("a: !<x\n", "a text that begins with `!` must be written in quotes"),
        ('a: "b": c\n', "a text with `: ` in it must be written in quotes"),
        ('a: 1\n"b" : c: d\n', "this is not YAML: mapping values are not allowed in this context"),
        ("a: &\n", "a text that begins with `&` must be written in quotes"),
        ("a: *b{{ x }}\n", "a text that begins with `*` must be written in quotes"),
        ("a: b\n- c\n", "the indentation of this line fits no line above"),
        ('a: "\\x1"\n', "this is not YAML: did not find expected hexdecimal number"),
    ],
)
def test_rarer_mistakes_have_a_sentence_too(text: str, message: str) -> None:
    """Whatever libyaml stumbles over gets at least its own words."""
    assert message in shown(text)


@pytest.mark.parametrize(("text", "says"), [("a: \ttab\n", "a tab stands where"), ("a: \t- b\n", "a tab stands where")])
def test_a_tab_between_key_and_value(text: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pure parser is stricter than libyaml about tabs; it says so as plainly."""
    monkeypatch.setattr(values, "Parser", yaml.SafeLoader)
    assert says in shown(text)


def test_every_endpoint_that_cannot_be_read_is_named() -> None:
    """One broken endpoint does not hide the next: each is read by itself."""
    deep = "[" * 70 + "]" * 70
    text = f"endpoints:\n  GET /a: @x\n  GET /b: {{call: [y}}\n  GET /c: z\n  GET /d: {deep}\n  GET /e: 'z\n"
    _, problems = read_document(text, "r")
    assert [(problem.position.line, problem.code) for problem in problems] == [
        (2, "yaml-syntax"),
        (3, "yaml-syntax"),
        (5, "too-deep"),
        (6, "yaml-syntax"),
    ]


def test_a_file_of_nothing_but_mistakes_is_answered_at_once() -> None:
    """The first twenty are enough to go on with."""
    text = "endpoints:\n" + "".join(f"  GET /{number}: @x\n" for number in range(1000))
    _, problems = read_document(text, "r")
    assert len(problems) == 20

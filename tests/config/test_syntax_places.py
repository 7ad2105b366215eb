"""Where the mistake of a file that is not YAML begins and ends, and what to write there, in any place of a file."""

from __future__ import annotations

import pytest
import yaml

from aggregator.config.text import values
from aggregator.config.text.document import read_document

Related = list[tuple[str, str]]
MISTAKES: dict[str, list[tuple[str, str, str | None, Related]]] = {
    "the quote that opens here is never closed": [
        ('a: 1\nb:\n  - c: "users\n  - d\n', "3:8-9", 'close it with `"`', []),
        ("b:\n  - c: 'users\n  - d: 1\n", "2:8-9", "close it with `'`", []),
    ],
    "the quote that opens here is not closed in its line": [
        ("a: 1\nb:\n  c: 'x\n    y\n  d: 'z'\n", "3:6-7", None, [("5:6-7", "it closes here, in the middle of a line")]),
    ],
    "the text ended at the quote before this": [
        ("a: 1\nb:\n  - 'it's' # note\n", "3:9-18", "an apostrophe within '…' is written `''`", []),
        ("a: 1\nb:\n  - c: 'x' y  \n", "3:11-13", "put the whole value in quotes", []),
        ("b: {c: 'x' y, d: 1}\n", "1:11-20", "put the whole value in quotes", []),
        ("b: ['x'y]\n", "1:8-10", "an apostrophe within '…' is written `''`", []),
        ('b: {c: "{{ x }}" | upper }\n', "1:17-27", "write filters inside the braces: `{{ … | … }}`", []),
        ('b: "x" y: 1\n', "1:7-12", "put the whole value in quotes", []),
    ],
    "an expression must be written in quotes": [
        ("a: 1\nb:\n  - c: {{ x }} y  \n", "3:8-17", 'write `"{{ x }} y"`', []),
        ("a: 1\nb:\n  - {{ x }}\n", "3:5-12", 'write `"{{ x }}"`', []),
        ("b: [{{ x }}, 1]\n", "1:5-12", 'write `"{{ x }}"`', []),
        ("b: [1, {{ x }} y]\n", "1:8-17", 'write `"{{ x }} y"`', []),
        ("b: {c: {{ x }}, d: 1}\n", "1:8-15", 'write `"{{ x }}"`', []),
        ("b:\n  - {c: Bearer {{ x }}, d: 1}\n", "2:9-23", 'write `"Bearer {{ x }}"`', []),
        ("b: {c: Bearer {{ x }} and {{ y }} , d: 1}\n", "1:8-34", 'write `"Bearer {{ x }} and {{ y }}"`', []),
        ("b: {c: {d: a {{ x }}}}\n", "1:12-21", 'write `"a {{ x }}"`', []),
        ("b: [a, b {{ x }}]\n", "1:8-17", 'write `"b {{ x }}"`', []),
        ("a: {{ x }} y # z\n", "1:4-13", 'write `"{{ x }} y"`', []),
        ("b: [1, {{ x }}/{{ y }} , 2]\n", "1:8-23", 'write `"{{ x }}/{{ y }}"`', []),
        ("b: {c: {{ x }}-y}\n", "1:8-17", 'write `"{{ x }}-y"`', []),
        ("a: {{ x }}, y\n", "1:4-14", 'write `"{{ x }}, y"`', []),
        ("- {{ x }} y\n", "1:3-12", 'write `"{{ x }} y"`', []),
        ("b:\n  - {{ x }} y\n", "2:5-14", 'write `"{{ x }} y"`', []),
        ("a: {% if x %} # z\n", "1:4-14", 'write `"{% if x %}"`', []),
    ],
    "a variable within brackets must be written in quotes": [
        ("b: {c: ${NAME}}\n", "1:8-15", 'write `"${NAME}"`', []),
        ("b: {c: ${NAME:-x y}}\n", "1:8-20", 'write `"${NAME:-x y}"`', []),
        ("b: {c: ${NAME, d: 1}\n", "1:8-14", 'write `"${NAME"`', []),
    ],
    "a text with `: ` in it must be written in quotes": [
        ("b: ${NAME} x: y\n", "1:4-16", 'write `"${NAME} x: y"`', []),
        ("a: 1\nb:\n  - c: Error: not: found  \n", "3:8-25", 'write `"Error: not: found"`', []),
        ("b:\n  'c': x: y\n", "2:8-12", 'write `"x: y"`', []),
        ("a: Error: not found # x\n", "1:4-20", 'write `"Error: not found"`', []),
    ],
    "within brackets, a text with `{` must be written in quotes": [
        ("b: {c: users:/users/{id}}\n", "1:8-25", 'write `"users:/users/{id}"`', []),
        ("b: {c: users:/users/{id}/x, d: 1}\n", "1:8-27", 'write `"users:/users/{id}/x"`', []),
        ("b:\n  - [users:/{id}, x]\n", "2:6-17", 'write `"users:/{id}"`', []),
        ("b: [GET users:/{id}]\n", "1:5-20", 'write `"GET users:/{id}"`', []),
        ("b: {GET /users/{id}: 1}\n", "1:5-20", 'write `"GET /users/{id}"`', []),
    ],
    "within brackets, a text with `[` must be written in quotes": [
        ("b: {c: a[0], d: 1}\n", "1:8-12", 'write `"a[0]"`', []),
        ("b: {c: a[0]b}\n", "1:8-13", 'write `"a[0]b"`', []),
    ],
    "a text that begins with `%` must be written in quotes": [
        ("a: 1\nb:\n  - %x y # z\n", "3:5-9", 'write `"%x y"`', []),
        ("b: [%x, y]\n", "1:5-7", 'write `"%x"`', []),
    ],
    "a text that begins with `!` must be written in quotes": [
        ("a: 1\nb:\n  c: !x!y\n", "3:6-10", 'write `"!x!y"`', []),
        ("b: [!x!y, y]\n", "1:5-9", 'write `"!x!y"`', []),
    ],
    "a text that begins with `&` must be written in quotes": [
        ("a: 1\nb:\n  c: &\n", "3:6-7", 'write `"&"`', []),
    ],
    "a text that begins with `{` must be written in quotes": [
        ("b:\n  - c: {base}/users # z\n", "2:8-20", 'write `"{base}/users"`', []),
        ('b:\n  "c d": {base}/x\n', "2:10-18", 'write `"{base}/x"`', []),
    ],
    "a text that begins with `[` must be written in quotes": [
        ("b:\n  c: [a]b\n", "2:6-10", 'write `"[a]b"`', []),
    ],
    "`\\q` is not an escape in double quotes": [
        (
            'b:\n  c: "C:\\new\\query"\n',
            "2:13-15",
            "write `\\\\` for a backslash, or put the text in single quotes",
            [],
        ),
    ],
    "`\\y` is not an escape in double quotes": [
        (
            'a: 1\nb:\n  - "x\\ q \\y"\n',
            "3:11-13",
            "write `\\\\` for a backslash, or put the text in single quotes",
            [],
        ),
    ],
    "a merge has left its conflict here": [
        (
            "<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> x\n",
            "1:1-13",
            "keep one of the two versions, and remove the lines with `<<<<<<<`, `=======` and `>>>>>>>`",
            [],
        ),
        (
            "a: 1\nb:\n  c: 1\n<<<<<<< HEAD\n  d: 2\n=======\n  d: 3\n>>>>>>> x\n",
            "4:1-13",
            "keep one of the two versions, and remove the lines with `<<<<<<<`, `=======` and `>>>>>>>`",
            [],
        ),
    ],
    "the first line is indented": [
        ("  a: 1\nb: 2\n", "1:1-3", "remove the spaces before it", [("2:1-5", "this one is not")]),
        ("# x\n\n   a: 1\nb: 2\n", "3:1-4", "remove the spaces before it", [("4:1-5", "this one is not")]),
    ],
    "a tab cannot indent a line": [
        ("a:\n  b: 1\n  \tc: 2\n", "3:3-4", "indent with spaces, two for each level", []),
    ],
    "a space is missing after the colon": [
        ("a: 1\nb:\n  c:shop:/x\n  d: 3s\n", "3:4-5", "write `c: shop:/x`", []),
        ("a: 1\nb:\n  - c:shop:/x  \n    d: 3s\n", "3:6-7", "write `c: shop:/x`", []),
    ],
    "a colon is missing after this key": [
        ("a: 1\nb:\n  timeout  \n  d: 3s\n", "3:3-10", "every line of a mapping is `key: value`", []),
        ("b:\n  - x\n  c\n", "3:3-4", "every line of a mapping is `key: value`", []),
    ],
    "this line is indented deeper than the one above": [
        (
            "a: 1\nb: x\n    c: 2\n",
            "3:5-6",
            "give both lines the same indentation",
            [("2:1-5", "this line has a value already")],
        ),
    ],
    "the indentation of this line fits no line above": [
        (
            "a: 1\nb:\n  c: x\n\n  # y\n      d: 2\n",
            "6:7-11",
            "give keys of one mapping the same indentation",
            [("3:3-4", "the keys of this mapping begin in this column")],
        ),
        (
            "b:\n    c: 1\n   d: 2\n",
            "3:4-8",
            "give keys of one mapping the same indentation",
            [("1:1-2", "the keys of this mapping begin in this column")],
        ),
        (
            "a: 1\nb:\n  c:\n      d: 1\n    e: 2\n",
            "5:5-9",
            "give keys of one mapping the same indentation",
            [("3:3-4", "the keys of this mapping begin in this column")],
        ),
    ],
    "a list cannot begin in the line of its key": [
        ("b:\n  c: - x\n", "2:6-9", "begin the list in the next line, or write it as `[a, b]`", []),
    ],
    "this is not an item of the list": [
        (
            "b:\n  - x\n  c: 1\n",
            "3:3-7",
            "begin an item with `- `, or indent what belongs to the item above",
            [("2:3-4", "the list begins here")],
        ),
    ],
    "there is nothing that `]` could close": [
        ("b: ]\n", "1:4-5", None, []),
    ],
    "there is nothing that `}` could close": [
        ("b: }\n", "1:4-5", None, []),
    ],
    "a value is missing before the comma": [
        ("b: , x\n", "1:4-5", None, []),
    ],
    "the `[` that opens here is not closed": [
        ("b: [a, b\nc: 1\n", "1:4-5", "close it with `]`", [("2:1-2", "here `,` or `]` was expected")]),
        ("b: {a: [1, 2}, c: 3}\n", "1:8-9", "close it with `]`", [("1:13-14", "here `,` or `]` was expected")]),
    ],
    "the `{` that opens here is not closed": [
        ("b: {a: 1\nc: 1\n", "1:4-5", "close it with `}`", [("2:1-2", "here `,` or `}` was expected")]),
        ("b: [a, {c: 1]\n", "1:8-9", "close it with `}`", [("1:13-14", "here `,` or `}` was expected")]),
    ],
    "nothing stands between two commas": [
        ("b: [a,, b]\n", "1:7-8", "remove one of them", []),
        ("b: {a: 1, , c: 2}\n", "1:11-12", "remove one of them", []),
    ],
    "only `-`, `+` or a digit may follow `|`": [
        ("b: |x\n  y\n", "1:5-6", "begin the text in the next line; a value that begins with `|` needs quotes", []),
    ],
    "only `-`, `+` or a digit may follow `>`": [
        (
            "b:\n  c: >text\n  y\n",
            "2:7-11",
            "begin the text in the next line; a value that begins with `>` needs quotes",
            [],
        ),
    ],
    "no anchor is named `x`": [
        ("a: *x\n", "1:4-6", "set it further up: `&x`", []),
        ("a: 1\nb: [*x, y]\n", "2:5-7", "set it further up: `&x`", []),
    ],
    "a text that begins with `@` must be written in quotes": [
        ("b: {c: @x, d: 1}\n", "1:8-10", 'write `"@x"`', []),
        ("b: [@x y , z]\n", "1:5-9", 'write `"@x y"`', []),
        ("a: @users # note\n", "1:4-10", 'write `"@users"`', []),
    ],
    "a text that begins with a backtick must be written in quotes": [
        ("b: {c: `x`}\n", "1:8-11", 'write `"`x`"`', []),
    ],
    "the control character U+0001 may not stand in the file": [
        ("a: 1\n\x01b: 2\n", "2:1-2", 'remove it, or write "\\u0001" in double quotes', []),
    ],
    "a text that begins with `*` must be written in quotes": [
        ("b: {c: &x, d: *}\n", "1:15-16", 'write `"*"`', []),
    ],
}
"""By what is said: a file, the place of the mistake (line, first column, column behind it), hint, other places."""


@pytest.mark.parametrize("parser", [yaml.SafeLoader, yaml.CSafeLoader], ids=["pure", "libyaml"])
@pytest.mark.parametrize("message", MISTAKES)
def test_a_mistake_is_marked_from_its_first_sign_to_its_last(
    message: str, parser: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In later lines, items and brackets, whatever stands behind it; the hint says to write that and no more."""
    monkeypatch.setattr(values, "Parser", parser)
    for text, place, hint, related in MISTAKES[message]:
        _, problems = read_document(text, "r")
        found = [
            (
                f"{one.position.line}:{one.position.column}-{one.position.end_column}",
                one.message,
                one.hint,
                [(f"{at.line}:{at.column}-{at.end_column}", label) for at, label in one.related],
            )
            for one in problems
        ]
        assert found == [(place, message, hint, related)], text

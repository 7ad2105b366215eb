"""What an operator and a machine see of a problem."""

from __future__ import annotations

from textwrap import dedent

import pytest

from aggregator.diagnostics import (
    Diagnostic,
    Position,
    Source,
    as_json,
    did_you_mean,
    in_reading_order,
    render_github,
    render_text,
    suggest,
    summary,
)
from aggregator.errors import ConfigError

ROUTES = """\
version: 1
upstreams:
  user: {url: https://users.example.com}
endpoints:
  # everything about one customer
  GET /dashboard/{user_id}:
    fan_out:

      profile: users:/users/{user_id}
  GET /user/{user_id}: {call: user:/}
  GET /user/{user_id}: {call: user:/}
"""


def error(
    line: int, text: str, message: str = "wrong", *, file: str = "routes.yaml", source: str = ROUTES, **more: object
) -> Diagnostic:
    """A problem with *text*, where it first stands in *line* of *source*."""
    column = source.splitlines()[line - 1].index(text) + 1
    position = Position(file, line, column, column + len(text))
    return Diagnostic("some-code", "error", message, position, **more)  # type: ignore[arg-type]


def shown(*problems: Diagnostic, color: bool = False, **files: str) -> str:
    """What the operator sees, with further files by their names without suffix."""
    sources = {"routes.yaml": Source("routes.yaml", ROUTES)}
    sources |= {f"{name}.yaml": Source(f"{name}.yaml", text) for name, text in files.items()}
    return render_text(problems, sources, color=color)


def text(expected: str) -> str:
    """A frame that was indented to be read here."""
    return dedent(expected).strip("\n")


def test_a_frame_shows_the_line_the_exact_span_the_endpoint_and_the_hint() -> None:
    """The mistake is underlined, and the endpoint that it is in is named, however far above it stands."""
    problem = error(9, "users", "no upstream is named `users`", hint="did you mean `user`?")
    assert shown(problem) == text("""
        routes.yaml:9:16 error[some-code] no upstream is named `users`
          |
        6 |   GET /dashboard/{user_id}:
          :
        9 |       profile: users:/users/{user_id}
          |                ^^^^^
          = hint: did you mean `user`?
    """)


def test_the_other_place_in_the_same_file_is_in_the_same_frame() -> None:
    """Two equal keys are seen together, in file order, each with its own underline."""
    other = error(10, "GET /user/{user_id}").position
    assert shown(error(11, "GET /user/{user_id}", related=((other, "first here"),))) == text("""
        routes.yaml:11:3 error[some-code] wrong
           |
        10 |   GET /user/{user_id}: {call: user:/}
           |   ------------------- first here
        11 |   GET /user/{user_id}: {call: user:/}
           |   ^^^^^^^^^^^^^^^^^^^
    """)


def test_the_other_place_in_another_file_has_its_own_frame() -> None:
    """The frame of another file names that file; one that cannot be quoted still says its label."""
    users = "upstreams:\n  user: {}\n"
    there = error(2, "user", source=users, file="users.yaml").position
    lost = Position("lost.yaml", 7, 1, 2)
    assert shown(error(3, "user", related=((there, "first here"), (lost, "and here"))), users=users) == text("""
        routes.yaml:3:3 error[some-code] wrong
          |
        3 |   user: {url: https://users.example.com}
          |   ^^^^
          ::: lost.yaml:7:1
          | and here
          ::: users.yaml:2:3
          |
        2 |   user: {}
          |   ---- first here
    """)


def test_a_hint_may_hold_an_example_of_several_lines() -> None:
    """Further lines of a hint stand under the first, so that they can be copied."""
    assert shown(error(1, "version", hint="write\n  version: 1")).endswith("= hint: write\n            version: 1")


@pytest.mark.parametrize(
    ("line", "marked", "frame"),
    [
        ("a:\tb", "b", "1 | a:    b\n  |       ^"),
        ("日本: wrong", "wrong", "1 | 日本: wrong\n  |       ^^^^^"),
        ("日本", "日本", "1 | 日本\n  | ^^^^"),
        ("e\u0301: wrong", "wrong", "1 | e\u0301: wrong\n  |    ^^^^^"),
        ("a\x1b[31mb: x", "b", "1 | a\\x1b[31mb: x\n  |          ^"),
        ("a\u202eb: x", "b", "1 | a\\u202eb: x\n  |        ^"),
        ("\u00a0a: x", "a", "1 | \\xa0a: x\n  |     ^"),
    ],
)
def test_the_caret_stands_under_what_is_seen(line: str, marked: str, frame: str) -> None:
    """Tabs, wide letters, combining marks and escaped characters move the caret as they move the text."""
    problem = error(1, marked, source=line, file="odd.yaml")
    assert shown(problem, odd=line).endswith(frame)


@pytest.mark.parametrize("start", [1, 60, 300, 590])
def test_a_long_line_is_cut_around_the_caret(start: int) -> None:
    """However long the line, the frame stays narrow and the caret under its word."""
    line = "." * start + "wrong" + "." * (600 - start)
    _, _, quoted, caret = shown(error(1, "wrong", source=line, file="long.yaml"), long=line).split("\n")
    assert len(quoted) < 110
    assert quoted[caret.index("^") : caret.index("^") + 5] == "wrong"
    assert caret.count("^") == 5


@pytest.mark.parametrize(("width", "cells"), [(5, 19), (24, 19), (25, 20), (80, 75), (104, 99), (200, 99)])
def test_a_line_is_as_wide_as_the_terminal_lets_it(width: int, cells: int) -> None:
    """Less its gutter and the cell of what is cut before it: of twenty cells at least, and of a hundred at most."""
    sources = {"long.yaml": Source("long.yaml", "x" * 500)}
    problem = error(1, "x", source="x" * 500, file="long.yaml")
    _, _, quoted, _ = render_text([problem], sources, width=width).split("\n")
    assert len(quoted.removeprefix("1 | ")) == cells


def test_a_span_longer_than_the_frame_is_underlined_up_to_its_edge() -> None:
    """The underline never leaves the frame."""
    line = "x" * 500
    _, _, quoted, caret = shown(error(1, line, source=line, file="long.yaml"), long=line).split("\n")
    assert len(caret) <= len(quoted) + 1


def test_a_place_behind_the_end_of_a_line_gets_one_caret() -> None:
    """An empty span, or one that the line has grown too short for, is still pointed at."""
    problem = Diagnostic("c", "error", "wrong", Position("routes.yaml", 1, 40, 40))
    assert shown(problem).endswith("1 | version: 1\n  |           ^")


def test_a_file_that_cannot_be_quoted_has_no_frame() -> None:
    """A missing file, an empty one, or a line that it does not have: the headline and the hint say it all."""
    missing = Diagnostic("file-missing", "error", "there is no such file", Position("gone.yaml"), "write it")
    assert shown(missing) == "gone.yaml:1:1 error[file-missing] there is no such file\n  = hint: write it"
    assert shown(Diagnostic("c", "error", "m", Position("routes.yaml", 99))) == "routes.yaml:99:1 error[c] m"
    assert "|" not in shown(Diagnostic("c", "error", "m", Position("empty.yaml")), empty="")


def test_messages_cannot_write_to_the_terminal() -> None:
    """A key with an escape sequence in it is shown, not obeyed."""
    assert "\x1b" not in shown(error(1, "version", "unknown key `\x1b[2J`", hint="\x1b]0;"))


def test_color_changes_nothing_but_the_color() -> None:
    """Without its escapes the coloured text is the plain one."""
    import re

    problem = error(9, "users", related=((error(3, "user").position, "here"),), hint="h")
    coloured = shown(problem, color=True)
    assert "\x1b[1;31m" in coloured
    assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == shown(problem)


def test_at_most_a_hundred_are_shown() -> None:
    """The hundred first in reading order are shown and the rest is counted."""
    problems = [error(1, "version", f"number {number}") for number in range(103)]
    assert shown(*problems).endswith("\n\n… and 3 more")
    assert shown(*problems).count("error[") == 100


def test_reading_order_is_by_file_then_by_place_and_without_repetition() -> None:
    """Files come as they were read, places as they stand, and what would read the same comes once."""
    first, second = error(1, "version"), error(9, "users")
    other = error(1, "version", file="a.yaml")
    files = ["routes.yaml", "a.yaml"]
    assert in_reading_order([other, second, first, second], files) == [first, second, other]


def test_the_summary_counts_errors_and_warnings() -> None:
    """One line for the end of the output."""
    problem = error(1, "version")
    warning = Diagnostic("c", "warning", "m", problem.position)
    assert summary([problem, problem, warning]) == "2 errors, 1 warning"
    assert summary([warning, warning]) == "2 warnings"
    assert summary([]) == "no problems"


def test_a_refusal_names_what_is_wrong() -> None:
    """The one line of it is about the first error; a warning that stands before it refuses nothing."""
    problem = error(9, "users")
    warning = Diagnostic("c", "warning", "m", error(1, "version").position)
    assert str(ConfigError([warning, problem])).endswith(problem.message)
    assert str(ConfigError([warning, problem, problem])).endswith(f"{problem.message} (and 1 more problem)")
    assert str(ConfigError([warning, warning])).endswith("m (and 1 more problem)")


def test_github_shows_it_in_the_diff() -> None:
    """Annotations are escaped as the actions toolkit does it."""
    problem = Diagnostic(
        "some-code",
        "warning",
        "100% wrong: a, b",
        Position("a,b:c.yaml", 3, 5, 9),
        "try\nthis",
        ((Position("d.yaml", 1, 2, 3), "first here"),),
    )
    assert render_github([problem]) == (
        "::warning file=a%2Cb%3Ac.yaml,line=3,endLine=3,col=5,endColumn=9,title=aggregator some-code"
        "::100%25 wrong: a, b%0Afirst here: d.yaml:1:2%0Ahint: try%0Athis"
    )


def test_github_shows_what_could_mislead_the_eye() -> None:
    """Characters that turn the direction of text, or are not seen, are written as their escapes."""
    problem = Diagnostic("c", "error", "unknown key `a\u202eb`", Position("r.yaml", 1, 1, 2), "remove `\u200b`")
    assert render_github([problem]).endswith("::unknown key `a\\u202eb`%0Ahint: remove `\\u200b`")


def test_json_has_every_field_of_every_problem() -> None:
    """The records of ``check --format json``."""
    other = Position("d.yaml", 1, 2, 3)
    path = ("endpoints", "GET /x", 0)
    problem = Diagnostic("c", "error", "m", Position("r.yaml", 3, 5, 9), "h", ((other, "first here"),), path)
    assert as_json([problem]) == [
        {
            "code": "c",
            "level": "error",
            "message": "m",
            "hint": "h",
            "path": ["endpoints", "GET /x", 0],
            "file": "r.yaml",
            "line": 3,
            "column": 5,
            "end_column": 9,
            "related": [{"message": "first here", "file": "d.yaml", "line": 1, "column": 2, "end_column": 3}],
        }
    ]


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("upstreem", "upstreams"),
        ("maxConnections", "max_connections"),
        ("max-connections", "max_connections"),
        ("tmieout", "timeout"),
        ("TIMEOUT", "timeout"),
        ("zzz", None),
        ("port", None),
        ("depp", "deep"),
        ("ulr", "url"),
        ("path", None),
        ("params", None),
    ],
)
def test_did_you_mean_finds_what_was_meant(word: str, found: str | None) -> None:
    """Typing errors, other spellings of the same words, and nothing where nothing is near."""
    names = ["upstreams", "timeout", "max_connections", "or", "deep", "url", "auth"]
    assert suggest(word, names) == found
    assert did_you_mean(word, names) == (f"did you mean `{found}`?" if found else None)


@pytest.mark.parametrize(
    ("word", "known", "found"),
    [
        ("n", "a", None),
        ("N", "n", "n"),
        ("ob", "of", None),
        ("fo", "of", "of"),
        ("inn", "in", "in"),
        ("urn", "url", "url"),
    ],
)
def test_words_of_one_or_two_letters_are_near_only_where_they_share_more_than_half(
    word: str, known: str, found: str | None
) -> None:
    """One letter is like no other letter, and of two letters both have to be there."""
    assert suggest(word, [known]) == found


@pytest.mark.parametrize("breaks", ["\n", "\r\n", "\r"])
def test_a_source_has_lines_whatever_ends_them(breaks: str) -> None:
    """Line numbers count from 1; there is no line 0 and none behind the last."""
    source = Source("s", breaks.join(["one", "two"]))
    assert [source.line(number) for number in range(4)] == [None, "one", "two", None]


@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize("before", [0, 30, 70, 150])
def test_a_source_line_never_folds(width: int, before: int) -> None:
    """On a terminal of any width the line is cut around the caret, which stands below what is wrong."""
    source = f"version: 1\nx: [{'a, ' * before}wrong, {'b, ' * 60}c]\n"
    column = source.splitlines()[1].index("wrong") + 1
    problem = Diagnostic("code", "error", "wrong", Position("routes.yaml", 2, column, column + 5))
    text = render_text([problem], {"routes.yaml": Source("routes.yaml", source)}, width=width)
    shown, carets = text.splitlines()[2:4]
    assert max(len(shown), len(carets)) <= width
    assert shown[carets.index("^") :].startswith("wrong")
    assert carets.count("^") == 5

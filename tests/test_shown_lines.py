"""A line of a file beside its carets: what is shown of a long one, and where each span lies in it, cell by cell."""

from __future__ import annotations

import pytest

from aggregator.diagnostics import Diagnostic, Position, Source, meant, render_text, suggest
from aggregator.diagnostics.display import fit, has_color, printable

DIGITS = "0123456789" * 5


@pytest.mark.parametrize(
    ("span", "shown", "at"),
    [
        ((1, 2), "01234567…", (0, 1)),
        ((5, 6), "…23456789…", (3, 4)),
        ((6, 7), "…34567890…", (3, 4)),
        ((25, 30), "…23456789…", (3, 8)),
        ((45, 46), "…23456789", (3, 4)),
        ((50, 51), "…23456789", (8, 9)),
        ((51, 52), "…23456789", (9, 10)),
        ((1, 51), "01234567…", (0, 9)),
        ((60, 70), "…23456789", (9, 10)),
    ],
)
def test_a_long_line_is_cut_to_a_window_that_begins_before_its_span(
    span: tuple[int, int], shown: str, at: tuple[int, int]
) -> None:
    """A third of it before, no more than the line has at its end, with a mark where something is left out."""
    assert fit(DIGITS, [span], 10) == (shown, [at])


def test_a_line_that_just_fits_is_whole() -> None:
    """A hundred cells are, unless fewer are asked for; one more is cut."""
    assert fit("x" * 100, [(1, 1)]) == ("x" * 100, [(0, 1)])
    assert fit("x" * 101, [(1, 1)]) == ("x" * 98 + "…", [(0, 1)])
    assert fit("x" * 10, [(10, 11)], 10) == ("x" * 10, [(9, 10)])


def test_every_span_covers_a_cell_of_the_line_or_the_one_behind_it() -> None:
    """An empty one, one behind the end, and one whose end is before its start; wide letters count twice."""
    assert fit("ab", [(1, 1), (3, 3), (9, 12), (2, 1)]) == ("ab", [(0, 1), (2, 3), (2, 3), (1, 2)])
    assert fit("日本" * 10, [(3, 4), (19, 20)], 10) == ("…本日本日…", [(3, 5), (9, 10)])


def test_what_a_terminal_would_act_on_is_written_out() -> None:
    """A tab as four spaces, any other sign as its escape."""
    assert printable("a\tb\x07\u200b") == "a    b\\x07\\u200b"
    assert printable("a b") == "a b"


@pytest.mark.parametrize(
    ("is_terminal", "environment", "wants"),
    [
        (True, {}, True),
        (True, {"TERM": "xterm"}, True),
        (True, {"NO_COLOR": ""}, True),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (False, {}, False),
    ],
)
def test_colours_are_for_terminals_that_want_them(
    is_terminal: bool, environment: dict[str, str], wants: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As no-color.org asks: an empty variable says nothing."""
    import io

    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: is_terminal)
    assert has_color(stream) is wants


FILE = """\
version: 1
upstreams:
    # of the shop
  users:
    - not a key
    url: x

    query:
      a: b
endpoints: {}
"""


def frame(line: int, *related: tuple[Position, str], color: bool = False, hint: str | None = None) -> list[str]:
    """Return the lines that tell of a problem with the third and fourth column of *line*."""
    problem = Diagnostic("c", "warning", "m", Position("r.yaml", line, 3, 5), hint, related)
    return render_text([problem], {"r.yaml": Source("r.yaml", FILE)}, color=color).split("\n")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (1, ["  |", "1 | version: 1", "  |   ^^"]),
        (4, ["  |", "4 |   users:", "  |   ^^"]),
        (6, ["  |", "4 |   users:", "  :", "6 |     url: x", "  |   ^^"]),
        (9, ["  |", "4 |   users:", "  :", "9 |       a: b", "  |   ^^"]),
        (5, ["  |", "4 |   users:", "5 |     - not a key", "  |   ^^"]),
        (10, ["   |", "10 | endpoints: {}", "   |   ^^"]),
    ],
)
def test_a_frame_begins_with_the_entry_that_its_line_is_inside_of(line: int, shown: list[str]) -> None:
    """Comments, items and empty lines are none; between lines that are not neighbours stands a colon."""
    assert frame(line) == [f"r.yaml:{line}:3 warning[c] m", *shown]


def test_spans_of_one_line_are_underlined_one_below_the_other() -> None:
    """By column, each with its label; what is there twice is shown twice."""
    others = ((Position("r.yaml", 4, 8, 9), "colon"), (Position("r.yaml", 1, 1, 8), "first"))
    assert frame(4, *others, hint="h") == [
        "r.yaml:4:3 warning[c] m",
        "  |",
        "1 | version: 1",
        "  | ------- first",
        "  :",
        "4 |   users:",
        "  |   ^^",
        "  |        - colon",
        "  = hint: h",
    ]


def test_colours_mark_place_level_gutter_signs_and_hint() -> None:
    """Each part has its own; the line of the entry is quiet."""
    assert frame(6, color=True, hint="h\nmore") == [
        "\x1b[1mr.yaml:6:3\x1b[0m \x1b[1;33mwarning[c]\x1b[0m m",
        "\x1b[34m  |\x1b[0m",
        "\x1b[34m4 |\x1b[0m \x1b[2m  users:\x1b[0m",
        "\x1b[34m  :\x1b[0m",
        "\x1b[34m6 |\x1b[0m     url: x",
        "\x1b[34m  |\x1b[0m   \x1b[1;33m^^\x1b[0m",
        "\x1b[34m  =\x1b[0m \x1b[1mhint:\x1b[0m h",
        "          more",
    ]


@pytest.mark.parametrize(
    ("word", "known", "found"),
    [
        ("int", ["integer"], "integer"),
        ("in", ["integer"], None),
        ("int", ["integer", "interval"], None),
        ("time", ["timeout", "timer"], "timer"),
        ("tiem", ["time"], "time"),
        ("tine", ["time"], "time"),
        ("tin", ["time"], None),
        ("times", ["time"], "time"),
        ("abcd", ["abdc"], "abdc"),
        ("abcde", ["abcfg"], None),
        ("abcdef", ["abcdeg"], "abcdeg"),
        ("a b", ["a-b"], "a-b"),
        ("retries", ["retry", "entries"], "entries"),
    ],
)
def test_how_near_a_word_has_to_be(word: str, known: list[str], found: str | None) -> None:
    """The beginning of one name, the same letters, one other letter, or most of them."""
    assert suggest(word, known) == found


def test_where_nothing_is_near_the_names_are_listed() -> None:
    """Twenty of them."""
    names = [f"name{letter}" for letter in "abcdefghijklmnopqrstu"]
    assert meant("zzz", []) == "there is none."
    assert meant("zzz", names[:20]) == f"there are {', '.join(names[:20])}."
    assert meant("zzz", names) == f"there are {', '.join(names[:20])}, and others."
    assert meant("nameA", names) == "did you mean `namea`?"

"""Reading a file piece by piece says exactly what reading it whole says, and reads again only what changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.config.text import document as reading
from aggregator.config.text import values
from aggregator.config.text.document import Document, ParseCache, read_document
from aggregator.config.text.pieces import cut
from aggregator.config.text.section import Section
from aggregator.diagnostics import Diagnostic, Source


class Counting:
    """Stands for the parser and remembers the texts that it was given."""

    texts: list[str]

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.texts = []
        parser = values.Parser

        def parse(text: str) -> Any:
            self.texts.append(text)
            return parser(text)

        monkeypatch.setattr(values, "Parser", parse)

    def since(self) -> list[str]:
        texts, self.texts = self.texts, []
        return texts


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Counting:
    """Counts what is parsed from now on."""
    return Counting(monkeypatch)


ROUTES = """\
version: 1
# what we call
upstreams:
  users: {url: http://u}

endpoints:   # what we serve

  GET /a:
    call: users:/a

  # the second
  GET /b:
    call: users:/b
  GET /c: {call: users:/c}
"""


def test_a_changed_line_costs_one_piece(parsed: Counting) -> None:
    """Only the endpoint that changed is parsed again, wherever it stands by now."""
    cache = ParseCache()
    read_document(ROUTES, "r", cache)
    assert len(parsed.since()) == 6
    document, _ = read_document("# a new line\n\n" + ROUTES.replace("users:/b", "users:/changed"), "r", cache)
    assert parsed.since() == ["  GET /b:\n    call: users:/changed\n"]
    assert document is not None
    assert [endpoint.key_position.line for endpoint in document.endpoints] == [10, 14, 16]
    assert document.endpoints[1].value == {"call": "users:/changed"}


def test_a_file_without_problems_never_pays_for_positions(parsed: Counting) -> None:
    """The text is read once; a question for a place reads the piece that it is about once more."""
    document, _ = read_document(ROUTES, "r")
    parsed.since()
    assert document is not None
    document.position(("endpoints", "GET /b", "call"))
    document.position(("endpoints", "GET /b"), key=True)
    assert parsed.since() == ["  GET /b:\n    call: users:/b\n"]


def test_what_is_gone_from_the_file_is_forgotten(parsed: Counting) -> None:
    """The cache holds one version of each file, not all of its past."""
    cache = ParseCache()
    read_document(ROUTES, "r", cache)
    read_document(ROUTES.replace("GET /a", "GET /z"), "r", cache)
    parsed.since()
    read_document(ROUTES, "r", cache)
    assert parsed.since() == ["  GET /a:\n    call: users:/a\n\n"]


def test_a_file_that_cannot_be_read_spoils_nothing(parsed: Counting) -> None:
    """After the mistake is mended only what differs from the last good version is parsed."""
    cache = ParseCache()
    read_document(ROUTES, "r", cache)
    assert read_document(ROUTES.replace("users:/b", "@b"), "r", cache)[0] is None
    parsed.since()
    read_document(ROUTES, "r", cache)
    assert parsed.since() == []


def test_a_changed_anchor_is_seen_where_it_is_used() -> None:
    """A piece with aliases is kept only as long as the anchors that it uses."""
    text = "x-base: &base {a: 1}\nendpoints:\n  GET /a: {<<: *base}\n  GET /b: {c: 3}\n"
    cache = ParseCache()
    read_document(text, "r", cache)
    document, _ = read_document(text.replace("a: 1", "a: 2"), "r", cache)
    assert document is not None
    assert [endpoint.value for endpoint in document.endpoints] == [{"a": 2}, {"c": 3}]


def test_endpoints_that_all_went_away_are_gone() -> None:
    """The line ``endpoints:`` alone is not taken for the one that had endpoints below it."""
    cache = ParseCache()
    read_document("endpoints:\n  GET /a: x\n", "r", cache)
    document, _ = read_document("endpoints:\n", "r", cache)
    assert document is not None
    assert document.sections["endpoints"].value is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  indented: 1\n",
        "{a: 1}\n",
        "- a\n",
        "? a\n: b\n",
        "&x a: 1\n",
        "<<: {a: 1}\n",
        "a: 1\n---\nb: 2\n",
        "%YAML 1.1\n---\na: 1\n",
        "endpoints:\n  <<: {GET /a: x}\n",
        "\ta: 1\n",
    ],
)
def test_what_cannot_be_cut_is_not(text: str) -> None:
    """Forms whose keys do not begin at the start of a line of their own are read whole."""
    assert cut(text) is None


def test_what_belongs_to_a_piece_stays_in_it() -> None:
    """Items and closing brackets at the column of the key, blank lines of a block text, but no later notes."""
    text = "---\na:\n- 1\n- 2\nb: [\n]\nc: |+\n  x\n\n# about d\nd: 1\n"
    pieces = cut(text)
    assert pieces is not None
    assert [(piece.text, piece.line) for piece in pieces] == [
        ("a:\n- 1\n- 2\n", 1),
        ("b: [\n]\n", 4),
        ("c: |+\n  x\n\n", 6),
        ("d: 1\n", 10),
    ]


LINES = """\
  GET /a: {call: x}
  GET /b:
    call: "users:/{{ x }}"
    list:
    - a
    -
  GET /c: |+
    text

  GET /d: &one {k: v, 404: w}
  GET /e: *one
    <<: *one
  GET /f: 'a
    b'
  GET /g: [a,
  ]
  - item
  GET /h: {{ x }}
  GET /i: plain
    more: 1
    yes: 012
 odd: 1
  # a note
# another
version: 1
x-note: *one
upstreams:
- a
endpoints:
"quoted": [1, ${X}]
text
---
  ? q
  <<: *one
	tab: 1
}"""


def sections(document: Document) -> Iterator[Section]:
    """Everything that has a key of its own."""
    yield from document.sections.values()
    yield from document.endpoints
    if document.endpoints_key:
        yield document.endpoints_key


def places(section: Section, value: Any, path: tuple[str | int, ...]) -> Iterator[object]:
    """Every path in *value*, with all positions that it has."""
    yield path, section.position(path), section.position(path, key=True), section.position((*path, "gone"))
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in entries:
        yield from places(section, inner, (*path, step))


def said(result: tuple[Document | None, list[Diagnostic]]) -> object:
    """All that can be asked about a document, as something to compare."""
    document, problems = result
    assert document is not None
    return problems, [
        (one.path, repr(one.value), one.digest, one.has_variables, list(places(one, one.value, ())))
        for one in sections(document)
    ]


@pytest.mark.long
@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.lists(st.sampled_from(LINES.split("\n")), max_size=7), st.booleans()), min_size=1, max_size=3)
)
def test_pieces_say_what_the_whole_says(versions: list[tuple[list[str], bool]]) -> None:
    """Values, digests, positions and problems are the same, for whatever stands in the lines, time after time."""
    cache = ParseCache()
    for lines, has_header in versions:
        source = Source("r", "\n".join((["version: 1", "endpoints:"] if has_header else []) + lines) + "\n")
        whole = reading.from_whole(source, [])
        result = read_document(source.text, "r", cache)
        if whole[0] is None:
            assert result[0] is None
        else:
            assert said(result) == said(whole)

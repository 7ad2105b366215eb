"""What a file says, where it says it, and what of YAML is refused."""

from __future__ import annotations

import codecs
from textwrap import dedent
from typing import Any

import pytest
import yaml

from aggregator.config.text import values
from aggregator.config.text.document import Document, read_document
from aggregator.diagnostics import Position, Source, render_text

PARSERS = [pytest.param(yaml.SafeLoader, id="pure"), pytest.param(yaml.CSafeLoader, id="libyaml")]

ROUTES = """\
# yaml-language-server: $schema=./routes.schema.json
version: 1
upstreams:
  users: {url: "https://users.example.com", timeout: 2s}

endpoints:
  GET /user/{user_id}:
    call: users:/users/{user_id}
    status_map:
      404: {status: 404, detail: |
        }
  GET /dashboard:
    fan_out:
      profile: users:/users/1
      orders:
        url: "users:/orders/{{ x }}"
        default:
    background:
      - POST users:/seen
      - method: POST
        url: users:/done
"""


def read(text: str) -> Document:
    """The document of a text without problems."""
    document, problems = read_document(text, "r")
    assert problems == []
    assert document is not None
    return document


def value_of(text: str) -> Any:
    """The value of its section ``a``."""
    return read(text).sections["a"].value


def marked(text: str, position: Position) -> str:
    """The source text that *position* points at, with its line."""
    line = text.splitlines()[position.line - 1]
    return f"{position.line}: {line[position.column - 1 : position.end_column - 1]}"


def test_a_file_is_sections_and_endpoints_in_order() -> None:
    """Endpoints stand apart, one by one, in the order of the file; values are plain ones."""
    document = read(ROUTES.replace("|\n        }", "gone}"))
    assert list(document.sections) == ["version", "upstreams"]
    assert document.sections["upstreams"].value["users"]["timeout"] == "2s"
    assert [endpoint.key for endpoint in document.endpoints] == ["GET /user/{user_id}", "GET /dashboard"]
    user, dashboard = document.endpoints
    assert user.value["status_map"] == {404: {"status": 404, "detail": "gone"}}
    assert list(dashboard.value["fan_out"]) == ["profile", "orders"]
    assert dashboard.value["fan_out"]["orders"]["default"] is None


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize(
    ("path", "key", "place"),
    [
        ((), False, "2: version"),
        (("version",), False, "2: 1"),
        (("upstreams",), False, "3: upstreams"),
        (("upstreams", "users"), False, '4: {url: "https://users.example.com", timeout: 2s}'),
        (("upstreams", "users", "url"), False, '4: "https://users.example.com"'),
        (("upstreams", "users", "url"), True, "4: url"),
        (("upstreams", "users", "tls", "ca"), False, "4: users"),
        (("endpoints",), False, "6: endpoints"),
        (("endpoints", "GET /gone"), False, "6: endpoints"),
        (("endpoints", "GET /a"), False, "7: GET /a"),
        (("endpoints", "GET /a", "status_map", 404, "status"), False, "10: 410"),
        (("endpoints", "GET /b", "orders"), False, "13: orders"),
        (("endpoints", "GET /b", "orders", "url"), False, '14: "users:/orders"'),
        (("endpoints", "GET /b", "orders", "default"), False, "15: default"),
        (("endpoints", "GET /b", "orders", "when"), False, "13: orders"),
        (("endpoints", "GET /b", "background", 0), False, "17: POST users:/seen"),
        (("endpoints", "GET /b", "background", 1), False, "18: method: POST"),
        (("endpoints", "GET /b", "background", 1, "url"), True, "19: url"),
        (("endpoints", "GET /b", "background", 2), False, "16: background"),
        (("endpoints", "GET /b", "text"), False, "20: |"),
        (("gone", "too"), False, "2: version"),
    ],
)
def test_everything_has_a_place(
    path: tuple[str | int, ...], key: bool, place: str, parser: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A value or its key; for what is not written, the key of the nearest parent."""
    text = dedent("""\
        # a note
        version: 1
        upstreams:
          users: {url: "https://users.example.com", timeout: 2s}

        endpoints:
          GET /a:
            call: users:/users
            status_map:
              404: {status: 410}

          GET /b:
            orders:
              url: "users:/orders"
              default:
            background:
              - POST users:/seen
              - method: POST
                url: users:/done
            text: |
              more
    """)
    monkeypatch.setattr(values, "Parser", parser)
    assert marked(text, read(text).position(path, key=key)) == place


def test_a_section_knows_its_own_places() -> None:
    """Paths are relative to the value of the section."""
    text = "endpoints:\n  GET /a:\n    call: x\n"
    endpoint = read(text).endpoints[0]
    assert endpoint.path == ("endpoints", "GET /a")
    assert marked(text, endpoint.key_position) == "2: GET /a"
    assert marked(text, endpoint.position(("call",))) == "3: x"
    assert repr(endpoint) == "<Section 'GET /a' at r:2:3>"


@pytest.mark.parametrize(
    ("path", "text", "occurrence", "place"),
    [
        (("plain",), "{x}", 0, "2: {x}"),
        (("plain",), "{x}", 1, "2: {x}"),
        (("plain",), "{x}", 2, "2: u:/{x}/{x}"),
        (("quoted",), "n.a", 0, "3: n.a"),
        (("block",), "{{ y }}", 0, "6: {{ y }}"),
        (("block",), "gone", 0, "4: |"),
        (("nowhere",), "x", 0, "1: a"),
        (("plain",), "", 0, "2: u:/{x}/{x}"),
    ],
)
def test_a_word_within_a_scalar_has_a_place(path: tuple[str, ...], text: str, occurrence: int, place: str) -> None:
    """The exact column of a name in an expression, in any style of scalar; else the scalar."""
    source = 'a:\n  plain: u:/{x}/{x}\n  quoted: "{{ n.a }}"\n  block: |\n    one\n    {{ y }}\n'
    assert marked(source, read(source).sections["a"].locate(path, text, occurrence)) == place


def test_the_place_of_a_repeated_word_is_the_one_asked_for() -> None:
    """Occurrences are counted from the left."""
    section = read("a: '{x} {x}'\n").sections["a"]
    assert [section.locate((), "{x}", number).column for number in (0, 1)] == [5, 9]


def test_columns_count_letters_not_bytes() -> None:
    """Whatever stands before it, wide or astral."""
    text = "a: {日本😀: x, b: here}\n"
    assert marked(text, read(text).sections["a"].position(("b",))) == "1: here"


@pytest.mark.parametrize("text", ["a: 1\n", "\ufeffa: 1\n", "a: 1\r\n", "---\na: 1\n", "# c\n\n---\n# d\na: 1"])
def test_harmless_forms_are_read(text: str) -> None:
    """A byte order mark, line ends of Windows, a document mark, no line end at all."""
    assert value_of(text) == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: &x {k: 1}\nb: 1\n", {"k": 1}),
        ("x: &x {k: 1, l: 2}\na: {<<: *x, l: 3, m: 4}\n", {"k": 1, "l": 3, "m": 4}),
        ("x: &x {k: 1}\na: {k: 0, <<: *x}\n", {"k": 0}),
        ("x: &x {k: 1}\ny: &y {k: 2, l: 2}\na:\n  <<: [*x, *y]\n", {"k": 1, "l": 2}),
        ("x: &x [1, 2]\na: [*x, *x]\n", [[1, 2], [1, 2]]),
        ("x: &x name\na: {*x : 1}\n", {"name": 1}),
        ("a: {&k key: *k }\n", {"key": "key"}),
        ("a: {'<<': 1}\n", {"<<": 1}),
        ("a: {404: x, '404': y}\n", {404: "x", "404": "y"}),
        ("a: |\n  one\n\n  two\n", "one\n\ntwo\n"),
        ("a:\n- 1\n- 2\n", [1, 2]),
    ],
)
def test_anchors_aliases_and_merge_keys(text: str, value: object) -> None:
    """What is written wins over what is merged, the first of several merged ones over the later."""
    assert value_of(text) == value
    assert repr(value_of(text)) == repr(value)


def test_values_beside_a_key_that_is_no_text_have_places() -> None:
    """What cannot be addressed does not move what can."""
    text = "a:\n  ? [b, {c: d}]\n  : e\n  f: g\n"
    document, _ = read_document(text, "r")
    assert document is not None
    assert marked(text, document.position(("a", "f"))) == "4: g"


def test_what_was_merged_is_shown_where_it_is_merged() -> None:
    """A problem with a merged value points at the alias, from which the operator finds the anchor."""
    text = "x: &x {k: 1}\na:\n  l: 2\n  <<: *x\n"
    assert marked(text, read(text).position(("a", "k"))) == "4: *x"
    assert marked(text, read(text).position(("a", "l"))) == "3: 2"


@pytest.mark.parametrize(
    ("text", "code", "place", "hint"),
    [
        ("a: yes\n", "ambiguous-value", "1: yes", 'write `true`, or `"yes"` for the text'),
        ("a: {012: 1}\n", "ambiguous-value", "1: 012", 'write the key in quotes: `"012":`'),
        ("a: {1.5: 1}\n", "key-type", "1: 1.5", 'write the key in quotes: `"1.5":`'),
        ("a: {~: 1}\n", "key-type", "1: ~", 'write the key in quotes: `"~":`'),
        ("a:\n  ? [b, c]\n  : 1\n", "key-type", "2: [", "write `key: value`"),
        ("a: { {b: 1}: 2 }\n", "key-type", "1: {", "write `key: value`"),
        ("a: !!str 1\n", "yaml-tag", "1: !!str 1", 'quotes make a text: `"…"`; everything else is known by its form'),
        ("a: !x [1]\n", "yaml-tag", "1: !x [", 'quotes make a text: `"…"`; everything else is known by its form'),
        ("a: *b\n", "unknown-alias", "1: *b", "set it further up: `&b`"),
        ("x: &base 1\na: *bsae\n", "unknown-alias", "2: *bsae", "did you mean `base`?"),
        ("a: &x [*x]\n", "unknown-alias", "1: *x", "remove this alias"),
        ("a: {<<: *b}\n", "unknown-alias", "1: *b", "set it further up: `&b`"),
        ("a: {<<: 3}\n", "merge-key", "1: 3", "`<<: *name`, where `&name` stands before a mapping further up"),
        ("a: {{ x }}\n", "unquoted-expression", "1: {{ x }}", 'write `"{{ x }}"`'),
        ("a: [{{ x\n  }}]\n", "unquoted-expression", "1: {{ x", 'write `"{{ x }}"`'),
    ],
)
def test_surprises_of_yaml_are_refused(text: str, code: str, place: str, hint: str | None) -> None:
    """Each at its place, with the form that says what was meant; the rest of the file is still read."""
    document, problems = read_document(text, "r")
    assert document is not None
    (problem,) = problems
    assert (problem.code, marked(text, problem.position), problem.hint) == (code, place, hint)


def test_a_refused_value_is_still_what_was_most_likely_meant() -> None:
    """So that the checks after this one do not complain about the same value again."""
    document, _ = read_document("a: [yes, 012, 1_000, {{ x }}, {no: 1}, !t x, *y]\n", "r")
    assert document is not None
    assert document.sections["a"].value == [True, 12, 1000, "{{ x }}", {"no": 1}, "x", None]


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        (
            "a: 1\nb: 2\na: 3\n",
            "1 | a: 1\n  | - first here\n  :\n3 | a: 3\n  | ^\n  = hint: keep one of the two",
        ),
        (
            "endpoints:\n  GET /x: {call: a}\n  GET /x: {call: b}\n",
            (
                "2 |   GET /x: {call: a}\n  |   ------ first here\n3 |   GET /x: {call: b}\n  |   ^^^^^^\n"
                "  = hint: keep one of the two"
            ),
        ),
        (
            "a: {b: 1, b: 2}\n",
            "1 | a: {b: 1, b: 2}\n  |     - first here\n  |           ^\n  = hint: keep one of the two",
        ),
    ],
)
def test_two_equal_keys_are_refused_and_both_places_named(text: str, frame: str) -> None:
    """At any depth; the first one is kept."""
    document, problems = read_document(text, "r")
    assert document is not None
    assert [problem.code for problem in problems] == ["duplicate-key"]
    assert render_text(problems, {"r": Source("r", text)}).endswith(frame)


@pytest.mark.parametrize(
    ("content", "code", "at", "says"),
    [
        (b"", "empty-file", (1, 1), "the file says nothing"),
        (b"# only a note\n", "empty-file", (1, 1), "the file says nothing"),
        (b"---\n", "empty-file", (1, 1), "the file says nothing"),
        (b"[a, b]\n", "not-a-mapping", (1, 1), "the file must be a mapping"),
        (b"# note\n\nhello\n", "not-a-mapping", (3, 1), "the file must be a mapping"),
        (b"a: 1\n---\nb: 2\n", "many-documents", (2, 1), "a second document begins here"),
        (b"a: 1\nb: \xff\n", "encoding", (2, 4), "byte 0xff is not UTF-8"),
        ("a: é\n".encode("latin-1"), "encoding", (1, 4), "byte 0xe9 is not UTF-8"),
        ("a: 1\n".encode("utf-16"), "encoding", (1, 1), "the file is UTF-16 or UTF-32, not UTF-8"),
        ("a: 1\n".encode("utf-16-le"), "encoding", (1, 1), "the file is UTF-16 or UTF-32, not UTF-8"),
        (codecs.BOM_UTF32_BE + b"\0\0\0a", "encoding", (1, 1), "the file is UTF-16 or UTF-32, not UTF-8"),
        (b"a: 1\nb: x\0y\n", "control-character", (2, 5), "the control character U+0000"),
        (b"a: \x1b[31m\n", "control-character", (1, 4), "the control character U+001B"),
        ("a: x\u2028y\n".encode(), "control-character", (1, 5), "the control character U+2028"),
        ("a: x\u202ey\n".encode(), "control-character", (1, 5), "the control character U+202E"),
        ("a:\n\u00a0 b: 1\n".encode(), "indentation", (2, 1), "indented with U+00A0"),
        (b"a" * (8 * 1024 * 1024 + 1), "file-too-large", (1, 1), "the file is too large: a file may have 8 MiB"),
        (b"a: " + b"[" * 70 + b"]" * 70, "too-deep", (1, 67), "more than 64 levels of nesting"),
        (b"".join(b"k%d: 1\n" % n for n in range(501)), "too-many-sections", (501, 1), "more than 500 keys"),
    ],
)
def test_a_file_that_cannot_be_read_gets_one_clear_message(
    content: bytes, code: str, at: tuple[int, int], says: str
) -> None:
    """Not text, not one document, not a mapping, too large, too deep: one problem, no document."""
    document, (problem,) = read_document(content, "r")
    assert document is None
    assert (problem.code, problem.position.line, problem.position.column) == (code, *at)
    assert says in problem.message


LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)


@pytest.mark.parametrize(
    "text",
    [
        LAUGHS,
        "x:\n" + "".join(f"  {line}\n" for line in LAUGHS.splitlines()),
        f"a: &a [{', '.join('x' * 1000)}]\n" + "".join(f"b{n}: *a\n" for n in range(300)),
    ],
)
def test_aliases_cannot_blow_a_file_up(text: str) -> None:
    """A billion laughs, and many aliases of one long list, are counted and refused before anything grows."""
    document, problems = read_document(text, "r")
    assert document is None
    assert [problem.code for problem in problems] == ["alias-expansion"]


def test_thousands_of_problems_are_not_kept() -> None:
    """Nobody reads them, and they would cost more than the file."""
    assert len(read_document(f"a: [{'yes, ' * 5000}]\n", "r")[1]) == 1000


@pytest.mark.parametrize("value", ["[GET /x]", "text", "", "3"])
def test_endpoints_that_are_not_a_mapping_are_left_to_the_model(value: str) -> None:
    """The value is a section like any other, so that its type is checked like any other."""
    document = read(f"endpoints: {value}\n")
    assert document.endpoints == []
    assert "endpoints" in document.sections
    assert document.endpoints_key is None


def test_endpoints_in_braces_are_endpoints() -> None:
    """The style of the mapping does not matter, nor do quotes around its key."""
    for text in ("endpoints: {GET /x: {call: a}, GET /y: {call: b}}\n", '"endpoints":\n  GET /x: {}\n  GET /y: {}\n'):
        document = read(text)
        assert [endpoint.key for endpoint in document.endpoints] == ["GET /x", "GET /y"]
        assert document.position(("endpoints",)).line == 1
        assert document.sections == {}


def test_empty_endpoints_are_endpoints() -> None:
    """``endpoints: {}`` declares none, and says where."""
    document = read("endpoints: {}\n")
    assert document.endpoints == []
    assert document.endpoints_key is not None
    assert document.position(("endpoints", "GET /x")) == Position("r", 1, 1, 10)


def test_a_digest_is_of_what_is_said_not_of_how() -> None:
    """Notes, quotes and lines do not count; values, their types and their order do."""

    def digest(text: str) -> bytes:
        return read(text).sections["a"].digest

    assert digest("a: {b: x}\n") == digest("# note\n\na:\n  b: 'x' # note\n")
    assert len({digest(f"a: {value}\n") for value in ("{b: 1}", "{b: '1'}", "{b: true}", "{c: 1}", "[b]")}) == 5
    assert digest("a: {b: 1, c: 2}\n") != digest("a: {c: 2, b: 1}\n")
    assert digest("a: '${X}'\n") != digest("a: ${X}\n")

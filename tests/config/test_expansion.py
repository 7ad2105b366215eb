"""Variables and files in values: what they become, what is refused, and that nothing of them leaks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aggregator.config.text.document import read_document
from aggregator.config.text.section import Section
from aggregator.config.variables.expansion import Expansion, expand
from aggregator.diagnostics import Source, render_text

ENV = {
    "USERS_URL": "https://users.example.com",
    "PORT": "8000",
    "RATIO": "0.5",
    "ON": "true",
    "NOTHING": "null",
    "EMPTY": "",
    "DOUBT": "yes",
    "YAML": "{a: b}\nc: d",
    "REF": "${PORT}",
}


def section(text: str) -> Section:
    """The section ``a`` of a file without problems."""
    document, problems = read_document(text, "r")
    assert problems == []
    assert document is not None
    return document.sections["a"]


def expanded(text: str, folder: Path = Path()) -> Expansion:
    """Its value in the environment above."""
    return expand(section(text), ENV, folder)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${USERS_URL}", "https://users.example.com"),
        ("${USERS_URL}/v2", "https://users.example.com/v2"),
        ("${USERS_URL:-https://other.example.com}", "https://users.example.com"),
        ("${OTHER_URL:-https://other.example.com}", "https://other.example.com"),
        ("${GONE:-${PORT}}", 8000),
        ("${GONE:-${LOST:-x}-${PORT}}", "x-8000"),
        ("${GONE:-}", ""),
        ("${EMPTY:-default}", "default"),
        ("${EMPTY}", ""),
        ("x${EMPTY}y", "xy"),
        ("$${PORT}", "${PORT}"),
        ("$${PORT} ${PORT}", "${PORT} 8000"),
        ("$PORT", "$PORT"),
        ("${PORT}", 8000),
        ("${PORT:-9}", 8000),
        ("${GONE:-9}", 9),
        ("${RATIO}", 0.5),
        ("${ON}", True),
        ("${NOTHING}", None),
        ("${GONE:-false}", False),
        ("'${PORT}'", "8000"),
        ('"${GONE:-9}"', "9"),
        ("${PORT}${PORT}", "80008000"),
        ("${DOUBT}", "yes"),
        ("${YAML}", "{a: b}\nc: d"),
        ("${REF}", "${PORT}"),
        ("|-\n  ${PORT}", "8000"),
        ("[1, '${PORT}', {b: '${ON}'}]", [1, "8000", {"b": "true"}]),
        ("{'${PORT}': 1, b: '${PORT}'}", {"${PORT}": 1, "b": "8000"}),
    ],
)
def test_what_a_value_becomes(text: str, value: Any) -> None:
    """Unquoted and alone, a reference has the type of its text; it is read once, and keys are left alone."""
    result = expanded(f"a: {text}\n")
    assert (result.value, result.diagnostics) == (value, ())
    assert type(result.value) is type(value)


def test_a_file_is_its_text_without_the_last_line_breaks(tmp_path: Path) -> None:
    """Relative to the folder of the file that names it; blanks are part of a secret."""
    (tmp_path / "key").write_text(" s3cret \n\n")
    (tmp_path / "dos").write_bytes(b"x\r\n")
    result = expanded("a: ['${file:key}', '${file:dos}', '${file:./key}']\n", tmp_path)
    assert result.value == [" s3cret ", "x", " s3cret "]
    assert result.files == {tmp_path / "key", tmp_path / "dos"}
    assert expanded(f"a: '${{file:{tmp_path}/key}}'\n").value == " s3cret "


def test_what_a_value_rests_on_is_told() -> None:
    """Everything that was asked for, set or not; what came from outside is a secret, a default is not."""
    result = expanded("a: '${PORT} ${GONE:-${LOST:-x}} ${EMPTY}'\n")
    assert result.variables == {"PORT", "GONE", "LOST", "EMPTY"}
    assert result.secrets == {"8000"}


def test_a_section_without_variables_is_given_back_as_it_is() -> None:
    """Nothing is copied, nothing is looked at."""
    one = section("a: {b: [c]}\n")
    assert expand(one, ENV, Path()).value is one.value


def shown(text: str, folder: Path = Path()) -> str:
    """The problems of its variables, rendered."""
    result = expanded(text, folder)
    return render_text(result.diagnostics, {"r": Source("r", text)})


def test_an_unset_variable_is_underlined_where_it_stands() -> None:
    """Each one, at its own column, with the name that was most likely meant; names only, never values."""
    text = 'a:\n  b: "${USERS_ULR}/x/${GONE} $${GONE} ${GONE}"\n'
    assert shown(text) == (
        "r:2:7 error[unset-variable] the variable `USERS_ULR` is not set\n"
        "  |\n"
        '2 |   b: "${USERS_ULR}/x/${GONE} $${GONE} ${GONE}"\n'
        "  |       ^^^^^^^^^^^^\n"
        "  = hint: did you mean `USERS_URL`?\n"
        "\n"
        "r:2:22 error[unset-variable] the variable `GONE` is not set\n"
        "  |\n"
        '2 |   b: "${USERS_ULR}/x/${GONE} $${GONE} ${GONE}"\n'
        "  |                      ^^^^^^^\n"
        "  = hint: set it, or give a default: `${GONE:-…}`\n"
        "\n"
        "r:2:39 error[unset-variable] the variable `GONE` is not set\n"
        "  |\n"
        '2 |   b: "${USERS_ULR}/x/${GONE} $${GONE} ${GONE}"\n'
        "  |                                       ^^^^^^^\n"
        "  = hint: set it, or give a default: `${GONE:-…}`"
    )


def test_a_problem_names_the_path_of_its_value() -> None:
    """From the top of the document."""
    (problem,) = expanded("a: [x, {b: '${GONE}'}]\n").diagnostics
    assert problem.path == ("a", 1, "b")


def test_a_variable_in_a_folded_text_is_found_too() -> None:
    """Where the text of the scalar is not the text of the file, the scalar is underlined."""
    assert shown('a: "\\x24{GONE}"\n').startswith("r:1:4 error[unset-variable]")
    assert shown("a: >\n  x\n  ${GONE}\n").startswith("r:3:3 error[unset-variable]")


@pytest.mark.parametrize("text", ["${}", "${1x}", "${a.b}", "${A:x}", "${A", "${", "${A:-${B}", "${A-x}"])
def test_what_is_no_reference_is_refused(text: str) -> None:
    """A literal ``${`` is written another way, so a slip is never taken for text."""
    (problem,) = expanded(f"a: '{text}'\n").diagnostics
    assert (problem.code, problem.hint) == (
        "bad-variable",
        "write `${NAME}`, `${NAME:-default}` or `${file:/path}`; `$${` is a literal `${`",
    )


@pytest.mark.parametrize("text", ["${ A }", "${env.A}", "${env:A}"])
def test_what_is_nearly_a_reference_is_corrected(text: str) -> None:
    """Blanks, and the words of other tools."""
    (problem,) = expanded(f"a: '{text}'\n").diagnostics
    assert (problem.code, problem.hint) == ("bad-variable", "write `${A}`")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("gone", "No such file or directory"),
        (".", "Is a directory"),
        ("bytes", "it is not a UTF-8 text"),
        ("large", "it is too large"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(name: str, why: str, tmp_path: Path) -> None:
    """With the reason of the system, and without anything of its content."""
    (tmp_path / "bytes").write_bytes(b"\xff")
    with (tmp_path / "large").open("wb") as large:
        large.truncate(9 * 1024 * 1024)
    result = expanded(f"a: ${{file:{name}}}\n", tmp_path)
    (problem,) = result.diagnostics
    assert (problem.code, problem.message) == ("variable-file", f"the file `{name}` cannot be read: {why}")
    assert result.files == {tmp_path / name}


def test_no_message_ever_holds_a_value() -> None:
    """Of all that the environment holds, messages and hints repeat names alone."""
    text = "a: '${USERS_ULR} ${PROT} ${DOUBTS} ${YAML1} ${1}'\n"
    said = shown(text)
    assert said.count("error[") == 5
    assert not any(value in said for value in ENV.values() if value)

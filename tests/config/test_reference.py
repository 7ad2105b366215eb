"""docs/reference.md says what the code does: every setting, filter, cause and problem."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from aggregator.config.codes import CODES
from aggregator.config.reference import markdown as reference
from aggregator.config.reference.expressions import mark_of
from aggregator.config.reference.schema import build_schema
from aggregator.config.reference.sections import heading_of, link_to, sections_of
from aggregator.errors import Cause
from aggregator.templates import FILTERS, TESTS

ROOT = Path(__file__).parents[2]
MAKERS = {"Finding", "Diagnostic", "PydanticCustomError", "report", "_problem", "_stop", "_finding"}
NO_CODES = {"error", "warning", "debug"}


@cache
def text() -> str:
    """Return the reference as the code says it now; to make it takes too long for what is collected and not run."""
    return reference.reference_text()


@pytest.mark.long
def test_the_file_is_current() -> None:
    """docs/reference.md is what the code says now; `python -m aggregator.config.reference --write` renews it."""
    assert (ROOT / "docs" / "reference.md").read_text(encoding="utf-8") == text()


@pytest.mark.long
def test_every_setting_is_there() -> None:
    """No model and no key of a model is missing, and no two models have one heading."""
    parts = build_schema()["$defs"]
    models = set(parts) - {"Duration", "Size", "Variable", "Parameter"}
    headings = [line[3:] for line in text().splitlines() if line.startswith("## ")]
    assert {heading_of(name) for name in models} <= set(headings)
    assert len(set(headings)) == len(headings)
    for part in parts.values():
        for key in part.get("properties", {}):
            assert f"| `{key}` |" in text()


@pytest.mark.long
def test_a_model_without_a_row_has_a_section() -> None:
    """It follows the one that uses it and says under which keys it stands, also one that another such model uses."""
    schema = build_schema()
    parts = schema["$defs"]
    parts["Deep2Settings"] = {"properties": {"x": {"type": "integer"}}}
    parts["QuietHoursSettings"] = {"properties": {"deep": {"anyOf": [{"$ref": "#/$defs/Deep2Settings"}]}}}
    for user, key in (
        ("JoinSettings", "quiet"),
        ("BatchSettings", "hours"),
        ("ErrorSettings", "of"),
        ("ErrorRow", "of"),  # has all that the settings of errors have, which is said there
    ):
        parts[user]["properties"][key] = {"type": "array", "items": {"$ref": "#/$defs/QuietHoursSettings"}}
    found = sections_of(parts, schema["properties"] | {"pause": {"$ref": "#/$defs/QuietHoursSettings"}})
    models = [section.model for section in found]
    place = models.index("QuietHoursSettings")
    assert models[place - 1 : place + 2] == ["BatchSettings", "QuietHoursSettings", "Deep2Settings"]
    uses = "`pause` at the top level, `hours` of [batch](#batch), `of` of [error](#error)"
    where = f"under {uses}, `quiet` of [join onto items](#join-onto-items)"
    assert found[place][1:] == ("Quiet hours", where)
    assert found[place + 1][1:] == ("Deep 2", "under `deep` of [quiet hours](#quiet-hours)")
    assert link_to("Deep2Settings") == "[deep 2](#deep-2)"


def test_every_filter_test_and_cause_is_there() -> None:
    """Filters and tests stand with their arguments, an example and its result; causes with what they become."""
    for doc in (*FILTERS.values(), *TESTS.values()):
        assert f"| `{doc.name}{doc.signature}` |" in text()
    causes = text().partition("## Causes")[2].partition("## Problems")[0]
    for cause in Cause:
        assert (f"| `{cause.value}` |" in causes) is not cause.is_reserved


@pytest.mark.long
def test_every_problem_is_there() -> None:
    """A code that the configuration reports is in the reference, and none that it does not."""
    used = set(codes_in_use())
    assert used - set(CODES) == set(), "name them in aggregator/config/codes.py"
    assert set(CODES) - used == set(), "nothing reports them any more"


def codes_in_use() -> list[str]:
    """Return the codes in the source: texts handed to what makes problems, and their defaults."""
    found: list[str] = []
    folders = (ROOT / "aggregator" / name for name in ("config", "policies"))
    for file in [*(file for folder in folders for file in folder.rglob("*.py")), ROOT / "aggregator" / "fields.py"]:
        for node in ast.walk(ast.parse(file.read_text())):
            texts: list[ast.expr] = []
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in MAKERS:
                texts = node.args[:4]
            elif isinstance(node, ast.FunctionDef) and node.name in MAKERS:
                texts = node.args.defaults
            found += [text.value for text in texts if isinstance(text, ast.Constant) and is_code(text.value)]
    return found


def is_code(value: object) -> bool:
    """Return whether *value* has the form of a code."""
    return isinstance(value, str) and value not in NO_CODES and re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", value) is not None


def test_links_lead_somewhere() -> None:
    """Every link inside the reference has its heading."""
    headings = {line[3:].lower().replace(" ", "-") for line in text().splitlines() if line.startswith("## ")}
    assert set(re.findall(r"\]\(#([^)]*)\)", text())) <= headings


def test_tables_are_tables() -> None:
    """Every row has as many cells as its header."""
    width = 0
    for line in text().splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line))
        if line.startswith("|---"):
            width = cells
        elif line.startswith("| ") and width:
            assert cells == width or line.startswith(("| Key", "| Name", "| Cause", "| Code", "| Value")), line


@pytest.mark.long
def test_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`--write` renews both generated files of the folder; without it the text goes to stdout."""
    monkeypatch.chdir(tmp_path)
    reference.main(["--write"])
    assert (tmp_path / "docs" / "reference.md").read_text(encoding="utf-8") == text()
    assert (tmp_path / "routes.schema.json").is_file()
    reference.main([])
    assert capsys.readouterr().out == text()


@pytest.mark.parametrize(
    ("model", "key", "mark"),
    [
        ("CallSettings", "query", "`{{ }}`"),
        ("CallSettings", "when", "one `{{ }}`"),
        ("CallSettings", "url", "`{ }`"),
        ("EndpointSettings", "call", "`{ }`"),
        ("EndpointSettings", "query", "`{{ }}` in `default`"),
        ("UpstreamSettings", "url", ""),
        ("CallSettings", "timeout", ""),
    ],
)
def test_a_setting_that_holds_expressions_is_marked(model: str, key: str, mark: str) -> None:
    """A reader of the reference sees where `{{ }}` works without trying."""
    assert mark_of(model, key).removeprefix(" · ") == mark


def test_only_causes_are_linked_as_causes() -> None:
    """A setting of many choices names them; the causes of failures alone are told by their table."""
    linked = {
        line.split("`")[1] for line in text().splitlines() if line.startswith("| `") and "[cause](#causes)" in line
    }
    assert linked == {"on"}
    assert "list of `RS256`, `RS384`" in text()

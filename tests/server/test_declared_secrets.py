"""What a variable holds in a declaration is judged with, and shown to nobody."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from aggregator.config.loading import Loader, load_config
from aggregator.server.application.app import application
from aggregator.server.generations.plan_source import PlanFiles

KEY = "hunter2secret"
FILE = """\
version: 1
endpoints:
  POST /{p}:
    params: {p: {%(p)s}}
    query: {q: {%(q)s}}
    headers: {x-api-key: {%(h)s}}
    body: {type: object, properties: {b: {%(b)s}}}
    respond: {body: {p: "{{ p }}"}}
"""
NONE = {"p": "type: string", "q": "type: string", "h": "type: string", "b": "type: string"}


@pytest.mark.parametrize("place", ["p", "q", "h", "b"])
@pytest.mark.parametrize(
    "declared",
    [
        'enum: [a, "${K}"]',
        'const: "${K}"',
        "pattern: '^${K}$'",
        'not: {const: a}, anyOf: [{enum: [b, "${K}"]}]',
        'type: string, example: "${K}", enum: [a, "${K}"]',
        'type: string, description: "not ${K}", pattern: "^${K}$"',
    ],
)
def test_a_variable_in_a_declaration_is_unseen(
    declared: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its value passes, another one is 422, and neither that answer nor the document of the API shows it."""
    monkeypatch.setenv("K", KEY)
    (tmp_path / "routes.yaml").write_text(FILE % (NONE | {place: declared}), encoding="utf-8")
    with TestClient(application(PlanFiles(tmp_path / "routes.yaml"))) as client:
        answers = {
            value: client.post(
                f"/{value if place == 'p' else 'x'}",
                params={"q": value} if place == "q" else {},
                headers={"x-api-key": value} if place == "h" else {},
                json={"b": value} if place == "b" else {},
            )
            for value in (KEY, "wrong")
        }
        document = client.get("/openapi.json")
    assert [answer.status_code for answer in answers.values()] == [200, 422]
    assert len(answers["wrong"].json()["errors"]) == 1
    assert KEY not in answers["wrong"].text + document.text


def test_a_limit_from_a_variable_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number that bounds a value is no secret: clients have to keep to it."""
    monkeypatch.setenv("K", "7")
    limited = (FILE % NONE).replace("{q: {type: string}}", "\n      q:\n        type: integer\n        maximum: ${K}")
    (tmp_path / "routes.yaml").write_text(limited, encoding="utf-8")
    with TestClient(application(PlanFiles(tmp_path / "routes.yaml"))) as client:
        assert "must be at most 7" in client.post("/x?q=8", json={}).text


def test_a_literal_that_becomes_a_variable_disappears(tmp_path: Path) -> None:
    """The digest of an endpoint tells a value of a variable from the same value in the file."""
    path, digests = tmp_path / "routes.yaml", []
    for value in (KEY, "${K}"):
        path.write_text(FILE % (NONE | {"q": f'const: "{value}"'}), encoding="utf-8")
        digests.append(load_config(path, {"K": KEY}).endpoints[0].digest)
    assert digests[0] != digests[1]


@pytest.mark.parametrize("keyword", ["enum: ['${K}']", "const: '${K}'", "pattern: '${K}'"])
def test_a_variable_among_allowed_values_is_warned_of(keyword: str, tmp_path: Path) -> None:
    """`check` says that clients cannot know the value, and where callers are admitted."""
    (tmp_path / "routes.yaml").write_text(FILE % (NONE | {"h": keyword}), encoding="utf-8")
    warnings = Loader(tmp_path / "routes.yaml", {"K": KEY}).load().warnings
    (warning,) = [one for one in warnings if one.code == "variable-in-schema"]
    assert "`auth`" in str(warning.hint)

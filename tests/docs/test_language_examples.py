"""The page that teaches the language keeps its word: its pieces are served, and answer as the lines under them say."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from fastapi.testclient import TestClient

from aggregator.demo.server import DemoServer
from aggregator.server.application.app import create_app
from aggregator.server.once.checking import check_file

FOLDER = Path(__file__).parents[2] / "docs/language"
PAGES = [FOLDER / "index.md", *sorted(page for page in FOLDER.glob("*.md") if page.stem != "index")]
PAGE = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
ENDPOINT = re.compile(r"[A-Z|]+ /")
ASKED = re.compile(
    r"(?P<method>[A-Z]+) (?P<target>\S+)(?P<headers>( -H \"[^\"]+\")*)( (?P<body>\{.*\}))?"
    r" → (?P<status>\d+)(?P<shown>.*)"
)
BLOCK = re.compile(r"^```yaml\n(?P<yaml>.*?)^```\n(\n```text\n(?P<asked>.*?)^```)?", re.MULTILINE | re.DOTALL)


class Piece(NamedTuple):
    """A block of YAML, the line that it stands on, and what is asked under it, each with the headers that it shows."""

    line: int
    text: str
    asked: tuple[str, ...]


def pieces() -> Iterator[Piece]:
    """Yield every block of YAML with the transcript that follows it."""
    for block in BLOCK.finditer(PAGE):
        asked = re.split(r"\n(?! )", (block["asked"] or "").rstrip())
        yield Piece(PAGE.count("\n", 0, block.start()) + 1, block["yaml"], tuple(filter(None, asked)))


PIECES = list(pieces())
UPSTREAMS = "upstreams:\n" + re.search(r"^upstreams:\n(.*?)^\n", PIECES[0].text, re.MULTILINE | re.DOTALL)[1]  # type: ignore[index]


def whole_file(text: str) -> str:
    """Return the file that the piece *text* is a part of."""
    names = yaml.compose(text).value
    if ENDPOINT.match(names[0][0].value):
        text = "endpoints:\n" + re.sub(r"^(?=.)", "  ", text, flags=re.MULTILINE)
    if "version" in [name.value for name, _ in names]:
        return text
    own = set(yaml.safe_load(re.sub(r"\$\{[^}]*\}", "x", text)).get("upstreams", ()))
    if not own:
        return f"version: 1\n{UPSTREAMS}{text}"
    rest = "".join(line + "\n" for line in UPSTREAMS.splitlines()[1:] if line.split(":")[0].strip() not in own)
    return "version: 1\n" + text.replace("upstreams:\n", f"upstreams:\n{rest}", 1)


def written(folder: Path, text: str) -> Path:
    """Write the file of the piece *text*, and beside it what the page speaks of, into *folder*."""
    (folder / "routes.d").mkdir()
    (folder / "routes.d/more.yaml").write_text("endpoints: {GET /more: {respond: {body: {}}}}", encoding="utf-8")
    (folder / "upstreams.yaml").write_text(UPSTREAMS, encoding="utf-8")
    for name, source in re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        (folder / name).write_text(source, encoding="utf-8")
    file = folder / "routes.yaml"
    file.write_text(whole_file(text), encoding="utf-8")
    return file


@pytest.fixture
def own_modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget afterwards where plug-ins were found, and the ones that were imported."""
    monkeypatch.setattr(sys, "path", sys.path.copy())
    before = set(sys.modules)
    yield
    for name in re.findall(r"^# (\w+)\.py$", PAGE, re.MULTILINE):
        if name not in before:
            sys.modules.pop(name, None)


@pytest.mark.usefixtures("own_modules")
@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: f"line{piece.line}")
def test_a_piece_of_the_page_is_true(piece: Piece, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece loads without a problem, is served, and answers what the lines under it say."""
    monkeypatch.setattr("aggregator.server.generations.building.DemoServer", partial(DemoServer, 0.0))
    file = written(tmp_path, piece.text)
    assert [problem.message for problem in check_file(str(file)).diagnostics if problem.code != "unused"] == []
    with TestClient(create_app(file, env={}), raise_server_exceptions=False) as api:
        for question in piece.asked:
            line, *headers = question.splitlines()
            answer = ask(api, line)
            for header in headers:
                check_header(header.strip(), answer.headers)


def ask(api: TestClient, line: str) -> Any:
    """Ask what *line* asks; its status and what it shows of the body must be what comes."""
    asked = ASKED.fullmatch(line)
    assert asked, f"not a line of a transcript: {line}"
    headers = dict(header.split(": ", 1) for header in re.findall(r'-H "([^"]+)"', asked["headers"]))
    if asked["body"]:
        headers["content-type"] = "application/json"
    answer = api.request(asked["method"], asked["target"], headers=headers, content=asked["body"])
    assert answer.status_code == int(asked["status"]), f"{line}\n{answer.text}"
    shown = asked["shown"].strip()
    if shown not in ("", "…"):
        check_shown(parsed(shown), answer.json(), line)
    return answer


def parsed(shown: str) -> Any:
    """Return *shown* as data, with ``…`` as a mark where something is left out."""
    text = re.sub(r"\{…\}", '{"…": 0}', shown).replace("[…]", '["…"]').replace(", …}", ', "…": 0}')
    return json.loads(text.replace(", …]", ', "…"]'))


def check_shown(shown: Any, came: Any, line: str) -> None:
    """Compare what is shown with what came; nothing may be missing, and nothing more but where ``…`` stands."""
    if isinstance(shown, dict):
        assert isinstance(came, dict), f"{line}\n{came}"
        wanted = {name: value for name, value in shown.items() if name != "…"}
        assert wanted.keys() <= came.keys() if "…" in shown else wanted.keys() == came.keys(), f"{line}\n{came}"
        for name, value in wanted.items():
            check_shown(value, came[name], line)
    elif isinstance(shown, list):
        open_end = bool(shown) and shown[-1] == "…"
        wanted = shown[:-1] if open_end else shown
        assert len(wanted) <= len(came) if open_end else len(wanted) == len(came), f"{line}\n{came}"
        for value, item in zip(wanted, came, strict=False):
            check_shown(value, item, line)
    else:
        assert shown == came, line


def check_header(line: str, headers: Any) -> None:
    """Compare a header with *line*, where ``…`` stands for anything."""
    name, value = line.split(": ", 1)
    assert re.fullmatch(re.escape(value).replace("…", ".*"), headers[name]), f"{line}\n{headers[name]}"


def test_every_answer_of_the_page_is_shown() -> None:
    """Every piece that declares endpoints shows what they answer, but for a piece about files."""
    silent = [piece.line for piece in PIECES if not piece.asked and ("GET /" in piece.text or "POST /" in piece.text)]
    assert len(silent) <= 1


def test_what_is_shown_is_compared() -> None:
    """The comparison fails on a missing field, a different value and an item too many."""
    for shown, came in (('{"a": 1, …}', {}), ('{"a": 1}', {"a": 1, "b": 2}), ("[1, …]", []), ('{"a": {…}}', {"a": 1})):
        with pytest.raises(AssertionError):
            check_shown(parsed(shown), came, "")

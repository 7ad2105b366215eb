"""The pages lead where they say: links, anchors and paths of files exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator.demo.services.analytics import Analytics
from aggregator.demo.services.lab import Lab
from aggregator.demo.services.market import Market
from aggregator.demo.services.posts import Posts
from aggregator.demo.services.reviews import Reviews
from aggregator.demo.services.shop import Shop
from aggregator.demo.services.users import Users
from aggregator.demo.services.weather import Weather

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
LOGS = re.compile(r"(?:log|failed|_tell)\s*\(")
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(#[^)\s]*)?\)")


def anchors(page: Path) -> set[str]:
    """Return the anchors of the headings of *page*, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every link to a file of the repository, and to a heading in it, has its target."""
    for path, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {path}"
        if anchor and target.suffix == ".md":
            assert anchor[1:] in anchors(target), f"{page.name}: {path}{anchor}"


def test_the_architecture_names_files_that_exist() -> None:
    """Every file and folder of the package that the architecture page names is there."""
    text = re.sub(r"```mermaid.*?```", "", (ROOT / "docs/architecture.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    named = set(re.findall(r"\b((?:config|plan|runtime|server|transport|templates|codecs|cli)/[\w/]*(?:\.py)?)", text))
    assert len(named) > 20
    assert [name for name in sorted(named) if not (ROOT / "aggregator" / name).exists()] == []


def test_the_log_sentences_are_those_of_the_code() -> None:
    """The table of log lines has every sentence that the package logs, and no other."""
    operating = (ROOT / "docs/operating.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| (?:`aggregator\.\w+`)? ?\| \w+ \| ([A-Z].*?) \|", operating, re.MULTILINE)
    told = {re.sub(r" \(.*", "", sentence) for cell in table for sentence in cell.split(" / ")}
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "aggregator").rglob("*.py"))
    assert set(sentences()) - told == set()
    assert {sentence for sentence in told if f'"{sentence}"' not in code} == set()


def sentences() -> Iterator[str]:
    """Yield the sentences that are logged: those in calls of ``log``, and of the tally of background calls."""
    for path in (ROOT / "aggregator").rglob("*.py"):
        code = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(code)) if LOGS.search(code) else ():
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ("log", "failed", "_tell"):
                texts = [text for argument in node.args for text in choices(argument)]
                yield from (text for text in texts if re.fullmatch(r"[A-Z].*\.", text))


def choices(node: ast.expr) -> Iterator[str]:
    """Yield the texts that *node* may be."""
    if isinstance(node, ast.IfExp):
        yield from choices(node.body)
        yield from choices(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def test_the_paths_of_the_demo_are_told() -> None:
    """The legend of the language lists what each service of the demo answers, and nothing else."""
    page = (ROOT / "docs/language/index.md").read_text(encoding="utf-8")
    told = {
        name: {path.partition("?")[0] for path in re.findall("`(/[^`]*)`", paths)}
        for name, paths in re.findall(r"^\| `demo://(\w+)` \| (.*) \|$", page, re.MULTILINE)
    }
    services = (Analytics(), Lab(), Market(), Posts(), Reviews(), Shop(), Users(), Weather())
    assert told == {service.name: {route.pattern for route in service.routes()} for service in services}

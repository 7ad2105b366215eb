"""The shape of the house, read off the syntax trees: layers, sizes, names, docstrings."""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "aggregator"

LAYERS = (
    {"errors", "causes", "http", "diagnostics", "clock", "durations"},
    {"edge"},
    {"exchange", "fields", "templates", "telemetry"},
    {"stores", "codecs", "shaping", "schemas", "transport", "demo"},
    {"identity", "brokers"},
    {"parts"},
    {"policies"},
    {"config"},
    {"plan"},
    {"runtime"},
    {"server", "importers"},
    {"cli", "__main__"},
    {"__init__"},
)
LAYER = {name: number for number, names in enumerate(LAYERS) for name in names}

# Sideways within one layer, each with its reason.
SIDEWAYS = {
    ("__main__", "cli"): "`python -m aggregator` is the command",
    ("errors", "causes"): "an error says its cause",
}
# Walls across a border that the layers alone would leave open: importer → modules it must not see.
WALLS = {
    "runtime": ("config",),
    "importers": ("plan", "runtime"),
    "demo": ("diagnostics", "clock", "exchange", "fields", "templates", "telemetry"),
}
# Reached only when a configuration asks for them, so imported inside the function that needs them.
OPTIONAL = {
    "dns",
    "joserfc",
    "bcrypt",
    "argon2",
    "cryptography",
    "xmltodict",
    "msgpack",
    "brotli",
    "zstandard",
    "rich",
    "jmespath",
    "jsonschema_rs",
    "opentelemetry",
    "redis",
    "nats",
    "aiormq",
    "pamqp",
}
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc", "core"}
LINES, LINES_WANTED = 300, 250
LINES_OF_A_FUNCTION = 45

MODULES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))


@cache
def tree_of(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_bytes(), str(path))


@pytest.fixture(autouse=True, scope="module")
def _no_trees_afterwards() -> Iterator[None]:
    """Free the trees, which every collection of garbage of the tests that follow would walk."""
    yield
    tree_of.cache_clear()
    ours.cache_clear()


def of_each(paths: Sequence[Path]) -> Callable[[Callable[[Path], None]], Callable[[], None]]:
    """Make of a claim about one path a test that lists every one of *paths* for which it does not hold.

    One test for each file and claim would be thousands, and cost more in being tests than in what they look at.
    """

    def made(claim: Callable[[Path], None]) -> Callable[[], None]:
        def test() -> None:
            broken = [f"{path.relative_to(ROOT)}: {why}" for path in paths if (why := _why_not(claim, path))]
            assert broken == [], "\n".join(broken)

        test.__name__, test.__doc__ = claim.__name__, claim.__doc__
        return test

    return made


def _why_not(claim: Callable[[Path], None], path: Path) -> str:
    try:
        claim(path)
    except AssertionError as failure:
        return str(failure) or "no"
    return ""


def dotted(path: Path) -> str:
    """Return the import name of a file: aggregator/plan/types.py → aggregator.plan.types."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)


def part(module: str) -> str:
    """Return the top-level part that a module belongs to: aggregator.plan.types → plan."""
    return [*module.split("."), "__init__"][1]


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements right under *node*; no expression, which are most of a tree and neither import nor define."""
    for block in ("body", "handlers", "orelse", "finalbody", "cases"):
        yield from getattr(node, block, ())


def functions_in(node: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function under *node*, those within others too."""
    for child in statements(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child
        yield from functions_in(child)


def is_type_checking(node: ast.AST) -> bool:
    """Return whether *node* is an `if TYPE_CHECKING:` block, which never runs."""
    if not isinstance(node, ast.If):
        return False
    match node.test:
        case ast.Name(name) | ast.Attribute(attr=name):
            return name == "TYPE_CHECKING"
    return False


def imports(node: ast.AST, *, types: bool, inside_functions: bool = True) -> Iterator[str]:
    """Yield the full name of every module imported under *node*; *types* adds those that only types need."""
    for child in statements(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"relative import at line {child.lineno}"
            yield from (module_of(str(child.module), alias.name) for alias in child.names)
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and not inside_functions:
            continue
        elif types or not is_type_checking(child):
            yield from imports(child, types=types, inside_functions=inside_functions)


@cache
def module_of(module: str, name: str) -> str:
    """Return what `from module import name` loads: `name` may be a module itself, or something inside one."""
    target = ROOT.joinpath(*module.split("."), name)
    is_module = module.startswith("aggregator") and (target.is_dir() or target.with_suffix(".py").is_file())
    return f"{module}.{name}" if is_module else module


@cache
def ours(path: Path, *, types: bool, inside_functions: bool = True) -> set[str]:
    """Return the modules of this package that a file imports."""
    found = imports(tree_of(path), types=types, inside_functions=inside_functions)
    return {name for name in found if name.split(".")[0] == "aggregator"}


@of_each(MODULES)
def test_imports_go_down(path: Path) -> None:
    """A module imports its own part and lower layers; types alone may come from beside it."""
    home = part(dotted(path))
    assert home in LAYER, f"{home} has no layer: add it to LAYERS"
    running = ours(path, types=False)
    for name in ours(path, types=True):
        target = part(name)
        if target == home:
            continue
        assert LAYER[target] <= LAYER[home], f"{home} reaches up to {name}"
        if name in running and LAYER[target] == LAYER[home]:
            assert (home, target) in SIDEWAYS, f"{home} reaches sideways to {name}"


@of_each(MODULES)
def test_walls_hold(path: Path) -> None:
    """The runtime never sees the configuration, only the plan's compiler does; the demo stands alone."""
    home = part(dotted(path))
    seen = {part(name) for name in ours(path, types=True)}
    assert seen.isdisjoint(WALLS.get(home, ()))
    if home == "plan" and "compiling" not in path.parts:
        assert "config" not in seen


def test_no_cycles() -> None:
    """Modules can be imported in some order: what runs at import has no cycle."""
    graph = {dotted(path): ours(path, types=False, inside_functions=False) for path in MODULES}
    tuple(graphlib.TopologicalSorter(graph).static_order())


@of_each(MODULES)
def test_optional_libraries_wait(path: Path) -> None:
    """A library that only some configurations need is imported by the function that needs it."""
    at_import = imports(tree_of(path), types=False, inside_functions=False)
    assert OPTIONAL.isdisjoint(name.split(".")[0] for name in at_import)


@of_each(MODULES)
def test_module_names_itself(path: Path) -> None:
    """A module has a telling name, a docstring and a length that a person reads in one go."""
    assert path.stem not in BANNED_NAMES
    assert ast.get_docstring(tree_of(path)), "has no docstring"
    length = len(path.read_text(encoding="utf-8").splitlines())
    assert length <= LINES, f"{length} lines"


@of_each(MODULES)
def test_functions_are_short(path: Path) -> None:
    """A function is read without scrolling; what it is made of has names."""
    functions = functions_in(tree_of(path))
    lengths = {node.name: node.end_lineno - node.lineno + 1 for node in functions if node.end_lineno}
    assert not {name: length for name, length in lengths.items() if length > LINES_OF_A_FUNCTION}


def test_long_modules_are_few() -> None:
    """At most one module in twenty is longer than wanted."""
    lengths = {dotted(path): len(path.read_bytes().splitlines()) for path in MODULES}
    long = sorted(name for name, length in lengths.items() if length > LINES_WANTED)
    assert len(long) <= len(MODULES) / 20, f"over {LINES_WANTED} lines: {long}"


FOLDERS = sorted({path.parent for path in MODULES})
# Lists of like things, one file each, are read one at a time.
LISTS = {"rules", "filters", "policies"}


@of_each(FOLDERS)
def test_folders_are_small(folder: Path) -> None:
    """A folder holds at most twelve modules, so that its content is read at a glance."""
    modules = [path.stem for path in folder.glob("*.py") if path.stem != "__init__"]
    assert folder.name in LISTS or len(modules) <= 12, f"{len(modules)} files: {modules}"


@of_each([path for path in MODULES if path.stem == "__init__"])
def test_package_files_are_light(path: Path) -> None:
    """An `__init__` names and re-exports; it defines no class and runs no loop."""
    heavy = ast.ClassDef | ast.For | ast.While | ast.With | ast.AsyncFunctionDef
    assert not [node for node in tree_of(path).body if isinstance(node, heavy)]


ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_the_layers_are_written_down() -> None:
    """The table of layers in the docs holds every package and module at the top, each in its layer."""
    rows = re.findall(r"^\| (\d+) \| (`[^|]+`) \|", ARCHITECTURE, re.MULTILINE)
    written = {name: int(number) for number, names in rows for name in re.findall(r"`(\w+)`", names)}
    there = {part(dotted(path)) for path in MODULES} - {"__init__", "__main__", "aggregator"}
    assert written == {name: LAYER[name] for name in there}


def test_the_glossary_has_one_row_a_word_and_true_places() -> None:
    """No word is explained twice, and the files and folders that it names are there."""
    glossary = ARCHITECTURE.partition("## Glossary")[2]
    words = re.findall(r"^\| ([a-z][^|]*) \|", glossary, re.MULTILINE)[1:]
    assert len(words) > 20
    assert sorted(words) == sorted(set(words))
    places = [place for place in re.findall(r"`([\w/]+(?:\.py|/))`", glossary) if not (PACKAGE / place).exists()]
    assert places == []


CLAIMED = re.compile(r"def test_\w+\([^)]*\)[^\n]*:\n\s+\"{3}[^\"\s]")
"""A test with a docstring, as nearly all are written."""


@of_each(TESTS)
def test_tests_state_their_claim(path: Path) -> None:
    """Every test says in one sentence what it claims."""
    text = path.read_text(encoding="utf-8")
    if len(re.findall(r"def test_", text)) == len(CLAIMED.findall(text)):
        return  # no need of the syntax tree, which takes a hundred times as long
    tests = (node for node in functions_in(tree_of(path)) if node.name.startswith("test_"))
    assert [test.name for test in tests if not ast.get_docstring(test)] == []


def test_test_files_have_names_of_their_own() -> None:
    """No two test files share a name, so that a report names one place."""
    names = [path.name for path in TESTS if path.name not in {"__init__.py", "conftest.py"}]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import os\ndef f():\n    import rich.table", ["os", "rich.table"]),
        ("from aggregator.errors import Cause", ["aggregator.errors"]),
        ("from aggregator import errors", ["aggregator.errors"]),
        ("if TYPE_CHECKING:\n    import rich", []),
        ("try:\n    import brotli\nexcept ImportError:\n    pass", ["brotli"]),
    ],
)
def test_imports_are_seen(source: str, found: list[str]) -> None:
    """The reader behind these tests sees imports wherever they stand and skips what only types need."""
    assert list(imports(ast.parse(source), types=False)) == found

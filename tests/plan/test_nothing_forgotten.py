"""A setting that nothing compiles, or a piece of a plan that nothing reads, is one that somebody forgot."""

from __future__ import annotations

import ast
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import ModuleType
from typing import get_args

import pytest
from msgspec import Struct

import aggregator.config.model
import aggregator.plan
import aggregator.policies
from aggregator.fields import Settings
from aggregator.plan.calls import CorePlan

PACKAGE = Path(__file__).parents[2] / "aggregator"


def classes_of(base: type, *packages: ModuleType) -> list[type]:
    """Return the classes that derive from *base*, of all modules below *packages*."""
    found = [info.name for each in packages for info in walk_packages(each.__path__, f"{each.__name__}.")]
    modules = [import_module(name) for name in found]
    return [
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, base) and kind.__module__ == module.__name__
    ]


MODELS = classes_of(Settings, aggregator.config.model, aggregator.policies)
BY_NAME = {"include", "write", "max_waiting", "max_streams", "case"}
"""Read as keys of a mapping or as all fields of a record, where no attribute stands."""
PLANS = classes_of(Struct, aggregator.plan, aggregator.policies)


@cache
def tree_of(path: Path) -> ast.Module:
    """Return the syntax tree of the module at *path*."""
    return ast.parse(path.read_bytes())


def trees_in(*folders: str) -> list[ast.Module]:
    """Return the syntax trees of all modules below *folders*."""
    return [tree_of(path) for folder in folders for path in (PACKAGE / folder).rglob("*.py")]


def attributes_of(*trees: ast.AST) -> set[str]:
    """Return the names of all attributes that are read in *trees*, by ``.`` or by a ``case``."""
    nodes = [node for tree in trees for node in ast.walk(tree)]
    loaded = {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)}
    return loaded.union(*(node.kwd_attrs for node in nodes if isinstance(node, ast.MatchClass)))


def properties_in(*trees: ast.Module) -> list[ast.AST]:
    """Return the properties of classes in *trees*, by which other settings are read."""
    functions = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return [found for found in functions if any(ast.unparse(each) == "property" for each in found.decorator_list)]


@cache
def compiled() -> set[str]:
    """Return what compiling reads of settings."""
    properties = properties_in(*trees_in("config/model"))
    return attributes_of(*trees_in("plan/compiling", "config/files", "policies"), *properties)


@cache
def read() -> set[str]:
    """Return what is read of plans."""
    return attributes_of(
        *trees_in("plan/order", "plan/explaining", "plan/compiling", "runtime", "server", "cli", "policies")
    )


@pytest.mark.parametrize("model", MODELS)
def test_every_setting_is_compiled(model: type[Settings]) -> None:
    """A key that `check` accepts and no plan takes would be ignored without a word."""
    assert [name for name in model.model_fields if name not in compiled() | BY_NAME] == []


@pytest.mark.parametrize("plan", PLANS)
def test_every_piece_of_a_plan_is_read(plan: type[Struct]) -> None:
    """What is compiled is there for something that runs."""
    assert [name for name in plan.__struct_fields__ if name not in read() | BY_NAME] == []


KINDS = {kind.__name__ for kind in get_args(CorePlan)}
"""The kinds of a part by the names of their classes."""


def kinds_in(match: ast.Match) -> set[str]:
    """Return the names of the classes that the cases of *match* speak of."""
    return {ast.unparse(node.cls) for node in ast.walk(match) if isinstance(node, ast.MatchClass)}


FOLDERS = sorted({path.parent for path in PACKAGE.rglob("*.py")})


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_match_over_the_kinds_of_a_part_names_them_all(folder: Path) -> None:
    """A new kind that one of them does not know is an error of mypy there, not a part that is left out."""
    matches = [
        (p.name, node) for p in folder.glob("*.py") for node in ast.walk(tree_of(p)) if isinstance(node, ast.Match)
    ]
    for file, match in ((file, each) for file, each in matches if kinds_in(each) & KINDS):
        assert kinds_in(match) >= KINDS, f"{file}:{match.lineno} leaves out {KINDS - kinds_in(match)}"
        assert "assert_never" in ast.unparse(match.cases[-1]), f"{file}:{match.lineno} has no assert_never"

"""A setting that nothing compiles, or a piece of a plan that nothing reads, is one that somebody forgot."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from msgspec import Struct

from aggregator.config.model import auth, call, endpoint, response
from aggregator.fields import Settings
from aggregator.plan import admission, edge, types

PACKAGE = Path(__file__).parents[2] / "aggregator"
MODELS = [
    model
    for module in (auth, call, endpoint, response)
    for model in vars(module).values()
    if isinstance(model, type) and issubclass(model, Settings) and model.__module__ == module.__name__
]
PLANS = [
    plan
    for module in (admission, edge, types)
    for plan in vars(module).values()
    if isinstance(plan, type) and issubclass(plan, Struct) and plan.__module__ == module.__name__
]


def trees_in(*folders: str) -> list[ast.Module]:
    """Return the syntax trees of all modules below *folders*."""
    return [ast.parse(path.read_bytes()) for folder in folders for path in (PACKAGE / folder).rglob("*.py")]


def attributes_of(*trees: ast.AST) -> set[str]:
    """Return the names of all attributes that are read in *trees*."""
    nodes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return {node.attr for node in nodes if isinstance(node.ctx, ast.Load)}


def properties_in(*trees: ast.Module) -> list[ast.AST]:
    """Return the properties of classes in *trees*, by which other settings are read."""
    functions = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return [found for found in functions if any(ast.unparse(each) == "property" for each in found.decorator_list)]


COMPILED = attributes_of(*trees_in("plan/compiling", "config/files"), *properties_in(*trees_in("config/model")))
READ = attributes_of(*trees_in("plan/order", "plan/explaining", "plan/compiling", "runtime", "server", "cli"))


@pytest.mark.parametrize("model", MODELS)
def test_every_setting_is_compiled(model: type[Settings]) -> None:
    """A key that `check` accepts and no plan takes would be ignored without a word."""
    assert [name for name in model.model_fields if name not in COMPILED] == []


@pytest.mark.parametrize("plan", PLANS)
def test_every_piece_of_a_plan_is_read(plan: type[Struct]) -> None:
    """What is compiled is there for something that runs."""
    assert [name for name in plan.__struct_fields__ if name not in READ] == []

"""A setting that nothing compiles, or a piece of a plan that nothing reads, is one that somebody forgot."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Match:
    """A `match` of *file*: the *kinds* that its cases speak of, and whether the last one is `assert_never`."""

    file: str
    line: int
    kinds: frozenset[str]
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Module:
    """The names of the attributes that a module reads, of those that its properties read, and each `match` of it."""

    attributes: frozenset[str]
    of_properties: frozenset[str]
    matches: tuple[Match, ...]


@cache
def module_at(path: Path) -> Module:
    """Return what the module at *path* reads; its syntax tree is not kept: each look for garbage would walk it."""
    nodes = list(ast.walk(ast.parse(path.read_bytes())))
    properties = [node for node in nodes if isinstance(node, ast.FunctionDef) and is_property(node)]
    inner = [node for each in properties for node in ast.walk(each)]
    matches = tuple(match_of(path.name, node) for node in nodes if isinstance(node, ast.Match))
    return Module(attributes_in(nodes), attributes_in(inner), matches)


def is_property(function: ast.FunctionDef) -> bool:
    """Return whether *function* is a property of a class, by which other settings are read."""
    return any(ast.unparse(each) == "property" for each in function.decorator_list)


def attributes_in(nodes: Sequence[ast.AST]) -> frozenset[str]:
    """Return the names of all attributes that *nodes* read, by ``.`` or by a ``case``."""
    loaded = {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)}
    return frozenset(loaded.union(*(node.kwd_attrs for node in nodes if isinstance(node, ast.MatchClass))))


def match_of(file: str, match: ast.Match) -> Match:
    """Return *match*, which stands in *file*."""
    kinds = frozenset(ast.unparse(node.cls) for node in ast.walk(match) if isinstance(node, ast.MatchClass))
    return Match(file, match.lineno, kinds, "assert_never" in ast.unparse(match.cases[-1]))


def modules_in(*folders: str) -> list[Module]:
    """Return all modules below *folders*."""
    return [module_at(path) for folder in folders for path in (PACKAGE / folder).rglob("*.py")]


@cache
def compiled() -> frozenset[str]:
    """Return what compiling reads of settings."""
    modules = modules_in("plan/compiling", "config/files", "policies")
    properties = modules_in("config/model")
    return frozenset().union(*(each.attributes for each in modules), *(each.of_properties for each in properties))


@cache
def read() -> frozenset[str]:
    """Return what is read of plans."""
    modules = modules_in("plan/order", "plan/explaining", "plan/compiling", "runtime", "server", "cli", "policies")
    return frozenset().union(*(each.attributes for each in modules))


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
FOLDERS = sorted({path.parent for path in PACKAGE.rglob("*.py")})


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_match_over_the_kinds_of_a_part_names_them_all(folder: Path) -> None:
    """A new kind that one of them does not know is an error of mypy there, not a part that is left out."""
    matches = [match for path in folder.glob("*.py") for match in module_at(path).matches]
    for match in (each for each in matches if each.kinds & KINDS):
        assert match.kinds >= KINDS, f"{match.file}:{match.line} leaves out {KINDS - match.kinds}"
        assert match.is_whole, f"{match.file}:{match.line} has no assert_never"

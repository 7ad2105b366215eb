"""Mutants: one small change of a condition, a constant or a return at a time, and whether a test fails for it.

``scripts/mutants --count 80 --seed 1`` takes a random sample of all changes in the package, makes each in a copy of the
tree, and runs the tests of the folder that the changed module belongs to, the nearest first. What survives is a claim that
no test makes; what was noticed by a test of something else (a time-out of a busy machine) was not noticed.
"""

from __future__ import annotations

import argparse
import ast
import copy
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
TESTS = {
    "cli": ["cli"],
    "codecs": ["codecs", "runtime"],
    "config": ["config", "wrong_files", "edge"],
    "edge": ["edge"],
    "identity": ["identity"],
    "parts": ["runtime"],
    "plan": ["plan", "runtime"],
    "policies": ["policies"],
    "runtime": ["runtime", "server"],
    "schemas": ["schemas", "runtime"],
    "server": ["server"],
    "shaping": ["shaping", "runtime"],
    "stores": ["stores", "effects"],
    "telemetry": ["telemetry", "server"],
    "templates": ["templates", "config", "runtime"],
    "transport": ["transport"],
}
"""The folders of tests that speak of a part of the package."""
_COMPARISONS = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
                ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In}  # fmt: skip


class Mutant(NamedTuple):
    """One change: the *number*-th node of its kind in a module, what stands there and what comes instead."""

    path: Path
    line: int
    before: str
    after: str
    text: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.before}  →  {self.after}"


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Yield every mutant of the module at *path*; types, docstrings and messages stay."""
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for function in functions:
        for statement in function.body:
            for node in ast.walk(statement):
                changed = _changed(node)
                if changed is not None:
                    yield _mutant(path, source, node, changed)


def _changed(node: ast.AST) -> ast.AST | None:
    """Return another node for *node*; None for one that is not changed."""
    new = copy.copy(node)
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in _COMPARISONS:
            new.ops = [_COMPARISONS[type(operator)]()]  # type: ignore[attr-defined]
        case ast.BoolOp(op=ast.And()):
            new.op = ast.Or()  # type: ignore[attr-defined]
        case ast.BoolOp(op=ast.Or()):
            new.op = ast.And()  # type: ignore[attr-defined]
        case ast.UnaryOp(op=ast.Not()):
            return node.operand
        case ast.Constant(value=bool(value)):
            new.value = not value  # type: ignore[attr-defined]
        case ast.Constant(value=int(value)):
            new.value = value + 1  # type: ignore[attr-defined]
        case ast.BinOp(op=ast.Add()):
            new.op = ast.Sub()  # type: ignore[attr-defined]
        case ast.Return(value=value) if value is not None and not _is_none(value):
            new.value = ast.Constant(None)  # type: ignore[attr-defined]
        case _:
            return None
    return new


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _mutant(path: Path, source: str, node: ast.AST, changed: ast.AST) -> Mutant:
    before = ast.get_source_segment(source, node) or ""  # type: ignore[arg-type]
    after = ast.unparse(changed)
    after = after if isinstance(node, ast.stmt) else f"({after})"
    lines = source.encode().splitlines(keepends=True)
    start = sum(map(len, lines[: node.lineno - 1])) + node.col_offset  # type: ignore[attr-defined]
    end = sum(map(len, lines[: node.end_lineno - 1])) + node.end_col_offset  # type: ignore[attr-defined]
    raw = source.encode()
    return Mutant(path, node.lineno, before, after, (raw[:start] + after.encode() + raw[end:]).decode())  # type: ignore[attr-defined]


def noticed_by(mutant: Mutant, tree: Path) -> str | None:
    """Return which test fails with *mutant* in the copy *tree* of the project; None if all pass, so that it is alive."""
    place = tree / mutant.path.relative_to(ROOT)
    original = place.read_text(encoding="utf-8")
    place.write_text(mutant.text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--timeout=60", "--tb=no"]
    try:
        ended = subprocess.run([*command, *_tests(mutant, tree)], cwd=tree, capture_output=True, text=True, timeout=900)
    except subprocess.TimeoutExpired:
        return "nothing: out of time, judge it by hand"
    finally:
        place.write_text(original, encoding="utf-8")
    if ended.returncode == 0:
        return None
    failed = [line for line in ended.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return failed[0].split()[1] if failed else "the start of the tests"


def _tests(mutant: Mutant, tree: Path) -> list[str]:
    """Return what is run against *mutant*: first the files that name its module, then the folders of its package."""
    inside = mutant.path.relative_to(ROOT).with_suffix("")
    folders = [name for name in TESTS.get(inside.parts[1], []) if (tree / "tests" / name).is_dir()]
    files = [file for name in folders for file in sorted((tree / "tests" / name).rglob("test_*.py"))]
    module, package = ".".join(inside.parts), ".".join(inside.parts[:-1])
    ways = (f"{module} ", f"{module}.", f"from {package} import {inside.name}")
    files.sort(key=lambda file: not any(way in file.read_text(encoding="utf-8") for way in ways))
    return [str(file.relative_to(tree)) for file in files] or ["tests"]


def main() -> None:
    """Take a sample, try each mutant, and print those that survive."""
    parser = argparse.ArgumentParser(description="Change the program and see whether a test notices.")
    parser.add_argument("--count", type=int, default=80, help="how many mutants (80)")
    parser.add_argument("--seed", type=int, default=1, help="which sample (1)")
    parser.add_argument("--only", default="", help="modules whose path has this text")
    parser.add_argument("--jobs", type=int, default=2, help="at the same time (2)")
    said = parser.parse_args()
    modules = [path for path in sorted((ROOT / "aggregator").rglob("*.py")) if said.only in str(path)]
    every = [mutant for path in modules for mutant in mutants_of(path)]
    sample = random.Random(said.seed).sample(every, min(said.count, len(every)))
    trees: Queue[Path] = Queue()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(said.jobs) as pool:
        for number in range(said.jobs):
            tree = Path(folder, str(number))
            shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".git", ".venv", "node_modules", "__pycache__"))
            trees.put(tree)

        def judged(mutant: Mutant) -> bool:
            tree = trees.get()
            try:
                test = noticed_by(mutant, tree)
            finally:
                trees.put(tree)
            print("ALIVE  " if test is None else "noticed", mutant, "" if test is None else f"by {test}", flush=True)
            return test is None

        alive = sum(pool.map(judged, sample))
    print(f"{alive} of {len(sample)} mutants are alive ({100 * alive / max(1, len(sample)):.0f} %)")


if __name__ == "__main__":
    main()

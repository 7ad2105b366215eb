"""Mutants: one small change of a condition, a constant or a return at a time, and whether a test fails for it.

``scripts/mutants --count 80 --seed 1`` takes a random sample of all changes in the package, makes each in a copy of the
tree, and runs the tests of the folder that the changed module belongs to, the nearest first: those of the first tier that reach
the change (all run once before, to see which those are), and where none fails, those of the second tier (tests/tiers.py). What
survives is a claim that no test makes. Tests are collected once a tree: each mutant is judged in a fork (tests/judging.py).
"""

from __future__ import annotations

import argparse
import ast
import copy
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from itertools import count
from pathlib import Path
from queue import Queue
from typing import Any, NamedTuple, Self

ROOT = Path(__file__).parents[1]
TESTS = {
    "brokers": ["brokers", "effects", "outside/test_brokers.py", "outside/test_brokers_by_tls.py"],
    "causes": ["test_causes.py", "plan", "runtime"],
    "cli": ["cli", "effects", "server/mocking"],
    "codecs": ["codecs", "runtime"],
    "config": ["config", "wrong_files", "edge"],
    "demo": ["demo"],
    "diagnostics": ["test_diagnostics.py", "test_display.py", "test_shown_lines.py", "config", "wrong_files", "cli"],
    "durations": ["config", "schemas", "wrong_files"],
    "edge": ["edge", "server"],
    "exchange": ["runtime", "server"],
    "fields": ["config", "wrong_files"],
    "http": ["test_http.py", "test_http_fields.py", "edge", "runtime"],
    "identity": ["identity", "policies"],
    "parts": ["runtime"],
    "plan": ["plan", "runtime", "policies"],
    "policies": ["policies", "runtime", "config", "wrong_files"],
    "runtime": ["runtime", "idempotency", "effects", "server", "policies"],
    "schemas": ["schemas", "runtime", "server/test_declared_secrets.py"],
    "server": ["server", "effects"],
    "shaping": ["shaping", "runtime"],
    "stores": ["stores", "effects", "idempotency", "policies"],
    "telemetry": ["telemetry", "server"],
    "templates": ["templates", "config", "runtime"],
    "transport": ["transport"],
}
"""The folders and files of tests that speak of a part of the package."""
TIERS = ("not later", "later")
"""What is asked first, and what is asked where nothing has failed (tests/tiers.py)."""
_PATIENCE = 3600.0
"""Seconds after which tests hang: those of a folder take minutes on a busy machine."""
_SECONDS = (30, 120)
"""Seconds after which one test hangs, in the first tier and in the second."""
_NONE_CHOSEN = 5
"""The exit code of pytest when nothing is left to run."""
_COMPARISONS = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
                ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In}  # fmt: skip


class Mutant(NamedTuple):
    """One change of a module: what stands at a line *before*, what *after*, the whole *text*, and where its statement begins."""

    path: Path
    line: int
    before: str
    after: str
    text: str
    statement: int

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.before}  →  {self.after}"


class Site(NamedTuple):
    """What of the *source* of a module may become what: one node another one. Its statement begins at the line *statement*."""

    path: Path
    source: str
    node: ast.AST
    changed: ast.AST
    statement: int


def sites_of(path: Path) -> Iterator[Site]:
    """Yield all that can be changed in the module at *path*; types, docstrings and messages stay."""
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    seen: set[ast.AST] = {
        node.value for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "strict"
    }
    # … and those of a function within another one are met twice; `strict` of `zip` asserts what always holds
    for function in functions:
        for statement in function.body:
            for node in ast.walk(statement):
                if node not in seen and (changed := _changed(node)) is not None:
                    seen.add(node)
                    yield Site(path, source, node, changed, _statement_line(node, parents))


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


def mutant_at(site: Site) -> Mutant:
    """Return the mutant that the change at *site* makes."""
    path, source, node, changed, statement = site
    before = ast.get_source_segment(source, node) or ""  # type: ignore[arg-type]
    after = ast.unparse(changed)
    rest = "\n" * ((node.end_lineno or node.lineno) - node.lineno)  # type: ignore[attr-defined]  # what follows keeps its line
    after = f"{after}{rest}" if isinstance(node, ast.stmt) else f"({after}{rest})"
    lines = source.encode().splitlines(keepends=True)
    start = sum(map(len, lines[: node.lineno - 1])) + node.col_offset  # type: ignore[attr-defined]
    end = sum(map(len, lines[: node.end_lineno - 1])) + node.end_col_offset  # type: ignore[attr-defined]
    raw = source.encode()
    text = (raw[:start] + after.encode() + raw[end:]).decode()
    return Mutant(path, node.lineno, before, after.replace("\n", ""), text, statement)  # type: ignore[attr-defined]


class Tree:
    """A copy of the project, in which one mutant at a time is judged."""

    def __init__(self, place: Path) -> None:
        self.place = place
        ignored = shutil.ignore_patterns(".git", ".venv", "__pycache__")
        shutil.copytree(ROOT, place, ignore=ignored, symlinks=True)
        self._judge: Judge | None = None

    def reached(self, sample: Sequence[Mutant], jobs: int) -> Reached:
        """Return which tests reach which mutant of *sample*, by running the first tier of all their folders once."""
        texts = {self.place / path.relative_to(ROOT): text for path, text in _marked(sample).items()}
        originals = {path: path.read_text(encoding="utf-8") for path in texts}
        _write(texts)
        notes = Path(f"{self.place}-notes")
        notes.mkdir()
        files = _of_all(sample, self.place)
        self.pytest("-m", TIERS[0], "-n", str(jobs), "--dist", "worksteal", *files, notes=notes)
        _write(originals)
        return Reached.of(notes)

    def prepare(self, files: Sequence[str]) -> None:
        """Collect the tests of *files*: from now on mutants are judged by forks where that can be."""
        self._judge = Judge(self.place, files)

    def wait(self) -> None:
        """Wait until the tests are collected: what changes before that is imported as it is."""
        if self._judge is not None:
            self._judge.wait()

    def close(self) -> None:
        """End the process that judges."""
        if self._judge is not None:
            self._judge.close()

    def first_failure(self, mutant: Mutant, tier: str, chosen: Sequence[str] | None = None) -> str | None:
        """Return which test of *tier* fails first with *mutant*, None if all pass: of all, or of those *chosen* in the first."""
        place = self.place / mutant.path.relative_to(ROOT)
        original = place.read_text(encoding="utf-8")
        files = _nearest_first(mutant, self.place)
        _write({place: mutant.text})
        try:
            if self._judge is not None and (tier == TIERS[1] or chosen is not None):
                answer = self._judge.ask(str(place), files, chosen)
                if "unknown" not in answer:
                    return answer["test"]
            return self._from_the_start(tier, files, chosen)
        finally:
            _write({place: original})

    def _from_the_start(self, tier: str, files: Sequence[str], chosen: Sequence[str] | None) -> str | None:
        try:
            ended = self.pytest("-x", "-m", tier, *files, chosen=chosen)
        except subprocess.TimeoutExpired:
            return "what does not end"
        if ended.returncode in (0, _NONE_CHOSEN):
            return None
        lines = [line for line in ended.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
        return lines[0].split(" ", 1)[1].partition(" - ")[0] if lines else f"the start ({ended.returncode})"

    def pytest(
        self, *arguments: str, notes: Path | None = None, chosen: Sequence[str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Return how the tests ended; *notes* is where they write what they reached (tests/reaching.py)."""
        environment = _environment(self.place)
        if notes is not None:
            environment["REACHING_NOTES"] = str(notes)
        if chosen is not None:
            environment["REACHING_CHOSEN"] = f"{self.place}-chosen"
            Path(f"{self.place}-chosen").write_text("\n".join(map(json.dumps, chosen)), encoding="utf-8")
        arguments = tuple(
            one for one in arguments if chosen is None or not one.endswith(".py") or one in _files(chosen)
        )
        options = ["-p", "reaching", "-p", "no:cacheprovider", "-rfE", "--tb=no", "--timeout=120"]
        return subprocess.run(
            [sys.executable, "-m", "pytest", *options, f"--basetemp={self.place}-tmp", *arguments],
            cwd=self.place, env=environment, capture_output=True, text=True, timeout=_PATIENCE,
        )  # fmt: skip


class Judge:
    """A process of pytest that has collected tests in the tree at *place* and judges by forks (tests/judging.py)."""

    def __init__(self, place: Path, files: Sequence[str]) -> None:
        asked, asking = os.pipe()
        answering, answered = os.pipe()
        options = ["-p", "judging", "-p", "no:cacheprovider", f"--basetemp={place}-tmp"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *options, *files],
            cwd=place, env={**_environment(place), "JUDGING_ENDS": f"{asked} {answered}"}, pass_fds=(asked, answered),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(asked)
        os.close(answered)
        self._questions, self._answers = os.fdopen(asking, "w"), os.fdopen(answering)

    def wait(self) -> None:
        """Wait until questions are taken."""
        self._answers.readline()

    def ask(self, path: str, files: Sequence[str], tests: Sequence[str] | None) -> dict[str, Any]:
        """Return what the tests in *files* say of the changed module at *path*: those named, or the second tier for None.

        Raises ``RuntimeError`` for a fault of the judge, which is no verdict.
        """
        seconds = _SECONDS[tests is None]
        question = {"path": path, "files": files, "tests": tests, "seconds": seconds}
        print(json.dumps(question), file=self._questions, flush=True)
        return verdict_in(self._answers.readline())

    def close(self) -> None:
        """End the process: nobody asks any more."""
        self._questions.close()
        self._answers.close()
        self._process.wait()


def verdict_in(line: str) -> dict[str, Any]:
    """Return the verdict that a judge wrote as *line*; raises ``RuntimeError`` where it tells of a fault, or has ended."""
    answer: dict[str, Any] = json.loads(line) if line else {"fault": "its process has ended"}
    if "fault" in answer:
        raise RuntimeError(f"The judge of mutants failed: {answer['fault']}")
    return answer


def _environment(place: Path) -> dict[str, str]:
    """Return the environment of the tests in the tree at *place*."""
    environment = {**os.environ, "PYTHONPATH": f"{place}:{place / 'tests'}", "AGGREGATOR_OUTSIDE": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # else each start compiles a thousand modules anew
    return environment


def _files(tests: Iterable[str]) -> set[str]:
    return {test.partition("::")[0] for test in tests}


_moments = count(1_000_000_000)


def _write(texts: Mapping[Path, str]) -> None:
    """Write *texts*, each at a moment of its own: by size and second alone, what is compiled may pass for that of another text."""
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
        os.utime(path, (moment := next(_moments), moment))


class Reached(NamedTuple):
    """The tests that reach each mutant, by its number; *early* are reached by imports, *failing* fails with no mutant."""

    tests: dict[int, list[str]]
    early: set[int]
    failing: set[str]

    def tests_in(self, files: Sequence[str], number: int) -> list[str]:
        """Return the tests of *files* that reach the mutant *number*."""
        return [test for test in self.tests.get(number, ()) if test.partition("::")[0] in files]

    @classmethod
    def of(cls, notes: Path) -> Self:
        """Return what the processes of tests wrote to the folder *notes*."""
        tests: dict[int, list[str]] = {}
        early: set[int] = set()
        failing: set[str] = set()
        for line in (
            line for file in sorted(notes.iterdir()) for line in file.read_text(encoding="utf-8").splitlines()
        ):
            test, numbers, has_failed = json.loads(line)
            if not test:
                early.update(numbers)
            elif has_failed:
                failing.add(test)
            else:
                for number in numbers:
                    tests.setdefault(number, []).append(test)
        return cls(tests, early, failing)


def _marked(sample: Sequence[Mutant]) -> dict[Path, str]:
    """Return the text of each module of *sample* with a line before each mutated statement that notes when it runs."""
    first = ROOT / "aggregator" / "__init__.py"
    marks: dict[Path, dict[int, list[int]]] = {first: {}}
    for number, mutant in enumerate(sample):
        marks.setdefault(mutant.path, {}).setdefault(mutant.statement, []).append(number)
    texts = {}
    for path, by_line in marks.items():
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        for line in sorted(by_line, reverse=True):
            indent = lines[line - 1][: len(lines[line - 1]) - len(lines[line - 1].lstrip())]
            lines[line - 1 : line - 1] = [f"{indent}__reach__({number})\n" for number in by_line[line]]
        texts[path] = "".join(lines)
    future = "from __future__ import annotations\n"
    begin = "import builtins\nbuiltins.__reach__ = set().add if not hasattr(builtins, '__reach__') else builtins.__reach__\n"
    texts[first] = texts[first].replace(future, future + begin, 1)
    return texts


def _statement_line(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> int:
    """Return the line before which a statement can stand that runs whenever *node* may."""
    while not (isinstance(node, ast.stmt) and not _is_elif(node, parents)):
        node = parents[node]
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)])


def _is_elif(node: ast.stmt, parents: dict[ast.AST, ast.AST]) -> bool:
    above = parents.get(node)
    return (
        isinstance(above, ast.If)
        and isinstance(node, ast.If)
        and above.orelse == [node]
        and node.col_offset == above.col_offset
    )


def _nearest_first(mutant: Mutant, tree: Path) -> list[str]:
    """Return the files that are run against *mutant*: those that name its module, then those named alike, then the others."""
    inside = mutant.path.relative_to(ROOT).with_suffix("")
    places = [tree / "tests" / name for name in TESTS.get(inside.parts[1], ["."])]
    files = [file for place in places for file in ([place] if place.is_file() else sorted(place.rglob("test_*.py")))]
    module, package = ".".join(inside.parts), ".".join(inside.parts[:-1])
    ways = (f"{module} ", f"{module}.", f"from {package} import {inside.name}")
    words = _words(inside)

    def distance(file: Path) -> tuple[bool, int]:
        is_named = any(way in file.read_text(encoding="utf-8") for way in ways)
        return not is_named, -len(words & _words(file.relative_to(tree / "tests").with_suffix("")))

    return [str(file.relative_to(tree)) for file in sorted(files, key=distance)]


def _words(path: Path) -> set[str]:
    """Return the stems of the words that *path* consists of."""
    return {word[:5] for part in path.parts for word in part.split("_")} - {"test", "aggre"}


def main() -> None:
    """Take a sample, try each mutant, and print those that survive."""
    parser = argparse.ArgumentParser(description="Change the program and see whether a test notices.")
    parser.add_argument("--count", type=int, default=80, help="how many mutants (80)")
    parser.add_argument("--seed", type=int, default=1, help="which sample (1)")
    parser.add_argument("--only", default="", help="modules whose path has this text")
    parser.add_argument("--jobs", type=int, default=2, help="at the same time (2)")
    said = parser.parse_args()
    modules = [path for path in sorted((ROOT / "aggregator").rglob("*.py")) if said.only in str(path)]
    every = [site for path in modules for site in sites_of(path)]
    sample = list(map(mutant_at, random.Random(said.seed).sample(every, min(said.count, len(every)))))
    _judge(sample, said.jobs, f"seed {said.seed}")


def _judge(sample: list[Mutant], jobs: int, title: str) -> None:
    """Judge each mutant of *sample*, *jobs* at the same time: by the tests that reach it, then by the second tier."""
    trees: Queue[Tree] = Queue()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool, ExitStack() as ends:
        every = [Tree(Path(folder, str(number))) for number in range(jobs)]
        reached = every[0].reached(sample, jobs)
        for test in sorted(reached.failing):
            print("fails with no mutant:", test, flush=True)
        for tree in every:
            ends.callback(tree.close)
            tree.prepare(_of_all(sample, tree.place))
        for tree in every:
            tree.wait()
            trees.put(tree)

        def is_noticed(number: int, tier: str) -> bool:
            tree = trees.get()
            try:
                return _is_noticed(tree, sample[number], tier, reached, number)
            finally:
                trees.put(tree)

        numbers = range(len(sample))
        noticed = pool.map(partial(is_noticed, tier=TIERS[0]), numbers)
        left = [number for number, is_it in zip(numbers, noticed, strict=True) if not is_it]
        print(f"{title}: {len(left)} of {len(sample)} are not noticed in the first tier", flush=True)
        alive = len(left) - sum(pool.map(partial(is_noticed, tier=TIERS[1]), left))
    print(f"{title}: {len(sample)} judged, {len(sample) - alive} noticed, {alive} alive")


def _is_noticed(tree: Tree, mutant: Mutant, tier: str, reached: Reached, number: int) -> bool:
    """Print whether a test of *tier* has noticed the mutant of that *number*; return that."""
    if tier == TIERS[1]:
        return _told(mutant, tree.first_failure(mutant, tier), "in the second tier")
    if number in reached.early:
        return _told(mutant, tree.first_failure(mutant, tier), "beside what imports it")
    chosen = reached.tests_in(_nearest_first(mutant, tree.place), number)
    test = tree.first_failure(mutant, tier, chosen) if chosen else None
    return _told(mutant, test, f"beside {len(chosen)} tests that reach it")


def _of_all(sample: Sequence[Mutant], place: Path) -> list[str]:
    """Return every file of tests that speaks of a mutant of *sample*."""
    return sorted({file for mutant in sample for file in _nearest_first(mutant, place)})


def _told(mutant: Mutant, test: str | None, where: str) -> bool:
    """Print whether *test* has noticed *mutant*; return that."""
    print("ALIVE  " if test is None else "noticed", mutant, where if test is None else f"by {test}", flush=True)
    return test is not None


if __name__ == "__main__":
    main()

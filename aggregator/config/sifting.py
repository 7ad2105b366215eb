"""Which of the problems that a load has found are told: one for each fault, and none that only follows from another."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace
from pydantic.fields import FieldInfo

from aggregator.config.hints.shapes import is_expression
from aggregator.config.hints.vocabulary import field_at, form_of
from aggregator.config.model.root import RootSettings
from aggregator.config.text.including import Tree
from aggregator.diagnostics import Diagnostic
from aggregator.diagnostics.finding import Finding
from aggregator.fields import DATE


def is_a_date(problem: Diagnostic) -> bool:
    """Whether *problem* doubts a value whose key takes a date, where it is one in every version of YAML."""
    if problem.code != "ambiguous-value" or "is a date" not in problem.message:
        return False
    field = _field_of(problem)
    return field is not None and DATE in field.metadata


def _field_of(problem: Diagnostic) -> FieldInfo | None:
    return field_at(RootSettings, form_of(problem.path))


def _as_condition(problem: Diagnostic) -> Diagnostic:
    """Return *problem*, with the way out that a condition has where it is about the value of one."""
    if problem.code != "ambiguous-value" or not is_expression(_field_of(problem)):
        return problem
    value = (problem.hint or "").partition("`")[2].partition("`")[0].strip('"')
    return replace(problem, hint=f'write it in braces: `"{{{{ {value} }}}}"`')


def is_complete(tree: Tree) -> bool:
    """Return whether every file could be read: else each use of what a lost one declares would be a problem."""
    is_read = len(tree.documents) == len(tree.sources)
    return is_read and not any(problem.path[:1] == ("include",) for problem in tree.diagnostics)


def may_stand_elsewhere(finding: Finding) -> bool:
    """Whether *finding* misses a name that a file declares, or uses, which could not be read."""
    return finding.code in _OF_NAMES or finding.path == ("endpoints",)


_OF_NAMES = frozenset(
    ["unknown-upstream", "unknown-group", "unknown-plugin", "unknown-name", "unknown-field", "unknown-part",
     "unknown-list", "unused"]
)  # fmt: skip
_UNKNOWN_KEY = "unknown-key"


def said_once(problems: list[Diagnostic]) -> list[Diagnostic]:
    """*problems* with one way out for a value that YAML versions read differently where only a text may stand."""
    problems = [_as_condition(one) for one in _of_known_keys(problems)]
    texts = {one.position for one in problems if one.code == "wrong-type" and one.message.startswith("expected text,")}
    doubtful = {one.position for one in problems if one.code == "ambiguous-value"} & texts
    if not doubtful:
        return problems
    return [
        replace(one, hint=_quoted_form(one)) if one.code == "ambiguous-value" and one.position in doubtful else one
        for one in problems
        if one.code != "wrong-type" or one.position not in doubtful
    ]


def _of_known_keys(problems: list[Diagnostic]) -> list[Diagnostic]:
    """*problems* without those about values of keys that do not exist, and about keys that were misread themselves."""
    unknown = {one.path: one.position for one in problems if one.code == _UNKNOWN_KEY}
    doubtful = {one.position for one in problems if one.code == "ambiguous-value"}

    def is_moot(one: Diagnostic) -> bool:
        if one.code == _UNKNOWN_KEY:
            return one.position in doubtful
        return one.code == "ambiguous-value" and unknown.get(one.path, one.position) != one.position

    return [one for one in problems if not is_moot(one)]


def _quoted_form(problem: Diagnostic) -> str:
    """The quoted form that the hint of *problem* ends with."""
    return f"write {(problem.hint or '').removeprefix('write ').rpartition(', or ')[2]}"


def without_echoes(
    findings: list[Finding], misread: Iterable[Diagnostic], unfilled: Iterable[Diagnostic]
) -> list[Finding]:
    """*findings* without those about values that were *misread*, and about values that could not be filled in."""
    known = {problem.path for problem in misread}
    empty = {problem.path for problem in unfilled}
    if not known and not empty:
        return findings
    return [
        one
        for one in findings
        if (one.path not in known or one.code == _UNKNOWN_KEY)
        and not any(one.path[: len(path)] == path for path in empty)
    ]

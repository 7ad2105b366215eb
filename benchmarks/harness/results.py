"""What a scene gives back, ready to be written down: a table, bars to draw, and verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Verdict:
    """One target, and whether it was reached; None where it could not be measured."""

    target: str
    got: str
    passed: bool | None

    @property
    def word(self) -> str:
        return {True: "pass", False: "FAIL", None: "not measured"}[self.passed]


@dataclass(frozen=True, slots=True)
class Bar:
    label: str
    value: float


@dataclass(frozen=True, slots=True)
class SceneResult:
    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    verdicts: Sequence[Verdict]
    notes: Sequence[str] = ()
    bars: Sequence[Bar] = ()
    unit: str = ""
    """Of the bars."""
    raw: dict[str, Any] = field(default_factory=dict)
    """Figures of every round, for ``results.json``."""

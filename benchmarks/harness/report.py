"""Writes down what was measured: ``results.md``, ``results.json``, and ``results.svg`` with the bars."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from harness.machine import Machine
from harness.plot import draw
from harness.results import SceneResult


def write(folder: Path, machine: Machine, results: Sequence[SceneResult], manner: str) -> None:
    """Write all three files into *folder*; *manner* says how long and how often was measured."""
    folder.mkdir(exist_ok=True)
    (folder / "results.md").write_text(_markdown(machine, results, manner))
    (folder / "results.json").write_text(_json(machine, results, manner))
    (folder / "results.svg").write_text(draw([result for result in results if result.bars]))


def verdict_lines(result: SceneResult) -> list[str]:
    """What the terminal shows of one scene."""
    lines = [f"  {verdict.word:12} {verdict.target}: {verdict.got}" for verdict in result.verdicts]
    return lines + [f"  note: {note}" for note in result.notes]


def _markdown(machine: Machine, results: Sequence[SceneResult], manner: str) -> str:
    verdicts = [
        (result.title, verdict.target, verdict.got, verdict.word) for result in results for verdict in result.verdicts
    ]
    parts = [
        "# Benchmark results",
        f"{manner} Only ratios within one run mean anything: all peers ran on the same processor, in turns.",
        _table(("machine", ""), [(name.replace("_", " "), value) for name, value in machine.rows().items()]),
        "## Targets",
        _table(("scene", "target", "measured", "verdict"), verdicts),
        "![Every scene as bars, one for each peer](results.svg)",
    ]
    for result in results:
        parts += [f"## {result.title}", _table(result.columns, result.rows)]
        parts += [f"*{note}*" for note in result.notes]
    return "\n\n".join(parts) + "\n"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '∣') for cell in line)} |" for line in lines)


def _json(machine: Machine, results: Sequence[SceneResult], manner: str) -> str:
    document = {
        "manner": manner,
        "machine": machine.rows(),
        "scenes": {
            result.name: {
                "title": result.title,
                "verdicts": [asdict(verdict) for verdict in result.verdicts],
                "notes": list(result.notes),
                "figures": result.raw,
            }
            for result in results
        },
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

"""Draws scenes as horizontal bars, one panel a scene, as SVG text without any library."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from harness.results import Bar, SceneResult

_WIDTH, _LABEL, _BAR, _GAP, _HEAD = 860, 250, 18, 6, 44
_OURS, _OTHERS = "#0b7285", "#adb5bd"
_STYLE = "text{font:13px system-ui,sans-serif;fill:#343a40}.t{font-weight:600;font-size:15px}"


def draw(results: Sequence[SceneResult]) -> str:
    """The SVG document; within a panel lengths are linear and the longest bar fills it."""
    panels, top = [], 12
    for result in results:
        panels.append(_panel(result, top))
        top += _HEAD + len(result.bars) * (_BAR + _GAP) + 12
    size = f'width="{_WIDTH}" height="{top}" viewBox="0 0 {_WIDTH} {top}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>'
    ground = f'<style>{_STYLE}</style><rect width="{_WIDTH}" height="{top}" fill="#fff"/>'
    return "\n".join([head, ground, *panels, "</svg>"]) + "\n"


def _panel(result: SceneResult, top: int) -> str:
    longest = max(bar.value for bar in result.bars) or 1.0
    lines = [f'<text class="t" x="12" y="{top + 18}">{escape(result.title)} ({escape(result.unit)})</text>']
    for place, bar in enumerate(result.bars):
        lines += _bar(bar, top + _HEAD - 12 + place * (_BAR + _GAP), longest)
    return "\n".join(lines)


def _bar(bar: Bar, top: int, longest: float) -> list[str]:
    length = max(1.0, bar.value / longest * (_WIDTH - _LABEL - 90))
    colour = _OURS if bar.label.startswith("aggregator") else _OTHERS
    figure = f"{bar.value:,.0f}" if bar.value >= 100 else f"{bar.value:.3g}"
    return [
        f'<text x="{_LABEL - 8}" y="{top + 13}" text-anchor="end">{escape(bar.label)}</text>',
        f'<rect x="{_LABEL}" y="{top}" width="{length:.1f}" height="{_BAR}" rx="2" fill="{colour}"/>',
        f'<text x="{_LABEL + length + 6:.1f}" y="{top + 13}">{figure}</text>',
    ]

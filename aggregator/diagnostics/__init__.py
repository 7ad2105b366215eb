"""What is wrong with a file, where, and how to mend it: as values, text with frames, annotations, JSON.

The configuration layer makes :class:`Diagnostic` values; the command line and the reload log show them.
"""

from __future__ import annotations

from aggregator.diagnostics.annotations import as_json, render_github
from aggregator.diagnostics.frames import render_text
from aggregator.diagnostics.suggestion import did_you_mean, meant, suggest
from aggregator.diagnostics.values import Diagnostic, Level, Position, Source, in_reading_order, summary

__all__ = [
    "Diagnostic",
    "Level",
    "Position",
    "Source",
    "as_json",
    "did_you_mean",
    "in_reading_order",
    "meant",
    "render_github",
    "render_text",
    "suggest",
    "summary",
]

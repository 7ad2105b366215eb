"""What a terminal gets: colours when it wants them, problems with frames, tables as wide as it is."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

import click

from aggregator.diagnostics.display import cells, padded
from aggregator.diagnostics.display import has_color as has_color

if TYPE_CHECKING:
    from aggregator.diagnostics import Diagnostic, Source


_WHOLE = frozenset({"METHOD", "DEADLINE", "ENDS", "FOR"})
"""Columns that are never folded: short ones, unreadable in pieces."""


def width_of(stream: TextIO, otherwise: int = 100) -> int:
    """Return how many columns *stream* has, wherever the others lead; *otherwise* when it is no terminal."""
    if not stream.isatty():
        return otherwise
    if os.environ.get("COLUMNS", "").isdigit():
        return int(os.environ["COLUMNS"]) or otherwise
    try:
        return os.get_terminal_size(stream.fileno()).columns or otherwise
    except (OSError, ValueError):
        return otherwise


def show_problems(diagnostics: Iterable[Diagnostic], sources: Mapping[str, Source]) -> None:
    """Print *diagnostics* to stderr, for the commands that cannot do their work because of them."""
    from aggregator.diagnostics import render_text

    click.echo(
        render_text(diagnostics, sources, color=has_color(sys.stderr), width=width_of(sys.stderr, 120)), err=True
    )


def show_sections(text: str) -> None:
    """Print *text*, whose headings stand at the start of a line, with the headings in bold."""
    bold = has_color(sys.stdout)
    for line in text.splitlines():
        click.echo(click.style(line, bold=True) if bold and line[:1].strip() else line)


def show_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print *rows* under *header*: fitted to a terminal, one aligned line each anywhere else."""
    if sys.stdout.isatty():
        _show_rich(header, rows)
        return
    widths = [max(map(cells, column)) for column in zip(header, *rows, strict=True)]
    for row in (header, *rows):
        click.echo("  ".join(map(padded, row, widths)).rstrip())


def _show_rich(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in header:
        table.add_column(name, overflow="fold", no_wrap=name in _WHOLE)
    for row in rows:
        table.add_row(*map(Text, row))
    Console(highlight=False, no_color=not has_color(sys.stdout)).print(table)

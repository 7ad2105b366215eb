"""Why a file gave no document; ``document`` asks when it has none."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import yaml

from aggregator.config.syntax.problems import explain
from aggregator.config.text.pieces import Piece
from aggregator.config.text.reading import RefusedError
from aggregator.config.text.values import read_values
from aggregator.diagnostics import Diagnostic, Position, Source

_MOST = 20


def why_not_yaml(error: yaml.YAMLError, source: Source, pieces: list[Piece]) -> list[Diagnostic]:
    """Return the problem of each piece that cannot be read by itself, or else that of the whole file.

    A piece is nearer to the mistake: a quote left open in one endpoint ends there, not where the next one is.
    """
    return list(islice(_of_pieces(pieces, source.name), _MOST)) or [explain(error, source.text, source.name)]


def why_no_sections(value: Any, source: Source) -> Diagnostic:
    """Return the problem of a file whose *value* is no mapping."""
    lines = (number for number, line in enumerate(source.lines, 1) if line.strip() and line.lstrip()[0] != "#")
    position = Position(source.name, next(lines, 1))
    if value is None:
        init = "`aggregator init` writes a first one"
        return Diagnostic("empty-file", "error", "the file says nothing", position, init)
    message = "the file must be a mapping of sections, such as `endpoints:`"
    is_near = isinstance(value, str) and ":" in value
    hint = "write `key: value`, with a space after the colon" if is_near else "begin with `version: 1`"
    return Diagnostic("not-a-mapping", "error", message, position, hint)


def _of_pieces(pieces: list[Piece], file: str) -> Iterator[Diagnostic]:
    for piece in pieces:
        try:
            reading = read_values(piece.text, file, first_line=piece.line)
            yield from (one for one in reading.problems if one.code != "unknown-alias")  # its anchor is elsewhere
        except yaml.YAMLError as error:
            yield explain(error, piece.text, file, piece.line)
        except RefusedError as refused:
            yield refused.diagnostic
